"""Means and medians of the last few observations; how many is tuned on the last hundred.

The paper's predictors of deployment times: an inquisitor deploys every INQUISITOR_SECONDS, and
after every CALIBRATION of its measurements the window is chosen anew whose error was least.
"""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Mapping
from typing import Any, ClassVar

import numpy as np

from lamina.estimates.base import Work
from lamina.estimates.distribution import Floats
from lamina.estimates.points import PointPredictor

INQUISITOR_SECONDS = 60.0
CALIBRATION = 10
LONGEST = 100


class TunedWindow(PointPredictor):
    """Says a figure of a window of the past that is as long as would have been best."""

    MEMORY: ClassVar[int] = LONGEST
    window = LONGEST
    """In use now."""

    @abstractmethod
    def figures(self, windows: Floats) -> Floats:
        """What is said of each row of observations."""

    def fit(self) -> None:
        """Tunes the window whenever enough new measurements are there."""
        if self.count % CALIBRATION == 0:
            self.window = self._best(self.seconds())

    def point(self, x: Work) -> float:
        """Of the last observations, whatever the work."""
        del x
        last = self.seconds()[-self.window :]
        return float(self.figures(last[None, :])[0]) if last.size else float("nan")

    def to_document(self) -> dict[str, Any]:
        """With the window."""
        return {**super().to_document(), "window": self.window}

    def restore(self, document: Mapping[str, Any]) -> None:
        """Takes the window."""
        self.window = int(document["window"])

    def _best(self, seconds: Floats) -> int:
        """The length whose predictions of these observations, each from those before, miss least.

        A length counts as long as CALIBRATION observations have so many before them.
        """
        best, least = 1, np.inf
        for window in range(1, seconds.size):
            whole = np.lib.stride_tricks.sliding_window_view(seconds[:-1], window)
            misses = np.abs(self.figures(whole) - seconds[window:])
            if misses.size < CALIBRATION and window > 1:
                break
            mean = float(misses.mean())
            if mean < least:
                best, least = window, mean
        return best


class MeanWindow(TunedWindow):
    """The mean of the window."""

    name: ClassVar[str] = "mean-window"

    def figures(self, windows: Floats) -> Floats:
        """Means of rows."""
        found: Floats = windows.mean(axis=1)
        return found


class MedianWindow(TunedWindow):
    """The median of the window."""

    name: ClassVar[str] = "median-window"

    def figures(self, windows: Floats) -> Floats:
        """Medians of rows."""
        found: Floats = np.median(windows, axis=1)
        return found
