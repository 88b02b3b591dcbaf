"""What a transfer that has the network nearly for itself gets, beside runs known to be good."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from lamina.diagnosis.detectors.default_batches import Batches, numbered
from lamina.diagnosis.detectors.default_close import Close
from lamina.diagnosis.lone import lone_rates
from lamina.diagnosis.runs import Collection, Floats, Numbers, Run

_FEWEST = 10
"""Runs of a batch from which on it tells how fast lone transfers are, and how far they differ."""
_FEWEST_GOOD = 2
_ODD = 0.3
"""A run whose transfers get a third more or less than others of its batch is odd, and does not
count as more in what they differ by."""
_BEYOND = 3.0
"""Deviations below all normal batches at which the transfers of a class count as slowed."""
_TAILS = 4.0
"""Degrees of freedom of the distribution of normal runs: single ones are odd."""
_MOST = 9.0
"""What lone transfers may say at most, as a log likelihood ratio: the tails are a guess."""
_STRENGTHS = 60
"""Steps in which strengths from one deviation to the strongest are summed up."""


@dataclass(frozen=True, eq=False)
class Lone:
    """Whether the transfers of a run are slower than those of good runs.

    An anomaly of a class that slows lone transfers may be weaker than every one that was learnt
    from, so that nothing but this shows.

    Args:
        normal: number of the class in which nothing went wrong.
        weak: numbers of the classes that slow lone transfers, and of which a batch is nearly like
            a normal one.
        spread: deviation of a run of a batch, as a logarithm.
        strongest: the most by which transfers were slowed, as a logarithm.
    """

    normal: int
    weak: Numbers
    spread: float
    strongest: float

    def added(
        self, scores: Floats, shares: Floats, runs: Sequence[Run], good: Sequence[Run]
    ) -> Floats:
        """Scores with what lone transfers tell; unchanged for runs that have none.

        A class may slow them as much as the run does, or not at all. One of `weak` is, as likely
        as these two together, too weak for everything else, so that all else says of it what it
        says of a normal run; how the network was shared may say it, or say nothing.

        Args:
            scores: log probabilities of everything else (n, classes).
            shares: what of them is from how the network was shared.
            runs: to judge.
            good: runs of the same period that are known to be good.
        """
        slower = self._slower(runs, good)
        told = np.isfinite(slower)
        found, slower = scores.copy(), np.clip(slower[told], -_MOST, _MOST)
        normal = scores[told, self.normal]
        for k in range(scores.shape[1]):
            if k == self.normal:
                continue
            own = scores[told, k]
            ways = [own, own + slower]
            if k in self.weak:
                shared = (shares[:, k] - shares[:, self.normal])[told]
                ways += [normal + slower, normal + slower + shared]
            found[told, k] = np.logaddexp.reduce(ways, axis=0) - np.log(len(ways))
        return np.asarray(found - np.logaddexp.reduce(found, axis=1, keepdims=True))

    def _slower(self, runs: Sequence[Run], good: Sequence[Run]) -> Floats:
        """Log likelihood ratio of transfers slowed by an unknown factor, all strengths from one
        deviation to the strongest being equally likely on a logarithmic scale; (n,), NaN where
        a run or the good ones tell none."""
        known, rates = lone_rates(good), lone_rates(runs)
        known, told = known[np.isfinite(known)], np.isfinite(rates)
        found = np.full(len(runs), np.nan)
        if len(known) < _FEWEST_GOOD:
            return found
        spread = self.spread * np.sqrt(1.0 + 1.0 / len(known))
        away = (rates[told] - known.mean()) / spread
        strengths = np.geomspace(1.0, max(self.strongest / spread, 2.0), _STRENGTHS)
        slowed = np.logaddexp.reduce(_fit(away[:, None] + strengths), axis=1)
        found[told] = slowed - np.log(_STRENGTHS) - _fit(away)
        return found

    def to_arrays(self) -> dict[str, NDArray[Any]]:
        """What was learnt."""
        told = np.array([self.spread, self.strongest])
        return {"normal": np.array([self.normal]), "weak": self.weak, "told": told}

    @classmethod
    def from_arrays(cls, arrays: Mapping[str, NDArray[Any]]) -> Lone:
        """The same again. Raises KeyError where something is missing."""
        spread, strongest = arrays["told"].tolist()
        return cls(int(arrays["normal"][0]), arrays["weak"], spread, strongest)


def lone_of(runs: Collection, batches: Batches, close: Close | None) -> Lone | None:
    """What labelled runs teach of lone transfers; None where too few tell of any, or no class that
    slows them is nearly like normal runs.

    Args:
        runs: to learn from.
        batches: their clouds.
        close: those that are nearly alike.
    """
    if close is None or batches.normal < 0:
        return None
    rates, numbers = lone_rates(runs.runs), numbered(runs)[0]
    of, middles, spreads = [], [], []
    for number in range(batches.real):
        own = rates[(numbers == number) & np.isfinite(rates)]
        if len(own) < _FEWEST:
            continue
        middle = float(np.median(own))
        of.append(int(batches.of[number]))
        middles.append(middle)
        spreads.append(float(np.clip(own, middle - _ODD, middle + _ODD).std()))
    classes, rate = np.array(of), np.array(middles)
    normal = classes == batches.normal
    if not normal.any():
        return None
    spread = float(np.sqrt(np.mean(np.array(spreads)[normal] ** 2)))
    least = rate[normal].min()
    slowed = classes[rate < least - _BEYOND * spread]
    weak = np.intersect1d(np.setdiff1d(close.of, [batches.normal]), slowed)
    if not len(weak):
        return None
    return Lone(batches.normal, weak, spread, float(least - rate[np.isin(classes, weak)].min()))


def _fit(away: Floats) -> Floats:
    return np.asarray(-0.5 * (_TAILS + 1.0) * np.log1p(away**2 / _TAILS))
