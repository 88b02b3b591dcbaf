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
