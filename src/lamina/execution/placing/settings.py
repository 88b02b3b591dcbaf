"""What may stand in a profile: each entry has a kind that reads it, or says what it wants."""

from __future__ import annotations

import os
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from math import isfinite
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from lamina.data.staging.address import is_remote, shown
from lamina.errors import UsageError, reason_of

Kind = Callable[[Any], Any]
"""Reads a value; raises ValueError with what it wants instead."""


def number(least: float = 0.0, most: float = 1e15) -> Kind:
    """A number in bounds."""

    def read(value: Any) -> float:
        good = isinstance(value, int | float) and not isinstance(value, bool) and isfinite(value)
        if not good or not least <= value <= most:
            bound = f"of at least {least:g}" if most >= 1e15 else f"from {least:g} to {most:g}"
            raise ValueError(f"a number {bound}")
        return float(value)

    return read


def whole(least: int = 1) -> Kind:
    """A whole number."""

    def read(value: Any) -> int:
        if not isinstance(value, int) or isinstance(value, bool) or value < least:
            raise ValueError(f"a whole number of at least {least}")
        return value

    return read


def flag(value: Any) -> bool:
    """True or false."""
    if not isinstance(value, bool):
        raise ValueError("true or false")
    return value


def text(value: Any) -> str:
    """Some letters."""
    if not isinstance(value, str) or not value.strip():
        raise ValueError("a text")
    return value


def listed(value: Any) -> tuple[str, ...]:
    """A list of texts, or one."""
    given = [value] if isinstance(value, str) else value
    if not isinstance(given, list) or not all(isinstance(one, str) and one for one in given):
        raise ValueError("a list of texts")
    return tuple(given)


def ids(value: Any) -> tuple[str, ...]:
    """Ids of devices."""
    if not isinstance(value, list) or not all(isinstance(one, str | int) for one in value):
        raise ValueError("a list of ids of devices, such as [0]")
    return tuple(map(str, value))


def texts(value: Any) -> dict[str, str]:
    """Names and texts."""
    if not isinstance(value, dict) or not all(isinstance(k, str) for k in value):
        raise ValueError("names with texts, such as {OMP_NUM_THREADS: 1}")
    return {name: str(one) for name, one in value.items()}


def url(value: Any) -> str:
    """The address of a service."""
    parts = urlsplit(value) if isinstance(value, str) else urlsplit("")
    if parts.scheme not in ("http", "https") or not parts.hostname:
        raise ValueError("an address such as https://gpu1.example.org")
    if shown(value) != value or parts.username:
        raise ValueError("an address without a secret in it; a token stands in `token`")
    return str(value)


def storage(value: Any) -> str:
    """The address of a folder or bucket."""
    good = isinstance(value, str) and (is_remote(value) or value.startswith("file:///"))
    if not good or shown(value) != value:
        raise ValueError("an address such as s3://bucket/folder or file:///folder, no secret in it")
    return str(value).rstrip("/")


@dataclass(frozen=True)
class Secret:
    """Where a secret is to be found; it is never held in a profile.

    Args:
        variable: name of an environment variable; empty where it is a file.
        file: path of the file.
    """

    variable: str = ""
    file: str = ""

    def read(self) -> str:
        """The secret itself.

        Raises:
            UsageError: it is not there.
        """
        if self.variable:
            found = os.environ.get(self.variable, "").strip()
            where = f"the environment variable {self.variable}"
        else:
            where = f"the file {self.file}"
            try:
                found = Path(self.file).expanduser().read_text(encoding="utf-8").strip()
            except (OSError, UnicodeDecodeError) as error:
                raise UsageError(
                    f"no token: {where} cannot be read: {reason_of(error)}",
                    "write the token there, or name another file",
                ) from error
        if not found:
            raise UsageError(f"no token: {where} is empty or not set", "set it, then run again")
        return found


_VARIABLE = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")


def secret(value: Any) -> Secret:
    """`{env: NAME}` or `{file: PATH}`."""
    if isinstance(value, dict) and len(value) == 1:
        if _VARIABLE.fullmatch(str(value.get("env", ""))):
            return Secret(variable=str(value["env"]))
        if isinstance(value.get("file"), str) and value["file"]:
            return Secret(file=value["file"])
    raise ValueError("{env: NAME} or {file: PATH}: a token itself does not stand in a profile")


def read(where: str, given: Any, kinds: Mapping[str, Kind], mistakes: list[str]) -> dict[str, Any]:
    """Entries of a mapping; what is wrong with them is added to the mistakes."""
    if not isinstance(given, dict):
        mistakes.append(f"{where}: {_brief(given)} is no mapping of {', '.join(kinds)}")
        return {}
    found = {}
    for name, value in given.items():
        if name not in kinds:
            mistakes.append(f"{where}: unknown {name!r}; known: {', '.join(sorted(kinds))}")
            continue
        try:
            found[name] = kinds[name](value)
        except ValueError as error:
            told = "***" if name == "token" else _brief(value)
            mistakes.append(f"{where}.{name}: {told} is not {error}")
    return found


def _brief(value: Any) -> str:
    told = repr(value)
    return told if len(told) <= 60 else f"{told[:57]}..."
