"""The engine with real workers: phases, repetitions, scripts, lost values, cancelling, resuming."""

from __future__ import annotations

import os
import signal
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from engine_runs import Runs

from lamina.errors import RunBusyError, StoreError, TaskFailedError, UnknownNameError
from lamina.execution import engine, writing
from lamina.execution.control import request_cancel
from lamina.execution.lock import RunLock
from lamina.execution.options import Options
from lamina.execution.past import Past
from lamina.workflow import command, expand, task, workflow
from lamina.workflow.graph import Task, Workflow
from lamina.workflow.log import (
    PHASES,
    AttemptEnded,
    AttemptProgressed,
    AttemptStarted,
    Counted,
    Event,
    Noticed,
    RunFinished,
    RunStarted,
    TaskSkipped,
)
from lamina.workflow.needs import Care, Needs
from lamina.workflow.telling import current, tell


@task
def double(x: int) -> int:
    return 2 * x


@task
def total(xs: list[int]) -> int:
    return sum(xs)


@task
def numbers(n: int) -> list[int]:
    return list(range(1000, 1000 + n))


@task
def letters(n: int) -> str:
    return "a" * n


@task
def length(text: str) -> int:
    tell(read=len(text))
    return len(text)


@task
def fail(x: int) -> int:
    raise ValueError(f"no {x} here")


@task
def sleep(seconds: float) -> float:
    time.sleep(seconds)
    return seconds


@task
def die_once(x: int) -> int:
    attempt = current()
    assert attempt is not None
    mark = attempt.scratch() / "died"
    if not mark.exists():
        mark.touch()
        os.kill(os.getpid(), signal.SIGKILL)
    return x


@task
def grow(x: int) -> list[int]:
    with workflow("grown") as w:
        w.output("each", double.map(w.input("xs", "list[int]")))
    found: list[int] = expand(w, xs=list(range(x)))
    return found


def cared(made: Workflow, **cares: Care) -> Workflow:
    """The workflow with other ways to treat its tasks."""
    tasks = [
        Task(t.name, t.action, t.inputs, t.outputs, t.parameters, t.scatter, cares[t.name])
        if t.name in cares
        else t
        for t in made.tasks
    ]
    return Workflow(made.name, made.inputs, made.outputs, tuple(tasks), made.edges)


def lines() -> Workflow:
    """A large text and its length."""
    with workflow("lines") as w:
        w.output("n", length(letters(w.input("n", "int"))))
    return w.workflow


def test_a_run_is_recorded_with_the_phases_of_every_attempt(tmp_path: Path) -> None:
    runs = Runs(tmp_path)
    with workflow("w") as w:
        w.output("y", total(double.map(numbers(w.input("n", "int")))))
    ending = runs.go(w.workflow, n=3)
    assert (ending.status, runs.value(ending, "y")) == ("succeeded", 6006)
    assert isinstance(runs.log[0], RunStarted) and runs.log[0].tasks == 3
    assert isinstance(runs.log[-1], RunFinished) and runs.log[-1].outputs["y"]["inline"] == "6006"
    ends = [event for event in runs.log if isinstance(event, AttemptEnded)]
    assert {end.task for end in ends} == {"numbers", "total", *(f"double[{n}]" for n in range(3))}
    for end in ends:
        assert set(end.phases) <= set(PHASES)
        spans = [end.phases[name] for name in PHASES if name in end.phases]
        assert {"submit", "queue", "run"} <= set(end.phases)
        assert all(begin <= stop for begin, stop in spans)
        assert [begin for begin, _ in spans] == sorted(begin for begin, _ in spans)
    starts = {event.task: event for event in runs.log if isinstance(event, AttemptStarted)}
    assert starts["double[1]"].inputs["x"]["inline"] == "1001"
    times = [event.time for event in runs.log]
    assert times == sorted(times)
    assert ending.counts["success"] == 5 and sum(ending.counts.values()) == 5


