"""What a runtime reports, in the words that the state is told."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

from lamina.errors import LaminaError
from lamina.execution.failures import told
from lamina.execution.runtimes.base import Began as BeganReport
from lamina.execution.runtimes.base import Ended as EndedReport
from lamina.execution.runtimes.base import Placed as PlacedReport
from lamina.execution.runtimes.base import Report
from lamina.execution.runtimes.base import Told as ToldReport
from lamina.execution.state.words import Began, Ended, Happened, Placed, Progressed
from lamina.workflow.expansion import expanded
from lamina.workflow.graph import Workflow

At = Callable[[float], float]
"""A reading of `time.monotonic()` on the run's own clock."""


def happened(report: Report, at: At) -> Happened | None:
    """What a report about an attempt tells the state; None for one about no attempt."""
    if isinstance(report, EndedReport):
        return _ended(report, at)
    if isinstance(report, BeganReport):
        return Began(at(report.time), report.ticket, report.worker, report.host, report.pid)
    if isinstance(report, ToldReport):
        return Progressed(at(report.time), report.ticket, report.values)
    if isinstance(report, PlacedReport):
        return Placed(at(report.time), report.ticket, report)
    return None


def _ended(report: EndedReport, at: At) -> Ended:
    time = at(report.time)
    phases = {name: (at(begin), at(end)) for name, (begin, end) in report.phases.items()}
    if report.expansion is None or report.status != "succeeded":
        return Ended(time, report.ticket, report, phases)
    document, inputs = report.expansion
    try:
        workflow = document if isinstance(document, Workflow) else expanded(document)
    except LaminaError as error:
        report = replace(report, status="failed", outputs={}, expansion=None, error=told(error))
        return Ended(time, report.ticket, report, phases)
    return Ended(time, report.ticket, report, phases, (workflow, inputs))
