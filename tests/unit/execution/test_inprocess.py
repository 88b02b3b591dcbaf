"""Runs in this process: order, scatter, sub-workflows, failures, and a clean end."""

from __future__ import annotations

import _thread
import signal
import threading
import time
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from watched_processes import gone, pids

from lamina.errors import TaskFailedError, UsageError, WorkflowError
from lamina.execution import run
from lamina.workflow import Workflow, command, named, task, workflow
from lamina.workflow.document import workflow_from_text
from lamina.workflow.log import (
    AttemptEnded,
    AttemptStarted,
    Counted,
    Event,
    RunFinished,
    RunStarted,
)


@task
def add(numbers: list[int], by: int) -> int:
    return sum(numbers) + by


@task
def inc(x: int) -> int:
    return x + 1


@task
def fail(x: int) -> int:
    raise ValueError(f"no {x} here")


def told(events: list[Event]) -> list[type[Event]]:
    return [type(event) for event in events if not isinstance(event, Counted)]


def one(step: Any, **inputs: Any) -> Workflow:
    """A workflow of one task, with inputs of any type."""
    with workflow("one") as w:
        found = step(**{name: w.input(name) for name in inputs})
        w.output("y", found)
    return w.workflow


def parallel(*steps: Any) -> Workflow:
    with workflow("parallel") as w:
        for step in steps:
            step()
    return w.workflow


Plan = list[tuple[list[int], int]]


@st.composite
def plans(draw: st.DrawFn) -> Plan:
    """Random graphs: each task reads some of the values before it, and adds a constant."""
    plan: Plan = []
    for number in range(draw(st.integers(1, 12))):
        before = st.integers(0, number)  # 0 is the workflow's input
        plan.append((draw(st.lists(before, min_size=1, max_size=4)), draw(st.integers(-9, 9))))
    return plan


@settings(deadline=None, max_examples=60)
@given(plans(), st.integers(-9, 9), st.integers(1, 4))
def test_random_graphs_give_what_a_loop_gives(plan: Plan, start: int, threads: int) -> None:
    expected = [start]
    for reads, by in plan:
        expected.append(sum(expected[place] for place in reads) + by)
    with workflow("random") as w:
        values: list[Any] = [w.input("start", "int")]
        for reads, by in plan:
            values.append(add([values[place] for place in reads], by))
        for number, value in enumerate(values):
            w.output(f"v{number}", value)
    outcome = run(w.workflow, {"start": start}, threads=threads)
    assert list(outcome.outputs.values()) == expected
    assert len(outcome.timeline) == len(plan)


def test_independent_tasks_run_at_the_same_time() -> None:
    meet = threading.Barrier(2, timeout=20)

    @task
    def wait() -> int:
        return meet.wait()

    run(parallel(wait, wait), threads=2)


def test_no_more_tasks_run_at_once_than_there_are_threads() -> None:
    running, most, lock = [0], [0], threading.Lock()

    @task
    def count() -> None:
        with lock:
            running[0] += 1
            most[0] = max(most[0], running[0])
        time.sleep(0.005)
        with lock:
            running[0] -= 1

    run(parallel(*[count] * 9), threads=3)
    assert 1 <= most[0] <= 3


def test_scattered_items_come_back_in_their_order() -> None:
    @task
    def late(x: int) -> int:
        time.sleep(0.01 / (x + 1))
        return 10 * x

    with workflow("w") as w:
        w.output("y", late.map(w.input("x", "list[int]")))
    assert run(w.workflow, {"x": [0, 1, 2, 3]}, threads=4)["y"] == [0, 10, 20, 30]


def test_a_scatter_over_nothing_gives_empty_lists_all_the_way() -> None:
    with workflow("w") as w:
        numbers = w.input("numbers", "list[int]")
        for _ in range(1500):
            numbers = inc.map(numbers)
        w.output("y", numbers)
    outcome = run(w.workflow, {"numbers": []})
    assert outcome["y"] == []
    assert outcome.timeline == ()


def test_lists_of_different_lengths_cannot_be_scattered_together() -> None:
    with workflow("w") as w:
        w.output("y", add.scatter("numbers", "by")([[1], [2]], [1, 2, 3]))
    with pytest.raises(TaskFailedError, match="differ in length: numbers has 2, by has 3"):
        run(w.workflow)


