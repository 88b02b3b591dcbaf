"""What a run would have been like without some of its seconds: its schedule, played again."""

from __future__ import annotations

import heapq
from collections.abc import Sequence
from dataclasses import dataclass, field, replace

import numpy as np
from numpy.typing import NDArray

from lamina.diagnosis.usual import HELD, LAST_WAIT, QUEUE, STAGE_OUT, Floats, hold, measured
from lamina.traces.table import PhaseTable
from lamina.workflow.log import PHASES

Numbers = NDArray[np.int64]

_NEVER = float("-inf")
_SLACK = 1e-6
_OVERLAP = 0.002
"""Part of the makespan by which two jobs that followed each other may seem to overlap."""


@dataclass(frozen=True, eq=False)
class Schedule:
    """What each job of a run waited for.

    A job is ready when the last job that it reads is over, and as long after it as it was. It
    begins when it was handed over and a place is free; of places there are as many as were in use
    at the same time. Jobs take places in the order in which they did. Where a job had to wait for
    a place, it waits for that; where it waited for something else, it waits as long as it did.
    Played without a change, every job is where it was.

    Args:
        table: of the run.
        ready, start, stop, end: when each job was ready, held a worker, left it, was over; (n,).
        parents: row -> rows that it reads.
        order: rows by the time they began to hold a worker.
        pools: which group of places each row takes one of.
        places: of each pool, how many there are.
        freed: when the place that a row took was left by another job; -inf where one was free.
        least: seconds from ready to start where there is a place; (n,).
    """

    table: PhaseTable = field(repr=False)
    ready: Floats
    start: Floats
    stop: Floats
    end: Floats
    parents: Sequence[Sequence[int]]
    order: Sequence[int]
    pools: Sequence[int]
    places: Sequence[int]
    freed: Floats
    least: Floats

    @property
    def contended(self) -> NDArray[np.bool_]:
        """Which jobs waited for a place, (n,)."""
        return np.asarray(self.freed > _NEVER)

    def without(self, cut: Floats, sooner: Floats | None = None) -> Played:
        """The run without some seconds of its phases.

        Args:
            cut: (n, phases) seconds to take away; no more than a phase took is taken.
            sooner: (n,) seconds by which jobs are handed over sooner, since nothing failed before.
        """
        cut = np.clip(cut, 0.0, measured(self.table)[:, : len(PHASES)])
        waits, works, after = _parts(cut)
        free = cut[:, QUEUE] > 0
        lead = np.where(free | ~self.contended, self.start - self.ready, self.least)
        lead = np.maximum(lead - waits, 0.0)
        lead = (lead if sooner is None else lead - sooner).tolist()
        took, tail = (self.stop - self.start - works), (self.end - self.stop - after)
        ready, start, end = self.ready.copy(), self.start.copy(), self.end.copy()
        held, ends, begun = took.tolist(), (took + tail).tolist(), self.start.tolist()
        freed, is_free = self.freed.tolist(), free.tolist()
        busy: list[list[float]] = [[] for _ in self.places]
        offset = _offsets(self.ready, self.end, self.parents)
        for row in self.order:
            above = self.parents[row]
            now = offset[row] + max((end[one] for one in above), default=0.0)
            at = now + lead[row]
            ready[row] = min(now, at)
            left = _left(busy[self.pools[row]], self.places[self.pools[row]])
            if not is_free[row]:
                gap = begun[row] - freed[row] if freed[row] > _NEVER else 0.0
                at = max(at, left + gap)
            start[row], end[row] = at, at + ends[row]
            heapq.heappush(busy[self.pools[row]], at + held[row])
        seconds = self.table.seconds + float(end.max(initial=0.0) - self.end.max(initial=0.0))
        return Played(self, cut, ready, start, end, max(seconds, 0.0))


@dataclass(frozen=True, eq=False)
class Played:
    """A run as it would have been.

    Args:
        schedule: what it is played from.
        cut: (n, phases) seconds that were taken away.
        ready, start, end: of each job, (n,).
        seconds: its makespan.
    """

    schedule: Schedule = field(repr=False)
    cut: Floats = field(repr=False)
    ready: Floats
    start: Floats
    end: Floats
    seconds: float

    @property
    def table(self) -> PhaseTable:
        """Its columns, as of any run."""
        old, cut = self.schedule, self.cut
        table = old.table
        begin, end = table.phase_begin.copy(), table.phase_end.copy()
        moved = self.ready - old.ready
        for column in range(QUEUE):
            begin[:, column] += moved
            moved = moved - cut[:, column]
            end[:, column] += moved
        begin[:, QUEUE] = np.minimum(begin[:, QUEUE] + moved, self.start)
        end[:, QUEUE] = np.maximum(end[:, QUEUE] + self.start - old.start, begin[:, QUEUE])
        shift = self.start - old.start
        inside, took = table.phase_begin[:, HELD], cut[:, HELD]
        for column in range(LAST_WAIT, STAGE_OUT + 1):
            earlier = inside < table.phase_begin[:, column, None]
            before = shift - np.where(earlier, took, 0.0).sum(axis=1)
            begin[:, column] += before
            end[:, column] += before - cut[:, column]
        last = self.end - old.end
        for column in range(STAGE_OUT + 1, len(PHASES)):
            begin[:, column] += last + cut[:, column]
            end[:, column] += last
        return replace(
            table,
            ready=self.ready,
            begin=np.minimum(table.begin + self.ready - old.ready, self.start),
            end=self.end,
            phase_begin=begin,
            phase_end=end,
            seconds=self.seconds,
        )


