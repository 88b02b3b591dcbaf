"""Transfers over one link: a fixed cost, and a rate between its long and its recent past."""

from __future__ import annotations

from typing import ClassVar

import numpy as np

from lamina.estimates.base import Work
from lamina.estimates.lines import fading, median, relative_huber
from lamina.estimates.points import PointPredictor

KEEP = 0.7
"""Part of the recent rate that is kept when a new one is seen."""


class Link(PointPredictor):
    """Seconds = fixed cost + bytes / rate.

    The fixed cost (connections, requests, checks) is that of a robust line through the last
    transfers. The rate is the middle of two: the harmonic mean, that is all bytes over all their
    seconds, and an exponentially weighted mean, which follows a link that changes.
    """

    name: ClassVar[str] = "link"
    MEMORY: ClassVar[int] = 30

    def __init__(self, memory: int = 0) -> None:
        super().__init__(memory)
        self._fixed = float("nan")
        self._each = 0.0

    def fit(self) -> None:
        """Both costs; seconds per byte are averaged, as rates would favour the good moments."""
        sizes, seconds = self.sizes(), self.seconds()
        real, took = sizes, seconds
        if not np.minimum.reduce(sizes) > 0.0:
            real, took = sizes[sizes > 0.0], seconds[sizes > 0.0]
        if not real.size:
            self._fixed, self._each = median(seconds), 0.0
            return
        line = relative_huber(sizes, seconds)
        # A line through a handful of like sizes says nothing of what no byte at all would cost.
        told = real.size >= 4 and np.maximum.reduce(real) >= 2.0 * np.minimum.reduce(real)
        self._fixed = min(line.intercept, float(np.minimum.reduce(seconds))) if told else 0.0
        moving = np.maximum(took - self._fixed, 1e-3 * took)
        harmonic = float(np.add.reduce(moving) / np.add.reduce(real))
        weights = fading(KEEP, moving.size)
        recent = float(weights.dot(moving / real) / np.add.reduce(weights))
        self._each = 0.5 * (harmonic + recent)

    def point(self, x: Work) -> float:
        """The fixed cost, and that of each byte."""
        return self._fixed + self._each * x.size
