"""Means and medians of the last few observations; how many is tuned on the last hundred.

The paper's predictors of deployment times: an inquisitor deploys every INQUISITOR_SECONDS, and
after every CALIBRATION of its measurements the window is chosen anew whose error was least.
"""

from __future__ import annotations

from abc import abstractmethod
from bisect import insort
from collections import deque
from collections.abc import Mapping
from typing import Any, ClassVar

import numpy as np

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
    def figures(self, past: Floats) -> list[float]:
        """What windows of all lengths say: of the last one, of the last two, and so on."""

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
        reach = max(self.memory - CALIBRATION, 1)
        for end in range(seconds.size - new, seconds.size):
            past = seconds[max(end - reach, 0) : end]  # of longer windows none counts
            said = np.array(self.figures(past), dtype=np.float64)
            self._missed.append(np.abs(said - seconds[end]))
        longest = max(seconds.size - CALIBRATION, 1)
        sums = np.zeros(longest)
        for before, missed in enumerate(self._missed):
            count = min(before, longest)
            sums[:count] += missed[:count]
        if seconds.size < 2:
            return 1
        means = sums / (seconds.size - np.arange(1, longest + 1))
        return int(np.argmin(means)) + 1


class MeanWindow(TunedWindow):
    """The mean of the window."""

    name: ClassVar[str] = "mean-window"

    def figures(self, past: Floats) -> list[float]:
        """Running means, backwards."""
        found: list[float] = (np.cumsum(past[::-1]) / np.arange(1, past.size + 1)).tolist()
        return found

    def figure(self, window: Floats) -> float:
        """Their mean."""
        return float(window.mean())


class MedianWindow(TunedWindow):
    """The median of the window."""

    name: ClassVar[str] = "median-window"

    def figures(self, past: Floats) -> list[float]:
        """Running medians, backwards: each value is put where it belongs among the later ones."""
        order: list[float] = []
        found: list[float] = []
        values = past[::-1].tolist()
        for half in range(len(values) // 2):
            insort(order, values[2 * half])
            found.append(order[half])
            insort(order, values[2 * half + 1])
            found.append((order[half] + order[half + 1]) / 2.0)
        if len(values) % 2:
            insort(order, values[-1])
            found.append(order[len(values) // 2])
        return found

    def figure(self, window: Floats) -> float:
        """Their median."""
        return median(window)