def test_phases_follow_each_other_from_ready_to_done(tmp_path: Path) -> None:
    runs = Runs(tmp_path)
    with workflow("w") as w:
        w.output("y", total(double.map(w.input("xs", "list[int]"))))
    scripts = Care(before=("true",), after=("true",))
    assert runs.go(cared(w.workflow, total=scripts), xs=list(range(300))).status == "succeeded"
    ready = {event.task: event.ready for event in runs.log if isinstance(event, AttemptStarted)}
    ends = [event for event in runs.log if isinstance(event, AttemptEnded)]
    assert len(ends) == 301
    between = []
    for end in ends:
        last, pauses = ready[end.task], []
        for name in (name for name in PHASES if name in end.phases):
            begin, stop = end.phases[name]
            assert last <= begin <= stop, (end.task, name)
            pauses.append(begin - last)
            last = stop
        assert last <= end.time
        between.append(sum(pauses))
    # Without scripts nothing is between the phases but the steps of a program.
    assert sorted(between)[150] < 0.0005


def test_a_script_has_the_time_that_it_ran_and_not_what_it_waited_for(tmp_path: Path) -> None:
    runs = Runs(tmp_path)
    with workflow("w") as w:
        w.output("y", double.map(w.input("xs", "list[int]")))
    care = Care(before=("sleep", "0.1"), after=("sleep", "0.1"))
    # So many need processes to be made, one after the other.
    assert runs.go(cared(w.workflow, double=care), xs=list(range(12))).status == "succeeded"
    for part in ("pre_script", "post_script"):
        spans = [end.phases[part] for end in runs.log if isinstance(end, AttemptEnded)]
        assert all(stop - begin >= 0.09 for begin, stop in spans)
        assert min(stop - begin for begin, stop in spans) < 0.25


def test_scripts_run_before_and_after_and_their_failure_is_the_tasks(tmp_path: Path) -> None:
    runs, mark = Runs(tmp_path), tmp_path / "after"
    with workflow("w") as w:
        w.output("y", double(fail(w.input("x", "int"))))
    after = ("sh", "-c", f'printf "$LAMINA_STATUS" > {mark}')
    before = ("sh", "-c", "exit 3")
    made = cared(w.workflow, fail=Care(before=("true",), after=after))
    assert runs.go(made, x=1).status == "failed"
    (end,) = runs.ended("fail")
    assert {"pre_script", "run", "post_script"} <= set(end.phases)
    assert "no 1 here" in end.error["cause"]
    assert mark.read_text() == "failed"
    ending = Runs(tmp_path / "b").go(cared(w.workflow, fail=Care(before=before)), x=1)
    assert "its pre script failed" in ending.failures[0].cause


def test_a_lost_worker_costs_one_attempt(tmp_path: Path) -> None:
    runs = Runs(tmp_path)
    with workflow("w") as w:
        w.output("y", die_once(w.input("x", "int")))
    ending = runs.go(w.workflow, x=5)
    assert (ending.status, runs.value(ending, "y")) == ("succeeded", 5)
    assert [end.status for end in runs.ended("die_once")] == ["lost", "succeeded"]
    assert "worker lost" in runs.noticed()
    second = [event for event in runs.log if isinstance(event, AttemptStarted)][1]
    assert (second.attempt, second.reason) == (2, "retry: lost")


def test_a_time_out_raises_the_time(tmp_path: Path) -> None:
    runs = Runs(tmp_path)
    with workflow("w") as w:
        w.output("y", sleep(0.7))
    ending = runs.go(cared(w.workflow, sleep=Care(needs=Needs(time=0.4), retries=3)))
    assert ending.status == "succeeded"
    assert runs.ended("sleep")[0].status == "timeout"
    times = [e.needs["time"] for e in runs.log if isinstance(e, AttemptStarted)]
    assert times == [0.4 * 2**number for number in range(len(times))]


