"""Files of what was learnt: safetensors, whose header holds a plain document and a digest of all.

Nothing in such a file is executed.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from lamina.errors import BundleError

AGAIN = "train it again: lamina diagnose train --traces PATH -o FILE"
"""The way out where a file is of no use."""

_KEY = "lamina"
_LONGEST = 100_000_000
"""Bytes of the longest header that is read."""


def sealed(document: Mapping[str, Any], arrays: Mapping[str, NDArray[Any]], version: str) -> bytes:
    """The bytes of a file.

    Args:
        document: plain values.
        arrays: by name.
        version: what the file is, and of which form: "detector/1".
    """
    from safetensors.numpy import save

    given = {name: np.ascontiguousarray(array) for name, array in arrays.items()}
    whole = {**document, _KEY: version}
    whole["sha256"] = _digest(whole, given)
    data: bytes = save(given, metadata={_KEY: _text(whole)})
    return data


def opened(
    data: bytes, version: str, origin: str
) -> tuple[dict[str, Any], dict[str, NDArray[Any]]]:
    """Document and arrays of a file's bytes.

    Args:
        data: of the file.
        version: that it is to have.
        origin: the file's name, for messages.

    Raises:
        BundleError: damaged, of another version, or something else.
    """
    from safetensors import SafetensorError
    from safetensors.numpy import load

    try:
        length = int.from_bytes(data[:8], "little")
        header = json.loads(data[8 : 8 + length])
        document = json.loads(header["__metadata__"][_KEY])
        arrays = load(data)
        found, stated = document.get(_KEY), document.pop("sha256", None)
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError, SafetensorError):
        raise BundleError(f"{origin} is no detector, or damaged", AGAIN) from None
    if found != version:
        raise BundleError(
            f"{origin} has version {found!r}; a detector of this Lamina has {version!r}", AGAIN
        )
    if stated != _digest(document, arrays):
        raise BundleError(f"{origin} is damaged: it does not have the digest it states", AGAIN)
    return document, arrays


def version_in(path: Path) -> str:
    """What a file says that it is ("detector/1"); empty where it is none of ours."""
    try:
        with path.open("rb") as file:
            length = int.from_bytes(file.read(8), "little")
            header = json.loads(file.read(min(length, _LONGEST)))
        return str(json.loads(header["__metadata__"][_KEY])[_KEY])
    except (OSError, ValueError, KeyError, TypeError, RecursionError):
        return ""


def those_of(arrays: Mapping[str, NDArray[Any]], part: str) -> dict[str, NDArray[Any]]:
    """Arrays whose name begins with that of a part and a dot, named without it."""
    begin = f"{part}."
    return {name[len(begin) :]: a for name, a in arrays.items() if name.startswith(begin)}


def _digest(document: Mapping[str, Any], arrays: Mapping[str, NDArray[Any]]) -> str:
    digest = hashlib.sha256(_text(document).encode())
    for name in sorted(arrays):
        array = arrays[name]
        digest.update(f"{name}{array.dtype.str}{list(array.shape)}\n".encode())
        digest.update(np.ascontiguousarray(array).tobytes())
    return f"sha256:{digest.hexdigest()}"


def _text(document: Mapping[str, Any]) -> str:
    return json.dumps(document, ensure_ascii=False, sort_keys=True, separators=(",", ":"))
