"""A schedule for tasks of which only run times are known: list scheduling on the hosts told.

Ready tasks start in the order of the longest way that is left behind them (the upward rank of
H. Topcuoglu, S. Hariri and M.-Y. Wu, IEEE TPDS 13(3), 2002, without transfers), on the host that
the trace names for them, or else on the one with most cores idle.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from functools import partial
from heapq import heappop, heappush
from typing import NamedTuple

ANYWHERE = ""
"""Host of tasks that none is named for."""


class Planned(NamedTuple):
    """When a task is ready, begins and ends, in seconds since the run began; and where."""

    ready: float
    begin: float
    end: float
    host: str


class Work(NamedTuple):
    """A task: how long it runs, on how many cores, on which host, and after which others."""

    seconds: float
    cores: int = 1
    host: str = ANYWHERE
    parents: Sequence[str] = ()


def schedule(work: Mapping[str, Work], hosts: Mapping[str, int]) -> dict[str, Planned]:
    """Times for all tasks.

    Args:
        work: task -> what it does; parents that are no tasks count for nothing.
        hosts: host -> cores; with none, every task runs as soon as it is ready.

    Raises:
        ValueError: tasks that wait for each other in a circle; names one.
    """
    names = list(work)
    tasks = list(work.values())
    order, children, counts = _ordered(names, tasks)
    if len(order) < len(tasks):
        done = set(order)
        raise ValueError(next(name for place, name in enumerate(names) if place not in done))
    rank = [0.0] * len(tasks)
    for place in reversed(order):
        behind = children[place]
        longest = max([rank[one] for one in behind]) if behind else 0.0
        rank[place] = tasks[place].seconds + longest
    found = _Simulation(tasks, hosts, children, rank).run(counts)
    return dict(zip(names, found, strict=True))


def _ordered(
    names: Sequence[str], tasks: Sequence[Work]
) -> tuple[list[int], list[list[int]], list[int]]:
    """The tasks by their places, each after those that it waits for, as far as there is such an
    order; who waits for it; for how many it waits."""
    places = {name: place for place, name in enumerate(names)}
    children: list[list[int]] = [[] for _ in names]
    counts = [0] * len(names)
    for place, one in enumerate(tasks):
        if one.parents:
            parents = {places[parent] for parent in one.parents if parent in places}
            counts[place] = len(parents)
            for parent in parents:
                children[parent].append(place)
    waits = list(counts)
    order = [place for place, count in enumerate(waits) if not count]
    for place in order:
        for child in children[place]:
            waits[child] -= 1
            if not waits[child]:
                order.append(child)
    return order, children, counts


class _Simulation:
    """The hosts with their idle cores, and who waits for them; tasks are known by their places."""

    def __init__(
        self,
        tasks: Sequence[Work],
        hosts: Mapping[str, int],
        children: Sequence[Sequence[int]],
        rank: Sequence[float],
    ) -> None:
        self.tasks = tasks
        self.hosts = {host: max(cores, 1) for host, cores in hosts.items()}
        self.idle = dict(self.hosts)
        self.children = children
        self.rank = rank
        self.waiting: dict[str, list[tuple[float, int]]] = {}
        self.running: list[tuple[float, int, str, int]] = []
        self.ready = [0.0] * len(tasks)
        self.found: dict[int, Planned] = {}

    def run(self, waits: list[int]) -> list[Planned]:
        """Goes from end to end of the tasks.

        Args:
            waits: for how many others each waits; counted down.
        """
        for place, count in enumerate(waits):
            if not count:
                self.wait(place, 0.0)
        self.start(0.0, (*self.hosts, ANYWHERE))
        running, children = self.running, self.children
        while running:
            now = running[0][0]
            freed: dict[str, None] = {}
            while running and running[0][0] == now:
                _, done, host, cores = heappop(running)
                freed[host] = None
                if self.hosts:
                    self.idle[host] += cores
                for child in children[done]:
                    waits[child] -= 1
                    if not waits[child]:
                        freed[self.wait(child, now)] = None
            self.start(now, freed)
        return [self.found[place] for place in range(len(self.tasks))]

    def wait(self, place: int, now: float) -> str:
        """Puts a ready task into the line of its host; gives the host."""
        told = self.tasks[place].host
        host = told if told in self.hosts else ANYWHERE
        self.ready[place] = now
        line = self.waiting.get(host)
        if line is None:
            line = self.waiting[host] = []
        heappush(line, (-self.rank[place], place))
        return host

    def start(self, now: float, hosts: Iterable[str]) -> None:
        """Starts what fits: first on the hosts where something changed, then anywhere."""
        for host in hosts:
            line = self.waiting.get(host)
            while host and line and self.begun(line, host, now):
                pass
        line = self.waiting.get(ANYWHERE)
        while line:
            host = max(self.idle, key=self.idle.__getitem__) if self.hosts else ANYWHERE
            if not self.begun(line, host, now):
                return

    def begun(self, line: list[tuple[float, int]], host: str, now: float) -> bool:
        """Begins the first of a line, if the host has room for it; it takes the cores that it
        wants, or all there are."""
        place = line[0][1]
        one = self.tasks[place]
        cores = 0
        if self.hosts:
            cores = min(max(one.cores, 1), self.hosts[host])
            if cores > self.idle[host]:
                return False
            self.idle[host] -= cores
        heappop(line)
        end = now + one.seconds
        self.found[place] = _planned((self.ready[place], now, end, host or one.host))
        heappush(self.running, (end, place, host, cores))
        return True


_planned = partial(tuple.__new__, Planned)
"""When a task runs, without a call of Python's for each."""
