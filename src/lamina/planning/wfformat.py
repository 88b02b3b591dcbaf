"""Problems from WfFormat instances (1.4 and 1.5): run times, and the files between tasks."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from lamina.errors import PlanError
from lamina.planning.problem import Edge, Problem, Task, shortened
from lamina.planning.resources import Network, Resource


@dataclass
class _Row:
    """What an instance tells of a task."""

    name: str
    seconds: float | None
    cores: float = 1.0
    parents: list[str] = field(default_factory=list)
    reads: list[str] = field(default_factory=list)
    writes: list[str] = field(default_factory=list)


def is_wfformat(document: Any) -> bool:
    """Whether plain values are an instance of WfCommons."""
    return isinstance(document, dict) and {"schemaVersion", "workflow"} <= document.keys()


def problem_from_wfformat(
    document: Mapping[str, Any],
    resources: Sequence[Resource],
    network: Network | None = None,
    origin: str = "instance",
) -> Problem:
    """The tasks of an instance, as long as they ran; an edge carries the files that its source
    writes and its target reads. What cores a task wants is kept, and not planned with.

    Args:
        document: plain values as JSON gives them.
        resources, network: what may run it.
        origin: for messages.

    Raises:
        PlanError: it is no such instance, or lacks run times.
    """
    try:
        rows, sizes = _read(document)
    except (KeyError, TypeError, AttributeError, ValueError) as error:
        raise PlanError(origin, [f"it is no WfFormat instance: {error!r}"]) from error
    lacking = [row.name for row in rows.values() if row.seconds is None]
    if lacking:
        raise PlanError(origin, [f"no run time is told of {shortened(lacking)}"])
    tasks = tuple(Task(row.name, row.seconds, cores=row.cores) for row in rows.values())
    name = str(document.get("name") or origin)
    return Problem(name, tasks, tuple(_edges(rows, sizes)), tuple(resources), network or Network())


def _read(document: Mapping[str, Any]) -> tuple[dict[str, _Row], dict[str, float]]:
    body = document["workflow"]
    if "specification" not in body:
        return _version_4(body["tasks"])
    told = body["specification"]
    ran = {one["id"]: one for one in (body.get("execution") or {}).get("tasks", ())}
    sizes = {one["id"]: float(one.get("sizeInBytes") or 0) for one in told.get("files") or ()}
    rows = {}
    for one in told["tasks"]:
        seconds = ran.get(one["id"], {}).get("runtimeInSeconds")
        rows[one["id"]] = _Row(
            str(one["id"]), None if seconds is None else float(seconds),
            _cores(ran.get(one["id"], {})),
            list(one.get("parents") or ()), list(one.get("inputFiles") or ()),
            list(one.get("outputFiles") or ()),
        )  # fmt: skip
    _with_children(rows, {one["id"]: one.get("children") or () for one in told["tasks"]})
    return rows, sizes


def _version_4(told: Sequence[Mapping[str, Any]]) -> tuple[dict[str, _Row], dict[str, float]]:
    """Tasks go by their names there, and files stand with the tasks."""
    rows: dict[str, _Row] = {}
    sizes: dict[str, float] = {}
    alias = {str(one.get("id")): str(one.get("name") or one.get("id")) for one in told}
    for one in told:
        name = str(one.get("name") or one["id"])
        seconds = one.get("runtimeInSeconds", one.get("runtime"))
        row = _Row(name, None if seconds is None else float(seconds), _cores(one))
        row.parents = [alias.get(parent, parent) for parent in one.get("parents") or ()]
        for file in one.get("files") or ():
            sizes[file["name"]] = float(file.get("sizeInBytes", file.get("size")) or 0)
            (row.reads if file.get("link") == "input" else row.writes).append(file["name"])
        rows[name] = row
    children = {str(one.get("name") or one["id"]): one.get("children") or () for one in told}
    _with_children(rows, {k: [alias.get(c, c) for c in v] for k, v in children.items()})
    return rows, sizes


def _cores(told: Mapping[str, Any]) -> float:
    """That a task had, whatever the version calls them; one where nobody says."""
    return float(told.get("coreCount") or told.get("cores") or 1.0)


def _with_children(rows: dict[str, _Row], children: Mapping[str, Sequence[str]]) -> None:
    """Some instances tell an edge at its begin only."""
    for parent, names in children.items():
        for name in names:
            if name in rows and parent not in rows[name].parents:
                rows[name].parents.append(parent)


def _edges(rows: Mapping[str, _Row], sizes: Mapping[str, float]) -> Iterator[Edge]:
    for row in rows.values():
        for parent in row.parents:
            if parent in rows:
                shared = set(rows[parent].writes) & set(row.reads)
                yield Edge(parent, row.name, sum(sizes.get(file, 0.0) for file in shared))