def test_a_damaged_value_is_made_again_by_its_producer(tmp_path: Path) -> None:
    runs = Runs(tmp_path)
    first = runs.go(lines(), n=5000)
    assert first.status == "succeeded"
    (end,) = runs.ended("letters")
    damage(tmp_path / "artifacts", end.outputs["result"]["digest"])
    past = Past.of(runs.log).without(["length"], lines())
    runs.log.clear()
    ending = runs.go(lines(), past, n=5000)
    assert (ending.status, runs.value(ending, "n")) == ("succeeded", 5000)
    assert runs.started() == ["length", "letters", "length"]
    assert "artifact damaged" in runs.noticed()
    assert [one.attempt for one in runs.ended("letters")] == [2]


def test_a_damaged_list_is_made_again_before_it_is_taken_apart(tmp_path: Path) -> None:
    runs = Runs(tmp_path)
    with workflow("w") as w:
        w.output("y", total(double.map(numbers(w.input("n", "int")))))
    runs.go(w.workflow, n=400)
    (end,) = runs.ended("numbers")
    damage(tmp_path / "artifacts", end.outputs["result"]["digest"])
    past = Past.of(runs.log).without(["double"], w.workflow)
    runs.log.clear()
    ending = runs.go(w.workflow, past, n=400)
    assert (ending.status, runs.value(ending, "y")) == ("succeeded", sum(range(1000, 1400)) * 2)
    assert runs.started()[0] == "numbers" and len(runs.started()) == 402


