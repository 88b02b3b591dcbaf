"""A Gaussian process over size and recency: what was seen lately, and of like size, counts most."""

from __future__ import annotations

from typing import ClassVar

import numpy as np

from lamina.estimates.base import Work
from lamina.estimates.distribution import Floats
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

    def fit(self) -> None:
        """Solves once, for all answers until the next observation."""
        sizes, seconds = self.sizes(), self.seconds()
        self._typical = max(float(np.sqrt(np.mean(sizes**2))), 1e-9)
        unit = max(float(np.median(seconds)), 1e-9)
        number = np.arange(sizes.size, dtype=np.float64)
        known = self._alike(sizes, number, sizes, number) + NOISE**2 * np.eye(sizes.size)
        self._solved = np.linalg.solve(known, seconds / unit) * unit

    def point(self, x: Work) -> float:
        """What follows from the observations; never below zero."""
        if not self._solved.size:
            return float("nan")
        number = np.arange(self._solved.size, dtype=np.float64)
        like = self._alike(np.array([x.size]), np.array([float(number.size)]), self.sizes(), number)
        return max(float(like[0] @ self._solved), 0.0)

    def _alike(self, sizes: Floats, numbers: Floats, others: Floats, at: Floats) -> Floats:
        """Covariances, in units of the squared median."""
        line = 1.0 + np.outer(sizes, others) / self._typical**2
        steps = np.log1p(sizes)[:, None] - np.log1p(others)[None, :]
        shape = SHAPE**2 * np.exp(-0.5 * (steps / OCTAVE) ** 2)
        fading = np.exp(-np.abs(numbers[:, None] - at[None, :]) / RECENT)
        found: Floats = TREND**2 * line + fading * (LEVEL**2 + shape)
        return found
