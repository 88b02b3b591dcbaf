"""Items of a job, and those who work on them: when they are done, and how far they are."""

from __future__ import annotations

from dataclasses import dataclass, field
from math import floor, inf, ulp

from lamina.planning.placement.words import Pace, Share


@dataclass
class Worker:
    """Who works on a job.

    Args:
        runtime: where.
        begun: when it started.
        first: when its first item began: what comes before is over.
        item: seconds of each item.
        fetch: seconds until results of all items are back.
        shared: it takes items that nobody took; else it does all of them.
        ended: when it was stopped.
        silent: when nothing more came from it, though nobody had noticed yet.
        least: items that it has done whatever `first` says: it was slowed since.
    """

    runtime: str
    begun: float
    first: float
    item: float
    fetch: float
    shared: bool
    ended: float = inf
    silent: float = inf
    least: int = 0

    def slowed(self, seconds: float, now: float, items: int) -> None:
        """It loses so many seconds; what is done stays done."""
        self.least = self.done(now, items)
        self.first += seconds

    @property
    def last(self) -> float:
        """When it was stopped or fell silent."""
        return min(self.ended, self.silent)

    def done(self, now: float, items: int) -> int:
        """Items that it has done by now, at most as many as there are."""
        until = min(now, self.last)
        if until <= self.first:
            return self.least
        # A hair is added: the end of an item is computed as begin + item, and must count. Times
        # of a long run are known to less than that.
        hair = 1e-9 + 4.0 * ulp(until) / self.item
        return min(max(floor((until - self.first) / self.item + hair), self.least), items)

    def pace(self, now: float, items: int) -> Pace:
        """How far it is by now, of so many items."""
        count = self.done(now, items)
        # Who was slowed has done items earlier than it would do them now.
        last = min(self.first + self.item * count, now) - self.begun
        return Pace(count, min(self.first + self.item - self.begun, last), last)


@dataclass
class Pool:
    """A job being worked on. Items are equal; the last one in hand may be done twice."""

    items: int
    workers: dict[int, Worker] = field(default_factory=dict)

    def shares(self, now: float) -> dict[int, Share]:
        """Attempt -> what it did that counts, by now."""
        whole = self._whole(now)
        if whole is not None:
            worker = self.workers[whole]
            took = worker.first + worker.item * self.items - worker.begun
            return {whole: Share(self.items, took, worker.fetch)}
        found: dict[int, Share] = {}
        for number, worker in self.workers.items():
            count = worker.done(now, self.items) if worker.shared else 0
            if count:
                took = worker.first + worker.item * count - worker.begun
                found[number] = Share(count, took, worker.fetch * count / self.items)
        return found

    def paces(self, now: float) -> dict[str, Pace]:
        """Runtime -> how far it is that works there now; not where nothing is done yet."""
        working = [one for one in self.workers.values() if one.ended == inf]
        found = {one.runtime: one.pace(now, self.items) for one in working}
        return {runtime: pace for runtime, pace in found.items() if pace.items}

    def over(self) -> float:
        """When all items are done, as things stand; inf where they will not be."""
        whole = min(
            (self._alone(one) for one in self.workers.values() if not one.shared), default=inf
        )
        return min(whole, self._together())

    def _whole(self, now: float) -> int | None:
        done = [
            number
            for number, one in self.workers.items()
            if not one.shared and self._alone(one) <= now
        ]
        return min(done, key=lambda number: self._alone(self.workers[number])) if done else None

    def _alone(self, worker: Worker) -> float:
        end = worker.first + worker.item * self.items
        return end if end <= worker.last else inf

    def _together(self) -> float:
        """The first moment at which the sharing workers have done as many items as there are."""
        gone = [one for one in self._sharing() if one.ended < inf]
        active = [one for one in self._sharing() if one.ended == inf]
        while True:
            ends = self._ends(gone, active)
            late = [one for one in active if one.silent < ends]
            if not late:
                return ends
            first = min(late, key=lambda one: one.silent)
            gone.append(first)
            active = [one for one in active if one is not first]

    def _ends(self, gone: list[Worker], active: list[Worker]) -> float:
        """The same, where those who are active go on for ever."""
        left = self.items - sum(one.done(inf, self.items) for one in gone)
        if left <= 0:
            return max(one.last for one in gone)
        if not active:
            return inf
        # The fluid solution is early by less than an item of each; from there item by item.
        ends = self._fluid(active, left)
        counts = [one.done(ends, self.items) for one in active]
        while sum(counts) < left:
            following = [
                one.first + one.item * (count + 1)
                for one, count in zip(active, counts, strict=True)
            ]
            ends = min(following)
            counts[following.index(ends)] += 1
        return ends

    def _sharing(self) -> list[Worker]:
        return [one for one in self.workers.values() if one.shared]

    @staticmethod
    def _fluid(active: list[Worker], left: int) -> float:
        """When they would be done if items could be cut, the last items left out."""
        rest = max(left - len(active), 0)
        order = sorted(active, key=lambda one: one.first)
        for count in range(len(order), 0, -1):
            used = order[:count]
            rate = sum(1.0 / one.item for one in used)
            moment = (rest + sum(one.first / one.item for one in used)) / rate
            if moment >= used[-1].first:
                return moment
        return order[0].first
