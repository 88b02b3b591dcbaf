"""A long line for the shape, and the last few observations for the level it is at now."""

from __future__ import annotations

from math import exp, log
from typing import ClassVar

from lamina.estimates.base import Work
from lamina.estimates.lines import Line, median, relative_huber
from lamina.estimates.points import PointPredictor

LAST = 6
FADE = 0.5


class LevelledLine(PointPredictor):
    """How time grows with size changes slowly; how busy a machine is changes at once."""

    name: ClassVar[str] = "levelled-line"
    MEMORY: ClassVar[int] = 40

    def __init__(self, memory: int = 0) -> None:
        super().__init__(memory)
        self._line: Line | None = None
        self._level = 1.0

    def fit(self) -> None:
        """The line of all, and the faded mean of the last relative errors."""
        sizes, seconds = self.sizes(), self.seconds()
        self._line = line = relative_huber(sizes, seconds)
        floor = 0.1 * max(median(seconds), 1e-6)
        errors = weights = 0.0
        for size, took in zip(sizes[-LAST:].tolist(), seconds[-LAST:].tolist(), strict=True):
            errors = FADE * errors + log(max(took, floor) / max(line.at(size), floor))
            weights = FADE * weights + 1.0
        self._level = exp(errors / weights)

    def point(self, x: Work) -> float:
        """On the line, at the level of now."""
        return self._line.at(x.size) * self._level if self._line else float("nan")
