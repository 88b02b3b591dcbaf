"""RANSAC around Bayesian ridge regression on the last ten observations: the paper's predictor.

Random sample consensus (Fischler and Bolles 1981). The published Algorithm 1 leaves its sizes
open; here, as in common implementations, an inlier misses by at most the median absolute
deviation of the seconds, and a sample is half of the ten (all there are, of fewer than five).
"""

from __future__ import annotations

from itertools import combinations
from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray

from lamina.estimates.distribution import Floats
from lamina.estimates.lines import Line
from lamina.estimates.predictors.bayesian_ridge import LinePredictor, bayesian_line

TRIALS = 100
SEED = 0


def ransac_line(sizes: Floats, seconds: Floats, least: int, source: np.random.Generator) -> Line:
    """The line of the largest consensus; of equal ones, that which explains its members best.

    Args:
        sizes: of the observations.
        seconds: that they took.
        least: how many observations a sample has.
        source: of the samples; all are tried where there are at most TRIALS.
    """
    threshold = float(np.median(np.abs(seconds - np.median(seconds))))
    best: tuple[int, float] = (0, -np.inf)
    chosen: np.ndarray[tuple[int], np.dtype[np.bool_]] | None = None
    for sample in _samples(sizes.size, least, source):
        line = bayesian_line(sizes[sample], seconds[sample])
        inside = np.abs(seconds - line.over(sizes)) <= threshold
        score = (int(inside.sum()), _explained(line, sizes[inside], seconds[inside]))
        if score > best:
            best, chosen = score, inside
    if chosen is None:
        return bayesian_line(sizes, seconds)
    return bayesian_line(sizes[chosen], seconds[chosen])


def _samples(count: int, least: int, source: np.random.Generator) -> list[NDArray[np.integer[Any]]]:
    every = list(combinations(range(count), least)) if count <= 8 else []
    if every and len(every) <= TRIALS:
        return [np.array(one) for one in every]
    return [source.permutation(count)[:least] for _ in range(TRIALS)]


def _explained(line: Line, sizes: Floats, seconds: Floats) -> float:
    """R squared."""
    if seconds.size < 2:
        return -np.inf
    left = float(np.sum((seconds - line.over(sizes)) ** 2))
    total = float(np.sum((seconds - seconds.mean()) ** 2))
    return 1.0 - left / total if total else float(left == 0.0)


class Ransac(LinePredictor):
    """What STOIC predicts processing times with."""

    name: ClassVar[str] = "ransac-10"

    def fit(self) -> None:
        """With two observations there is no consensus to look for."""
        sizes, seconds = self.sizes(), self.seconds()
        if sizes.size < 3:
            slope = float(seconds[0] / sizes[0]) if sizes[0] else 0.0
            alone = Line(slope, 0.0 if sizes[0] else float(seconds[0]))
            self._line = alone if sizes.size == 1 else bayesian_line(sizes, seconds)
            return
        # Equal histories give equal lines: the source depends on nothing else.
        source = np.random.default_rng([SEED, self.count])
        self._line = ransac_line(sizes, seconds, min(self.memory // 2, sizes.size), source)
