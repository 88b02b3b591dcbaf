"""Amounts with units: sizes and spans of time, as people write them and as documents do."""

from __future__ import annotations

import re
from collections.abc import Mapping

_SIZES = {
    "PB": 10**15, "TB": 10**12, "GB": 10**9, "MB": 10**6, "kB": 10**3,
    "PiB": 2**50, "TiB": 2**40, "GiB": 2**30, "MiB": 2**20, "KiB": 2**10,
    "B": 1,
}  # fmt: skip
_SPANS = {"d": 86400, "h": 3600, "min": 60, "s": 1, "ms": 0.001}
_PART = re.compile(r"\s*(\d+(?:\.\d+)?|\.\d+)\s*([A-Za-z]+)")
_LARGEST = 2**62


def size(given: object) -> int:
    """Bytes of "4 GB", "1.5 GiB", "512 MB", or of a number.

    Raises:
        ValueError: it is no size; the text says what one looks like.
    """
    found = _amount(given, {unit.lower(): value for unit, value in _SIZES.items()})
    if found is None or not 1 <= found < _LARGEST:
        raise ValueError("a size such as 4 GB, 512 MiB, or a number of bytes above 0")
    return round(found)


def span(given: object) -> float:
    """Seconds of "10 min", "1 h 30 min", "90 s", or of a number.

    Raises:
        ValueError: it is no span of time; the text says what one looks like.
    """
    found = _amount(given, _SPANS)
    if found is None or not 0 < found < _LARGEST:
        raise ValueError("a time such as 10 min, 1.5 h, 90 s, or a number of seconds above 0")
    return float(found)


def size_text(count: int) -> int | str:
    """A size as documents keep it: in the largest unit that leaves a whole number."""
    return _text(count, _SIZES) if count % 1000 == 0 or count % 1024 == 0 else count


def span_text(seconds: float) -> str:
    """A span of time as documents keep it: "10 min", "90 s", "0.25 s"."""
    if seconds == int(seconds):
        return _text(int(seconds), {unit: int(_SPANS[unit]) for unit in ("d", "h", "min", "s")})
    return f"{seconds!r} s"


def _text(count: int, units: Mapping[str, int]) -> str:
    """The unit that leaves the smallest whole number; the first of those in the table."""
    whole = [(count // value, unit) for unit, value in units.items() if count % value == 0]
    smallest = min(number for number, _ in whole)
    return next(f"{number} {unit}" for number, unit in whole if number == smallest)


def _amount(given: object, units: Mapping[str, float]) -> float | None:
    if isinstance(given, bool):
        return None
    if isinstance(given, (int, float)):
        return given if given - given == 0 else None
    if not isinstance(given, str) or len(given) > 60:
        return None
    parts = _PART.findall(given)
    if not parts or _PART.sub("", given).strip():
        return float(given) if re.fullmatch(r"\s*\d+(\.\d+)?\s*", given) else None
    values = [units.get(unit) or units.get(unit.lower()) for _, unit in parts]
    if None in values:
        return None
    total = sum(
        (int(number) if number.isdigit() else float(number)) * (value or 0)
        for (number, _), value in zip(parts, values, strict=True)
    )
    return total
