"""Means and medians of the last few observations; how many is tuned on the last hundred.

The paper's predictors of deployment times: an inquisitor deploys every INQUISITOR_SECONDS, and
after every CALIBRATION of its measurements the window is chosen anew whose error was least.
"""

from __future__ import annotations

from abc import abstractmethod
from collections import deque
from collections.abc import Mapping
from functools import cache
from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray

from lamina.estimates.base import Work
from lamina.estimates.distribution import Floats
from lamina.estimates.lines import median
from lamina.estimates.points import PointPredictor

INQUISITOR_SECONDS = 60.0
CALIBRATION = 10
LONGEST = 100


class TunedWindow(PointPredictor):
    """Says a figure of a window of the past that is as long as would have been best."""

    MEMORY: ClassVar[int] = LONGEST
    window = LONGEST
    """In use now."""

    def __init__(self, memory: int = 0) -> None:
        super().__init__(memory)
        self._missed: deque[Floats] = deque(maxlen=self.memory)
        self._tuned = 0

    @abstractmethod
    def figures(self) -> Floats:
        """What windows of all lengths say, of what `seen` was told: of the last observation, of
        the last two, and so on. Longer ones than there are may say anything."""

    @abstractmethod
    def seen(self, seconds: float) -> None:
        """Takes in one more observation, for `figures`."""

    @abstractmethod
    def figure(self, window: Floats) -> float:
        """What one window says."""

    def fit(self) -> None:
        """Tunes the window whenever enough new measurements are there."""
        if self.count % CALIBRATION == 0:
            self.window = self._best(self.seconds())

    def point(self, x: Work) -> float:
        """Of the last observations, whatever the work."""
        del x
        last = self.seconds()[-self.window :]
        return self.figure(last) if last.size else float("nan")

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
        # What each observation was missed by is remembered: it is asked for again and again.
        new = min(self.count - self._tuned, seconds.size) if self._missed else seconds.size
        self._tuned = self.count
        for value in seconds[seconds.size - new :].tolist():
            self._missed.append(np.abs(self.figures() - value))
            self.seen(value)
        longest = max(seconds.size - CALIBRATION, 1)
        if seconds.size < 2:
            return 1
        rows = np.array([missed[:longest] for missed in self._missed])
        # An observation tells of windows that are no longer than what lay before it.
        sums = np.where(_told(*rows.shape), rows, 0.0).sum(axis=0)
        means = sums / (seconds.size - np.arange(1, longest + 1))
        return int(np.argmin(means)) + 1


@cache
def _told(count: int, longest: int) -> NDArray[np.bool_]:
    return np.tri(count, longest, -1, dtype=np.bool_)


class MeanWindow(TunedWindow):
    """The mean of the window."""

    name: ClassVar[str] = "mean-window"

    def __init__(self, memory: int = 0) -> None:
        super().__init__(memory)
        self._newest: Floats = np.zeros(self.memory)  # the newest first

    def figures(self) -> Floats:
        """Running means."""
        found: Floats = np.cumsum(self._newest) / np.arange(1, self._newest.size + 1)
        return found

    def seen(self, seconds: float) -> None:
        """Puts it in front."""
        self._newest = np.concatenate([[seconds], self._newest[:-1]])

    def figure(self, window: Floats) -> float:
        """Their mean."""
        return float(window.mean())


class MedianWindow(TunedWindow):
    """The median of the window."""

    name: ClassVar[str] = "median-window"

    def __init__(self, memory: int = 0) -> None:
        super().__init__(memory)
        lengths = np.arange(1, max(self.memory - CALIBRATION, 1) + 1)
        # A row for each length: a guard, the last observations in their order, and nothing.
        self._orders: Floats = np.full((lengths.size + 1, lengths.size + 2), np.inf)
        self._orders[:, 0] = -np.inf
        self._spare = self._orders.copy()
        self._fitted = np.empty((lengths.size, lengths.size + 1))
        self._middles = (lengths, (lengths + 1) // 2), (lengths, lengths // 2 + 1)

    def figures(self) -> Floats:
        """The middle of each row."""
        low, high = self._middles
        found: Floats = (self._orders[low] + self._orders[high]) / 2.0
        return found

    def seen(self, seconds: float) -> None:
        """Puts it into each row where it belongs, which makes the row of the next length."""
        old, new = self._orders, self._spare
        np.minimum(old[:-1, 1:], seconds, out=self._fitted)
        np.maximum(old[:-1, :-1], self._fitted, out=new[1:, 1:])
        self._orders, self._spare = new, old

    def figure(self, window: Floats) -> float:
        """Their median."""
        return median(window)
