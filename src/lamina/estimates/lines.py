"""Straight lines through sizes and seconds: least squares, and Huber's loss on relative errors."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from lamina.estimates.distribution import Floats

HUBER = 1.345
"""Of the scale of errors; where Huber's loss turns from squares to absolutes (95 % efficiency)."""
ROUNDS = 12
_LEAST = 1e-6


@dataclass(frozen=True)
class Line:
    """seconds = intercept + slope * size."""

    slope: float
    intercept: float

    def at(self, size: float) -> float:
        """Seconds of a size; never below zero."""
        return max(self.intercept + self.slope * size, 0.0)

    def over(self, sizes: Floats) -> Floats:
        """Seconds of sizes."""
        found: Floats = self.intercept + self.slope * sizes
        return found


def median(values: Floats) -> float:
    """That of a handful, without the checks that cost NumPy's ten times the sorting."""
    order = np.sort(values)
    half = order.size // 2
    return float(order[half] if order.size % 2 else (order[half - 1] + order[half]) / 2.0)


class _Points:
    """Points that lines are laid through again and again with other weights."""

    def __init__(self, sizes: Floats, seconds: Floats) -> None:
        # From a middle on, so that little is lost where sizes lie close together.
        self.centre = float(sizes.sum()) / sizes.size
        offsets = sizes - self.centre
        self._moments = np.stack(
            [np.ones_like(offsets), offsets, offsets * offsets, seconds, offsets * seconds]
        )

    def line(self, weights: Floats) -> Line:
        """Least squares, slope and intercept of at least zero."""
        one, first, second, mean, cross = (self._moments @ weights).tolist()
        total = max(one, 1e-300)
        shift, mean = first / total, mean / total
        mean_size = self.centre + shift
        spread = second - first * shift
        if spread <= 1e-12 * total * max(mean_size**2, 1.0):
            return Line(0.0, mean)
        slope = (cross - first * mean) / spread
        if slope < 0.0:
            return Line(0.0, max(mean, 0.0))
        if mean - slope * mean_size < 0.0:
            squares = spread + total * mean_size**2
            return Line((cross + self.centre * total * mean) / squares, 0.0)
        return Line(slope, mean - slope * mean_size)


def weighted_line(sizes: Floats, seconds: Floats, weights: Floats) -> Line:
    """Least squares with weights, under slope and intercept of at least zero.

    More work never takes less time, and no work takes no negative one: without this, a few
    observations of nearly one size give lines that no machine has.
    """
    return _Points(sizes, seconds).line(weights)


_laid: dict[tuple[bytes, bytes], Line] = {}
_LAID = 32
"""Robust lines that are remembered: experts that watch one runtime ask for the same ones."""


def relative_huber(
    sizes: Floats,
    seconds: Floats,
    counts: Floats | None = None,
    prior: tuple[Line, float] | None = None,
) -> Line:
    """The line whose relative errors are least under Huber's loss.

    Args:
        sizes: of the observations.
        seconds: that they took.
        counts: how much each counts; 1 unless given.
        prior: a line to stay near, and how many observations it is worth.
    """
    if counts is not None or prior is not None:
        return _relative_huber(sizes, seconds, counts, prior)
    key = (sizes.tobytes(), seconds.tobytes())
    if key not in _laid:
        if len(_laid) >= _LAID:
            del _laid[next(iter(_laid))]
        _laid[key] = _relative_huber(sizes, seconds, None, None)
    return _laid[key]


def _relative_huber(
    sizes: Floats, seconds: Floats, counts: Floats | None, prior: tuple[Line, float] | None
) -> Line:
    counts = np.ones_like(seconds) if counts is None else counts
    if prior is not None:
        # A line is worth two observations at its ends: where the sizes are seen to lie.
        ends = _ends(sizes)
        sizes = np.concatenate([sizes, ends])
        seconds = np.concatenate([seconds, prior[0].over(ends)])
        counts = np.concatenate([counts, np.full(2, prior[1] / 2)])
    # An error is relative to what is said, not to what came: one lucky run must not rule.
    floor = max(0.25 * median(seconds), _LEAST)
    points, size, enough = _Points(sizes, seconds), float(sizes[-1]), float(seconds[-1])
    line = points.line(counts / np.maximum(seconds, floor) ** 2)
    for _ in range(ROUNDS):
        said = line.over(sizes)
        scales = np.maximum(said, floor)
        errors = np.abs(seconds - said) / scales
        width = max(1.4826 * median(errors), 1e-3)
        trust = np.minimum(1.0, HUBER * width / np.maximum(errors, 1e-12))
        before, line = line, points.line(counts * trust / (scales * scales))
        if abs(line.at(size) - before.at(size)) <= 1e-6 * max(enough, 1.0):
            break
    return line


def _ends(sizes: Floats) -> Floats:
    """Where nine tenths of the sizes begin, and where they end."""
    order = np.sort(sizes)
    places = np.array([0.1, 0.9]) * (order.size - 1)
    ends = np.interp(places, np.arange(order.size), order)
    return ends if ends[1] > ends[0] else np.array([0.0, max(float(ends[0]), 1.0)])
