"""Rows as lines of a table; durations, sizes and numbers as people read them."""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Sequence
from typing import Any

SHORTEST = 12
"""Letters that a cell keeps."""

_STEERING = re.compile(r"\x1b\[[0-9;?]*[ -/]*[@-~]|[\x00-\x08\x0b-\x1f\x7f-\x9f]")
_NUMERIC = re.compile(r"|-|[-+]?[\d.,/]+[%x]?( (B|[kMGTP]B|s)(/s)?)?|\d+ [mhd] \d+ [smh]")
_UNITS = ("B", "kB", "MB", "GB", "TB", "PB")


def table_lines(
    rows: Sequence[Sequence[Any]], room: int | None = None, yielding: Sequence[int] = ()
) -> list[str]:
    """Rows with their columns below each other, two spaces apart; numbers end at the same place.

    Args:
        rows: of equal length; the first one holds the heads.
        room: letters that a line may have; any number when None.
        yielding: places of columns whose cells are cut where there is too little room, the first
            one first; none gets shorter than its head, or than SHORTEST. Where that does not
            help, nothing is cut.
    """
    texts = [[str(cell) for cell in row] for row in rows]
    if room is not None:
        texts = _fitted(texts, room, yielding)
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


def _fitted(texts: list[list[str]], room: int, yielding: Sequence[int]) -> list[list[str]]:
    widths = [max(map(len, column)) for column in zip(*texts, strict=True)]
    over = sum(widths) + 2 * (len(widths) - 1) - room
    for place in yielding:
        least = min(widths[place], max(SHORTEST, len(texts[0][place])))
        given = min(max(over, 0), widths[place] - least)
        widths[place], over = widths[place] - given, over - given
    if over > 0:
        return texts
    return [[_cut(cell, width) for cell, width in zip(row, widths, strict=True)] for row in texts]


def _cut(cell: str, width: int) -> str:
    return cell if len(cell) <= width else f"{cell[: width - 1]}…"


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
