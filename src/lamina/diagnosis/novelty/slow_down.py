"""Everything a little slower, or one phase much slower: the default way to find strange runs.

Disturbances cost time, so runs that are faster than usual are not strange. Two questions are
asked. Is everything slower by the same factor? The sum of the deviations, each over its spread,
is the most powerful test of that (Neyman and Pearson) where deviations are normal and
independent. Is one phase slower, over all jobs? For each channel the mean over its cells,
weighted by their precision, gives the probability of as much in normal runs by Student's t, and
the logarithms of these probabilities are summed (Fisher's method).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray

from lamina.diagnosis.detectors.base import Arrays, Parts
from lamina.diagnosis.novelty.cells import Cells, shrunk
from lamina.diagnosis.novelty.on_cells import Judge, OnCells
from lamina.diagnosis.novelty.tails import surprise
from lamina.diagnosis.runs import Floats


class SlowDown(OnCells):
    """Options: `false_alarms` alone."""

    title: ClassVar[str] = "slower than usual, as a whole or in one phase"

    def judge(self, cells: Cells, normal: Floats, wish: Mapping[str, Any], seed: int) -> Judge:
        """Learns what the phases of normal runs differ by, over all their jobs."""
        del wish, seed
        channels, pooled = _pooled(cells, normal * cells.spread)
        centre = np.median(pooled, axis=0)
        squares = np.square(pooled - centre).sum(axis=0) * (1 + 1 / len(normal))
        return SlowDownJudge(cells, channels, centre, shrunk(squares, len(normal) - 1))

    def judge_of(self, cells: Cells, document: Mapping[str, Any], arrays: Arrays) -> Judge:
        """From centres and spreads of the channels."""
        channels = np.unique(cells.channels)
        return SlowDownJudge(cells, channels, arrays["centre"], arrays["spread"])


@dataclass(frozen=True, eq=False)
class SlowDownJudge:
    """Centre and spread, (channels,), of what the phases of normal runs take over all jobs."""

    cells: Cells = field(repr=False)
    channels: NDArray[np.int64]
    centre: Floats
    spread: Floats

    def evidence(self, deviations: Floats) -> Floats:
        """(n, 2): everything slower, one phase slower."""
        whole = (deviations / self.cells.spread).sum(axis=1)
        _, pooled = _pooled(self.cells, deviations * self.cells.spread)
        values = (pooled - self.centre) / self.spread
        phases = surprise(values, self.cells.freedom).sum(axis=1)
        return np.stack([whole, phases], axis=1)

    def to_parts(self) -> Parts:
        """Everything but the cells."""
        return {}, {"centre": self.centre, "spread": self.spread}


def _pooled(cells: Cells, over: Floats) -> tuple[NDArray[np.int64], Floats]:
    """The channels that there are, and (n, channels) means over their cells, by precision."""
    channels, place = np.unique(cells.channels, return_inverse=True)
    weights = np.zeros((len(cells.places), len(channels)))
    weights[np.arange(len(place)), place] = 1 / cells.spread**2
    return channels, over @ (weights / np.maximum(weights.sum(axis=0), 1e-300))