def nested(depth: int) -> Workflow:
    with workflow("level") as w:
        x = w.input("x", "int")
        w.output("y", task(nested(depth - 1))(inc(x)) if depth else inc(x))
    return w.workflow


def test_workflows_inside_workflows_run_on_one_thread_without_standing_still() -> None:
    outcome = run(nested(6), {"x": 0}, threads=1)
    assert outcome["y"] == 7
    assert outcome.timeline[0].task == "inc"
    assert "level/level/inc" in {span.task for span in outcome.timeline}


def test_a_workflow_can_be_scattered() -> None:
    with workflow("w") as w:
        w.output("y", task(nested(1)).map(w.input("x", "list[int]")))
    outcome = run(w.workflow, {"x": [1, 2, 3]}, threads=2)
    assert outcome["y"] == [3, 4, 5]
    assert "level[1]/level/inc" in {span.task for span in outcome.timeline}


def test_a_workflow_inside_another_uses_its_own_defaults() -> None:
    with workflow("inner") as inner:
        inner.output("y", add([inner.input("x", "int")], inner.input("by", "int", default=10)))
    with workflow("outer") as outer:
        outer.output("a", task(inner.workflow)(outer.input("x", "int")))
        outer.output("b", task(inner.workflow)(outer.input("z", "int", default=1), by=2))
    assert run(outer.workflow, {"x": 1}).outputs == {"a": 11, "b": 3}


def test_an_empty_workflow_hands_its_inputs_on() -> None:
    with workflow("inner") as inner:
        inner.output("y", inner.input("x"))
    with workflow("outer") as outer:
        outer.output("y", task(inner.workflow)(outer.input("x")))
    assert run(outer.workflow, {"x": "v"}).outputs == {"y": "v"}


def test_a_failing_task_ends_the_run_with_its_name_and_cause() -> None:
    done: list[int] = []

    @task
    def after(x: int) -> None:
        done.append(x)

    with workflow("w") as w:
        after(fail(w.input("x", "int")))
    with pytest.raises(TaskFailedError) as caught:
        run(w.workflow, {"x": 3})
    assert caught.value.task == "fail"
    assert caught.value.cause == "ValueError: no 3 here"
    assert isinstance(caught.value.__cause__, ValueError)
    assert "test_inprocess.py" in caught.value.way_out
    assert not done


def test_the_traceback_of_a_failure_shows_the_users_frames_only() -> None:
    with pytest.raises(TaskFailedError) as caught:
        run(one(fail, x=1), {"x": 1})
    lines = caught.value.details.splitlines()
    assert lines[0] == "Traceback (most recent call last):"
    assert "in fail" in lines[1]
    assert lines[-1] == "ValueError: no 1 here"
    assert "lamina/execution" not in caught.value.details


def test_a_failure_inside_names_the_way_to_it() -> None:
    with workflow("inner") as inner:
        inner.output("y", fail.map(inner.input("x", "list[int]")))
    with workflow("outer") as outer:
        outer.output("y", task(inner.workflow).map(outer.input("x", "list[list[int]]")))
    with pytest.raises(TaskFailedError) as caught:
        run(outer.workflow, {"x": [[], [7]]})
    assert caught.value.task == "inner[1]/fail[0]"


def test_nothing_starts_after_a_failure() -> None:
    events: list[Event] = []
    with pytest.raises(TaskFailedError):
        run(_many(), {"x": 1}, threads=1, on_event=events.append)
    assert told(events) == [RunStarted, AttemptStarted, AttemptEnded, RunFinished]


def _many() -> Workflow:
    with workflow("many") as w:
        x = w.input("x", "int")
        fail(x)
        inc(x)
        inc(x)
    return w.workflow


@pytest.mark.parametrize(
    "stop", [SystemExit(3), MemoryError("full"), RecursionError("deep"), KeyboardInterrupt()]
)
def test_whatever_a_task_raises_ends_the_run_and_never_hangs(stop: BaseException) -> None:
    @task
    def raises() -> int:
        raise stop

    with pytest.raises(TaskFailedError, match=type(stop).__name__):
        run(one(raises))


