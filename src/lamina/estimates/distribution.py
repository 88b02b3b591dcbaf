"""Times as distributions: weighted values, a Pareto tail, and what can be asked of them."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

Floats = NDArray[np.floating[Any]]

POINTS = 32
"""Values that stand for a distribution where two are combined."""

_MIDDLES: Floats = (np.arange(POINTS) + 0.5) / POINTS
_EQUAL: Floats = np.full(POINTS, 1.0 / POINTS)

HEAVY = 1.5
"""Pareto index where a wait has outlasted all that was ever seen: the longer, the longer yet."""


@dataclass(frozen=True, eq=False)
class Distribution:
    """Seconds that something may take. Empty where nothing is known: all answers are NaN then.

    Args:
        values: in seconds; sorted here.
        weights: of the values; equal unless given, and scaled to a sum of one.
        tail: Pareto index of what lies beyond the last value; 0 for no tail.
    """

    values: Floats
    weights: Floats = field(default_factory=lambda: np.zeros(0))
    tail: float = 0.0
    _middles: Floats = field(init=False, repr=False)

    def __post_init__(self) -> None:
        values = np.asarray(self.values, dtype=np.float64).ravel()
        given = np.asarray(self.weights, dtype=np.float64).ravel()
        weights = given if given.size else np.ones_like(values)
        order = np.argsort(values, kind="stable")
        object.__setattr__(self, "values", values[order])
        object.__setattr__(self, "weights", weights[order] / max(weights.sum(), 1e-300))
        object.__setattr__(self, "_middles", np.cumsum(self.weights) - self.weights / 2)

    @classmethod
    def at(cls, seconds: float) -> Distribution:
        """A time that is certain."""
        return cls(np.array([seconds]))

    @classmethod
    def unknown(cls) -> Distribution:
        """A time that nothing is known of."""
        return _UNKNOWN

    @classmethod
    def of(cls, quantile: Callable[[Floats], Floats], points: int = POINTS) -> Distribution:
        """One given by its quantiles, as `points` values of equal weight."""
        asked = _MIDDLES if points == POINTS else (np.arange(points) + 0.5) / points
        weights = _EQUAL if points == POINTS else np.full(points, 1.0 / points)
        return cls._sorted(quantile(asked), weights, 0.0, asked)

    @classmethod
    def rising(cls, values: Floats, weights: Floats, tail: float = 0.0) -> Distribution:
        """One whose values are known to rise."""
        parts = weights / max(float(weights.sum()), 1e-300)
        return cls._sorted(values, parts, tail, parts.cumsum() - parts / 2)

    @classmethod
    def _sorted(cls, values: Floats, weights: Floats, tail: float, middles: Floats) -> Distribution:
        """One whose values are known to rise, and whose weights to add up; nothing is checked."""
        made = object.__new__(cls)
        made.__dict__.update(values=values, weights=weights, tail=tail, _middles=middles)
        return made

    def __bool__(self) -> bool:
        return self.values.size > 0

    def __len__(self) -> int:
        return int(self.values.size)

    @property
    def middles(self) -> Floats:
        """Probability of taking less than each value, half of its own weight counted."""
        return self._middles

    @property
    def mean(self) -> float:
        """Expected seconds."""
        if not self:
            return float("nan")
        plain = float(self.weights @ self.values)
        if self.tail <= 1.0:
            return plain
        # The upper half of the last weight lies on the tail.
        beyond = float(self.weights[-1]) / 2 * float(self.values[-1])
        return plain + beyond / (self.tail - 1.0)

    @property
    def points(self) -> Floats:
        """POINTS values of equal weight that stand for it; not to be changed."""
        kept = self.__dict__.get("_points")
        if kept is None:
            if self._middles is _MIDDLES and not self.tail:
                kept = self.values
            elif "_scaled" in self.__dict__:
                whole, factor = self.__dict__["_scaled"]
                kept = whole.points * factor
            else:
                kept = self._at(_MIDDLES)
            self.__dict__["_points"] = kept
        found: Floats = kept
        return found

    def quantile(self, probability: float) -> float:
        """Seconds within which it is done with a probability."""
        values, middles = self.values, self._middles
        if not values.size:
            return float("nan")
        asked = min(max(probability, 0.0), 1.0)
        after = int(middles.searchsorted(asked, "right"))
        if after == values.size:
            beyond = self.tail > 0.0 and asked > middles[-1]
            return float(self.quantiles([asked])[0] if beyond else values[-1])
        if after == 0:
            return float(values[0])
        below, left = values.item(after - 1), middles.item(after - 1)
        slope = (values.item(after) - below) / (middles.item(after) - left)
        return float(slope * (asked - left) + below)

    def quantiles(self, probabilities: ArrayLike) -> Floats:
        """`quantile` of many probabilities."""
        asked = np.minimum(np.maximum(np.asarray(probabilities, dtype=np.float64), 0.0), 1.0)
        return self._at(asked)

    def _at(self, asked: Floats) -> Floats:
        """`quantiles`, of probabilities that are some."""
        if not self:
            return np.full(asked.shape, np.nan)
        found: Floats = np.interp(asked, self._middles, self.values)
        last = float(self._middles[-1])
        if self.tail > 0.0 and self.values[-1] > 0.0:
            left = 1.0 - last
            ratio = np.maximum(left / np.maximum(1.0 - asked, left * 1e-4), 1.0)
            found = np.where(asked > last, self.values[-1] * ratio ** (1.0 / self.tail), found)
        return found

    def probability(self, seconds: float) -> float:
        """How likely it is done within `seconds`."""
        if not self:
            return float("nan")
        first, last = float(self.values[0]), float(self.values[-1])
        if seconds < first:
            return 0.0
        if seconds >= last:
            if self.tail <= 0.0 or last <= 0.0:
                return 1.0
            left = 1.0 - float(self.middles[-1])
            return 1.0 - left * float((last / seconds) ** self.tail)
        # Of equal values the last counts: "within" includes them.
        after = int(np.searchsorted(self.values, seconds, side="right"))
        below, above = self.values[after - 1], self.values[after]
        part = (seconds - below) / (above - below)
        return float(
            self.middles[after - 1] + part * (self.middles[after] - self.middles[after - 1])
        )

    def sample(self, source: np.random.Generator, count: int = 1) -> Floats:
        """Seconds drawn at random, with the random source that is handed in."""
        return self.quantiles(source.random(count))

    def beyond(self, waited: float) -> Distribution:
        """The same time, once it is known to be more than `waited` seconds."""
        if not self or waited <= float(self.values[0]):
            return self
        gone = self.probability(waited)
        if gone >= 1.0 - 1e-9:
            return Distribution.of(lambda u: waited * (1.0 - u) ** (-1.0 / HEAVY))
        return Distribution.of(lambda u: np.maximum(self._at(gone + (1.0 - gone) * u), waited))

    def shifted(self, seconds: float) -> Distribution:
        """So many seconds more (or less); no time gets below zero."""
        # A Pareto tail does not stay one when it is moved; its quantiles do.
        moved = self if not self.tail else Distribution.of(self.quantiles)
        values = np.maximum(moved.values + seconds, 0.0)
        return self._sorted(values, moved.weights, 0.0, moved.middles)

    def scaled(self, factor: float) -> Distribution:
        """So many times as long."""
        made = self._sorted(self.values * factor, self.weights, self.tail, self.middles)
        made.__dict__["_scaled"] = (self, factor)  # its points are known once those of this are
        return made

    def to_document(self) -> dict[str, Any]:
        """Plain values."""
        return {
            "values": self.values.tolist(), "weights": self.weights.tolist(), "tail": self.tail,
        }  # fmt: skip

    @classmethod
    def from_document(cls, document: dict[str, Any]) -> Distribution:
        """What `to_document` gave."""
        return cls(
            np.array(document["values"]), np.array(document["weights"]), float(document["tail"])
        )


_UNKNOWN = Distribution(np.zeros(0))


def added(parts: Sequence[Distribution]) -> Distribution:
    """Parts that follow each other, each independent of the others."""
    return _combined(parts, np.add.outer)


def latest(parts: Sequence[Distribution]) -> Distribution:
    """Parts that begin together: until the last of them is done."""
    return _combined(parts, np.maximum.outer)


def _combined(parts: Sequence[Distribution], outer: Callable[..., Any]) -> Distribution:
    if not parts or not all(parts):
        return Distribution.unknown()
    whole = parts[0]
    for part in parts[1:]:
        if _certain(whole) or _certain(part):
            both = outer(_points(whole), _points(part)).ravel()
            whole = Distribution(both)
            continue
        both = outer(whole.points, part.points).ravel()
        both.sort()
        # Means of neighbours: the sum keeps its mean, and each value its weight.
        means = np.add.reduce(both.reshape(POINTS, POINTS), axis=1) / POINTS
        whole = Distribution._sorted(means, _EQUAL, 0.0, _MIDDLES)
    return whole


def _certain(whole: Distribution) -> bool:
    return len(whole) == 1 and not whole.tail


def _points(whole: Distribution) -> Floats:
    """Values of equal weight that stand for it: POINTS, or the one that is certain."""
    return whole.values if _certain(whole) else whole.points
