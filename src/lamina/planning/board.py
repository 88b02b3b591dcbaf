"""A schedule in the making: machines with their slots, where a task fits, and what it costs."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterator, Mapping

from lamina.planning.problem import Edge, Problem
from lamina.planning.resources import Resource
from lamina.planning.schedule import Schedule, Slot, intervals


class Machine:
    """One machine of a resource, with the times that it is taken; it has no number before its
    first task."""

    def __init__(self, resource: Resource) -> None:
        self.resource = resource
        self.number = -1
        self.begins: list[float] = []
        self.ends: list[float] = []
        self.sent = 0.0
        """When all that others read of its tasks has been sent."""

    @property
    def fresh(self) -> bool:
        """Whether nothing runs on it so far."""
        return self.number < 0

    def earliest(self, ready: float, seconds: float) -> float:
        """The first begin, not before `ready`, of a gap of so many seconds."""
        at = max(ready, self.resource.delay)
        if not self.ends or at >= self.ends[-1]:
            return at
        for place in range(bisect_right(self.ends, at), len(self.ends)):
            if at + seconds <= self.begins[place]:
                return at
            at = max(at, self.ends[place])
        return at

    def take(self, begin: float, end: float) -> None:
        """Notes a slot."""
        place = bisect_right(self.ends, begin)
        self.begins.insert(place, begin)
        self.ends.insert(place, end)


class Board:
    """Where tasks have been placed so far.

    Args:
        problem: what is planned.
    """

    def __init__(self, problem: Problem) -> None:
        self.problem = problem
        self.machines: list[Machine] = []
        self.slots: dict[str, tuple[Machine, float, float]] = {}
        self._counts = {one.name: 0 for one in problem.resources}
        self._most = {
            name: max(
                (
                    problem.transfer(edge, source, target)
                    for edge in problem.children[name]
                    for source in problem.times[name]
                    for target in problem.times[edge.target]
                ),
                default=0.0,
            )
            for name in problem.order
        }

    def room(self, resource: Resource, taken: int = 0) -> bool:
        """Whether there is one more machine of a resource, besides so many that are taken."""
        return resource.count is None or self._counts[resource.name] + taken < resource.count

    def fresh(self, task: str) -> Iterator[Machine]:
        """A machine without tasks of each resource that may run a task and has one left."""
        times = self.problem.times[task]
        for resource in self.problem.resources:
            if resource.name in times and self.room(resource):
                yield Machine(resource)

    def candidates(self, task: str, gaps: bool = True) -> Iterator[tuple[Machine, float]]:
        """Machines that may run a task, fresh ones last, with the begin that it would have.

        Args:
            task: what it reads has been placed.
            gaps: whether it may run between tasks that are placed, or after all of them only.
        """
        times = self.problem.times[task]
        apart, homes = self._arrivals(task)
        for machine in (*self.machines, *self.fresh(task)):
            name = machine.resource.name
            if name in times:
                home = id(machine) in homes
                ready = self.ready(task, machine) if home else apart[name]
                if not gaps and machine.ends:
                    ready = max(ready, machine.ends[-1])
                yield machine, machine.earliest(ready, times[name])

    def ready(self, task: str, machine: Machine) -> float:
        """When all that a task reads is on a machine; what it reads has been placed."""
        return max(
            (self.arrival(edge, machine) for edge in self.problem.parents[task]), default=0.0
        )

    def arrival(self, edge: Edge, machine: Machine) -> float:
        """When the data of an edge is on a machine."""
        source, _, end = self.slots[edge.source]
        if source is machine:
            return end
        return end + self.problem.transfer(edge, source.resource.name, machine.resource.name)

    def place(self, task: str, machine: Machine, begin: float) -> None:
        """Places a task; a machine that was fresh is one of the board's from now on."""
        if machine.fresh:
            machine.number = self._counts[machine.resource.name]
            self._counts[machine.resource.name] += 1
            self.machines.append(machine)
        end = begin + self.problem.times[task][machine.resource.name]
        machine.take(begin, end)
        self.slots[task] = machine, begin, end
        machine.sent = max(machine.sent, self.sent(task, machine, end))
        for edge in self.problem.parents[task]:
            if edge.source in self.slots:
                source = self.slots[edge.source][0]
                source.sent = max(source.sent, self.arrival(edge, machine))

    def sent(self, task: str, machine: Machine, end: float, until: str = "") -> float:
        """When all readers of a task have its data, as far as they are placed; else the longest
        transfer is counted. `until` names a reader on the same machine."""
        at = end
        for edge in self.problem.children[task]:
            if edge.target == until:
                continue
            known = self.slots.get(edge.target)
            if known is None:
                return end + self._most[task]
            if known[0] is not machine:
                name = known[0].resource.name
                at = max(at, end + self.problem.transfer(edge, machine.resource.name, name))
        return at

    def price(self, machine: Machine, begin: float, end: float) -> float:
        """What a machine costs if it is also needed from a begin to an end."""
        resource = machine.resource
        request = min(begin, *machine.begins[:1]) if machine.begins else begin
        release = max(end, machine.sent, *machine.ends[-1:])
        return resource.price * intervals(resource, release - request + resource.delay)

    def paid(self, machine: Machine) -> float:
        """What a machine costs as it is."""
        if machine.fresh:
            return 0.0
        return self.price(machine, machine.begins[0], machine.ends[-1])

    def schedule(self, planner: str) -> Schedule:
        """What was placed, checked."""
        slots = (
            Slot(task, machine.resource.name, machine.number, begin, end)
            for task, (machine, begin, end) in self.slots.items()
        )
        return Schedule(self.problem, planner, tuple(slots))

    def _arrivals(self, task: str) -> tuple[Mapping[str, float], set[int]]:
        """Resource -> when all that a task reads is on a machine of it that made none of it; and
        the machines that made some."""
        edges = self.problem.parents[task]
        ends = [(edge, *self.slots[edge.source]) for edge in edges]
        apart = {
            name: max(
                (
                    end + self.problem.transfer(edge, source.resource.name, name)
                    for edge, source, _, end in ends
                ),
                default=0.0,
            )
            for name in self.problem.times[task]
        }
        return apart, {id(source) for _, source, _, _ in ends}


def earliest_end(board: Board, task: str, gaps: bool = True) -> tuple[Machine, float]:
    """The machine on which a task ends first, and its begin there.

    Ties go to machines that run something already: they cost less.
    """
    times = board.problem.times[task]
    found: tuple[Machine, float] | None = None
    least = float("inf")
    for machine, begin in board.candidates(task, gaps):
        end = begin + times[machine.resource.name]
        if end < least:
            found, least = (machine, begin), end
    assert found is not None  # a problem has a machine for every task
    return found
