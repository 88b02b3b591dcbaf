"""Deployment times as they are: quantiles of a fading past, a heavy tail, changes noticed."""

from __future__ import annotations

from collections import deque
from collections.abc import Mapping
from typing import Any, ClassVar, Self

import numpy as np

from lamina.errors import DataError
from lamina.estimates.base import Predictor, Work, lasted
from lamina.estimates.distribution import Distribution, Floats
from lamina.estimates.points import Misses

MEMORY = 300
HALF_LIFE = 60.0
"""Observations after which one counts half; the lag-1 correlation of such times is near none."""
TAIL_PART = 0.1
TAIL_INDEX, TAIL_BELIEF = 2.5, 10.0
"""Of the Pareto tail before anything is seen, and the exceedances that this is worth."""
SLACK, ALARM = 0.75, 4.0
"""Of the two-sided CUSUM, in standard deviations of a rank (a shift of 1.5 is to be seen)."""
FORGET = 0.05
"""What observations from before a change still count."""
KEPT = 5
"""Observations that a change keeps as its own: those that raised the alarm."""


class DecayedQuantiles(Predictor):
    """Weighted empirical quantiles; times that were cut off count by Kaplan and Meier (1958).

    What was cancelled or timed out would have taken longer: its weight moves to the times beyond
    it. Without that, hedging, which cancels whoever is late, would make history look too good.
    """

    name: ClassVar[str] = "decayed-quantiles"

    def __init__(self, half_life: float = HALF_LIFE) -> None:
        self.half_life = half_life
        self.rows: deque[tuple[float, bool, float]] = deque(maxlen=MEMORY)
        """Seconds, whether they were cut off, and what they count besides their age."""
        self.up = self.down = 0.0
        self.changes = 0
        self._known = Distribution.unknown()
        self._kept: Floats | None = None
        """`rows` as columns, with room for more behind them."""
        self._last = 0
        self._fading = 0.5 ** (np.arange(MEMORY)[::-1] / half_life)

    def update(self, x: Work, y: float, censored: bool = False) -> None:
        """Learns a time, or that it was longer than `y`."""
        del x
        self._watch(lasted(y), censored)
        self.rows.append((float(y), bool(censored), 1.0))
        if self._kept is not None and self._last < self._kept.shape[1]:
            self._kept[:, self._last] = self.rows[-1]
            self._last += 1
        else:
            self._kept = None
        self._known = self._learnt()

    def predict(self, x: Work) -> Distribution:
        """The same whatever the work."""
        del x
        return self._known

    def to_document(self) -> dict[str, Any]:
        """Its observations, and how near it is to an alarm."""
        return {
            "predictor": self.name,
            "half_life": self.half_life,
            "rows": [list(row) for row in self.rows],
            "watch": [self.up, self.down, self.changes],
        }

    @classmethod
    def from_document(cls, document: Mapping[str, Any]) -> Self:
        """Its observations, weighed again."""
        try:
            made = cls(float(document["half_life"]))
            made.rows.extend(
                (float(y), bool(cut), float(part)) for y, cut, part in document["rows"]
            )
            up, down, changes = document["watch"]
            made.up, made.down, made.changes = float(up), float(down), int(changes)
        except (KeyError, TypeError, ValueError) as error:
            raise DataError(
                f"a damaged document of the predictor {cls.name!r}: {error!r}"
            ) from error
        if made.rows:
            made._known = made._learnt()
        return made

    def _watch(self, y: float, censored: bool) -> None:
        """CUSUM over ranks: under no change these are uniform, whatever the times look like."""
        if len(self.rows) < 2 * KEPT:
            return
        rank = self._known.probability(y)
        if censored:
            rank = (1.0 + rank) / 2.0  # somewhere above
        step = (rank - 0.5) * np.sqrt(12.0)
        self.up = max(0.0, self.up + step - SLACK)
        self.down = max(0.0, self.down - step - SLACK)
        if max(self.up, self.down) > ALARM:
            old = len(self.rows) - KEPT
            again = [
                (time, cut, part * (FORGET if place < old else 1.0))
                for place, (time, cut, part) in enumerate(self.rows)
            ]
            self.rows.clear()
            self.rows.extend(again)
            self._kept = None
            self.up = self.down = 0.0
            self.changes += 1

    def _learnt(self) -> Distribution:
        times, cut, parts = self._columns()
        counts = parts * self._fading[MEMORY - times.size :]
        whole = float(np.add.reduce(counts))
        if not np.add.reduce(cut):  # nothing to estimate: what was seen is what there is
            order = times.argsort(kind="stable")
            values, weights, left = times[order], counts[order] / whole, 0.0
        else:
            values, weights, left = survived(times, cut > 0.0, counts)
        if not values.size:  # all were cut off: the least that is known
            return Distribution(np.sort(times) * 1.5, tail=TAIL_INDEX)
        if whole < 2.0 * KEPT:
            return _doubted(values, weights, left)
        index = _tail(values, weights)
        if left > 0.0:
            values, weights = _carried_on(values, weights, left, float(times.max()), index)
        return Distribution.rising(values, weights, index)

    def _columns(self) -> Floats:
        """`rows` as arrays."""
        count = len(self.rows)
        if self._kept is None:
            self._kept, self._last = np.empty((3, 2 * MEMORY)), count
            self._kept[:, :count] = np.array(self.rows).T
        return self._kept[:, self._last - count : self._last]


