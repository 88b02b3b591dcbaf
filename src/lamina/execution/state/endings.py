"""How attempts begin and end in the record, and what an end means for the unit."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import replace
from typing import Any

from lamina.execution.runtimes.base import Ended as Report
from lamina.execution.state.frames import Unit
from lamina.execution.state.streams import KIND
from lamina.workflow.graph import Workflow
from lamina.workflow.log import AttemptEnded, AttemptStarted, Noticed
from lamina.workflow.units import folder_of, task_of

Grown = tuple[Workflow, Mapping[str, Any]]
"""A workflow that a task decided on, and its inputs."""

Span = tuple[float, float]
Phases = Mapping[str, Span]
"""Phase -> (begin, end) on the run's clock."""

Note = Callable[[Mapping[str, Any]], Mapping[str, Any]]
"""Values by port, as the record keeps them."""


def attempt_started(unit: Unit, time: float, note: Note) -> AttemptStarted:
    """The event of a unit whose attempt begins now."""
    needs = unit.needs
    given = {"cpus": needs.cpus, "memory": needs.memory, "gpus": needs.gpus, "time": needs.time}
    return AttemptStarted(
        time,
        unit.name,
        unit.attempt,
        unit.ready,
        unit.key,
        unit.recipe,
        {name: value for name, value in given.items() if value},
        unit.share.gpus if unit.share else (),
        note(unit.arguments),
        unit.reason,
    )


def attempt_ended(
    unit: Unit, time: float, report: Report, expansion: Grown | None, note: Note
) -> AttemptEnded:
    """The event of a unit whose attempt ends now."""
    well = report.status == "succeeded"
    grown: Mapping[str, Any] = {}
    if expansion is not None and report.expansion is not None:
        document = report.expansion[0]
        if not isinstance(document, Workflow):
            grown = {"workflow": document, "inputs": note(expansion[1])}
    flowed = {port: unit.arguments[port] for port in unit.flowing if port in unit.arguments}
    return AttemptEnded(
        time,
        unit.name,
        unit.attempt,
        report.status,
        *unit.about,
        unit.phases,
        report.usage,
        report.exit,
        note(report.outputs) if well else {},
        {} if well else report.error,
        folder_of(unit.name, unit.attempt) if report.logged else "",
        grown,
        note(flowed) if flowed else {},
    )


def with_worked(phases: Phases, worked: Phases) -> dict[str, Span]:
    """Phases of an attempt with those that its worker told; it was in the queue until they began.

    The worker's clock says when; the engine heard of it a little later, or earlier.
    """
    found = {**phases, **worked}
    if worked and "queue" in phases:
        first = phases["queue"][0]
        found["queue"] = (first, began(worked, first))
    return found


def began(worked: Phases, since: float) -> float:
    """When a worker began what it was given at a time; that time where it told nothing."""
    return max(since, min((begin for begin, _ in worked.values()), default=since))


def notices(unit: Unit, time: float, report: Report) -> Iterator[Noticed]:
    """What else the end of an attempt shows; that a worker was lost, where nothing else says so."""
    for what, text in report.notices:
        yield Noticed(time, what, unit.name, text)
    if report.status == "lost" and not report.notices:
        cause = str(report.error.get("cause", "its worker is gone"))
        yield Noticed(time, "worker lost", unit.name, cause)


def belongs(unit: str, name: str) -> bool:
    """Whether a unit is the one of this name, one of this task's, or inside of it."""
    return unit == name or task_of(unit) == name or unit.startswith((f"{name}/", f"{name}#"))


def script_failed(which: str, report: Report) -> Report:
    """How an attempt ended whose pre or post script did not end well."""
    cause = report.error.get("cause", f"ended with exit code {report.exit}")
    return replace(
        report,
        outputs={},
        error={**report.error, "cause": f"its {which} script failed: {cause}"},
    )


def is_early(report: Report) -> bool:
    """Whether an end means something only once the streams that were read have ended."""
    return report.status == "succeeded" or report.error.get("kind") == KIND


def checked(unit: Unit, report: Report, expands: bool) -> Report:
    """The report, with what cannot be said of an attempt put right."""
    if report.status == "cancelled" and not unit.stopped:
        gone = report.error or {"cause": "it was ended from outside"}
        return replace(report, status="lost", error=gone)
    if report.status != "succeeded" or unit.suspended:
        if unit.stopped:
            return replace(report, status="cancelled", error={"cause": unit.stopped}, notices=())
        return report
    lacking = [port.name for port in unit.node.task.outputs if port.name not in report.outputs]
    if lacking and not expands:
        error = {
            "cause": f"it did not give its output {lacking[0]!r}",
            "way_out": "return a value for every output port",
        }
        return replace(report, status="failed", outputs={}, error=error)
    return report
