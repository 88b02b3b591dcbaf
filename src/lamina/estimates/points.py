"""Predictors that say one number: what they missed by so far makes it a distribution."""

from __future__ import annotations

from abc import abstractmethod
from collections import deque
from collections.abc import Mapping
from functools import lru_cache
from math import isfinite, log
from typing import Any, ClassVar, Self, final

import numpy as np

from lamina.errors import DataError
from lamina.estimates.base import Predictor, Work, lasted
from lamina.estimates.distribution import Distribution, Floats
from lamina.estimates.lines import median

SPREAD = 0.5
"""Of the logarithm of a time that little is known of: two in three within a factor of 1.6."""
MISSES = 60
"""Errors that a predictor remembers."""
BELIEF = 5.0
"""Made-up errors of width SPREAD that the first real ones stand beside."""
_NORMAL = np.array([-1.64, -1.04, -0.67, -0.39, -0.13, 0.13, 0.39, 0.67, 1.04, 1.64])

_USUAL: Floats = SPREAD * _NORMAL
_FAR = 4.0


class Misses:
    """Relative errors of predictions that were made before the outcome was known.

    Args:
        past: those to begin with, oldest first.
        memory: how many count.
        power: of a time, by which its relative errors shrink. 0 where all of it is slower or
            faster at once (a link); 0.5 where it is the sum of many parts, each with an error of
            its own: then an error of a small task says little of a large one.
    """

    def __init__(
        self, past: list[float] | None = None, memory: int = MISSES, power: float = 0.0
    ) -> None:
        self.past: deque[float] = deque(past or [], maxlen=memory)
        self.power = power
        self._around: Distribution | None = None
        self._centred: Floats | None = None
        self._said: dict[float, Distribution] = {}

    def add(self, said: float, seconds: float) -> None:
        """One more: what was said, and what came."""
        if isfinite(said) and said > 0.0:
            error = log(max(seconds, 1e-6) / max(said, 1e-6))
            self.past.append(error * max(said, 1e-6) ** self.power)
            self._around = self._centred = None
            self._said.clear()

    def around(self, said: float) -> Distribution:
        """A prediction with the errors of the earlier ones around it; it stays the median."""
        if not isfinite(said):
            return Distribution.unknown()
        found = self._said.get(said)
        if found is None:
            around = self._around
            if around is None:
                around = self._factors(max(said, 1e-6) ** self.power)
                self._around = None if self.power else around
            if len(self._said) >= MISSES:
                self._said.clear()
            found = self._said[said] = around.scaled(max(said, 0.0) / around.quantile(0.5))
        return found

    def _factors(self, scale: float) -> Distribution:
        """Those that predictions were off by, but for a factor of all."""
        count = len(self.past)
        steps = np.empty(count + _NORMAL.size)
        steps[count:] = _USUAL
        if count:
            if self._centred is None:
                seen = np.array(self.past, dtype=np.float64)
                seen.sort()
                self._centred = seen - median(seen)
            real = np.divide(self._centred, scale, steps[:count])
            if real[0] < -_FAR or real[-1] > _FAR:
                np.minimum(np.maximum(real, -_FAR, out=real), _FAR, out=real)
        order = steps.argsort(kind="stable")
        return Distribution.rising(np.exp(steps[order]), _beliefs(count)[order])


@lru_cache
def _beliefs(count: int) -> Floats:
    """What so many real errors count, and the made-up ones behind them."""
    found = np.ones(count + _NORMAL.size)
    found[count:] = BELIEF / (1.0 + count) / _NORMAL.size
    found.flags.writeable = False
    return found


class PointPredictor(Predictor):
    """Keeps the last observations, fits once after each, and says one number.

    What was cancelled or timed out teaches it nothing, as in the paper's predictors, unless a
    class says otherwise.

    Args:
        memory: how many observations it keeps.
    """

    MEMORY: ClassVar[int] = 10

    def __init__(self, memory: int = 0) -> None:
        self.memory = memory or self.MEMORY
        self.rows: deque[tuple[Work, float]] = deque(maxlen=self.memory)
        self._columns: Floats | None = None
        """Sizes and seconds, with room for more behind them."""
        self._last = 0
        self.misses = Misses()
        self.count = 0

    @abstractmethod
    def fit(self) -> None:
        """Learns from `rows`; called after each observation."""

    @abstractmethod
    def point(self, x: Work) -> float:
        """The seconds that are most likely; NaN before anything was learnt."""

    @final
    def update(self, x: Work, y: float, censored: bool = False) -> None:
        """Learns an observation that came to its end."""
        seconds = lasted(y)
        if not censored:
            self.learn(x, seconds, self.point(x))

    @final
    def learn(self, x: Work, seconds: float, said: float) -> None:
        """`update` for whoever knows already what `point` says of this work."""
        self.misses.add(said, seconds)
        self._keep(x.size, seconds)
        self.rows.append((x, seconds))
        self.count += 1
        self.fit()

    @final
    def predict(self, x: Work) -> Distribution:
        """The number, and around it what the earlier ones missed by."""
        return self.misses.around(self.point(x))

    @final
    def middle(self, x: Work) -> float:
        """The number."""
        said = self.point(x)
        return max(said, 0.0) if isfinite(said) else float("nan")

    def to_document(self) -> dict[str, Any]:
        """Its last observations and errors."""
        return {
            "predictor": self.name,
            "memory": self.memory,
            "count": self.count,
            "rows": [x.to_row(y) for x, y in self.rows],
            "misses": list(self.misses.past),
        }

    @classmethod
    def from_document(cls, document: Mapping[str, Any]) -> Self:
        """Learns its last observations again."""
        try:
            made = cls(int(document["memory"]))
            made.rows.extend(Work.of_row(row) for row in document["rows"])
            made.misses = Misses([float(miss) for miss in document["misses"]])
            made.count = int(document["count"])
        except (KeyError, TypeError, ValueError) as error:
            raise DataError(
                f"a damaged document of the predictor {cls.name!r}: {error!r}"
            ) from error
        made.restore(document)
        if made.rows:
            made.fit()
        return made

    def restore(self, document: Mapping[str, Any]) -> None:
        """Takes what a class keeps besides; called before `fit`."""

    @final
    def sizes(self) -> Floats:
        """Of the observations, oldest first; not to be changed."""
        return self._arrays()[0, self._last - len(self.rows) : self._last]

    @final
    def seconds(self) -> Floats:
        """Of the observations, oldest first; not to be changed."""
        return self._arrays()[1, self._last - len(self.rows) : self._last]

    def _arrays(self) -> Floats:
        if self._columns is None:
            self._columns = np.empty((2, 2 * self.memory))
            self._last = len(self.rows)
            self._columns[:, : self._last] = (
                np.array([(x.size, y) for x, y in self.rows]).reshape(-1, 2).T
            )
        return self._columns

    def _keep(self, size: float, seconds: float) -> None:
        """Puts an observation behind the others; they are moved to the front only now and then."""
        columns = self._arrays()
        if self._last == columns.shape[1]:
            kept = self.memory - 1
            columns[:, :kept] = columns[:, self._last - kept :]
            self._last = kept
        columns[0, self._last], columns[1, self._last] = size, seconds
        self._last += 1
