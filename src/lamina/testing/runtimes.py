"""Conformance of runtimes: whatever runs assignments must keep these promises."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from lamina.execution.runtimes.base import (
    AFTER,
    BEFORE,
    MAIN,
    Assignment,
    Began,
    Ended,
    Report,
    Runtime,
    Ticket,
    Told,
)
from lamina.workflow import command, task
from lamina.workflow.build import Step
from lamina.workflow.graph import Task
from lamina.workflow.log import STATUSES
from lamina.workflow.needs import Care, Needs
from lamina.workflow.telling import current, tell

PATIENCE = 30.0
"""Seconds after which a report is said to be lost."""


@dataclass(frozen=True)
class Bench:
    """A runtime under test, and its form of values.

    Args:
        runtime: nothing has been started on it.
        put: a value as the runtime's assignments carry it.
        get: the value back, from a report.
        folder: for files.
    """

    runtime: Runtime
    put: Callable[[Any], Any]
    get: Callable[[Any], Any]
    folder: Path


@task
def _double(x: int) -> int:
    return 2 * x


@task
def _fail(x: int) -> int:
    raise ValueError(f"no {x} here")


@task
def _sleep(x: int) -> int:
    time.sleep(x)
    return x


@task
def _tell(x: int) -> int:
    tell(loss=x)
    attempt = current()
    assert attempt is not None
    (attempt.scratch() / "mark").write_text("here")
    return len(attempt.task)


def check_runtime(make: Callable[[], Bench]) -> None:
    """Holds a runtime to its contract.

    Every assignment is answered by at most one Began and then exactly one Ended, with its own
    ticket and in the order of time; `start` and `cancel` return at once; what fails says why; a
    cancelled assignment ends soon and says so, others go on; cancelling what is not there does
    nothing; scripts run before and after; `poll` waits as long as it is told and no longer than
    `wake` lets it; after `close` nothing runs, and it can be closed twice.

    Args:
        make: a fresh runtime for each part of the contract.

    Raises:
        AssertionError: says what does not hold.
    """
    for check in (_answers, _failures, _cancels, _overtime, _scripts, _tellings, _waits, _closes):
        bench = make()
        try:
            check(bench)
        finally:
            bench.runtime.close()


def _task(step: Step[..., Any], care: Care | None = None) -> Task:
    signature = step.signature
    return Task(step.name, step.action, signature.inputs, signature.outputs, care=care or Care())


def _assignment(
    bench: Bench, task: Task, name: str, x: Any = None, part: str = MAIN, attempt: int = 1
) -> Assignment:
    arguments = {} if x is None else {"x": bench.put(x)}
    return Assignment(
        "run",
        name,
        attempt,
        task,
        arguments,
        task.care.needs,
        (),
        bench.folder / "attempts" / f"{name}~{attempt}",
        bench.folder / "scratch" / name,
        part,
        *(("failed", 3) if part == AFTER else ("", None)),
    )


def _start(bench: Bench, assignments: Iterable[Assignment]) -> list[Ticket]:
    tickets = []
    for assignment in assignments:
        began = time.monotonic()
        bench.runtime.start(assignment)
        assert time.monotonic() - began < 5, "start waits; it has to return at once"
        tickets.append(assignment.ticket)
    return tickets


def _wait(bench: Bench, tickets: Iterable[Ticket]) -> dict[Ticket, list[Report]]:
    """All reports until each of these has ended."""
    found: dict[Ticket, list[Report]] = {ticket: [] for ticket in tickets}
    deadline = time.monotonic() + PATIENCE
    while not all(any(isinstance(one, Ended) for one in got) for got in found.values()):
        lost = [ticket for ticket, got in found.items() if not got]
        assert time.monotonic() < deadline, f"no end is reported; nothing at all of {lost}"
        for report in bench.runtime.poll(0.1):
            assert report.ticket in found, f"a report for {report.ticket}, which was never started"
            found[report.ticket].append(report)
    for report in bench.runtime.poll(0.05):
        assert not isinstance(report, Ended), f"{report.ticket} ended twice"
    for ticket, reports in found.items():
        _check_order(ticket, reports)
    return found


def _check_order(ticket: Ticket, reports: list[Report]) -> None:
    kinds = [type(report) for report in reports]
    assert kinds.count(Ended) == 1, f"{ticket} ended {kinds.count(Ended)} times"
    assert kinds[-1] is Ended, f"{ticket} reports after its end"
    assert kinds.count(Began) <= 1, f"{ticket} began {kinds.count(Began)} times"
    if Began in kinds:
        assert kinds[0] is Began, f"{ticket} reports before its beginning"
    now = time.monotonic()
    times = [report.time for report in reports]
    assert all(now - PATIENCE - 5 <= at <= now + 0.5 for at in times), f"{ticket}: times {times}"


def _end(reports: Iterable[Report]) -> Ended:
    end = next(report for report in reports if isinstance(report, Ended))
    assert end.status in STATUSES, f"an end is {end.status!r}; known: {', '.join(STATUSES)}"
    return end


def _answers(bench: Bench) -> None:
    """Many at once, more than there is capacity for in all."""
    double = _task(_double)
    count = 3 * max(1, int(bench.runtime.capacity().cpus))
    values: Mapping[Ticket, int] = {}
    for first in range(0, count, max(1, int(bench.runtime.capacity().cpus))):
        numbers = range(first, first + max(1, int(bench.runtime.capacity().cpus)))
        made = [_assignment(bench, double, f"double[{n}]", n) for n in numbers]
        values = dict(zip(_start(bench, made), numbers, strict=True))
        for ticket, reports in _wait(bench, values).items():
            end = _end(reports)
            assert end.status == "succeeded", f"{ticket} {end.status}: {end.error}"
            assert bench.get(end.outputs["result"]) == 2 * values[ticket], "values are mixed up"
            begin, stop = end.phases["run"]
            assert begin <= stop, "the run ends before it begins"
    again = _assignment(bench, double, "double[0]", 5, attempt=2)
    (ticket,) = _start(bench, [again])
    end = _end(_wait(bench, [ticket])[ticket])
    assert bench.get(end.outputs["result"]) == 10, "a second attempt gives the first one's result"


def _failures(bench: Bench) -> None:
    (ticket,) = _start(bench, [_assignment(bench, _task(_fail), "fail", 3)])
    end = _end(_wait(bench, [ticket])[ticket])
    assert end.status == "failed", f"an exception is {end.status!r}"
    assert "no 3 here" in end.error["cause"], f"the cause is {end.error.get('cause')!r}"
    assert end.error["kind"] == "ValueError", f"the kind is {end.error.get('kind')!r}"
    assert not end.outputs, "a failure has outputs"


def _cancels(bench: Bench) -> None:
    slow = _task(command(["sleep", "600"], name="slow"))
    (first,) = _start(bench, [_assignment(bench, slow, "slow")])
    _until_began(bench, first)
    began = time.monotonic()
    bench.runtime.cancel(first)
    bench.runtime.cancel(("nobody", 1, MAIN))
    end = _end(_wait(bench, [first])[first])
    assert end.status == "cancelled", f"a cancelled program is {end.status!r}"
    assert time.monotonic() - began < 10, "cancelling takes longer than 10 s"
    bench.runtime.cancel(first)
    (second,) = _start(bench, [_assignment(bench, _task(_double), "double", 4)])
    assert _end(_wait(bench, [second])[second]).status == "succeeded", "cancelling ended another"


def _until_began(bench: Bench, ticket: Ticket) -> None:
    deadline = time.monotonic() + PATIENCE
    while time.monotonic() < deadline:
        for report in bench.runtime.poll(0.1):
            assert not isinstance(report, Ended), f"{ticket} ended at once: {report}"
            if isinstance(report, Began):
                return
    raise AssertionError(f"{ticket} never began")


def _overtime(bench: Bench) -> None:
    care = Care(needs=Needs(time=0.3))
    made = [
        _assignment(bench, _task(command(["sleep", "600"], name="slow"), care), "slow"),
    ]
    (ticket,) = _start(bench, made)
    end = _end(_wait(bench, [ticket])[ticket])
    assert end.status == "timeout", f"what runs too long is {end.status!r}: {end.error}"
    assert "0.3" in end.error["cause"], f"the cause does not name the limit: {end.error}"


def _scripts(bench: Bench) -> None:
    mark = bench.folder / "status.txt"
    after = ("sh", "-c", f'printf %s "$LAMINA_STATUS $LAMINA_EXIT" > {mark}')
    scripted = _task(_double, Care(before=("true",), after=after))
    made = [_assignment(bench, scripted, "double", 1, part) for part in (BEFORE, AFTER)]
    for assignment in made:
        (ticket,) = _start(bench, [assignment])
        end = _end(_wait(bench, [ticket])[ticket])
        assert end.status == "succeeded", f"a script {end.status}: {end.error}"
    told = mark.read_text()
    assert told == "failed 3", f"a post script sees LAMINA_STATUS and LAMINA_EXIT as {told!r}"
    broken = _task(_double, Care(before=("sh", "-c", "exit 3")))
    (ticket,) = _start(bench, [_assignment(bench, broken, "broken", 1, BEFORE)])
    assert _end(_wait(bench, [ticket])[ticket]).status == "failed", "a script's failure is lost"


def _tellings(bench: Bench) -> None:
    (ticket,) = _start(bench, [_assignment(bench, _task(_tell), "tell", 7)])
    reports = _wait(bench, [ticket])[ticket]
    told = [report for report in reports if isinstance(report, Told)]
    assert [dict(one.values) for one in told] == [{"loss": 7}], f"told were {told}"
    end = _end(reports)
    assert end.status == "succeeded", f"asking for the folder fails: {end.error}"
    assert bench.get(end.outputs["result"]) == len("tell"), "the attempt does not know its name"
    assert (bench.folder / "scratch" / "tell" / "mark").exists(), "the folder is another one"


def _waits(bench: Bench) -> None:
    bench.runtime.poll(0.0)
    began = time.monotonic()
    assert not bench.runtime.poll(0.2), "reports of nothing"
    took = time.monotonic() - began
    assert 0.1 < took < 5, f"poll(0.2) took {took:.2f} s"
    threading.Timer(0.2, bench.runtime.wake).start()
    began = time.monotonic()
    bench.runtime.poll(20.0)
    assert time.monotonic() - began < 15, "wake does not end a poll"


def _closes(bench: Bench) -> None:
    began = time.monotonic()
    slow = _task(command(["sleep", "600"], name="slow"))
    _start(bench, [_assignment(bench, slow, "slow"), _assignment(bench, _task(_sleep), "nap", 1)])
    bench.runtime.close()
    bench.runtime.close()
    assert time.monotonic() - began < 20, "closing takes longer than 20 s"
