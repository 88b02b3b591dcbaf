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


def weighted_line(sizes: Floats, seconds: Floats, weights: Floats) -> Line:
    """Least squares with weights, under slope and intercept of at least zero.

    More work never takes less time, and no work takes no negative one: without this, a few
    observations of nearly one size give lines that no machine has.
    """
    total = max(float(weights.sum()), 1e-300)
    mean_size = float(weights @ sizes) / total
    mean = float(weights @ seconds) / total
    offsets = sizes - mean_size
    spread = float(weights @ offsets**2)
    if spread <= 1e-12 * total * max(mean_size**2, 1.0):
        return Line(0.0, mean)
    slope = float(weights @ (offsets * (seconds - mean))) / spread
    if slope < 0.0:
        return Line(0.0, max(mean, 0.0))
    if mean - slope * mean_size < 0.0:
        return Line(float(weights @ (sizes * seconds)) / float(weights @ sizes**2), 0.0)
    return Line(slope, mean - slope * mean_size)


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
    counts = np.ones_like(seconds) if counts is None else counts
    if prior is not None:
        # A line is worth two observations at its ends: where the sizes are seen to lie.
        ends = np.quantile(sizes, [0.1, 0.9])
        ends = ends if ends[1] > ends[0] else np.array([0.0, max(float(ends[0]), 1.0)])
        sizes = np.concatenate([sizes, ends])
        seconds = np.concatenate([seconds, prior[0].over(ends)])
        counts = np.concatenate([counts, np.full(2, prior[1] / 2)])
    # An error is relative to what is said, not to what came: one lucky run must not rule.
    floor = max(0.25 * float(np.median(seconds)), _LEAST)
    scales = np.maximum(seconds, floor)
    trust = np.ones_like(seconds)
    line = weighted_line(sizes, seconds, counts / scales**2)
    for _ in range(ROUNDS):
        scales = np.maximum(line.over(sizes), floor)
        errors = np.abs(seconds - line.over(sizes)) / scales
        width = max(1.4826 * float(np.median(errors)), 1e-3)
        trust = np.minimum(1.0, HUBER * width / np.maximum(errors, 1e-12))
        before, line = line, weighted_line(sizes, seconds, counts * trust / scales**2)
        if abs(line.at(sizes[-1]) - before.at(sizes[-1])) <= 1e-6 * max(seconds[-1], 1.0):
            break
    return line
