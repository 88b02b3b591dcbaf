"""Whether two groups of times differ beyond chance: rank tests, and many of them at once.

The signed-rank and the rank-sum test of F. Wilcoxon (Biometrics Bulletin 1(6), 1945), exact for
small groups and by the normal distribution for larger ones; many at once after Y. Benjamini and
Y. Hochberg (J. Royal Statistical Society B 57(1), 1995).
"""

from __future__ import annotations

from collections.abc import Sequence
from math import comb, erfc, sqrt
from typing import Any

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]

LEVEL = 0.05
"""Share of what is told that chance alone may have made."""

FEWEST = 6
"""Pairs with which a test can tell anything: of five that all differ the same way, a coin that is
thrown gives as much in one case of sixteen."""

_EXACT = 25


def signed_rank(differences: Sequence[float] | Floats) -> float:
    """How often chance makes pairs differ by as much, to either side.

    Args:
        differences: of each pair; those that are 0 tell nothing.
    """
    told = np.asarray(differences, dtype=np.float64)
    told = told[told != 0]
    count = len(told)
    if not count:
        return 1.0
    ranks = _ranks(np.abs(told))
    above = float(ranks[told > 0].sum())
    mean = float(ranks.sum()) / 2
    if count <= _EXACT:
        # Ranks are halves at the least: twice of them are whole numbers.
        ways = np.zeros(count * (count + 1) + 1)
        ways[0] = 1.0
        for rank in (2 * ranks).astype(np.int64).tolist():
            ways[rank:] += ways[: len(ways) - rank].copy()
        return _tails(ways / 2.0**count, 2 * above, 2 * mean)
    return _normal(above - mean, float((ranks**2).sum()) / 4)


def rank_sum(one: Sequence[float] | Floats, two: Sequence[float] | Floats) -> float:
    """How often chance makes two groups differ by as much, to either side."""
    first, second = len(one), len(two)
    if not first or not second:
        return 1.0
    ranks = _ranks(np.concatenate([np.asarray(one, float), np.asarray(two, float)]))
    told = float(ranks[:first].sum())
    mean = first * (first + second + 1) / 2
    if first + second <= _EXACT:
        doubled = (2 * ranks).astype(np.int64).tolist()
        ways = np.zeros((first + 1, sum(doubled) + 1))
        ways[0, 0] = 1.0
        for rank in doubled:
            ways[1:, rank:] += ways[:-1, : ways.shape[1] - rank].copy()
        return _tails(ways[first] / comb(first + second, first), 2 * told, 2 * mean)
    spread = float(((ranks - ranks.mean()) ** 2).sum())
    count = first + second
    return _normal(told - mean, first * second * spread / (count * (count - 1)))


def beyond_chance(chances: Sequence[float], level: float = LEVEL) -> list[bool]:
    """Of many tests at once, those that tell something: of these, a share of `level` is chance."""
    order = sorted(range(len(chances)), key=chances.__getitem__)
    last = -1
    for place, number in enumerate(order):
        if chances[number] <= level * (place + 1) / len(order):
            last = place
    found = set(order[: last + 1])
    return [number in found for number in range(len(chances))]


def _ranks(values: Floats) -> Floats:
    """From 1; equal values share the mean of theirs."""
    _, places, counts = np.unique(values, return_inverse=True, return_counts=True)
    last = np.cumsum(counts)
    shared: Any = last - (counts - 1) / 2
    return np.asarray(shared[places], dtype=np.float64)


def _tails(share: Floats, told: float, mean: float) -> float:
    """The share of sums that are as far from the mean."""
    far = np.abs(np.arange(len(share)) - mean) >= abs(told - mean) - 1e-9
    return min(1.0, float(share[far].sum()))


def _normal(apart: float, variance: float) -> float:
    if variance <= 0:
        return 1.0
    return erfc(max(abs(apart) - 0.5, 0.0) / sqrt(2 * variance))
