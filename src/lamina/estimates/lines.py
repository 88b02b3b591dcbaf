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
    return _middle(values.copy())


def _middle(order: Floats) -> float:
    """The median; the values are put into their order."""
    order.sort()
    half = order.size // 2
    return float(order[half] if order.size % 2 else (order[half - 1] + order[half]) / 2.0)


class _Points:
    """Points that lines are laid through again and again with other weights."""

    def __init__(self, sizes: Floats, seconds: Floats) -> None:
        # From a middle on, so that little is lost where sizes lie close together.
        self.centre = float(np.add.reduce(sizes)) / sizes.size
        self._moments = np.ones((5, sizes.size))
        _, offsets, squares, heights, products = self._moments
        np.subtract(sizes, self.centre, out=offsets)
        np.multiply(offsets, offsets, out=squares)
        heights[:] = seconds
        np.multiply(offsets, seconds, out=products)

    def line(self, weights: Floats) -> tuple[float, float]:
        """Slope and intercept by least squares, both at least zero."""
        one, first, second, mean, cross = self._moments.dot(weights).tolist()
        total = max(one, 1e-300)
        shift, mean = first / total, mean / total
        mean_size = self.centre + shift
        spread = second - first * shift
        if spread <= 1e-12 * total * max(mean_size**2, 1.0):
            return 0.0, mean
        slope = (cross - first * mean) / spread
        if slope < 0.0:
            return 0.0, max(mean, 0.0)
        if mean - slope * mean_size < 0.0:
            squares = spread + total * mean_size**2
            return (cross + self.centre * total * mean) / squares, 0.0
        return slope, mean - slope * mean_size


def weighted_line(sizes: Floats, seconds: Floats, weights: Floats) -> Line:
    """Least squares with weights, under slope and intercept of at least zero.

    More work never takes less time, and no work takes no negative one: without this, a few
    observations of nearly one size give lines that no machine has.
    """
    return Line(*_Points(sizes, seconds).line(weights))


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
    if prior is not None:
        counts = np.ones_like(seconds) if counts is None else counts
        # A line is worth two observations at its ends: where the sizes are seen to lie.
        ends = _ends(sizes)
        sizes = np.concatenate([sizes, ends])
        seconds = np.concatenate([seconds, prior[0].over(ends)])
        counts = np.concatenate([counts, np.full(2, prior[1] / 2)])
    # An error is relative to what is said, not to what came: one lucky run must not rule.
    floor = max(0.25 * median(seconds), _LEAST)
    points, size = _Points(sizes, seconds), float(sizes[-1])
    enough = 1e-6 * max(float(seconds[-1]), 1.0)
    scales = np.maximum(seconds, floor)
    weights = 1.0 / (scales * scales)
    slope, intercept = points.line(weights if counts is None else weights * counts)
    there = max(intercept + slope * size, 0.0)
    said, order = np.empty_like(scales), np.empty_like(scales)
    heights: Floats | float = 1.0 if counts is None else counts
    for _ in range(ROUNDS):
        np.multiply(sizes, slope, out=said)
        said += intercept
        np.maximum(said, floor, out=scales)
        said -= seconds
        np.abs(said, out=said)
        said /= scales
        order[:] = said
        width = max(1.4826 * _middle(order), 1e-3)
        np.maximum(said, HUBER * width, out=said)  # 1 / trust, but for a factor of all
        said *= scales
        said *= scales
        np.divide(heights, said, out=weights)
        slope, intercept = points.line(weights)
        before, there = there, max(intercept + slope * size, 0.0)
        if abs(there - before) <= enough:
            break
    return Line(slope, intercept)


def _ends(sizes: Floats) -> Floats:
    """Where nine tenths of the sizes begin, and where they end."""
    order = sizes.copy()
    order.sort()
    low, high = _between(order, 0.1), _between(order, 0.9)
    return np.array([low, high] if high > low else [0.0, max(low, 1.0)])


def _between(order: Floats, part: float) -> float:
    place = part * (order.size - 1)
    below = int(place)
    value = float(order[below])
    return value + (place - below) * (float(order[min(below + 1, order.size - 1)]) - value)
