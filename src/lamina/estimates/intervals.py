"""Intervals that hold what they promise: their width follows how often they held (conformal)."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Self

import numpy as np

from lamina.errors import DataError
from lamina.estimates.distribution import Distribution, Floats

LEVELS = (0.5, 0.8, 0.9)
RATE = 0.1
"""How fast parts follow: after T times the coverage is off by at most (their change) / (RATE T)."""

STRETCH = 5.0
"""How fast the stretch beyond all that was predicted grows, as the exponent of what is above 1."""
WIDEST = 3.0


class AdaptiveIntervals:
    """Adaptive conformal inference (Gibbs and Candes 2021) on the ranks that a predictor gives.

    An interval of a level spans the middle part of the distribution; which part is learnt: after
    a miss it gets wider, after a hit narrower, in the ratio that makes the level come true
    whatever the distribution is worth. A part beyond 1 stretches over all that was predicted.

    Args:
        levels: wanted probabilities, rising.
        rate: how fast parts follow.
    """

    def __init__(self, levels: tuple[float, ...] = LEVELS, rate: float = RATE) -> None:
        self.levels = levels
        self.rate = rate
        self.parts: Floats = np.array(levels, dtype=np.float64)
        self.held: Floats = np.zeros(len(levels))
        self.count = 0

    def update(self, predicted: Distribution, seconds: float) -> None:
        """Learns how a prediction came out; one of nothing teaches nothing."""
        if not predicted:
            return
        held = depth(predicted, seconds) <= self.parts
        self.parts = np.clip(self.parts + self.rate * (np.array(self.levels) - held), 0.0, WIDEST)
        self.held = self.held + held
        self.count += 1

    def interval(self, predicted: Distribution, level: float) -> tuple[float, float]:
        """Least and most seconds, between which it ends with the probability `level`."""
        part = float(self._part(np.array([level]))[0])
        low, high = _ends(predicted, np.array([part]))
        return float(low[0]), float(high[0])

    def calibrated(self, predicted: Distribution) -> Distribution:
        """The distribution whose middle parts are the intervals; its median stays."""
        if not predicted or not self.count:
            return predicted

        def quantile(asked: Floats) -> Floats:
            low, high = _ends(predicted, self._part(np.abs(2.0 * asked - 1.0)))
            return np.where(asked < 0.5, low, high)

        return Distribution.of(quantile)

    def coverage(self) -> dict[float, float]:
        """Level -> part of the outcomes that lay inside, so far."""
        return {
            level: float(held) / self.count if self.count else float("nan")
            for level, held in zip(self.levels, self.held, strict=True)
        }

    def to_document(self) -> dict[str, Any]:
        """Plain values."""
        return {
            "levels": list(self.levels),
            "rate": self.rate,
            "parts": self.parts.tolist(),
            "held": self.held.tolist(),
            "count": self.count,
        }

    @classmethod
    def from_document(cls, document: Mapping[str, Any]) -> Self:
        """What `to_document` gave."""
        try:
            made = cls(tuple(float(one) for one in document["levels"]), float(document["rate"]))
            made.parts = np.array([float(part) for part in document["parts"]])
            made.held = np.array([float(held) for held in document["held"]])
            made.count = int(document["count"])
        except (KeyError, TypeError, ValueError) as error:
            raise DataError(f"damaged document of intervals: {error!r}") from error
        return made

    def _part(self, levels: Floats) -> Floats:
        """The learnt parts, and straight lines between them; what is surer is never narrower."""
        known = np.maximum.accumulate(self.parts)
        parts: Floats = np.interp(
            levels, [0.0, *self.levels, 1.0], [0.0, *known, max(1.0, float(known[-1]))]
        )
        return parts


def depth(predicted: Distribution, seconds: float) -> float:
    """How far outside of the median it lies: 0 there, 1 at either end, more beyond it."""
    low, high = _whole(predicted)
    if seconds < low or seconds > high:
        beyond = low - seconds if seconds < low else seconds - high
        return 1.0 + float(np.log1p(beyond / _half(low, high))) / STRETCH
    return abs(2.0 * predicted.probability(seconds) - 1.0)


def _whole(predicted: Distribution) -> tuple[float, float]:
    return float(predicted.values[0]), float(predicted.quantile(1.0))


def _half(low: float, high: float) -> float:
    return max((high - low) / 2.0, 1e-3 * abs(high), 1e-9)


def _ends(predicted: Distribution, parts: Floats) -> tuple[Floats, Floats]:
    """Both ends of middle parts."""
    inside = np.minimum(parts, 1.0)
    low, high = _whole(predicted)
    stretch = np.expm1(STRETCH * np.maximum(parts - 1.0, 0.0)) * _half(low, high)
    return (
        np.maximum(predicted.quantiles(0.5 - inside / 2.0) - stretch, 0.0),
        predicted.quantiles(0.5 + inside / 2.0) + stretch,
    )
