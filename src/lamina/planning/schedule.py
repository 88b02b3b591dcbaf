"""Schedules: which machine runs each task, from when to when, and what that costs; always valid."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from itertools import pairwise
from math import ceil
from typing import Any, NamedTuple

from lamina.errors import PlanError
from lamina.planning.bounds import critical_path_bound
from lamina.planning.problem import Problem
from lamina.planning.resources import Resource

SLACK = 1e-9
"""Share of a time by which sums of floats may miss it."""


class Slot(NamedTuple):
    """A task on a machine; times are seconds since the first machine was asked for.

    `number` tells machines of one resource apart, from 0.
    """

    task: str
    resource: str
    number: int
    begin: float
    end: float

    @property
    def machine(self) -> tuple[str, int]:
        """Resource and number."""
        return self.resource, self.number


class Lease(NamedTuple):
    """A machine from when it is asked for until it is given back: its last task has ended and
    what others read of its tasks has been sent."""

    resource: str
    number: int
    request: float
    release: float
    intervals: int
    cost: float


@dataclass(frozen=True, eq=False)
class Schedule:
    """A valid plan.

    Args:
        problem: what was to be planned.
        planner: who made it.
        slots: one per task, in any order; kept by the time of their begin.

    Raises:
        PlanError: it breaks the rules (see `mistakes`).
    """

    problem: Problem
    planner: str
    slots: tuple[Slot, ...]

    def __post_init__(self) -> None:
        found = list(mistakes(self.problem, self.slots))
        if found:
            raise PlanError(f"schedule of planner {self.planner!r}", found)
        place = self.problem.place
        order = sorted(self.slots, key=lambda slot: (slot.begin, place[slot.task]))
        object.__setattr__(self, "slots", tuple(order))

    @cached_property
    def by_task(self) -> Mapping[str, Slot]:
        """The slots by their tasks."""
        return {slot.task: slot for slot in self.slots}

    @cached_property
    def machines(self) -> Mapping[tuple[str, int], tuple[Slot, ...]]:
        """(resource, number) -> its slots in order of time; sorted as the problem's resources."""
        return _machines(self.problem, self.slots)

    @cached_property
    def leases(self) -> tuple[Lease, ...]:
        """The machines with what they cost."""
        by_task = {slot.task: slot for slot in self.slots}
        return tuple(
            _lease(self.problem, by_task, slots) for slots in self.machines.values() if slots
        )

    @property
    def makespan(self) -> float:
        """Seconds from asking for the first machine to the end of the last task."""
        return max(slot.end for slot in self.slots)

    @property
    def cost(self) -> float:
        """Of all machines, in whole billing intervals."""
        return sum(lease.cost for lease in self.leases)

    @cached_property
    def bound(self) -> float:
        """Seconds that no schedule can beat, however many machines there are."""
        return critical_path_bound(self.problem)

    @property
    def over_bound(self) -> float:
        """The makespan in units of the bound; 1 where both are nothing."""
        return self.makespan / self.bound if self.bound > 0 else 1.0

    def to_json(self) -> dict[str, Any]:
        """Plain values."""
        return {
            "planner": self.planner,
            "makespan": self.makespan,
            "bound": self.bound,
            "over_bound": self.over_bound,
            "cost": self.cost,
            "tasks": [slot._asdict() for slot in self.slots],
            "machines": [lease._asdict() for lease in self.leases],
        }


def mistakes(problem: Problem, slots: Sequence[Slot]) -> Iterator[str]:
    """What is wrong with a schedule; nothing when it is valid.

    Every task stands there once, on a resource that may run it and on a machine that there is, for
    as long as it runs there; it begins after its machine is ready and after all that it reads has
    come; a machine runs one task at a time.
    """
    by_task = {slot.task: slot for slot in slots}
    lacking = [task.name for task in problem.tasks if task.name not in by_task]
    if lacking or len(slots) != len(problem.tasks):
        yield f"{len(slots)} slots for {len(problem.tasks)} tasks; lacking: {lacking[:3]}"
        return
    for slot in slots:
        yield from _misplaced(problem, slot)
    for edge in problem.edges:
        source, target = by_task[edge.source], by_task[edge.target]
        there = source.end + travel(problem, edge, source, target)
        if _before(target.begin, there):
            yield f"{edge.target} begins at {target.begin:g}, before its data comes at {there:g}"
    for machine, held in _machines(problem, slots).items():
        for first, second in pairwise(held):
            if _before(second.begin, first.end):
                yield f"{first.task} and {second.task} run on {machine} at the same time"


def travel(problem: Problem, edge: Any, source: Slot, target: Slot) -> float:
    """Seconds that an edge takes between two slots; none on one machine."""
    if source.machine == target.machine:
        return 0.0
    return problem.transfer(edge, source.resource, target.resource)


def intervals(resource: Resource, seconds: float) -> int:
    """Billing intervals of a lease: at least one, whole ones."""
    return max(1, ceil(seconds / resource.interval - SLACK))


def _misplaced(problem: Problem, slot: Slot) -> Iterator[str]:
    seconds = problem.times[slot.task].get(slot.resource)
    if seconds is None:
        yield f"{slot.task} may not run on {slot.resource}"
        return
    resource = problem.by_name[slot.resource]
    if slot.number < 0 or (resource.count is not None and slot.number >= resource.count):
        yield f"{slot.task} runs on {slot.resource} number {slot.number}, which does not exist"
    if _before(slot.begin, resource.delay):
        yield f"{slot.task} begins at {slot.begin:g}, before {slot.resource} can be ready"
    if abs(slot.end - slot.begin - seconds) > SLACK * max(1.0, abs(slot.end)):
        yield f"{slot.task} runs {slot.end - slot.begin:g} s, not {seconds:g} s"


def _before(time: float, other: float) -> bool:
    return time < other - SLACK * max(1.0, abs(other))


def _machines(problem: Problem, slots: Iterable[Slot]) -> dict[tuple[str, int], tuple[Slot, ...]]:
    place = {name: number for number, name in enumerate(problem.by_name)}
    found: dict[tuple[str, int], list[Slot]] = {}
    for slot in sorted(slots, key=lambda one: (place.get(one.resource, -1), one.number)):
        found.setdefault(slot.machine, []).append(slot)
    # Tasks that take no time come before the one that begins in the same moment.
    return {
        machine: tuple(sorted(held, key=lambda slot: (slot.begin, slot.end)))
        for machine, held in found.items()
    }


def _lease(problem: Problem, by_task: Mapping[str, Slot], held: Sequence[Slot]) -> Lease:
    resource = problem.by_name[held[0].resource]
    request = held[0].begin - resource.delay
    release = max(slot.end for slot in held)
    for slot in held:
        for edge in problem.children[slot.task]:
            target = by_task[edge.target]
            release = max(release, slot.end + travel(problem, edge, slot, target))
    count = intervals(resource, release - request)
    return Lease(resource.name, held[0].number, request, release, count, count * resource.price)
