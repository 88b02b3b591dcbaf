"""RANSAC around Bayesian ridge regression on the last ten observations: the paper's predictor.

Random sample consensus (Fischler and Bolles 1981). The published Algorithm 1 leaves its sizes
open; here, as in common implementations, an inlier misses by at most the median absolute
deviation of the seconds, and a sample is half of the ten (all there are, of fewer than five).
"""

from __future__ import annotations

from functools import lru_cache
from itertools import combinations
from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray

from lamina.estimates.distribution import Floats
from lamina.estimates.lines import Line, median
from lamina.estimates.predictors.bayesian_ridge import (
    LinePredictor,
    bayesian_line,
    bayesian_lines,
)

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
    return _agreed(sizes, seconds, _samples(sizes.size, least, source))


def _agreed(sizes: Floats, seconds: Floats, samples: NDArray[np.integer[Any]]) -> Line:
    threshold = median(np.abs(seconds - median(seconds)))
    slopes, intercepts = bayesian_lines(sizes[samples], seconds[samples])
    errors = np.abs(seconds - (intercepts[:, None] + slopes[:, None] * sizes))
    inside = errors <= threshold
    counts = inside.sum(axis=1)
    most = counts.max()
    if not most:
        return bayesian_line(sizes, seconds)
    best = np.flatnonzero(counts == most)
    scores = _explained(errors[best], seconds, inside[best])
    # Of those that differ by nothing but rounding, the first: equal on all machines.
    chosen = inside[best[int(np.argmax(scores >= scores.max() - 1e-9))]]
    return bayesian_line(sizes[chosen], seconds[chosen])


@lru_cache(maxsize=8192)
def _samples_of(count: int, least: int, number: int) -> NDArray[np.integer[Any]]:
    """Those of the observation of a number: of all runtimes, worlds and policies the same."""
    # Equal histories give equal lines: the source depends on nothing else.
    source = np.random.default_rng([SEED, number])
    return _samples(count, least, source).astype(np.int16)


def _samples(count: int, least: int, source: np.random.Generator) -> NDArray[np.integer[Any]]:
    every = list(combinations(range(count), least)) if count <= 8 else []
    if every and len(every) <= TRIALS:
        return np.array(every)
    return np.array([source.permutation(count)[:least] for _ in range(TRIALS)])


def _explained(errors: Floats, seconds: Floats, inside: NDArray[np.bool_]) -> Floats:
    """R squared of each line over the points that are inside, as many for each."""
    counts = inside.sum(axis=1)
    left = np.sum(np.where(inside, errors, 0.0) ** 2, axis=1)
    means = np.where(inside, seconds, 0.0).sum(axis=1) / counts
    total = np.sum(np.where(inside, seconds - means[:, None], 0.0) ** 2, axis=1)
    exact = np.where(left == 0.0, 1.0, 0.0)
    found: Floats = np.where(total > 0.0, 1.0 - left / np.where(total > 0.0, total, 1.0), exact)
    return np.where(counts < 2, -np.inf, found)


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
        samples = _samples_of(sizes.size, min(self.memory // 2, sizes.size), self.count)
        self._line = _agreed(sizes, seconds, samples)
