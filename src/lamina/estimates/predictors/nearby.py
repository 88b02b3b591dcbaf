"""A Gaussian process over size and recency: what was seen lately, and of like size, counts most."""

from __future__ import annotations

from functools import cache
from math import log1p, sqrt
from typing import ClassVar

import numpy as np

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
        self._logs: Floats = np.zeros(0)
        self._faded: Floats = np.zeros(0)
        self._level = self._slope = 0.0

    def fit(self) -> None:
        """Solves once, for all answers until the next observation."""
        sizes, seconds = self.sizes(), self.seconds()
        square = max(float(sizes.dot(sizes)) / sizes.size, 1e-18)
        self._logs = np.log1p(sizes) * (_HALF / OCTAVE)
        unit = max(median(seconds), 1e-9)
        steady, shapes, fading = _priors(sizes.size)
        # Covariances of the observations, in units of the squared median.
        known = self._logs[:, None] - self._logs
        known *= known
        np.negative(known, known)
        np.exp(known, known)
        known *= shapes
        known += steady
        known += sizes[:, None] * (sizes * (TREND**2 / square))
        self._solved = np.linalg.solve(known, seconds / unit) * unit
        # What an answer is made of but for the part that depends on how alike sizes are.
        self._faded = faded = fading * self._solved
        self._level = float(
            TREND**2 * np.add.reduce(self._solved) + LEVEL**2 * np.add.reduce(faded)
        )
        self._slope = TREND**2 * float(sizes.dot(self._solved)) / square

    def point(self, x: Work) -> float:
        """What follows from the observations; never below zero."""
        if not self._solved.size:
            return float("nan")
        steps = self._logs - log1p(x.size) * (_HALF / OCTAVE)
        steps *= steps
        np.negative(steps, steps)
        shape = float(self._faded.dot(np.exp(steps, steps)))
        return max(self._level + self._slope * x.size + SHAPE**2 * shape, 0.0)


_HALF = sqrt(0.5)


@cache
def _priors(count: int) -> tuple[Floats, Floats, Floats]:
    """Of so many observations: covariances whatever their sizes are, those of shapes of like
    sizes, and what of a level is left when the next one comes."""
    number = np.arange(count)
    alike = np.exp(-np.abs(number[:, None] - number) / RECENT)
    steady = TREND**2 + LEVEL**2 * alike + NOISE**2 * np.eye(count)
    return steady, SHAPE**2 * alike, np.exp((number - count) / RECENT)
