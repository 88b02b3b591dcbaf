"""A planning problem: tasks with run times, what travels between them, and what may run them."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from functools import cached_property
from math import isfinite

from lamina.errors import PlanError
from lamina.planning.resources import Network, Resource

SHOWN = 5
"""Names that a message lists."""


@dataclass(frozen=True)
class Task:
    """A task as planners see it.

    Args:
        name: unique in its problem.
        seconds: how long it runs at speed 1; None where only the resources in `times` can run it.
        times: resource -> seconds that it takes there.
        labels: what a resource must have to run it.
        cores: that it wants; told, not planned with: a machine runs one task at a time.
    """

    name: str
    seconds: float | None = None
    times: Mapping[str, float] = field(default_factory=dict)
    labels: frozenset[str] = frozenset()
    cores: float = 1.0

    def on(self, resource: Resource) -> float | None:
        """Seconds on a resource; None where nobody knows."""
        if self.name in resource.times:
            return resource.times[self.name]
        if resource.name in self.times:
            return self.times[resource.name]
        return None if self.seconds is None else self.seconds / resource.speed


@dataclass(frozen=True)
class Edge:
    """What a task reads of another one.

    Args:
        source, target: names of the tasks.
        size: bytes that travel.
        seconds: how long they travel between any two machines; None to ask the network.
        stays: labels of the resources that the data may not leave: its writer and its reader
            both run on such ones.
    """

    source: str
    target: str
    size: float = 0.0
    seconds: float | None = None
    stays: frozenset[str] = frozenset()


@dataclass(frozen=True, eq=False)
class Problem:
    """What is to be planned; valid once it exists.

    Args:
        name: for people.
        tasks: in any order; ties between tasks go to the one that stands first.
        edges: several between two tasks count as one that carries all of them.
        resources: in any order; ties go to the one that stands first.
        network: between the resources.

    Raises:
        PlanError: all mistakes at once.
    """

    name: str
    tasks: tuple[Task, ...]
    edges: tuple[Edge, ...]
    resources: tuple[Resource, ...]
    network: Network = field(default_factory=Network)
    order: tuple[str, ...] = field(init=False, repr=False)
    """Names of the tasks, each after all that it reads."""
    parents: Mapping[str, tuple[Edge, ...]] = field(init=False, repr=False)
    """Edges into each task."""
    children: Mapping[str, tuple[Edge, ...]] = field(init=False, repr=False)
    """Edges out of each task."""
    times: Mapping[str, Mapping[str, float]] = field(init=False, repr=False)
    """Task -> resource that may run it -> seconds."""

    def __post_init__(self) -> None:
        object.__setattr__(self, "edges", tuple(_merged(self.edges)))
        mistakes = [*_names("task", self.tasks), *_names("resource", self.resources)]
        mistakes += self._edge_mistakes()
        if mistakes:
            raise PlanError(f"problem {self.name!r}", mistakes)
        into: dict[str, list[Edge]] = {task.name: [] for task in self.tasks}
        out: dict[str, list[Edge]] = {task.name: [] for task in self.tasks}
        for edge in self.edges:
            into[edge.target].append(edge)
            out[edge.source].append(edge)
        object.__setattr__(self, "parents", {name: tuple(found) for name, found in into.items()})
        object.__setattr__(self, "children", {name: tuple(found) for name, found in out.items()})
        object.__setattr__(self, "order", tuple(_ordered(self)))
        object.__setattr__(self, "times", {task.name: self._times(task) for task in self.tasks})
        mistakes = [*self._circle(), *self._homeless()]
        if mistakes:
            raise PlanError(f"problem {self.name!r}", mistakes)

    @cached_property
    def by_name(self) -> Mapping[str, Resource]:
        """The resources by name."""
        return {resource.name: resource for resource in self.resources}

    @cached_property
    def place(self) -> Mapping[str, int]:
        """Where each task stands among the tasks, for ties."""
        return {task.name: number for number, task in enumerate(self.tasks)}

    @property
    def wide(self) -> tuple[Task, ...]:
        """Tasks that want more than one core, the widest first."""
        found = [task for task in self.tasks if task.cores > 1.0]
        return tuple(sorted(found, key=lambda task: -task.cores))

    def labels(self, task: Task) -> frozenset[str]:
        """All labels that a resource must have to run a task: its own and those of its data."""
        edges = (*self.parents[task.name], *self.children[task.name])
        return task.labels.union(*(edge.stays for edge in edges))

    def transfer(self, edge: Edge, source: str, target: str) -> float:
        """Seconds that an edge takes between two machines, given the names of their resources."""
        if source == target and self.by_name[source].shared:
            return 0.0
        if edge.seconds is not None:
            return edge.seconds
        return self.network.between(source, target).seconds(edge.size)

    def on(self, resources: Iterable[Resource], network: Network | None = None) -> Problem:
        """The same tasks on other resources."""
        return replace(self, resources=tuple(resources), network=network or self.network)

    def _times(self, task: Task) -> dict[str, float]:
        wanted = self.labels(task)
        told = ((one.name, task.on(one)) for one in self.resources if wanted <= one.labels)
        return {name: seconds for name, seconds in told if seconds is not None}

    def _edge_mistakes(self) -> Iterator[str]:
        known = {task.name for task in self.tasks}
        for edge in self.edges:
            ends = f"{edge.source} -> {edge.target}"
            for end in {edge.source, edge.target} - known:
                yield f"an edge {ends} names no task: {end!r}"
            yield from _negative(f"edge {ends}: its size", edge.size)
            yield from _negative(f"edge {ends}: its time", edge.seconds)
        for task in self.tasks:
            for value in (task.seconds, *task.times.values()):
                yield from _negative(f"task {task.name!r}: its run time", value)

    def _circle(self) -> Iterator[str]:
        left = [task.name for task in self.tasks if task.name not in set(self.order)]
        if left:
            yield f"tasks wait for each other in a circle: {shortened(left)}"

    def _homeless(self) -> Iterator[str]:
        """Tasks that no resource may run: for want of a label, or of a time."""
        untimed = []
        for task in self.tasks:
            wanted = self.labels(task)
            fit = [one.name for one in self.resources if wanted <= one.labels]
            if not fit:
                offered = sorted({label for one in self.resources for label in one.labels})
                yield (
                    f"task {task.name!r} needs a resource labelled {', '.join(sorted(wanted))}; "
                    f"labels are: {', '.join(offered) or 'none'}"
                )
            elif not self.times[task.name]:
                untimed.append(task.name)
        if untimed:
            yield f"no run time is known of {shortened(untimed)}"


def shortened(names: list[str]) -> str:
    """Names for a message, not too many."""
    more = f" and {len(names) - SHOWN} more" if len(names) > SHOWN else ""
    return ", ".join(map(repr, names[:SHOWN])) + more


def _negative(what: str, value: float | None) -> Iterator[str]:
    if value is not None and not (isfinite(value) and value >= 0):
        yield f"{what} is {value:g}; it is a number of at least 0"


def _merged(edges: Iterable[Edge]) -> Iterator[Edge]:
    """One edge between two tasks: what one reads of the other travels at once."""
    found: dict[tuple[str, str], Edge] = {}
    for edge in edges:
        ends = (edge.source, edge.target)
        known = found.get(ends)
        if known is None:
            found[ends] = edge
            continue
        told = [one.seconds for one in (known, edge) if one.seconds is not None]
        found[ends] = Edge(
            *ends, known.size + edge.size, sum(told) if told else None, known.stays | edge.stays
        )
    return iter(found.values())


def _names(what: str, of: Iterable[Task | Resource]) -> Iterator[str]:
    seen: set[str] = set()
    for one in of:
        if one.name in seen:
            yield f"there are two {what}s {one.name!r}"
        seen.add(one.name)
    if not seen:
        yield f"it has no {what}s"


def _ordered(problem: Problem) -> Iterator[str]:
    waits = {name: len(edges) for name, edges in problem.parents.items()}
    line = [name for name, count in waits.items() if not count]
    for name in line:
        yield name
        for edge in problem.children[name]:
            waits[edge.target] -= 1
            if not waits[edge.target]:
                line.append(edge.target)
