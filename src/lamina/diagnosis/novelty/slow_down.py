"""Slower, other seconds of CPU, or other records than usual: the default way to find strange runs.

Three questions are asked. Is the run slower? Disturbances cost time, so runs that are faster are
not strange. Everything may be slower by the same factor: the sum of the deviations, each over its
spread, is the most powerful test of that (Neyman and Pearson) where deviations are normal and
independent. Or one phase, over all jobs: for each channel the mean over its cells, weighted by
their precision, gives the probability of as much in normal runs by Student's t, and the logarithms
of these probabilities are summed (Fisher's method). Did the same work take more or fewer seconds
of CPU? Jobs that share processors, or have fewer of them, change each other's caches and clocks;
which way depends on the jobs. Did more or fewer of the jobs' programs leave a record than usual?
Records get lost where programs follow each other quickly, so their number tells the pace.

A disturbance need not show in all of them: the answer is the harmonic mean of the three
probabilities (D. J. Wilson, "The harmonic mean p-value for combining dependent tests", 2019). What
is no time on the clock is believed as far as an alarm, and no further: another machine takes other
seconds of CPU for everything, and is no disturbance.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from math import log
from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray

from lamina.diagnosis.detectors.base import Arrays, Parts
from lamina.diagnosis.novelty.cells import (
    CHANNELS,
    CPU,
    ONE_RECORD,
    PRIOR_SPREADS,
    PROGRAMS,
    TIMES,
    Cells,
    shrunk,
)
from lamina.diagnosis.novelty.on_cells import Judge, OnCells
from lamina.diagnosis.novelty.tails import normal_deviation, surprise
from lamina.diagnosis.runs import Floats

_LEAST = 1e-9
_AT_MOST = log(300)
"""Surprise that seconds of CPU, or records, can be at most: where nothing else is strange, the
mean of the three is then what one normal run in a hundred comes to."""
_TOGETHER = 0.1
"""Variance that the sum of two parts has at least, however they go against each other."""
_BESIDE = (CPU, PROGRAMS)
"""Channels that are asked by themselves, whichever way they go."""


class SlowDown(OnCells):
    """Options: `false_alarms` alone."""

    title: ClassVar[str] = "slower than usual, other seconds of CPU, or other records"
    channels: ClassVar[tuple[str, ...]] = CHANNELS
    least: ClassVar[tuple[float, ...]] = (_LEAST, _LEAST, 1.0, 1.0)

    def judge(self, cells: Cells, normal: Floats, wish: Mapping[str, Any], seed: int) -> Judge:
        """Learns what the channels of normal runs differ by, over all their jobs."""
        del wish, seed
        channels, pooled = _pooled(cells, normal * cells.spread)
        centre = np.median(pooled, axis=0)
        squares = np.square(pooled - centre).sum(axis=0) * (1 + 1 / len(normal))
        spread = shrunk(squares, len(normal) - 1, PRIOR_SPREADS[channels])
        one = np.where(channels == PROGRAMS, ONE_RECORD, 0.0)
        return SlowDownJudge(cells, channels, centre, np.hypot(spread, one))

    def judge_of(self, cells: Cells, document: Mapping[str, Any], arrays: Arrays) -> Judge:
        """From centres and spreads of the channels."""
        channels = np.unique(cells.channels)
        return SlowDownJudge(cells, channels, arrays["centre"], arrays["spread"])


@dataclass(frozen=True, eq=False)
class SlowDownJudge:
    """Centre and spread, (channels,), of what the channels of normal runs come to over all jobs."""

    cells: Cells = field(repr=False)
    channels: NDArray[np.int64]
    centre: Floats
    spread: Floats

    def evidence(self, deviations: Floats) -> Floats:
        """(n, 4): everything slower, one phase slower; seconds of CPU, and records, 0 where they
        are not told."""
        timed = self.cells.channels < len(TIMES)
        whole = (deviations[:, timed] / self.cells.spread[timed]).sum(axis=1)
        _, pooled = _pooled(self.cells, deviations * self.cells.spread)
        values = (pooled - self.centre) / self.spread
        phases = surprise(values[:, self.channels < len(TIMES)], self.cells.freedom).sum(axis=1)
        beside = [values[:, self.channels == channel].sum(axis=1) for channel in _BESIDE]
        return np.stack([whole, phases, *beside], axis=1)

    def score(self, parts: Floats, joint: Floats) -> Floats:
        """The harmonic mean of the probabilities, as a value of the normal distribution."""
        slower = parts[:, :2].sum(axis=1) / np.sqrt(max(joint[:2, :2].sum(), _TOGETHER))
        found = [surprise(slower, self.cells.freedom)]
        for place, channel in enumerate(_BESIDE, 2):
            if channel in self.channels:
                away = surprise(np.abs(parts[:, place]), self.cells.freedom) - log(2)
                found.append(np.minimum(away, _AT_MOST))
        mean = np.logaddexp.reduce(found, axis=0) - log(len(found))
        return normal_deviation(mean)

    def to_parts(self) -> Parts:
        """Everything but the cells."""
        return {}, {"centre": self.centre, "spread": self.spread}


def _pooled(cells: Cells, over: Floats) -> tuple[NDArray[np.int64], Floats]:
    """The channels that there are, and (n, channels) means over their cells, by precision; of
    records the sum."""
    channels, place = np.unique(cells.channels, return_inverse=True)
    weights = np.zeros((len(cells.places), len(channels)))
    weights[np.arange(len(place)), place] = 1 / cells.spread**2
    weights /= np.maximum(weights.sum(axis=0), 1e-300)
    weights[cells.channels == PROGRAMS] = np.where(channels == PROGRAMS, 1.0, 0.0)
    return channels, over @ weights
