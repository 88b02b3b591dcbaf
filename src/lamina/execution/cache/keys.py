"""Keys: one digest for everything that decides what a task gives."""

from __future__ import annotations

import json
from collections.abc import Mapping
from hashlib import sha256
from typing import Any

from lamina.data.artifacts.reference import Ref
from lamina.workflow.masking import mask_environment

FORMAT = 1
"""Version of the keys; a new one makes every task run once more."""

UNCOUNTED = "places"
"""Part of a recipe that is told in reasons and decides nothing."""

_NAMED_CODECS = frozenset({"file", "folder"})


def digest_of(recipe: Mapping[str, Any]) -> str:
    """The digest of a recipe: of all but the places in files that its parts were found at."""
    counted = {name: part for name, part in recipe.items() if name != UNCOUNTED}
    text = json.dumps([FORMAT, counted], sort_keys=True, separators=(",", ":"))
    return sha256(text.encode("utf-8", "surrogatepass")).hexdigest()


def key_of(recipe: str, arguments: Mapping[str, Ref]) -> str:
    """The key of a unit: of its recipe's digest and its inputs; empty where one has no digest.

    A file counts with its own name, as programs look at names; its place and its time do not.
    """
    parts = [recipe]
    for port in sorted(arguments):
        ref = arguments[port]
        if not ref.digest:  # a stream that is still being written
            return ""
        name = ref.name if ref.codec in _NAMED_CODECS else ""
        parts.append(f"{port}\0{ref.codec}\0{ref.digest}\0{name}")
    return sha256("\n".join(parts).encode("utf-8", "surrogatepass")).hexdigest()


def shown_values(variables: Mapping[str, str], secrets: tuple[str, ...] = ()) -> dict[str, str]:
    """Environment variables for a recipe; in the place of a secret a digest tells changes."""
    masked = mask_environment(variables, secrets)
    return {
        name: value if masked[name] == value else f"secret {digest_of({name: value})[:12]}"
        for name, value in sorted(variables.items())
    }
