"""What several runtimes would make of one job together, in a set of equally likely courses."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from itertools import product
from typing import final

import numpy as np

from lamina.estimates.distribution import Distribution, Floats
from lamina.estimates.stages import OVER
from lamina.planning.placement.view import View

COURSES = 32
"""Equally likely courses that stand for what may happen."""
EXCHANGE = 0.1
"""Seconds that a job has to gain for each second that an accelerator is held.

A worth, not a fit: an hour of an accelerator for six minutes of waiting that are saved.
"""
WASTE = 0.5
"""Seconds that a race has to gain for each second that an accelerator is held and then loses."""
PLAIN = 0.1
"""Devices that a runtime without any counts as: a machine of the cloud is held all the same, and
costs about a tenth of one with an accelerator."""
WORTH_ASKING = 0.5
"""Seconds that a request has to be expected to save, where giving it back in time costs nothing:
a deployment that comes to nothing still bothers whoever deploys it."""

_COURSES = np.arange(COURSES)
_NO_TIME: Floats = np.zeros(COURSES)
_STAGES = ("upload", "request", "deployment", "warm", "processing")
# Stages and runtimes are independent: each has an order of its own in which its quantiles meet
# those of others. Which orders these are does not matter; that they never change does.
_ORDERS = np.random.default_rng(0).permuted(np.tile(np.arange(COURSES), (60, 1)), axis=1)


@dataclass(eq=False, slots=True)
class Hand:
    """A runtime that works on a job or could.

    Args:
        runtime: which.
        rows: in each course, times in seconds from now: when it begins to be held (it is up),
            when its first item begins, seconds of each item, and those until results of the whole
            job are back; and of a second of holding it, how many of waiting it is worth, as it is
            scarce, and how many it costs, in money and energy.
    """

    runtime: str
    rows: Floats

    @property
    def dear(self) -> float:
        """Seconds of waiting that a second of holding it costs, in money and energy."""
        return float(self.rows[5, 0])

    def alone(self, items: float) -> Floats:
        """When it would be back with so many items."""
        _, first, item, fetch, _, _ = self.rows
        found: Floats = first + item * items + fetch
        return found


def at_best(hand: Hand) -> Hand:
    """As if a runtime came up as early as it may."""
    rows = hand.rows.copy()
    held = hand.rows[0]
    rows[0] = 0.0
    rows[1] = hand.rows[1] - held + held.min()
    return Hand(hand.runtime, rows)


def hands(view: View, names: Collection[str]) -> dict[str, Hand]:
    """Runtimes as hands, without those of which too little is known to say anything."""
    places = {name: place for place, name in enumerate(view.runtimes)}
    made = {name: _hand(view, name, places[name]) for name in names}
    return {name: hand for name, hand in made.items() if hand is not None}


def _hand(view: View, name: str, place: int) -> Hand | None:
    stages = view.stages(name)
    if not all(stages.values()):
        return None
    start, item = _pace(view, name)
    attempt = view.attempts.get(name)
    work, past, shared = stages["processing"], 0.0, False
    if attempt is not None and attempt.started is not None:
        past, shared = view.now - attempt.started, attempt.shared
        work = work if shared else work.beyond(past)
    # All of the work is as much longer or shorter as its whole is.
    factor = _drawn(work, place, len(_STAGES) - 1) / max(start + item * view.job.items, 1e-9)
    rows = np.empty((6, COURSES))
    rows[0], first = _ready(stages, place, view.queue(name))
    rows[1] = first = first + start * factor - past
    if shared:
        np.maximum(first, 0.0, out=rows[1])
    np.maximum(item * factor, 1e-9, out=rows[2])
    rows[3] = stages["fetch"].quantile(0.5) if "fetch" in stages else 0.0
    runtime = view.runtimes[name]
    rows[4] = 0.0 if runtime.standby else EXCHANGE * (runtime.devices or PLAIN)
    rows[5] = view.weights.price * runtime.price + view.weights.energy * runtime.power
    return Hand(name, rows)


def _ready(stages: Mapping[str, Distribution], place: int, queue: float) -> tuple[Floats, Floats]:
    """When a runtime begins to be held, and when it could begin to work."""
    upload, request, deployment, warm = (
        _drawn(stages.get(stage, OVER), place, number) for number, stage in enumerate(_STAGES[:-1])
    )
    held = deployment if request is _NO_TIME else request + deployment
    ready = held if upload is _NO_TIME else np.maximum(upload, held)
    if queue:
        held, ready = held + queue, ready + queue
    return held, ready if warm is _NO_TIME else ready + warm


def _drawn(stage: Distribution, place: int, number: int) -> Floats:
    if stage is OVER:
        return _NO_TIME
    order = _ORDERS[(place * len(_STAGES) + number) % len(_ORDERS)]
    found: Floats = stage.points[order]
    return found


def _pace(view: View, name: str) -> tuple[float, float]:
    """Seconds before the first item, and of each item: a line through all items and a tenth."""
    count = view.job.items
    whole = view.processing(name).quantile(0.5)
    few = max(count / 10.0, 1.0)
    if count <= few:
        return 0.0, whole / count
    part = view.middle(name, few)
    item = min(max((whole - part) / (count - few), 1e-3 * whole / count), whole / count)
    return whole - item * count, item


class Way(ABC):
    """How runtimes work on a job: in each course, when it is done, and what it costs to hold them
    so long, in seconds of waiting."""

    @final
    def __call__(self, working: Sequence[Hand], left: float) -> tuple[Floats, Floats]:
        """What some of them make of the items that are left."""
        over, price = self.joined(working[:-1], working[-1:], left)
        return over[0], price[0]

    @final
    def joined(
        self, working: Sequence[Hand], others: Sequence[Hand], left: float
    ) -> tuple[Floats, Floats]:
        """The same where one of some others works too: a row for each of these."""
        return self._of(_stacked(working), _stacked(others), left)

    @abstractmethod
    def _of(self, working: Floats, others: Floats, left: float) -> tuple[Floats, Floats]:
        """`joined` of rows as hands have them, by hand, row and course."""


def _stacked(group: Sequence[Hand]) -> Floats:
    if not group:
        return _NOBODY
    return np.array([hand.rows for hand in group])


_NOBODY: Floats = np.zeros((0, 6, COURSES))


class _Shared(Way):
    """All take items until there are none, as if items could be cut."""

    def _of(self, working: Floats, others: Floats, left: float) -> tuple[Floats, Floats]:
        held, first, item, fetch, scarce, dear = others.swapaxes(0, 1)
        rate = 1.0 / item
        begun = rate * first + left
        over = begun / rate
        if not len(working):
            over = over + fetch * (np.maximum(over - first, 0.0) * rate / max(left, 1e-9))
            return over, (scarce + dear) * np.maximum(over - held, 0.0)
        rates = 1.0 / working[:, 2]
        # Of some, those who begin first do it all; who begins later only matters if that is
        # sooner. So it is the least of what they make of it with the first one, the first two...
        missed, speed = _earlier(rates, working[:, 1])
        together = (missed + begun[:, None]) / (speed + rate[:, None])
        without = np.minimum.reduce((missed + left) / speed)
        over = np.minimum(np.minimum(over, without), np.minimum.reduce(together, axis=1))
        did = np.maximum(over[:, None] - working[:, 1], 0.0) * (rates * working[:, 3])
        back = fetch * rate * np.maximum(over - first, 0.0)
        over += np.maximum(back, np.maximum.reduce(did, axis=1)) / max(left, 1e-9)
        price = (working[:, 4] + working[:, 5]) * np.maximum(over[:, None] - working[:, 0], 0.0)
        own = (scarce + dear) * np.maximum(over - held, 0.0)
        return over, np.add.reduce(price, axis=1) + own


def _earlier(rates: Floats, firsts: Floats) -> tuple[Floats, Floats]:
    """Of those who begin first, how many ever: the items that they miss as they do not begin now,
    and what they do in a second. Of a few, that is told of any of them: none does better."""
    missed = rates * firsts
    some = _SOME.get(len(rates))
    if some is not None:
        return some.dot(missed), some.dot(rates)
    order = firsts.argsort(axis=0)
    missed, rates = missed[order, _COURSES], rates[order, _COURSES]
    return np.add.accumulate(missed), np.add.accumulate(rates)


_SOME: Mapping[int, Floats] = {
    count: np.array([some for some in product((0.0, 1.0), repeat=count) if any(some)])
    for count in (1, 2, 3)
}
"""Which of a few belong to each of the sums that there are: sooner done than sorting."""


class _Raced(Way):
    """All do all of it, and the first one counts: what the others held was for nothing."""

    def _of(self, working: Floats, others: Floats, left: float) -> tuple[Floats, Floats]:
        ends, own = _alone(working, left), _alone(others, left)
        over = np.minimum(own, np.minimum.reduce(ends)) if len(ends) else own
        price = _lost(others, own, over)
        if len(ends):
            price += np.add.reduce(_lost(working, ends, over[:, None]), axis=1)
        return over, price


def _alone(group: Floats, left: float) -> Floats:
    found: Floats = group[:, 1] + group[:, 2] * left + group[:, 3]
    return found


def _lost(group: Floats, ends: Floats, over: Floats) -> Floats:
    wasted = np.where(ends > over, group[:, 4] * (WASTE / EXCHANGE), 0.0)
    found: Floats = (wasted + group[:, 5]) * np.maximum(over - group[:, 0], 0.0)
    return found


shared: Way = _Shared()
raced: Way = _Raced()


@dataclass(frozen=True)
class Pick:
    """Who should work on a job.

    Args:
        chosen: runtimes, those first that were given.
        over: when the job is then expected to be done, in seconds from now.
        before: when it would be done by those that were given; infinite where nobody was.
        hopes: runtime that was not chosen -> seconds that it may be expected to save, as it can
            still be given back for nothing.
    """

    chosen: tuple[str, ...]
    over: float
    before: float
    hopes: Mapping[str, float]

    def worth_asking(self) -> list[str]:
        """Who was not chosen, but may turn out to be of use."""
        return [name for name, seconds in self.hopes.items() if seconds >= WORTH_ASKING]


def _mean(courses: Floats) -> float:
    return float(np.add.reduce(courses)) / COURSES


def pick(given: Sequence[Hand], others: Mapping[str, Hand], left: float, way: Way) -> Pick:
    """Adds to those who are given whoever makes waiting and costs together least, one by one."""
    working, open_ = list(given), list(others.values())
    before = over = total = _NEVER
    if working:
        before, price = way(working, left)
        over, total = before, before + price
    hopes: dict[str, float] = {}
    while open_:
        overs, prices = way.joined(working, open_, left)
        totals = overs + prices
        sums = np.add.reduce(totals, axis=1).tolist()
        least = min(sums)
        if least >= float(np.add.reduce(total)):
            saved = np.add.reduce(np.maximum(total - totals, 0.0), axis=1) / COURSES
            names = [hand.runtime for hand in open_]
            hopes = dict(zip(names, saved.tolist(), strict=True))
            break
        best = sums.index(least)
        over, total = overs[best], totals[best]
        working.append(open_.pop(best))
    chosen = tuple(hand.runtime for hand in working)
    return Pick(chosen, _mean(over), _mean(before), hopes)


_NEVER: Floats = np.full(COURSES, np.inf)
