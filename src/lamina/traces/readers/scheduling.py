"""A schedule for tasks of which only run times are known: list scheduling on the hosts told.

Ready tasks start in the order of the longest way that is left behind them (the upward rank of
H. Topcuoglu, S. Hariri and M.-Y. Wu, IEEE TPDS 13(3), 2002, without transfers), on the host that
the trace names for them, or else on the one with most cores idle.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
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
    order, children, counts = _ordered(work)
    rank: dict[str, float] = {}
    for name in reversed(order):
        behind = [rank[one] for one in children[name]]
        rank[name] = work[name].seconds + (max(behind) if behind else 0.0)
    return _Simulation(work, hosts, children, rank).run(counts)


def _ordered(
    work: Mapping[str, Work],
) -> tuple[list[str], dict[str, list[str]], dict[str, int]]:
    """The tasks, each after those that it waits for; who waits for it; for how many it waits."""
    children: dict[str, list[str]] = {name: [] for name in work}
    counts: dict[str, int] = {}
    for name, one in work.items():
        parents = [parent for parent in dict.fromkeys(one.parents) if parent in work]
        counts[name] = len(parents)
        for parent in parents:
            children[parent].append(name)
    waits = dict(counts)
    order = [name for name, count in waits.items() if not count]
    for name in order:
        for child in children[name]:
            waits[child] -= 1
            if not waits[child]:
                order.append(child)
    if len(order) < len(work):
        raise ValueError(next(name for name, count in waits.items() if count))
    return order, children, counts


class _Simulation:
    """The hosts with their idle cores, and who waits for them."""

    def __init__(
        self,
        work: Mapping[str, Work],
        hosts: Mapping[str, int],
        children: Mapping[str, Sequence[str]],
        rank: Mapping[str, float],
    ) -> None:
        self.work = work
        self.hosts = {host: max(cores, 1) for host, cores in hosts.items()}
        self.idle = dict(self.hosts)
        self.children = children
        self.rank = rank
        self.waiting: dict[str, list[tuple[float, int, str]]] = {}
        self.running: list[tuple[float, int, str, str, int]] = []
        self.ready: dict[str, float] = {}
        self.found: dict[str, Planned] = {}
        self.place = {name: number for number, name in enumerate(work)}

    def run(self, waits: dict[str, int]) -> dict[str, Planned]:
        """Goes from end to end of the tasks.

        Args:
            waits: for how many others each waits; counted down.
        """
        for name, count in list(waits.items()):
            if not count:
                self.wait(name, 0.0)
        self.start(0.0, (*self.hosts, ANYWHERE))
        while self.running:
            now = self.running[0][0]
            freed: dict[str, None] = {}
            while self.running and self.running[0][0] == now:
                _, _, done, host, cores = heappop(self.running)
                freed[host] = None
                if self.hosts:
                    self.idle[host] += cores
                for child in self.children[done]:
                    waits[child] -= 1
                    if not waits[child]:
                        freed[self.wait(child, now)] = None
            self.start(now, tuple(freed))
        return {name: self.found[name] for name in self.work}

    def wait(self, name: str, now: float) -> str:
        """Puts a ready task into the line of its host; gives the host."""
        told = self.work[name].host
        host = told if told in self.hosts else ANYWHERE
        self.ready[name] = now
        heappush(self.waiting.setdefault(host, []), (-self.rank[name], self.place[name], name))
        return host

    def start(self, now: float, hosts: Sequence[str]) -> None:
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

    def begun(self, line: list[tuple[float, int, str]], host: str, now: float) -> bool:
        """Begins the first of a line, if the host has room for it; it takes the cores that it
        wants, or all there are."""
        _, place, name = line[0]
        one = self.work[name]
        cores = 0
        if self.hosts:
            cores = min(max(one.cores, 1), self.hosts[host])
            if cores > self.idle[host]:
                return False
            self.idle[host] -= cores
        heappop(line)
        end = now + one.seconds
        self.found[name] = Planned(self.ready[name], now, end, host or one.host)
        heappush(self.running, (end, place, name, host, cores))
        return True
