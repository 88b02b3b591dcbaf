"""Bayesian ridge regression on the last ten observations, as STOIC's scheduler does."""

from __future__ import annotations

from typing import ClassVar

import numpy as np

from lamina.estimates.base import Work
from lamina.estimates.distribution import Floats
from lamina.estimates.lines import Line
from lamina.estimates.points import PointPredictor

_GAMMA = 1e-6
"""Of the four parameters of the two Gamma priors: nearly no prior (MacKay 1992, Tipping 2001)."""
_ROUNDS, _ENOUGH = 300, 1e-3


def bayesian_line(sizes: Floats, seconds: Floats) -> Line:
    """The most likely line when the noise and the slope's width are learnt from the data too."""
    mean_size, mean = float(sizes.mean()), float(seconds.mean())
    offsets = sizes - mean_size
    square, cross = float(offsets @ offsets), float(offsets @ (seconds - mean))
    if square <= 0.0:
        return Line(0.0, mean)
    noise, width, slope = 1.0 / (float(seconds.var()) + np.finfo(np.float64).eps), 1.0, 0.0
    for _ in range(_ROUNDS):
        before, slope = slope, cross / (square + width / noise)
        misses = float(np.sum((seconds - mean - slope * offsets) ** 2))
        known = noise * square / (width + noise * square)
        width = (known + 2 * _GAMMA) / (slope**2 + 2 * _GAMMA)
        noise = (sizes.size - known + 2 * _GAMMA) / (misses + 2 * _GAMMA)
        if abs(slope - before) < _ENOUGH:
            break
    slope = cross / (square + width / noise)
    return Line(slope, mean - slope * mean_size)


def bayesian_lines(sizes: Floats, seconds: Floats) -> tuple[Floats, Floats]:
    """Slopes and intercepts of many, as `bayesian_line` has them: a row of points for each."""
    mean_sizes, means = sizes.mean(axis=1), seconds.mean(axis=1)
    offsets, heights = sizes - mean_sizes[:, None], seconds - means[:, None]
    square, cross = np.sum(offsets * offsets, axis=1), np.sum(offsets * heights, axis=1)
    noise = 1.0 / (np.mean(heights * heights, axis=1) + np.finfo(np.float64).eps)
    width, slope = np.ones_like(square), np.zeros_like(square)
    open_ = np.flatnonzero(square > 0.0)
    for _ in range(_ROUNDS):
        if not open_.size:
            break
        own = square[open_]
        found = cross[open_] / (own + width[open_] / noise[open_])
        misses = np.sum((heights[open_] - found[:, None] * offsets[open_]) ** 2, axis=1)
        known = noise[open_] * own / (width[open_] + noise[open_] * own)
        width[open_] = (known + 2 * _GAMMA) / (found * found + 2 * _GAMMA)
        noise[open_] = (sizes.shape[1] - known + 2 * _GAMMA) / (misses + 2 * _GAMMA)
        moved = np.abs(found - slope[open_]) >= _ENOUGH
        slope[open_] = found
        open_ = open_[moved]
    told = square > 0.0
    slope[told] = cross[told] / (square[told] + width[told] / noise[told])
    return slope, means - slope * mean_sizes


class LinePredictor(PointPredictor):
    """A line over the last observations, found anew with each."""

    MEMORY: ClassVar[int] = 10

    def __init__(self, memory: int = 0) -> None:
        super().__init__(memory)
        self._line: Line | None = None

    def point(self, x: Work) -> float:
        """On the line."""
        return self._line.at(x.size) if self._line else float("nan")


class BayesianRidge(LinePredictor):
    """The paper's regression without its search for outliers."""

    name: ClassVar[str] = "bayesian-ridge-10"

    def fit(self) -> None:
        """A single observation gives a line through zero, as in STOIC's code."""
        sizes, seconds = self.sizes(), self.seconds()
        if sizes.size == 1:
            self._line = (
                Line(float(seconds[0] / sizes[0]), 0.0) if sizes[0] else Line(0.0, seconds[0])
            )
        else:
            self._line = bayesian_line(sizes, seconds)
