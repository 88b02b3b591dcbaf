"""What placing did as a trace: an attempt for each runtime that a job asked for."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from lamina.planning.placement.ledger import Outcome, Usage
from lamina.records.history import Session
from lamina.traces.trace import Attempt, Phase, Trace

_STATUS = {"done": "succeeded", "shared": "succeeded", "failed": "failed"}
_WHY = {
    "done": "all items were done here",
    "shared": "some items were done here",
    "lost": "another runtime was first",
    "cancelled": "given back",
    "failed": "it could not be had, or broke down",
}


def trace_of(
    usages: Sequence[Usage],
    outcomes: Mapping[str, Outcome],
    name: str,
    began: float = 0.0,
    simulated: bool = True,
) -> Trace:
    """A trace in which runtimes are the workers, and each job is a task on each that it asked for.

    Phases: queue, from being asked for to being up; stage_in, up and warming or waiting for data;
    run, at work.

    Args:
        usages: all of them.
        outcomes: job -> how it ended.
        name: of the run, for people.
        began: seconds since 1970 at which the clock of the ledger stood at 0.
        simulated: whether it was played only.
    """
    numbers: dict[tuple[str, str], int] = {}
    attempts = []
    for usage in sorted(usages, key=lambda one: one.asked):
        pair = usage.job, usage.runtime
        numbers[pair] = numbers.get(pair, 0) + 1
        attempts.append(_attempt(usage, numbers[pair], began))
    ends = [one.ended for one in outcomes.values()] + [one.ended for one in usages]
    begins = [one.job.ready for one in outcomes.values()] + [one.asked for one in usages]
    session = Session(began + min(begins, default=0.0), began + max(ends, default=0.0))
    failed = any(one.failed for one in outcomes.values())
    return Trace(
        run="", name=name, workflow="Placing", status="failed" if failed else "succeeded",
        sessions=(session,), attempts=tuple(attempts), planned=len(numbers), origin="placing",
        simulated=simulated,
    )  # fmt: skip


def _attempt(usage: Usage, number: int, began: float) -> Attempt:
    up = usage.ended if usage.deployed is None else usage.deployed
    at_work = usage.ended if usage.started is None else usage.started
    cuts = (usage.asked, min(up, at_work), at_work, usage.ended)
    phases = [
        Phase(name, began + cuts[at], began + cuts[at + 1])
        for at, name in enumerate(("queue", "stage_in", "run"))
        if cuts[at + 1] > cuts[at]
    ]
    return Attempt(
        task=f"{usage.job} on {usage.runtime}", number=number,
        status=_STATUS.get(usage.end, "cancelled"),
        ready=began + usage.asked, begin=began + usage.asked, end=began + usage.ended,
        phases=tuple(phases), worker=usage.runtime, kind=usage.runtime,
        reason=f"{_WHY.get(usage.end, usage.end)}; {usage.items} items",
    )  # fmt: skip