def survived(times: Floats, cut: Any, counts: Floats) -> tuple[Floats, Floats, float]:
    """Kaplan and Meier's estimate with weights.

    Args:
        times: seconds.
        cut: whether each was cut off there.
        counts: how much each counts.

    Returns:
        Times that came to their end, their probabilities, and the probability beyond the last.
    """
    # At equal times the ends come first: what was cut off there lasted longer.
    order = np.lexsort((cut, times))
    times, ended, counts = times[order], ~np.asarray(cut)[order], counts[order]
    at_risk = np.add.accumulate(counts[::-1])[::-1]
    steps = 1.0 - counts * ended / at_risk
    after = np.empty(times.size + 1)
    after[0] = 1.0
    np.multiply.accumulate(np.maximum(steps, 0.0, out=steps), out=after[1:])
    return times[ended], (after[:-1] - after[1:])[ended], 0.0 if ended[-1] else float(after[-1])


def _tail(values: Floats, weights: Floats) -> float:
    """Hill's estimate of the Pareto index over the last tenth, shrunk to what is usual.

    The values rise.
    """
    last = np.add.accumulate(weights[::-1])
    count = int(last.searchsorted(TAIL_PART * float(last[-1]) + 1e-12, side="right"))
    start = float(values[max(values.size - count - 1, 0)])
    if not count or start <= 0.0:
        return TAIL_INDEX
    steps = float(np.add.reduce(np.log(values[values.size - count :] / start)))
    return min(max((count + TAIL_BELIEF) / (steps + TAIL_BELIEF / TAIL_INDEX), 1.2), 10.0)


def _carried_on(
    values: Floats, weights: Floats, left: float, longest: float, index: float
) -> tuple[Floats, Floats]:
    """What outlasted all that was seen, on a Pareto tail from the longest time known."""
    parts = (np.arange(8) + 0.5) / 8
    beyond = longest * (1.0 - parts) ** (-1.0 / index)
    return np.concatenate([values, beyond]), np.concatenate([weights, np.full(8, left / 8)])


def _doubted(values: Floats, weights: Floats, left: float) -> Distribution:
    """A few times only: the spread of what little is known, around their median."""
    middle = Distribution(values, weights).quantile(min(0.5 / max(1.0 - left, 0.5), 1.0))
    around = Misses().around(middle)
    own = weights.sum() * values.size / 5.0
    return Distribution(
        np.concatenate([values, around.values]),
        np.concatenate([weights * values.size / 5.0, around.weights * max(2.0 - own, 0.4)]),
        TAIL_INDEX,
    )
