"""Where the rows of charts change along the time: the edges of what is seen of each phase."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from lamina.traces.gantt.coverage import Edges
from lamina.traces.gantt.palette import LOOKS
from lamina.workflow.log import PHASES

Array = NDArray[Any]

PAPER = 255
"""The white behind the bars of a chart in colours."""

_NONE = len(PHASES)
"""The number of no phase."""

_TOUCHING = 1e-7
"""Pixels by which a phase may seem to begin before another ends, by rounding of times."""

_INK = np.array(
    [[int(LOOKS[name].colour[at : at + 2], 16) for at in (1, 3, 5)] for name in PHASES]
    + [[PAPER] * 3],
    dtype=np.int64,
)
"""Red, green and blue of each phase, and of none."""


class Strokes(NamedTuple):
    """Edges for the vector code, sorted by plane, row and place.

    Args:
        starts: (planes x rows + 1,) the first edge of each row.
        places: (n,) pixels along the axis.
        changes: (values, n) float32, of the values behind the place, 0 to 255.
        planes: 1, or 7 where every channel has edges of its own.
    """

    starts: NDArray[np.int64]
    places: NDArray[np.float64]
    changes: NDArray[np.float32]
    planes: int


def edges_of_phases(begin: Array, end: Array) -> Edges:
    """Every phase in a plane of its own: it rises where it begins to be seen, and falls behind.

    Args:
        begin, end: of the phases of all rows, in pixels along the axis; (rows, 7).
    """
    if _overlap(begin, end):
        row, place, before, behind = _seen(begin, end)
        rises, falls = behind != _NONE, before != _NONE
        rows, places = (np.concatenate([of[rises], of[falls]]) for of in (row, place))
        planes = np.concatenate([behind[rises], before[falls]])
        change = np.repeat([[PAPER], [-PAPER]], [rises.sum(), falls.sum()], axis=0)
        return Edges(rows, places, planes.astype(np.int64), change)
    rows, phases = np.nonzero(end > begin)
    return Edges(
        row=np.tile(rows, 2),
        place=np.concatenate([begin[rows, phases], end[rows, phases]]),
        plane=np.tile(phases, 2),
        change=np.repeat([[PAPER], [-PAPER]], len(rows), axis=0),
    )


def edges_of_colours(begin: Array, end: Array) -> Edges:
    """Where the colour of a row changes."""
    row, place, before, behind = _seen(begin, end)
    return Edges(row, place, np.zeros_like(row), _INK[behind] - _INK[before])


def strokes_of(begin: Array, end: Array, channels: str) -> Strokes:
    """The same for the vector code; phases that do not overlap, as is usual, need no sorting."""
    if _overlap(begin, end):
        phases = channels == "phases"
        edges = (edges_of_phases if phases else edges_of_colours)(begin, end)
        planes = len(PHASES) if phases else 1
        order = np.lexsort((edges.place, edges.row, edges.plane))
        line = edges.plane * len(begin) + edges.row
        counts = np.bincount(line, minlength=planes * len(begin))
        changes = edges.change[order].T.astype(np.float32, order="C")
        return Strokes(_starts(counts), edges.place[order], changes, planes)
    if channels == "phases":
        happened = (end > begin).T
        places = np.stack([begin.T[happened], end.T[happened]], axis=1).ravel()
        changes = np.tile(np.array([PAPER, -PAPER], dtype=np.float32), len(places) // 2)[None]
        return Strokes(_starts(2 * happened.ravel()), places, changes, len(PHASES))
    # What touches but for rounding is put in order: the code goes from left to right only.
    begin = begin.copy()
    begin[:, 1:] = np.fmax(begin[:, 1:], np.fmax.accumulate(end, axis=1)[:, :-1])
    happened = end > begin
    places = np.stack([begin[happened], end[happened]], axis=1).ravel()
    change = (_INK - PAPER).astype(np.float32).T[:, np.nonzero(happened)[1]]
    changes = np.stack([change, -change], axis=2).reshape(len(change), -1)
    return Strokes(_starts(2 * happened.sum(axis=1)), places, changes, 1)


def _starts(counts: Array) -> NDArray[np.int64]:
    return np.concatenate([[0], np.cumsum(counts)]).astype(np.int64)


def _overlap(begin: Array, end: Array) -> bool:
    """Whether a phase of some row begins before an earlier column of it ends."""
    before = np.fmax.accumulate(end, axis=1)[:, :-1]
    return bool((begin[:, 1:] < before - _TOUCHING).any())


def _seen(begin: Array, end: Array) -> tuple[Array, Array, Array, Array]:
    """(row, place, phase before, phase behind) wherever what is seen changes: at most 14 places
    of a row. Of phases over each other the one that began last is seen, since it interrupted the
    others."""
    # A column per row: then each step below works on whole rows of numbers.
    begin, end = np.ascontiguousarray(begin.T), np.ascontiguousarray(end.T)
    phases: Array = np.arange(len(PHASES), dtype=np.int8)[:, None]
    if (begin[1:] < np.fmax.accumulate(begin)[:-1]).any():
        phases = np.argsort(begin, axis=0, kind="stable")
        begin, end = (np.take_along_axis(at, phases, axis=0) for at in (begin, end))
    places = np.sort(np.concatenate([begin, end]), axis=0)
    middle = (places[:-1] + places[1:]) / 2
    shown = np.full((len(places) + 1, places.shape[1]), _NONE, dtype=np.int8)
    for phase, first, last in zip(phases, begin, end, strict=True):
        inside = first <= middle
        inside &= middle < last
        np.copyto(shown[1:-1], phase, where=inside, casting="same_kind")
    before, behind = shown[:-1], shown[1:]
    columns, rows = np.nonzero(before != behind)
    return rows, places[columns, rows], before[columns, rows], behind[columns, rows]
