"""What several runtimes would make of one job together, in a set of equally likely courses."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np

from lamina.estimates.distribution import Distribution, Floats
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

_MIDDLES: Floats = (np.arange(COURSES) + 0.5) / COURSES
_COURSES = np.arange(COURSES)
_NO_TIME: Floats = np.zeros(COURSES)
_STAGES = ("upload", "request", "deployment", "warm", "processing")
# Stages and runtimes are independent: each has an order of its own in which its quantiles meet
# those of others. Which orders these are does not matter; that they never change does.
_ORDERS = np.random.default_rng(0).permuted(np.tile(np.arange(COURSES), (60, 1)), axis=1)


@dataclass(frozen=True)
class Hand:
    """A runtime that works on a job or could; times in seconds from now, one per course.

    Args:
        runtime: which.
        held: when it begins to be held: it is up.
        first: when its first item begins.
        item: seconds of each item.
        fetch: seconds until results of the whole job are back.
        scarce: seconds of waiting that a second of holding it is worth, as it is scarce.
        dear: seconds of waiting that a second of holding it costs, in money and energy.
    """

    runtime: str
    held: Floats
    first: Floats
    item: Floats
    fetch: float
    scarce: float
    dear: float

    def alone(self, items: float) -> Floats:
        """When it would be back with so many items."""
        found: Floats = self.first + self.item * items + self.fetch
        return found


def at_best(hand: Hand) -> Hand:
    """As if a runtime came up as early as it may."""
    return replace(hand, held=hand.held * 0.0, first=hand.first - hand.held + hand.held.min())


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
    begun = None if attempt is None else attempt.started
    work = stages["processing"]
    if begun is not None and attempt is not None and not attempt.shared:
        work = work.beyond(view.now - begun)
    upload, request, deployment, warm = (
        _drawn(stages.get(stage), place, number) for number, stage in enumerate(_STAGES[:-1])
    )
    whole = _drawn(work, place, len(_STAGES) - 1)
    queue = view.queue(name)
    held = request + deployment + queue
    ready = np.maximum(upload + queue, held) + warm
    # All of the work is as much longer or shorter as its whole is.
    factor = whole / max(start + item * view.job.items, 1e-9)
    first = ready + start * factor
    if begun is not None and attempt is not None:
        first = first + begun - view.now
        first = np.maximum(first, 0.0) if attempt.shared else first
    runtime = view.runtimes[name]
    fetch = stages["fetch"].quantile(0.5) if "fetch" in stages else 0.0
    scarce = 0.0 if runtime.standby else EXCHANGE * (runtime.devices or PLAIN)
    dear = view.weights.price * runtime.price + view.weights.energy * runtime.power
    return Hand(name, held, first, np.maximum(item * factor, 1e-9), fetch, scarce, dear)


def _drawn(stage: Distribution | None, place: int, number: int) -> Floats:
    if stage is None:
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


Way = Callable[[Sequence[Hand], float], tuple[Floats, Floats]]
"""Hands and the items that are left -> in each course, when the job is done, and what it costs
to hold them so long, in seconds of waiting."""


def shared(working: Sequence[Hand], left: float) -> tuple[Floats, Floats]:
    """All take items until there are none, as if items could be cut."""
    firsts = np.array([hand.first for hand in working])
    rates = 1.0 / np.array([hand.item for hand in working])
    order = firsts.argsort(axis=0)
    first, rate = firsts[order, _COURSES], rates[order, _COURSES]
    # Of those who begin first, some do it all; who begins later only matters if that is sooner.
    ends = (left + np.add.accumulate(rate * first)) / np.add.accumulate(rate)
    over = np.minimum.reduce(ends)
    did = np.maximum(over - firsts, 0.0) * rates / max(left, 1e-9)
    fetches = np.array([[hand.fetch] for hand in working])
    over = over + np.maximum.reduce(fetches * did)
    price = sum((hand.scarce + hand.dear) * np.maximum(over - hand.held, 0.0) for hand in working)
    return over, np.asarray(price)


def raced(working: Sequence[Hand], left: float) -> tuple[Floats, Floats]:
    """All do all of it, and the first one counts: what the others held was for nothing."""
    ends = np.array([hand.alone(left) for hand in working])
    over = ends.min(axis=0)
    price = np.zeros_like(over)
    for end, hand in zip(ends, working, strict=True):
        wasted = np.where(end > over, hand.scarce * WASTE / EXCHANGE, 0.0)
        price = price + (wasted + hand.dear) * np.maximum(over - hand.held, 0.0)
    return over, price


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
    working, open_ = list(given), dict(others)
    before = over = np.full(COURSES, np.inf)
    total = over
    if working:
        before, price = way(working, left)
        over, total = before, before + price
    while True:
        tried = {name: way([*working, hand], left) for name, hand in open_.items()}
        sums = {name: _mean(over + price) for name, (over, price) in tried.items()}
        best = min(sums, key=lambda name: sums[name], default=None)
        if best is None or sums[best] >= _mean(total):
            break
        over, price = tried[best]
        total = over + price
        working.append(open_.pop(best))
    hopes = {
        name: _mean(np.maximum(total - over - price, 0.0)) for name, (over, price) in tried.items()
    }
    chosen = tuple(hand.runtime for hand in working)
    return Pick(chosen, _mean(over), _mean(before), hopes)
