"""What recorded attempts teach of the tasks of a workflow; loads nothing, for dry runs.

The predictors of this room need NumPy, which alone takes longer to load than a dry run may. Here
the past is at most a few hundred attempts of a task, and lists will do.
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import accumulate
from math import exp, log
from typing import NamedTuple

KEEP = 0.97
"""Part of its weight that an attempt keeps when a newer one comes."""
OTHER_CODE = 0.2
"""What an attempt of other code counts: an edit changes some tasks' times, not most."""
NEWEST = 60
"""Attempts of a task that count."""
STEEPEST = 2.0
"""Power of the size that time may grow with: 1 is linear."""
TRUST = {1: 0.0, 2: 0.5}
"""Different sizes that were seen -> part of the slope that is believed; all of it from three on."""
SPREAD = 0.3
"""Of the logarithm of a time before anything is known of it."""
_LEAST = 1e-6


class Observation(NamedTuple):
    """An attempt that is over.

    Args:
        task: its name in the workflow.
        code: digest of what it runs; empty where that is not known.
        size: bytes of its inputs.
        seconds: that it ran.
        censored: it was ended after that (cancelled, out of time): it would have run longer.
    """

    task: str
    code: str
    size: float
    seconds: float
    censored: bool = False


class Tried(NamedTuple):
    """A stage of an attempt that was placed.

    Args:
        task: its name in the workflow.
        runtime: where it ran.
        stage: "processing", "deployment", "warm".
        items: how much there was to do.
        seconds: that the stage took.
    """

    task: str
    runtime: str
    stage: str
    items: float
    seconds: float


@dataclass(frozen=True)
class Expected:
    """What a task is expected to take.

    Args:
        seconds: as likely too much as too little.
        low, high: seconds, between which it ends in four of five cases.
        count: attempts that this was learnt from.
    """

    seconds: float
    low: float
    high: float
    count: int


class TaskTimes:
    """Expected times of tasks, learnt from attempts.

    The time of a task grows with a power of its input's size that a robust slope tells
    (Theil and Sen, on logarithms); around it lie the weighted errors of the past. Where all that
    is known was cut off, the longest of it is what is said.

    Args:
        observations: the newest first.
    """

    def __init__(self, observations: Iterable[Observation] = ()) -> None:
        self._past: dict[str, list[Observation]] = {}
        for one in observations:
            own = self._past.setdefault(one.task, [])
            if len(own) < NEWEST:
                own.append(one)
        self._slopes: dict[str, float] = {}

    def expected(self, task: str, code: str = "", size: float | None = None) -> Expected | None:
        """What an attempt is expected to take.

        Args:
            task: its name.
            code: digest of what it will run; empty where that is not known.
            size: bytes of its inputs; None where they are not known.

        Returns:
            None where no attempt of the task is known.
        """
        past = self._past.get(task)
        if not past:
            return None
        if task not in self._slopes:
            self._slopes[task] = _slope([one for one in past if not one.censored])
        slope = self._slopes[task] if size is not None else 0.0
        here = log(max(size or 0.0, 1.0))
        levels = [
            (log(max(one.seconds, _LEAST)) + slope * (here - log(max(one.size, 1.0))), one.censored)
            for one in past
        ]
        weights = [
            KEEP**age * (OTHER_CODE if code and one.code and one.code != code else 1.0)
            for age, one in enumerate(past)
        ]
        low, middle, high = _quantiles(levels, weights, (0.1, 0.5, 0.9))
        doubt = SPREAD * 1.28 / len(past) ** 0.5
        return Expected(
            exp(middle), exp(min(low, middle - doubt)), exp(max(high, middle + doubt)), len(past)
        )


def _slope(past: Sequence[Observation]) -> float:
    """Power of the size that the seconds grow with; shrunk to 0 where sizes hardly differ."""
    points = [(log(max(one.size, 1.0)), log(max(one.seconds, _LEAST))) for one in past]
    slopes = sorted(
        (second[1] - first[1]) / (second[0] - first[0])
        for place, first in enumerate(points)
        for second in points[place + 1 :]
        if abs(second[0] - first[0]) > log(1.5)
    )
    if not slopes:
        return 0.0
    # A size that was seen once more tells no more of the slope: distinct ones count.
    distinct = len({round(point[0], 1) for point in points})
    found = min(max(slopes[len(slopes) // 2], 0.0), STEEPEST)
    return found * TRUST.get(distinct, 1.0)


def _quantiles(
    levels: Sequence[tuple[float, bool]], weights: Sequence[float], asked: Sequence[float]
) -> list[float]:
    """Weighted quantiles; the weight of what was cut off goes to all beyond it (Efron 1967)."""
    rows = sorted(zip(levels, weights, strict=True))
    values, shares = [], []
    factor, left = 1.0, sum(weights)
    for (level, censored), weight in rows:
        left -= weight
        if censored and left > 1e-12:
            factor *= (left + weight) / left
        else:
            values.append(level)
            shares.append(weight * factor)
    sums = list(accumulate(shares))
    middles = [(total - share / 2) / sums[-1] for total, share in zip(sums, shares, strict=True)]
    return [_between(middles, values, one) for one in asked]


def _between(middles: Sequence[float], values: Sequence[float], asked: float) -> float:
    after = bisect_left(middles, asked)
    if after == 0:
        return values[0]
    if after == len(values):
        return values[-1]
    part = (asked - middles[after - 1]) / (middles[after] - middles[after - 1])
    return values[after - 1] + part * (values[after] - values[after - 1])
