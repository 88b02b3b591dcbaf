"""Lines of pixels from edges of bars: exact shares of area, at a cost of edges plus pixels.

The share of a pixel that a bar covers is the share of its width times the share of its height.
Along the time it is a running sum: an edge at 3.25 adds 0.75 from pixel 3 on and 0.25 more from
pixel 4 on. The sums are kept between the few pixels where they change, as whole numbers of
2**-32, so that what rises falls by the same amount: pixels without a bar are exactly zero. Down
the rows, pixel lines that lie inside one bar are equal: each is made once and copied.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

Array = NDArray[Any]
Counts = NDArray[np.int64]

_ONE = 1 << 32
"""A share of 1, in whole numbers."""

_SMALL = 1e-9
"""Shares of a pixel's height below this come from rounding."""


class Edges(NamedTuple):
    """Where values change along the rows of charts, all charts' rows one below the other.

    Args:
        row, place, plane: number of the row, pixels along the axis, which plane; (n,).
        change: of the values, 0 to 255, behind the place; (n, values).
    """

    row: Counts
    place: NDArray[np.float64]
    plane: Counts
    change: Counts


class Ruler(NamedTuple):
    """What lines of pixels are like: their width, planes, value without a bar, and type."""

    width: int
    planes: int
    paper: int
    dtype: str


@dataclass(frozen=True, eq=False)
class Layout:
    """Which rows of a chart stand in which lines of pixels; lines that would be equal are one.

    Args:
        lines: how many differ.
        source: pixel of the height -> its line.
        row, line, share: the rows that each line shows, and how much of its height they take;
            sorted by row.
        first: row -> the first of its entries there; one more for the end.
    """

    lines: int
    source: Counts
    row: Counts
    line: Counts
    share: NDArray[np.float64]
    first: Counts


@lru_cache(maxsize=512)
def layout_of(rows: int, height: int, bar: float) -> Layout:
    """The layout of a chart whose rows fill the height equally.

    Args:
        rows: how many there are.
        height: pixels.
        bar: share of a row that its bar takes.
    """
    row, pixel, share, whole = overlaps(rows, height, bar)
    # A pixel that lies inside one bar shows that row's line; one without a bar the empty line.
    kind = np.full(height, rows, dtype=np.int64)
    kind[pixel] = rows + 1 + pixel
    kind[pixel[whole]] = row[whole]
    kinds, source = np.unique(kind, return_inverse=True)
    _, at = np.unique(source[pixel] * (rows + 1) + row, return_index=True)
    at = at[np.argsort(row[at], kind="stable")]
    first = np.searchsorted(row[at], np.arange(rows + 1))
    return Layout(len(kinds), source, row[at], source[pixel[at]], share[at], first)


def overlaps(
    rows: int, height: int, bar: float
) -> tuple[Counts, Counts, NDArray[np.float64], NDArray[np.bool_]]:
    """(row, pixel, share, whether it is all of it) for every pixel of the height that a row's
    bar takes a share of; sorted by row, then pixel."""
    tall = height / max(rows, 1)
    top = (np.arange(rows) + (1 - bar) / 2) * tall
    bottom = np.minimum(top + bar * tall, height)
    first = np.floor(top).astype(np.int64)
    count = np.ceil(bottom).astype(np.int64) - first
    row = np.repeat(np.arange(rows), count)
    pixel = _counted(first, count)
    share = np.minimum(pixel + 1, bottom[row]) - np.maximum(pixel, top[row])
    kept = (share > _SMALL) & (pixel < height)
    row, pixel, share = row[kept], pixel[kept], share[kept]
    return row, pixel, share, share > 1 - _SMALL


def lines_of(edges: Edges, layouts: Sequence[Layout], ruler: Ruler, room: Array) -> Array:
    """The different lines of pixels of charts, (planes x values, lines, width).

    Args:
        edges: of all rows of the charts.
        layouts: of the charts, in their order.
        ruler: width, planes and type of the lines.
        room: a flat array of the ruler's type that the lines go into; used again and again, it
            stays in the core's cache.
    """
    count = sum(layout.lines for layout in layouts)
    edge, line, share = _expanded(edges.row, layouts)
    pixel = np.floor(edges.place)
    part = (edges.place - pixel)[edge]
    inside = pixel.astype(np.int64)[edge]
    start = (edges.plane[edge] * count + line) * ruler.width
    # A change behind the last pixel of a line takes effect at the first of the next, where the
    # sum has to be back at nothing.
    ends = np.minimum([inside, inside + 1], ruler.width)
    spots, order = _sorted((ends + start).ravel())
    whole = np.rint(share * _ONE).astype(np.int64)
    late = np.rint(share * part * _ONE).astype(np.int64)
    amount = np.concatenate([whole - late, late]).take(order)
    changes = edges.change.T.take(np.tile(edge, 2).take(order), axis=1)
    values = np.zeros((len(changes), len(spots) + 1), dtype=np.int64)
    np.cumsum(np.multiply(changes, amount, out=changes), axis=1, out=values[:, 1:])
    total = ruler.planes * count * ruler.width
    lengths = np.diff(spots, prepend=0, append=total)
    lines = room[: len(values) * total].reshape(len(values), total)
    for found, shade in zip(lines, _shades(values, ruler), strict=True):
        found[:] = shade.repeat(lengths)
    return lines.reshape(-1, count, ruler.width)


def _sorted(numbers: Counts) -> tuple[Counts, Counts]:
    """Numbers in order, and where each stood; sorting both as one number is the faster way."""
    bits = len(numbers).bit_length()
    packed = (numbers << bits) | np.arange(len(numbers))
    packed.sort()
    return packed >> bits, packed & ((1 << bits) - 1)


def _shades(values: Counts, ruler: Ruler) -> Array:
    """Whole numbers of 2**-32 as values of pixels."""
    if ruler.dtype == "uint8":
        return ((values + (ruler.paper * _ONE + _ONE // 2)) >> 32).astype(np.uint8)
    return ((values + ruler.paper * _ONE) / (255.0 * _ONE)).astype(np.float32)


def _expanded(
    rows: Counts, layouts: Sequence[Layout]
) -> tuple[Counts, Counts, NDArray[np.float64]]:
    """(edge, line, share) for every line that shows the row of an edge."""
    firsts, lines, shares = [], [], []
    entries, top = 0, 0
    for layout in layouts:
        firsts.append(layout.first[:-1] + entries)
        lines.append(layout.line + top)
        shares.append(layout.share)
        entries += len(layout.row)
        top += layout.lines
    first = np.concatenate([*firsts, [entries]])
    many = np.diff(first)[rows]
    entry = _counted(first[rows], many)
    edge = np.repeat(np.arange(len(rows)), many)
    return edge, np.concatenate(lines)[entry], np.concatenate(shares)[entry]


def _counted(first: Counts, count: Counts) -> Counts:
    """first[0], first[0] + 1, ... `count[0]` of them, then the same for first[1], ..."""
    ends = np.cumsum(count)
    total = int(ends[-1]) if len(ends) else 0
    found: Counts = np.arange(total) + np.repeat(first - (ends - count), count)
    return found
