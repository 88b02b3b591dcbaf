"""The paper's transfer time: bytes over the bandwidth that was measured last."""

from __future__ import annotations

from typing import ClassVar

from lamina.estimates.base import Work
from lamina.estimates.points import PointPredictor


class BandwidthDivision(PointPredictor):
    """`Work.size` is in bytes; transfers of nothing tell nothing."""

    name: ClassVar[str] = "bandwidth-division"
    MEMORY: ClassVar[int] = 1

    def __init__(self, memory: int = 0) -> None:
        super().__init__(memory)
        self._rate = float("nan")

    def fit(self) -> None:
        """Bytes per second of the last transfer."""
        size, seconds = self.sizes()[-1], self.seconds()[-1]
        if size > 0.0 and seconds > 0.0:
            self._rate = float(size / seconds)

    def point(self, x: Work) -> float:
        """Bytes over bytes per second."""
        return x.size / self._rate