def schedule_of(table: PhaseTable) -> Schedule:
    """What each job of a run waited for, as far as its times and its graph tell."""
    start, stop = hold(table)
    ready = np.minimum(np.nan_to_num(table.ready), start)
    end = np.maximum(np.nan_to_num(table.end), stop)
    order = np.lexsort((np.arange(len(table)), ready, start)).tolist()
    pools = _pools(table)
    places = _places(pools, start, np.maximum(start, stop - _OVERLAP * table.seconds))
    spent = measured(table)
    freed = _freed(order, pools, places, start, stop)
    prompt = ready + spent[:, :QUEUE].sum(axis=1)
    freed[freed <= prompt + _SLACK] = _NEVER
    contended = freed > _NEVER
    calm = float(np.median(spent[~contended, QUEUE])) if (~contended).any() else 0.0
    least = spent[:, :QUEUE].sum(axis=1) + np.minimum(spent[:, QUEUE], calm)
    least = np.minimum(least, start - ready)
    parents = _parents(table, ready, end, order)
    return Schedule(
        table, ready, start, stop, end, parents, order, pools, places, freed, least
    )  # fmt: skip


def _parts(cut: Floats) -> tuple[Floats, Floats, Floats]:
    """Seconds cut before, while and after a worker is held; (n,) each."""
    last = HELD.stop
    return cut[:, :LAST_WAIT].sum(axis=1), cut[:, HELD].sum(axis=1), cut[:, last:].sum(axis=1)


def _offsets(ready: Floats, end: Floats, parents: Sequence[Sequence[int]]) -> list[float]:
    """How long after the last job that it reads each is ready; since the begin, where it reads
    nothing."""
    ends = end.tolist()
    last = [max((ends[one] for one in above), default=0.0) for above in parents]
    return (ready - np.array(last)).tolist() if last else []


def _left(busy: list[float], places: int) -> float:
    """When a place is free; takes it."""
    return heapq.heappop(busy) if len(busy) >= places else _NEVER


def _freed(
    order: Sequence[int], pools: Sequence[int], places: Sequence[int], start: Floats, stop: Floats
) -> Floats:
    """When the place that each job takes was left."""
    found = np.full(len(start), _NEVER)
    busy: list[list[float]] = [[] for _ in places]
    for row in order:
        pool = pools[row]
        found[row] = _left(busy[pool], places[pool])
        heapq.heappush(busy[pool], float(stop[row]))
    return found


def _places(pools: Sequence[int], start: Floats, stop: Floats) -> list[int]:
    """How many jobs of each pool held a worker at the same time.

    Clocks of hosts differ, and some tell whole seconds: what ends just after another began may have
    left it its place. So `stop` is given a little early.
    """
    found = []
    own = np.array(pools, dtype=np.int64)
    for pool in range(max(pools, default=-1) + 1):
        rows = own == pool
        times = np.concatenate([stop[rows], start[rows]])
        change = np.repeat([-1, 1], rows.sum())
        order = np.lexsort((change, times))
        found.append(max(int(np.cumsum(change[order]).max(initial=1)), 1))
    return found


def _pools(table: PhaseTable) -> list[int]:
    """Hosts that run jobs of the same type share them: rows -> numbers of such groups."""
    above: dict[str, str] = {}

    def root(name: str) -> str:
        while above.setdefault(name, name) != name:
            name = above[name]
        return name

    for kind, host in dict.fromkeys(zip(table.kinds, table.hosts, strict=True)):
        if host:
            above[root(f"kind {kind}")] = root(f"host {host}")
    names = [root(f"kind {kind}") for kind in table.kinds]
    numbers = {name: number for number, name in enumerate(dict.fromkeys(names))}
    return [numbers[name] for name in names]


def _parents(
    table: PhaseTable, ready: Floats, end: Floats, order: Sequence[int]
) -> list[tuple[int, ...]]:
    """Rows that each row reads, of those that began before it. A job of which the trace does not
    tell what it reads is taken to follow on the one that ended last before it was ready."""
    place = {task: row for row, task in enumerate(table.tasks)}
    rank = np.empty(len(order), dtype=np.int64)
    rank[list(order)] = np.arange(len(order))
    ranks = rank.tolist()
    by_end = np.argsort(end, kind="stable")
    last = np.searchsorted(end[by_end], ready + _SLACK, side="right") - 1
    before = np.where(last >= 0, by_end[np.maximum(last, 0)], -1).tolist() if len(order) else []
    first = float(ready.min(initial=np.inf))
    found: list[tuple[int, ...]] = []
    for row, task in enumerate(table.tasks):
        above = table.parents.get(task)
        if above is None:
            follows = before[row] >= 0 and ready[row] > first
            rows = [before[row]] if follows else []
        else:
            rows = [place[one] for one in above if one in place]
        found.append(tuple(one for one in rows if ranks[one] < ranks[row]))
    return found