def damage(folder: Path, digest: str) -> None:
    """Changes a byte of an artifact."""
    (path,) = [p for p in folder.rglob("*") if p.is_file() and p.name in (digest, digest[2:])]
    path.chmod(0o644)
    data = bytearray(path.read_bytes())
    data[len(data) // 2] ^= 1
    path.write_bytes(bytes(data))


def test_a_task_that_decides_on_tasks_is_resumed_inside(tmp_path: Path) -> None:
    runs = Runs(tmp_path)
    with workflow("w") as w:
        w.output("y", total(grow(w.input("x", "int"))))
    ending = runs.go(w.workflow, x=4)
    assert (ending.status, runs.value(ending, "y")) == ("succeeded", 12)
    assert "grow/double[3]" in runs.started()
    left = [e for e in runs.log if getattr(e, "task", "") not in ("total", "grow/double[2]")]
    runs.log = list(left)
    runs.log[-1:] = []
    past, count = Past.of(runs.log), len(runs.log)
    again = runs.go(w.workflow, past, x=4)
    assert runs.value(again, "y") == 12
    assert "engine lost" in runs.noticed()
    resumed = [e.task for e in runs.log[count:] if isinstance(e, AttemptStarted)]
    assert resumed == ["grow/double[2]", "total"]


def test_without_keep_going_the_first_failure_ends_the_run(tmp_path: Path) -> None:
    runs = Runs(tmp_path)
    with workflow("w") as w:
        fail(w.input("x", "int"))
        command(["sleep", "60"], name="slow")()
    began = time.monotonic()
    ending = runs.go(w.workflow, x=1)
    assert time.monotonic() - began < 30
    assert (ending.status, [error.task for error in ending.failures]) == ("failed", ["fail"])
    (error,) = ending.failures
    assert isinstance(error, TaskFailedError) and isinstance(error.__cause__, ValueError)
    assert "test_engine.py" in error.way_out


def test_keep_going_runs_what_does_not_need_what_failed(tmp_path: Path) -> None:
    runs = Runs(tmp_path, Options(workers=2, keep_going=True))
    with workflow("w") as w:
        x = w.input("x", "int")
        w.output("bad", double.named("after")(fail(x)))
        w.output("good", double(double.named("other")(x)))
    ending = runs.go(w.workflow, x=1)
    assert (ending.status, set(ending.outputs)) == ("failed", {"good"})
    skipped = [(e.task, e.reason) for e in runs.log if isinstance(e, TaskSkipped)]
    assert skipped == [("after", "its input fail failed")]


def test_only_what_a_named_task_needs_is_run(tmp_path: Path) -> None:
    runs = Runs(tmp_path, Options(workers=2, until=("double",)))
    with workflow("w") as w:
        n = numbers(3)
        each = double.map(n)
        w.output("y", total(each))
        fail(1)
    ending = runs.go(w.workflow)
    assert (ending.status, dict(ending.outputs)) == ("succeeded", {})
    assert set(runs.started()) == {"numbers", "double[0]", "double[1]", "double[2]"}
    with pytest.raises(UnknownNameError, match="unknown task 'dubble'"):
        Runs(tmp_path, Options(until=("dubble",))).go(w.workflow)


def two_slow() -> Workflow:
    with workflow("w") as w:
        command(["sleep", "60"], name="one")()
        command(["sleep", "60"], name="other")()
    return w.workflow


def when_running(runs: Runs, count: int, then: Any) -> None:
    """Does something once so many attempts run, in another thread."""

    def watch() -> None:
        deadline = time.monotonic() + 30
        while time.monotonic() < deadline:
            counts = [event for event in list(runs.log) if isinstance(event, Counted)]
            if counts and counts[-1].counts["running"] >= count:
                break
            time.sleep(0.02)
        then()

    threading.Thread(target=watch, daemon=True).start()


def test_a_cancelled_run_ends_soon_and_says_so(tmp_path: Path) -> None:
    runs = Runs(tmp_path)
    when_running(runs, 2, runs.control.cancel)
    ending = runs.go(two_slow())
    assert (ending.status, ending.failures) == ("cancelled", ())
    assert [end.status for end in runs.ended("one")] == ["cancelled"]
    assert isinstance(runs.log[-1], RunFinished) and runs.log[-1].status == "cancelled"


def test_another_process_can_cancel_one_task(tmp_path: Path) -> None:
    runs = Runs(tmp_path)
    folder = tmp_path / "run"

    def then() -> None:
        request_cancel(folder, "one")
        time.sleep(0.5)
        request_cancel(folder, "other")

    when_running(runs, 2, then)
    ending = runs.go(two_slow())
    assert ending.status == "failed"
    assert {error.cause for error in ending.failures} == {"it was cancelled"}


def test_a_killed_run_is_over_at_once(tmp_path: Path) -> None:
    runs = Runs(tmp_path)
    when_running(runs, 2, runs.control.kill)
    ending = runs.go(two_slow())
    assert ending.status == "cancelled"


def test_two_engines_on_one_run_are_refused(tmp_path: Path) -> None:
    with RunLock(tmp_path / "run"), pytest.raises(RunBusyError):
        Runs(tmp_path).go(lines(), n=1)


def test_a_record_that_refuses_for_good_ends_the_run_and_counts_nothing_more(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(writing, "PATIENCE", 0.2)
    runs = Runs(tmp_path)
    kept = runs.sink
    batches = 0

    def sink(events: list[Event]) -> None:
        nonlocal batches
        batches += 1
        if batches > 3:
            raise StoreError("the disk is full")
        kept(events)

    monkeypatch.setattr(runs, "sink", sink)
    with workflow("w") as w:
        value: Any = w.input("x", "int")
        for _ in range(10):
            value = double(value)
        w.output("y", value)
    with pytest.raises(StoreError, match="the disk is full"):
        runs.go(w.workflow, x=1)
    past = Past.of(runs.log)
    monkeypatch.setattr(runs, "sink", kept)
    ending = runs.go(w.workflow, past, x=1)
    assert runs.value(ending, "y") == 1024
    done = [e.task for e in runs.log if isinstance(e, AttemptEnded) and e.status == "succeeded"]
    assert sorted(done) == sorted({task.name for task in w.workflow.tasks})


def test_metrics_of_a_running_task_reach_the_record(tmp_path: Path) -> None:
    runs = Runs(tmp_path)
    runs.go(lines(), n=3)
    told = [event for event in runs.log if isinstance(event, AttemptProgressed)]
    assert [(event.task, dict(event.values)) for event in told] == [("length", {"read": 3})]


def test_an_engine_that_waits_long_tells_that_it_lives(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(engine, "_ALIVE", 0.1)
    monkeypatch.setattr(engine, "_COUNTED", 0.05)
    runs = Runs(tmp_path)
    with workflow("w") as w:
        w.output("y", sleep(1.0))
    assert runs.go(w.workflow).status == "succeeded"
    told = [event.time for event in runs.log if isinstance(event, Counted)]
    assert len(told) >= 5
    assert told[-1] - told[0] > 0.5


def test_a_device_is_given_to_those_that_ask(tmp_path: Path) -> None:
    runs = Runs(tmp_path)
    with workflow("w") as w:
        w.output("y", double(w.input("x", "int")))
    assert runs.go(cared(w.workflow, double=Care(needs=Needs(gpus=0.5))), x=1).status == "succeeded"
    (start,) = [event for event in runs.log if isinstance(event, AttemptStarted)]
    assert start.gpus == ("7",)
    ending = Runs(tmp_path).go(cared(w.workflow, double=Care(needs=Needs(gpus=2))), x=1)
    assert "it needs 2 GPUs and there is 1" in ending.failures[0].cause


def test_needs_that_cannot_be_met_are_told_before_anything_runs(tmp_path: Path) -> None:
    with workflow("inner") as inner:
        inner.output("y", double.needing(cpus=16, memory="8.5 GB")(inner.input("x", "int")))
    with workflow("w") as w:
        first = double(w.input("x", "int"))
        w.output("y", double.needing(gpus=2).named("wide")(task(inner.workflow)(first)))
    runs = Runs(tmp_path)
    assert runs.go(w.workflow, x=1).status == "failed"
    begun = next(n for n, event in enumerate(runs.log) if isinstance(event, AttemptStarted))
    told = [(e.task, e.text) for e in runs.log[:begun] if isinstance(e, Noticed)]
    assert told == [
        ("inner/double", "it gets 2 of the 16 cores and 4.3 GB of the 8.5 GB that it asks for: "
         "all there are"),
        ("wide", "it needs 2 GPUs and there is 1: it fails, unless an earlier result stands in "
         "for it"),
    ]  # fmt: skip
    assert isinstance(runs.log[0], RunStarted)


def test_a_task_that_had_all_the_memory_is_not_repeated_for_more(tmp_path: Path) -> None:
    @task(memory=2**31, retries=5)
    def greedy() -> int:
        raise MemoryError("more")

    with workflow("w") as w:
        w.output("y", greedy())
    runs = Runs(tmp_path)
    ending = runs.go(w.workflow)
    needs = [e.needs["memory"] for e in runs.log if isinstance(e, AttemptStarted)]
    assert needs == [2**31, 2**32]
    assert ending.failures[0].way_out.startswith("it had all the memory that the run may use")


@task
def breaks_off() -> Iterator[int]:
    yield from range(50)
    time.sleep(0.2)
    raise ValueError("no more")


@task
def last_of(items: Iterator[int]) -> int:
    return max(items)


def test_outputs_that_are_not_whole_are_none(tmp_path: Path) -> None:
    runs = Runs(tmp_path, Options(workers=3, keep_going=True, retries=0))
    with workflow("w") as w:
        x = w.input("x", "int")
        good, bad, stream = double(x), fail(x), breaks_off()
        w.output("good", good)
        w.output("both", [good, bad])
        w.output("stream", stream)
        w.output("last", last_of(stream))
    ending = runs.go(w.workflow, x=2)
    assert ending.status == "failed"
    assert list(ending.outputs) == ["good"]
