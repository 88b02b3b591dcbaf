"""Rows as lines of a table; durations, sizes and numbers as people read them."""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Sequence
from typing import Any

_STEERING = re.compile(r"\x1b\[[0-9;?]*[ -/]*[@-~]|[\x00-\x08\x0b-\x1f\x7f-\x9f]")
_NUMERIC = re.compile(r"|-|-?[\d.,/]+%?( (B|[kMGTP]B|s))?|\d+ [mhd] \d+ [smh]")
_UNITS = ("B", "kB", "MB", "GB", "TB", "PB")


def table_lines(rows: Sequence[Sequence[Any]]) -> list[str]:
    """Rows with their columns below each other, two spaces apart; numbers end at the same place.

    Args:
        rows: of equal length; the first one holds the heads.
    """
    texts = [[str(cell) for cell in row] for row in rows]
    columns = list(zip(*texts, strict=True))
    widths = [max(map(len, column)) for column in columns]
    right = {
        place
        for place, column in enumerate(columns)
        if len(column) > 1 and all(_NUMERIC.fullmatch(cell) for cell in column[1:])
    }
    return [
        "  ".join(
            cell.rjust(width) if place in right else cell.ljust(width)
            for place, (cell, width) in enumerate(zip(row, widths, strict=True))
        ).rstrip()
        for row in texts
    ]


def line(text: Any, longest: int = 300) -> str:
    """The first line of a text, without what would steer a terminal."""
    first = next((part for part in str(text).splitlines() if part.strip()), "")
    clean = _STEERING.sub("", first).strip()
    return clean if len(clean) <= longest else clean[: longest - 3] + "..."


def csv_text(rows: Sequence[Sequence[Any]]) -> str:
    """Rows as comma-separated values, without a line break at the end."""
    written = io.StringIO()
    csv.writer(written, lineterminator="\n").writerows(rows)
    return written.getvalue().rstrip("\n")


def duration(seconds: float | None) -> str:
    """Seconds as "0.25 s", "12.3 s", "4 m 05 s", "3 h 02 m", "2 d 03 h"; "-" for None."""
    if seconds is None:
        return "-"
    if seconds < 59.95:
        return f"{seconds:.2f} s" if seconds < 9.995 else f"{seconds:.1f} s"
    whole = round(seconds)
    if whole < 3600:
        return f"{whole // 60} m {whole % 60:02} s"
    minutes = round(seconds / 60)
    if minutes < 60 * 48:
        return f"{minutes // 60} h {minutes % 60:02} m"
    hours = round(seconds / 3600)
    return f"{hours // 24} d {hours % 24:02} h"


def size(count: float | None) -> str:
    """Bytes as "512 B", "1.5 MB"; "-" for None."""
    if count is None:
        return "-"
    value, place = float(count), 0
    while value >= 999.5 and place < len(_UNITS) - 1:
        value, place = value / 1000, place + 1
    digits = 0 if place == 0 or value >= 99.95 else 1
    return f"{value:.{digits}f} {_UNITS[place]}"
