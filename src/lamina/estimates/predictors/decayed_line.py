"""A line whose observations fade one by one: soon at home after a change, noisy before."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar

from lamina.estimates.base import Work
from lamina.estimates.lines import Line, fading, weighted_line
from lamina.estimates.points import PointPredictor


class DecayedLine(PointPredictor):
    """Least squares; each observation counts `keep` times as much as the one after it.

    Args:
        memory: how many observations count at all.
        keep: part of its weight that an observation keeps when the next one comes.
    """

    name: ClassVar[str] = "decayed-line"
    MEMORY: ClassVar[int] = 60

    def __init__(self, memory: int = 0, keep: float = 0.8) -> None:
        super().__init__(memory)
        self.keep = keep
        self._line: Line | None = None

    def fit(self) -> None:
        """Weighted least squares."""
        sizes = self.sizes()
        self._line = weighted_line(sizes, self.seconds(), fading(self.keep, sizes.size))

    def point(self, x: Work) -> float:
        """On the line."""
        return self._line.at(x.size) if self._line else float("nan")

    def to_document(self) -> dict[str, Any]:
        """With the part that is kept."""
        return {**super().to_document(), "keep": self.keep}

    def restore(self, document: Mapping[str, Any]) -> None:
        """Takes the part that is kept."""
        self.keep = float(document["keep"])
