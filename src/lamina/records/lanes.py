"""Lanes: rows of a chart in which no two attempts of one worker overlap."""

from __future__ import annotations

from collections.abc import Iterable

SLACK = 1e-3
"""Seconds by which the clocks of engine and workers may disagree."""


def lanes_of(held: Iterable[tuple[str, float, float]]) -> list[int]:
    """A row for each (worker, begin, end), counted for each worker from 0; as few as may be."""
    spans = list(held)
    ends: dict[str, list[float]] = {}
    found = [0] * len(spans)
    for index in sorted(range(len(spans)), key=lambda i: spans[i][1:]):
        worker, begin, end = spans[index]
        rows = ends.setdefault(worker, [])
        row = next((n for n, until in enumerate(rows) if until <= begin + SLACK), len(rows))
        rows[row : row + 1] = [end]
        found[index] = row
    return found
