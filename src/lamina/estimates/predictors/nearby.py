"""A Gaussian process over size and recency: what was seen lately, and of like size, counts most."""

from __future__ import annotations

from functools import cache
from math import log1p
from typing import ClassVar

import numpy as np
from numpy.typing import NDArray

from lamina.estimates.base import Work
from lamina.estimates.distribution import Floats
from lamina.estimates.lines import median
from lamina.estimates.points import PointPredictor

NOISE = 0.1
"""Of single observations; this and the others are relative to the median of the seconds."""
LEVEL, SHAPE, TREND = 0.39, 0.22, 1.0
"""Of a level that wanders, of a shape that wanders with it, of the line below both."""
RECENT = 6.0
"""Observations after which a level is a third as sure."""
OCTAVE = 1.0
"""Logarithm of the ratio of sizes that still are alike."""


class Nearby(PointPredictor):
    """A line with a wide prior, plus a level and a shape that are forgotten as time goes on."""

    name: ClassVar[str] = "nearby"
    MEMORY: ClassVar[int] = 40

    def __init__(self, memory: int = 0) -> None:
        super().__init__(memory)
        self._solved: Floats = np.zeros(0)
        self._typical = 1.0
        self._logs: Floats = np.zeros(0)
        self._fading: Floats = np.zeros(0)
        self._faded: Floats = np.zeros(0)
        self._level = self._slope = 0.0

    def fit(self) -> None:
        """Solves once, for all answers until the next observation."""
        sizes, seconds = self.sizes(), self.seconds()
        self._typical = max(float(np.sqrt(sizes @ sizes / sizes.size)), 1e-9)
        self._logs = np.log1p(sizes)
        if self._fading.size != sizes.size + 1:
            self._fading = np.exp(-np.arange(sizes.size + 1) / RECENT)
        unit = max(median(seconds), 1e-9)
        ages = _ages(sizes.size)
        known = self._alike(sizes[:, None], self._logs[:, None], self._fading[ages])
        known.flat[:: sizes.size + 1] += NOISE**2
        self._solved = np.linalg.solve(known, seconds / unit) * unit
        # What an answer is made of but for the part that depends on how alike sizes are.
        self._faded = self._fading[:0:-1] * self._solved
        self._level = TREND**2 * float(self._solved.sum()) + LEVEL**2 * float(self._faded.sum())
        self._slope = TREND**2 * float(sizes @ self._solved) / self._typical**2

    def point(self, x: Work) -> float:
        """What follows from the observations; never below zero."""
        if not self._solved.size:
            return float("nan")
        steps = self._logs - log1p(x.size)
        steps *= steps
        steps *= -0.5 / OCTAVE**2
        shape = float(self._faded.dot(np.exp(steps, out=steps)))
        return max(self._level + self._slope * x.size + SHAPE**2 * shape, 0.0)

    def _alike(self, sizes: Floats, logs: Floats, fading: Floats) -> Floats:
        """Covariances with the observations, in units of the squared median."""
        line = 1.0 + sizes * self.sizes() / self._typical**2
        steps = (logs - self._logs) / OCTAVE
        shape = SHAPE**2 * np.exp(-0.5 * steps * steps)
        found: Floats = TREND**2 * line + fading * (LEVEL**2 + shape)
        return found


@cache
def _ages(count: int) -> NDArray[np.intp]:
    """How many observations lie between each two."""
    number = np.arange(count)
    found: NDArray[np.intp] = np.abs(number[:, None] - number[None, :])
    return found
