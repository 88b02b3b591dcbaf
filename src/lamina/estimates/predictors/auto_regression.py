"""Auto-regression: the next time as a weighted sum of the last ones; how many is tuned too."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar

import numpy as np

from lamina.estimates.base import Work
from lamina.estimates.distribution import Floats
from lamina.estimates.points import PointPredictor
from lamina.estimates.predictors.tuned_window import CALIBRATION, LONGEST

MOST_LAGS = 15


class AutoRegression(PointPredictor):
    """Least squares on the last LONGEST observations; lags are chosen on their later half."""

    name: ClassVar[str] = "auto-regression"
    MEMORY: ClassVar[int] = LONGEST

    def __init__(self, memory: int = 0) -> None:
        super().__init__(memory)
        self.lags = 1
        self._weights: Floats = np.zeros(0)

    def fit(self) -> None:
        """Weights after each observation, the number of lags after every CALIBRATION of them."""
        seconds = self.seconds()
        if self.count % CALIBRATION == 0:
            self.lags = _best(seconds)
        lags = min(self.lags, max(seconds.size // 3, 1))
        self._weights = _weights(seconds, lags) if seconds.size > lags + 2 else np.zeros(0)

    def point(self, x: Work) -> float:
        """From the last observations, whatever the work; their mean while there are very few."""
        del x
        seconds = self.seconds()
        if not self._weights.size:
            return float(seconds.mean()) if seconds.size else float("nan")
        last = seconds[-(self._weights.size - 1) :][::-1]
        said = self._weights[0] + self._weights[1:] @ last
        return float(np.clip(said, 0.0, 2.0 * seconds.max()))

    def to_document(self) -> dict[str, Any]:
        """With the number of lags."""
        return {**super().to_document(), "lags": self.lags}

    def restore(self, document: Mapping[str, Any]) -> None:
        """Takes the number of lags."""
        self.lags = int(document["lags"])


def _rows(seconds: Floats, lags: int) -> tuple[Floats, Floats]:
    """A one and the last `lags` observations, newest first; and what came after them."""
    before = np.lib.stride_tricks.sliding_window_view(seconds[:-1], lags)[:, ::-1]
    return np.column_stack([np.ones(len(before)), before]), seconds[lags:]


def _weights(seconds: Floats, lags: int) -> Floats:
    rows, came = _rows(seconds, lags)
    found: Floats = np.linalg.lstsq(rows, came, rcond=None)[0]
    return found


def _best(seconds: Floats) -> int:
    """Lags whose weights, learnt on the earlier half, miss the later half least."""
    half = seconds.size // 2
    best, least = 1, np.inf
    for lags in range(1, min(MOST_LAGS, half // 3) + 1):
        rows, came = _rows(seconds[half - lags :], lags)
        miss = float(np.abs(rows @ _weights(seconds[:half], lags) - came).mean())
        if miss < least:
            best, least = lags, miss
    return best