def test_a_running_function_is_let_go_after_a_failure(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("lamina.execution.runtimes.threads.GRACE", 0.05)
    release = threading.Event()

    @task
    def endless() -> None:
        release.wait(60)

    @task
    def soon() -> int:
        raise ValueError

    events: list[Event] = []
    began = time.perf_counter()
    with pytest.raises(TaskFailedError):
        run(parallel(endless, soon), threads=2, on_event=events.append)
    assert time.perf_counter() - began < 10
    release.set()
    cancelled = [e for e in events if isinstance(e, AttemptEnded) and e.status == "cancelled"]
    assert [event.task for event in cancelled] == ["endless"]


def family(path: Path) -> Any:
    """A command that starts a child which ignores hang-ups, and waits for ever."""
    script = f"(trap '' HUP TERM; sleep 600) & echo $! $$ > {path}.new; mv {path}.new {path}; wait"
    return command(["sh", "-c", script], name="family")


def test_a_failure_elsewhere_ends_commands_with_their_children(tmp_path: Path) -> None:
    written = tmp_path / "pids"

    @task
    def fail_later() -> None:
        pids(written, 2)
        raise ValueError("now")

    with pytest.raises(TaskFailedError, match="fail_later"):
        run(parallel(family(written), fail_later), threads=2)
    assert all(gone(pid) for pid in pids(written, 2))


def test_an_interrupt_ends_commands_and_comes_through(tmp_path: Path) -> None:
    written = tmp_path / "pids"
    events: list[Event] = []

    def interrupt() -> None:
        pids(written, 2)
        _thread.interrupt_main()

    # A shell has what it starts in the background ignore interrupts.
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    threading.Thread(target=interrupt, daemon=True).start()
    try:
        with pytest.raises(KeyboardInterrupt):
            run(parallel(family(written)), on_event=events.append)
    finally:
        signal.signal(signal.SIGINT, before)
    assert all(gone(pid) for pid in pids(written, 2))
    assert events[-1] == RunFinished(events[-1].time, "cancelled", {})


def test_a_command_that_is_too_slow_is_ended_with_its_children(tmp_path: Path) -> None:
    written = tmp_path / "pids"
    script = f"sleep 600 & echo $! > {written}; wait"
    step = command(["sh", "-c", script], timeout=0.5, name="slow")
    with pytest.raises(TaskFailedError, match=r"sh ran longer than 0\.5 s"):
        run(parallel(step))
    assert gone(pids(written, 1)[0])


@pytest.mark.parametrize(
    ("inputs", "said"),
    [
        ({}, "input 'x' is missing (int)"),
        ({"x": "s"}, "input 'x' needs int; it gets str 's'"),
        ({"x": 1, "y": 2}, "no input is called 'y'"),
        ({"x": 1, "xx": 1}, "did you mean 'x'?"),
    ],
)
def test_wrong_inputs_are_named_before_anything_runs(inputs: dict[str, Any], said: str) -> None:
    with workflow("w") as w:
        w.output("y", inc(w.input("x", "int")))
    with pytest.raises(UsageError) as caught:
        run(w.workflow, inputs)
    assert said in str(caught.value)
    assert "its inputs are: x (int)" in caught.value.way_out


def test_all_wrong_inputs_are_named_at_once() -> None:
    with workflow("w") as w:
        w.output("y", add(w.input("numbers", "list[int]"), w.input("by", "int")))
    with pytest.raises(UsageError) as caught:
        run(w.workflow, {"numbers": [1, "x"], "bye": 1})
    for said in ("item 1 gets str 'x'", "'by' is missing", "did you mean 'by'?"):
        assert said in str(caught.value)


def test_an_optional_input_is_none_and_a_default_is_used() -> None:
    @task
    def both(a: int | None, b: int) -> list[int | None]:
        return [a, b]

    with workflow("w") as w:
        w.output("y", both(w.input("a", "int", optional=True), w.input("b", "int", default=2)))
    assert run(w.workflow)["y"] == [None, 2]
    assert run(w.workflow, {"a": 1, "b": 3})["y"] == [1, 3]


def test_a_result_of_the_wrong_type_is_the_tasks_failure() -> None:
    @task
    def wrong() -> int:
        return "text"  # type: ignore[return-value]

    with pytest.raises(TaskFailedError, match="its output 'result' needs int; it gets str 'text'"):
        run(one(wrong))


def test_a_value_that_only_the_run_can_know_is_checked_on_arrival() -> None:
    @task
    def anything() -> Any:
        return "text"

    with workflow("w") as w:
        w.output("y", inc(anything()))
    with pytest.raises(TaskFailedError, match="task 'inc' failed: port 'x' needs int"):
        run(w.workflow)


def test_functions_that_cannot_be_found_are_all_named_before_the_run(tmp_path: Path) -> None:
    (tmp_path / "code.py").write_text("def f(): ...\n1 / 0\n")
    made = workflow_from_text(
        "lamina: workflow/1\nname: w\ntasks:\n"
        "  a: {do: python, function: 'code.py:f', takes: {}, gives: {}}\n"
        "  b: {do: python, function: 'no_such_module:f', takes: {}, gives: {}}\n"
        "  c: {do: command, argv: [no-such-program]}\n",
        tmp_path,
    )
    with pytest.raises(WorkflowError) as caught:
        run(made)
    assert [m.partition(";")[0] for m in caught.value.mistakes] == [
        "task 'a': code.py cannot be imported: ZeroDivisionError: division by zero (code.py:2)",
        "task 'b': no_such_module cannot be imported: ModuleNotFoundError: No module named "
        "'no_such_module'",
        "task 'c': the program 'no-such-program' is not installed or not on the PATH",
    ]


def test_events_tell_the_run_in_order() -> None:
    events: list[Event] = []
    with workflow("w") as w:
        w.output("y", inc(inc(w.input("x", "int"))))
    run(w.workflow, {"x": 1}, on_event=events.append)
    assert told(events) == [RunStarted, *(AttemptStarted, AttemptEnded) * 2, RunFinished]
    times = [event.time for event in events]
    assert times == sorted(times)
    assert events[-1] == RunFinished(events[-1].time, "succeeded", {})


def test_spans_say_when_each_task_ran() -> None:
    @task
    def nap() -> None:
        time.sleep(0.02)

    outcome = run(parallel(nap))
    (span,) = outcome.timeline
    assert span.task == "nap"
    assert span.seconds >= 0.02
    assert 0 <= span.start <= span.end <= outcome.seconds


def test_values_that_nobody_reads_any_more_are_let_go() -> None:
    class Big:
        alive = 0

        def __init__(self) -> None:
            Big.alive += 1

        def __del__(self) -> None:
            Big.alive -= 1

    @task
    def make(after: Any = None) -> Any:
        return Big()

    with workflow("w") as w:
        value = make()
        for _ in range(20):
            value = make(value)
        w.output("y", value)
    most: list[int] = []
    run(w.workflow, threads=1, on_event=lambda event: most.append(Big.alive))
    assert max(most) <= 4


@pytest.mark.parametrize("threads", [0, -1, 10**20])
def test_no_thread_and_more_than_a_system_has_are_refused(threads: int) -> None:
    with pytest.raises(UsageError, match="ask for 1 to 1024"):
        run(one(inc, x=1), {"x": 1}, threads=threads)


def test_a_thousand_small_tasks_take_well_under_a_millisecond_each() -> None:
    with workflow("w") as w:
        value: Any = w.input("x", "int")
        for _ in range(1000):
            value = inc(value)
        w.output("y", value)
    began = time.process_time()
    assert run(w.workflow, {"x": 0})["y"] == 1000
    assert time.process_time() - began < 1.0


def test_threads_do_not_outlive_the_run() -> None:
    run(one(inc, x=1), {"x": 1}, threads=4)
    deadline = time.perf_counter() + 10
    while time.perf_counter() < deadline and any(
        t.name.startswith("lamina-") for t in threading.enumerate()
    ):
        time.sleep(0.01)
    names = [thread.name for thread in threading.enumerate()]
    assert not any(name.startswith("lamina-") for name in names)


def test_patterns_run_as_named_tasks() -> None:
    with workflow("w") as w:
        parts = named("split")(items=w.input("x", "list[int]"), parts=2)
        w.output("y", named("join")(parts=parts))
    assert run(w.workflow, {"x": [1, 2, 3]})["y"] == [1, 2, 3]
