"""Straight lines through sizes and seconds: least squares, and Huber's loss on relative errors."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache

import numpy as np

from lamina.estimates.distribution import Floats

HUBER = 1.345
"""Of the scale of errors; where Huber's loss turns from squares to absolutes (95 % efficiency)."""
ROUNDS = 12
ENOUGH = 5e-4
"""Of what is usual; a line that moves by less is settled."""
AHEAD = 3.0
"""Steps at once at most, where each is like the one before."""
_LEAST = 1e-6
_ONE = np.array(1.0)


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


@lru_cache
def fading(keep: float, count: int) -> Floats:
    """What observations count, of which each counts `keep` times as much as the one after it."""
    found: Floats = keep ** np.arange(count)[::-1]
    found.flags.writeable = False
    return found


class _Points:
    """Points that lines are laid through again and again with other weights."""

    def __init__(self, sizes: Floats, seconds: Floats) -> None:
        # From a middle on, so that little is lost where sizes lie close together.
        self.centre = float(np.add.reduce(sizes)) / sizes.size
        self._moments = moments = np.empty((5, sizes.size))
        moments[0] = 1.0
        offsets = np.subtract(sizes, self.centre, moments[1])
        np.multiply(offsets, offsets, moments[2])
        moments[3] = seconds
        np.multiply(offsets, seconds, moments[4])
        self._ends = moments[:2]
        self._line = np.empty(2)

    def over(self, slope: float, intercept: float, said: Floats) -> None:
        """Writes what a line says of their sizes."""
        self._line[0], self._line[1] = intercept + slope * self.centre, slope
        self._line.dot(self._ends, said)

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
        sizes, seconds, counts = _held(sizes, seconds, counts, prior)
    # An error is relative to what is said, not to what came: one lucky run must not rule.
    floor = max(0.25 * median(seconds), _LEAST)
    points = _Points(sizes, seconds)
    # Arrays without a dimension stand for numbers here: NumPy takes those twice as fast.
    least, bound = np.array(floor), np.array(0.0)
    scales, said, order = np.maximum(seconds, least), np.empty_like(seconds), np.empty_like(seconds)
    weights = np.multiply(scales, scales)
    heights = _ONE if counts is None else counts
    slope, intercept = points.line(np.divide(heights, weights, weights))
    steps = _Steps(points.centre, ENOUGH * 4.0 * floor)
    for _ in range(ROUNDS):
        points.over(slope, intercept, said)
        np.maximum(said, least, out=scales)
        np.subtract(said, seconds, said)
        np.absolute(said, said)
        # 1 / trust, but for a factor of all: errors above the bound count by their first power.
        bound[()] = HUBER * max(1.4826 * _middle(np.divide(said, scales, order)), 1e-3)
        np.maximum(said, np.multiply(scales, bound, order), out=said)
        np.multiply(said, scales, said)
        found = points.line(np.divide(heights, said, weights))
        if steps.settled(slope, intercept, *found):
            break
        slope, intercept = steps.following(*found)
    return Line(*found)


class _Steps:
    """Where lines that are laid one after the other are heading.

    Each is a function of the one before. What the last two steps have in common is gone ahead at
    once (Anderson's acceleration, of depth one), which takes about a third fewer of them.

    Args:
        centre: a usual size.
        enough: seconds that a line may still move by.
    """

    def __init__(self, centre: float, enough: float) -> None:
        self._centre = centre
        self._enough = enough
        self._now = (0.0, 0.0)
        self._before: tuple[float, float, float, float] | None = None

    def settled(self, slope: float, intercept: float, to: float, up: float) -> bool:
        """Whether a line moved by little, from its slope and intercept to others."""
        self._now = step, rise = (to - slope) * self._centre, up - intercept
        return abs(step) + abs(rise) <= self._enough

    def following(self, slope: float, intercept: float) -> tuple[float, float]:
        """Slope and intercept to go on with, where a line has come to these."""
        (step, rise), before = self._now, self._before
        self._before = (step, rise, slope, intercept)
        if before is None:
            return slope, intercept
        bend, lift = step - before[0], rise - before[1]
        square = bend * bend + lift * lift
        if square <= 0.0:
            return slope, intercept
        back = min(max((step * bend + rise * lift) / square, -AHEAD), 0.5)
        return (
            max(slope - back * (slope - before[2]), 0.0),
            max(intercept - back * (intercept - before[3]), 0.0),
        )


def _held(
    sizes: Floats, seconds: Floats, counts: Floats | None, prior: tuple[Line, float]
) -> tuple[Floats, Floats, Floats]:
    """Observations and a prior: a line is worth two of them at its ends, where sizes lie."""
    line, worth = prior
    count = sizes.size
    low, high = _ends(sizes)
    found = np.empty((3, count + 2))
    found[0, :count], found[1, :count] = sizes, seconds
    found[2, :count] = 1.0 if counts is None else counts
    found[:, count] = low, line.intercept + line.slope * low, worth / 2
    found[:, count + 1] = high, line.intercept + line.slope * high, worth / 2
    return found[0], found[1], found[2]


def _ends(sizes: Floats) -> tuple[float, float]:
    """Where nine tenths of the sizes begin, and where they end."""
    order = sizes.copy()
    order.sort()
    low, high = _between(order, 0.1), _between(order, 0.9)
    return (low, high) if high > low else (0.0, max(low, 1.0))


def _between(order: Floats, part: float) -> float:
    place = part * (order.size - 1)
    below = int(place)
    value = float(order[below])
    return value + (place - below) * (float(order[min(below + 1, order.size - 1)]) - value)
