"""Problems and resources from documents: plain ones, WfFormat instances, workflows with times."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import replace
from math import inf
from typing import Any, TypeVar

from lamina.errors import PlanError
from lamina.planning.problem import Edge, Problem, Task
from lamina.planning.resources import HOUR, Link, Network, Resource
from lamina.workflow.amounts import size, span
from lamina.workflow.graph import Workflow

V = TypeVar("V")
D = TypeVar("D")

VERSION = "problem/1"
"""What stands under "lamina" in a plain problem."""

Estimate = float | Sequence[float] | Mapping[str, float]
"""Seconds of a task; of each of its items, where it is scattered; or resource -> seconds."""

NONE: frozenset[str] = frozenset()
_EMPTY: dict[str, Any] = {}
_RESOURCE = ("speed", "times", "price", "interval", "delay", "labels", "count", "shared")
_PROFILE = ("lamina", "name", "resources", "network", "interval", "delay", "times")


class _Fields:
    """A mapping of a document, asked for its entries; mistakes are collected."""

    def __init__(self, value: Any, where: str, known: Sequence[str], mistakes: list[str]) -> None:
        self.where = where
        self.mistakes = mistakes
        self.entries: dict[str, Any] = value if isinstance(value, dict) else {}
        if not isinstance(value, dict):
            mistakes.append(f"{where} is {str(value)[:40]!r}, not a mapping")
        for key in self.entries:
            if known and key not in known:
                mistakes.append(f"{where}: unknown key {key!r}; known: {', '.join(known)}")

    def get(self, key: str, read: Callable[[Any], V], default: D) -> V | D:
        """An entry, read; the default where there is none, or where it cannot be read."""
        if key not in self.entries:
            return default
        try:
            return read(self.entries[key])
        except (ValueError, TypeError, AttributeError) as error:
            self.mistakes.append(f"{self.where}: {key} is {self.entries[key]!r}, not {error}")
            return default

    def rows(self, key: str, known: Sequence[str]) -> Iterator[_Fields]:
        """The mappings of a list under a key."""
        for number, row in enumerate(self.get(key, _list, ())):
            yield _Fields(row, f"{self.where}: {key} number {number + 1}", known, self.mistakes)

    def named(self, key: str, known: Sequence[str]) -> Iterator[tuple[str, _Fields]]:
        """The mappings under the names of a mapping under a key."""
        for name, entry in self.get(key, _mapping, _EMPTY).items():
            what = f"{key}: {name}"
            yield str(name), _Fields({} if entry is None else entry, what, known, self.mistakes)


def resources_from_document(
    document: Any, origin: str = "resources"
) -> tuple[tuple[Resource, ...], Network]:
    """Resources and network of a profile: plain values as YAML and JSON give them.

        interval: 1 h              # of billing; for resources that do not say
        delay: 90 s                # until a machine is ready, likewise
        resources:
          edge: {labels: [edge], count: 2, shared: true}
          gpu:  {speed: 8, price: 3, count: any, times: {train: 10 min}}
        network:
          bandwidth: 100 MB        # per second; latency: 10 ms
          links: [{between: [edge, gpu], bandwidth: 3 MB}]

    Raises:
        PlanError: all mistakes at once.
    """
    mistakes: list[str] = []
    fields = _Fields(document, origin, _PROFILE, mistakes)
    usual = {
        "interval": fields.get("interval", span, HOUR),
        "delay": fields.get("delay", _wait, 0.0),
    }
    made = []
    for name, entry in fields.named("resources", _RESOURCE):
        told: dict[str, Any] = {
            "speed": entry.get("speed", _number, 1.0),
            "times": entry.get("times", _times, _EMPTY),
            "price": entry.get("price", _number, 0.0),
            "interval": entry.get("interval", span, usual["interval"]),
            "delay": entry.get("delay", _wait, usual["delay"]),
            "labels": entry.get("labels", _labels, NONE),
            "count": entry.get("count", _count, 1),
            "shared": entry.get("shared", _truth, False),
        }
        try:
            made.append(Resource(name, **told))
        except PlanError as error:
            mistakes += [f"resources: {name}: {mistake}" for mistake in error.mistakes]
    if not made and not mistakes:
        mistakes.append("it names no resources")
    network = _network(fields, {one.name for one in made})
    if mistakes:
        raise PlanError(origin, mistakes)
    return tuple(made), network


def problem_from_document(
    document: Any,
    resources: Sequence[Resource] | None = None,
    network: Network | None = None,
    origin: str = "problem",
) -> Problem:
    """A plain problem.

        lamina: problem/1
        tasks:
          fetch: 12 s
          train: {seconds: 600, times: {gpu: 80}, labels: [gpu]}
        edges:
          - {from: fetch, to: train, size: 2 GB, stays: [edge]}     # or seconds: 4
        resources: ...             # and network, as in a profile

    Args:
        document: plain values.
        resources, network: take the place of the document's own.
        origin: for messages.

    Raises:
        PlanError: all mistakes at once.
    """
    mistakes: list[str] = []
    fields = _Fields(document, origin, (*_PROFILE, "tasks", "edges"), mistakes)
    tasks = []
    for name, entry in fields.get("tasks", _mapping, _EMPTY).items():
        row = entry if isinstance(entry, dict) else {"seconds": entry}
        of = _Fields(row, f"tasks: {name}", ("seconds", "times", "labels"), mistakes)
        seconds = of.get("seconds", _wait, None)
        tasks.append(
            Task(
                str(name), seconds, of.get("times", _times, _EMPTY), of.get("labels", _labels, NONE)
            )
        )
    edges = [
        Edge(
            row.get("from", str, ""),
            row.get("to", str, ""),
            row.get("size", _bytes, 0.0),
            row.get("seconds", _wait, None),
            row.get("stays", _labels, NONE),
        )
        for row in fields.rows("edges", ("from", "to", "size", "seconds", "stays"))
    ]
    if resources is None:
        profile = {key: fields.entries[key] for key in _PROFILE if key in fields.entries}
        try:
            resources, own = resources_from_document(profile, origin)
        except PlanError as error:
            raise PlanError(origin, [*mistakes, *error.mistakes]) from error
        network = network or own
    if mistakes:
        raise PlanError(origin, mistakes)
    name = fields.get("name", str, origin)
    return Problem(name, tuple(tasks), tuple(edges), tuple(resources), network or Network())


def problem_from_workflow(
    workflow: Workflow,
    estimates: Mapping[str, Estimate],
    resources: Sequence[Resource],
    network: Network | None = None,
    sizes: Mapping[str, float] | None = None,
) -> Problem:
    """The tasks of a workflow, each as long as it is estimated.

    A scattered task of which the seconds of each item are told becomes one task per item; items
    read their own item of another scattered task, and all of other tasks.

    Args:
        workflow: its graph.
        estimates: task -> what is known of its run time; see `Estimate`.
        resources, network: what may run it.
        sizes: "task.port" -> bytes that leave it.

    Raises:
        PlanError: tasks of unknown run time, and other mistakes.
    """
    items = {
        name: [replace(one, cores=workflow[name].care.needs.cpus) for one in _items(name, told)]
        for name, told in _all(workflow, estimates).items()
    }
    tasks = [task for name in items for task in items[name]]
    edges = []
    for edge in workflow.edges:
        if not (edge.source_task and edge.target_task):
            continue
        source, target = items[edge.source_task], items[edge.target_task]
        size_ = (sizes or {}).get(edge.source, 0.0) / len(source)
        scattered = edge.target_port in workflow[edge.target_task].scatter
        if scattered and len(source) == len(target) > 1:
            edges += [
                Edge(one.name, other.name, size_) for one, other in zip(source, target, strict=True)
            ]
        else:
            edges += [Edge(one.name, other.name, size_) for one in source for other in target]
    return Problem(
        workflow.name, tuple(tasks), tuple(edges), tuple(resources), network or Network()
    )


def machine_cores(cores: int) -> tuple[Resource, ...]:
    """What a machine is to planners: its cores, at no price, with one disk."""
    return (Resource("core", count=cores, shared=True),)


def _all(workflow: Workflow, estimates: Mapping[str, Estimate]) -> dict[str, Estimate | None]:
    """What is known of each task; of a workflow inside, its tasks one after the other."""
    found: dict[str, Estimate | None] = {}
    for task in workflow.tasks:
        told: Estimate | None = estimates.get(task.name)
        inner = [_total(one) for name, one in estimates.items() if name.startswith(f"{task.name}/")]
        found[task.name] = sum(inner) if told is None and inner else told
    return found


def _total(told: Estimate) -> float:
    if isinstance(told, Mapping):
        return sum(told.values()) / len(told)
    return sum(told) if isinstance(told, Sequence) else told


def _items(name: str, told: Estimate | None) -> list[Task]:
    if isinstance(told, Mapping):
        return [Task(name, None, told)]
    if isinstance(told, Sequence):
        if len(told) == 1:
            return [Task(name, told[0])]
        return [Task(f"{name}[{number}]", seconds) for number, seconds in enumerate(told)]
    return [Task(name, told)]


def _network(fields: _Fields, known: set[str]) -> Network:
    if "network" not in fields.entries:
        return Network()
    mistakes = fields.mistakes
    of = _Fields(fields.entries["network"], "network", ("bandwidth", "latency", "links"), mistakes)
    links: dict[tuple[str, str], Link] = {}
    for row in of.rows("links", ("between", "bandwidth", "latency")):
        ends = row.get("between", _pair, ("", ""))
        for end in sorted(set(ends) - known - {""}):
            mistakes.append(f"{row.where}: there is no resource {end!r}")
        links[ends] = _link(row)
    return Network(_link(of), links)


def _link(of: _Fields) -> Link:
    return Link(of.get("bandwidth", _rate, inf), of.get("latency", _wait, 0.0))


def _number(value: Any) -> float:
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise ValueError("a number")
    return float(value)


def _wait(value: Any) -> float:
    """Seconds, which may be 0."""
    return 0.0 if value == 0 and not isinstance(value, bool) else span(value)


def _bytes(value: Any) -> float:
    return 0.0 if value == 0 and not isinstance(value, bool) else float(size(value))


def _rate(value: Any) -> float:
    return float(size(value.removesuffix("/s") if isinstance(value, str) else value))


def _times(value: Any) -> dict[str, float]:
    if not isinstance(value, dict):
        raise ValueError("a mapping of names to seconds")
    return {str(name): _wait(seconds) for name, seconds in value.items()}


def _labels(value: Any) -> frozenset[str]:
    if isinstance(value, str):
        return frozenset([value])
    if not isinstance(value, list) or not all(isinstance(one, str) for one in value):
        raise ValueError("a list of labels")
    return frozenset(value)


def _count(value: Any) -> int | None:
    if value == "any":
        return None
    if isinstance(value, bool) or not isinstance(value, int):
        raise ValueError('a whole number or "any"')
    return value


def _truth(value: Any) -> bool:
    if not isinstance(value, bool):
        raise ValueError("true or false")
    return value


def _pair(value: Any) -> tuple[str, str]:
    if not isinstance(value, list) or len(value) != 2:
        raise ValueError("a list of two resources")
    return str(value[0]), str(value[1])


def _mapping(value: Any) -> dict[str, Any]:
    if not isinstance(value, dict):
        raise ValueError("a mapping")
    return value


def _list(value: Any) -> list[Any]:
    if not isinstance(value, list):
        raise ValueError("a list")
    return value
