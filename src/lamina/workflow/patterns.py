"""Patterns of data flow as ready functions: split, join, shuffle and group, as in map-reduce."""

from __future__ import annotations

import json
from typing import Any
from zlib import crc32

from lamina.errors import UsageError


def split(items: list[Any], parts: int) -> list[list[Any]]:
    """Cuts a list into `parts` consecutive lists whose lengths differ by one at most.

    Raises:
        UsageError: fewer than one part.
    """
    _at_least_one(parts)
    share, rest = divmod(len(items), parts)
    bounds = [number * share + min(number, rest) for number in range(parts + 1)]
    return [list(items[bounds[n] : bounds[n + 1]]) for n in range(parts)]


def join(parts: list[list[Any]]) -> list[Any]:
    """Puts lists one after the other: the reverse of `split`."""
    return [item for part in parts for item in part]


def shuffle(pairs: list[list[Any]], parts: int) -> list[list[Any]]:
    """Sends every (key, value) pair to one of `parts` lists, equal keys to the same list.

    The way between map and reduce (Dean and Ghemawat, OSDI 2004). The list is chosen by a
    checksum of the key, so that every process and every machine sends a key the same way.

    Args:
        pairs: lists of (key, value) pairs, one list per map task; keys are plain values.
        parts: number of lists.

    Raises:
        UsageError: fewer than one part, something that is no pair, a key that is no plain value.
    """
    _at_least_one(parts)
    found: list[list[Any]] = [[] for _ in range(parts)]
    for part in pairs:
        for pair in part:
            if not isinstance(pair, (list, tuple)) or len(pair) != 2:
                raise UsageError(
                    f"shuffle got {pair!r}, which is no pair", "give lists of (key, value) pairs"
                )
            found[_checksum(pair[0]) % parts].append(pair)
    return found


def group(pairs: list[Any]) -> list[Any]:
    """Collects the values of equal keys: (key, [value, ...]) in the order of first appearance."""
    found: dict[str, tuple[Any, list[Any]]] = {}
    for key, value in pairs:
        found.setdefault(_text(key), (key, []))[1].append(value)
    return list(found.values())


def _at_least_one(parts: int) -> None:
    if parts < 1:
        raise UsageError(f"{parts} parts were asked for", "ask for one part or more")


def _checksum(key: Any) -> int:
    return crc32(_text(key).encode("utf-8", "surrogatepass"))


def _text(key: Any) -> str:
    try:
        return json.dumps(key, sort_keys=True)
    except (TypeError, ValueError) as error:
        raise UsageError(
            f"the key {key!r} is no plain value", "use text, numbers, or lists of these as keys"
        ) from error
