"""Runs from Python: waited for, awaited, cancelled; outputs are read when they are asked for."""

from __future__ import annotations

import asyncio
import pickle
import subprocess
import sys
import threading
import time
import traceback
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

import lamina
from lamina.errors import (
    RunCancelledError,
    TaskFailedError,
    UnknownNameError,
    UnknownOutputError,
    UsageError,
)
from lamina.workflow import Workflow, log, task, workflow
from lamina.workspace import resumes


@task
def ramp(n: int) -> NDArray[np.float64]:
    return np.arange(n, dtype=np.float64)


@task
def mean(values: NDArray[np.float64]) -> float:
    return float(values.mean())


@task
def nap(seconds: float) -> float:
    time.sleep(seconds)
    return seconds


@task
def inverse(x: float) -> float:
    return 1 / x


def ramps() -> Workflow:
    with workflow("ramps") as w:
        values = ramp(w.input("n", "int", default=5))
        w.output("mean", mean(values))
        w.output("values", values)
    return w.workflow


def of(step: Any, name: str, kind: str) -> Workflow:
    with workflow(step.name) as w:
        w.output("y", step(w.input(name, kind)))
    return w.workflow


@pytest.fixture(autouse=True)
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    return tmp_path


def test_a_run_gives_its_outputs_and_its_name(here: Path) -> None:
    run = ramps().run({"n": 4}, cpus=1)
    assert (run.status, run["mean"], list(run["values"])) == ("succeeded", 1.5, [0, 1, 2, 3])
    assert list(run.outputs) == ["mean", "values"]
    assert (here / ".lamina" / "runs" / run.id).is_dir()
    assert run.name in repr(run)
    assert run.name in run._repr_html_()
    assert "array of 4" in repr(run.outputs)
    assert "mean" in str(run.timeline())


def test_a_damaged_output_is_made_again_when_it_is_read() -> None:
    with workflow("ramps") as w:
        values = ramp(5000)
        w.output("values", values)
        w.output("mean", mean(values))
    first = lamina.run(w.workflow)
    store = first._session.project.artifacts
    for damage in (b"x", b""):
        again = lamina.run(w.workflow)
        assert again.result.reused == 2
        path = Path(store.objects.path(again.result.outputs["values"].digest))
        path.chmod(0o644)
        path.write_bytes((path.read_bytes() + damage)[:-1] + damage)
        if not damage:
            path.unlink()
        assert again["values"].tolist() == list(range(5000))
        assert again["mean"] == 2499.5
        # Each unit counts once: the one that was made after all is none that stood in.
        assert (again.status, again.result.tasks, again.result.reused) == ("succeeded", 2, 1)


def test_a_run_may_be_awaited() -> None:
    async def both() -> list[float]:
        first = lamina.run(ramps(), {"n": 3}, wait=False, cpus=1)
        second = lamina.run(ramps(), {"n": 5}, wait=False, cpus=1)
        return [(await first)["mean"], (await second)["mean"]]

    assert asyncio.run(both()) == [1.0, 2.0]


def test_a_run_that_goes_on_can_be_waited_for_and_cancelled() -> None:
    run = of(nap, "seconds", "float").run({"seconds": 60}, wait=False, cpus=1)
    assert run.status == "running"
    assert "running" in repr(run)
    with pytest.raises(TimeoutError, match="goes on"):
        run.wait(0.5)
    began = time.monotonic()
    run.cancel()
    with pytest.raises(RunCancelledError, match="was cancelled"):
        run.wait(20)
    assert time.monotonic() - began < 5
    assert run.done
    assert run.status == "cancelled"


def test_a_failure_is_raised_where_somebody_waits() -> None:
    made = of(inverse, "x", "float")
    with pytest.raises(TaskFailedError, match="division by zero") as caught:
        made.run({"x": 0}, cpus=1)
    assert caught.value.task == "inverse"
    assert "lamina resume" in caught.value.way_out
    run = made.run({"x": 0}, wait=False, cpus=1)
    with pytest.raises(TaskFailedError):
        _ = run.outputs
    assert run.status == "failed"


def test_wrong_inputs_and_options_are_told_before_anything_runs(here: Path) -> None:
    with pytest.raises(UsageError, match="'n'"):
        ramps().run({"n": "many"})
    with pytest.raises(UnknownNameError, match="unknown option 'cores'"):
        ramps().run({"n": 3}, cores=2)  # type: ignore[call-arg]
    assert not list(here.glob(".lamina/runs/*"))


def test_whoever_listens_hears_events_in_order() -> None:
    heard: list[log.Event] = []

    def listen(events: Sequence[log.Event]) -> None:
        heard.extend(events)

    ramps().run(cpus=1, on_event=listen)
    assert isinstance(heard[0], log.RunStarted)
    assert isinstance(heard[-1], log.RunFinished)
    ended = [event.task for event in heard if isinstance(event, log.AttemptEnded)]
    assert ended == ["ramp", "mean"]
    times = [event.time for event in heard]
    assert times == sorted(times)


def test_an_equal_run_reuses_everything() -> None:
    ramps().run(cpus=1)
    again = ramps().run(cpus=1)
    assert (again.result.tasks, again.result.reused) == (2, 2)
    assert ramps().run(cpus=1, cache=False).result.reused == 0


SESSION = """
import lamina
from lamina.workflow import task, workflow

FACTOR = 3

class Box:
    def __init__(self, x):
        self.x = x

@task
def boxed(x: int):
    return Box(x * FACTOR)

@task
def opened(box) -> int:
    return box.x

with workflow("cells") as w:
    w.output("x", opened(boxed(w.input("x", "int"))))
print(w.workflow.run({"x": 2}, cpus=1)["x"])
FACTOR = 5
print(w.workflow.run({"x": 2}, cpus=1)["x"])
"""


def test_functions_and_classes_of_a_cell_work_and_their_values_count(here: Path) -> None:
    done = subprocess.run(
        [sys.executable, "-"], input=SESSION, capture_output=True, text=True, timeout=60, check=True
    )
    assert done.stdout.split() == ["6", "10"]


def test_a_run_of_functions_that_have_no_name_is_not_said_to_be_resumable() -> None:
    def made(k: int) -> Any:
        @task
        def shared(x: float) -> float:
            return k / x

        return shared

    with pytest.raises(TaskFailedError) as caught:
        of(made(1), "x", "float").run({"x": 0}, cpus=1)
    assert "run it again" in caught.value.way_out
    assert "lamina resume" not in caught.value.way_out
    with pytest.raises(UsageError, match="functions that only the program that began it knows"):
        resumes.resumed("last")


@task
def keyed(x: float) -> float:
    print("looking up", x)  # noqa: T201 - what it prints is looked for
    return {"a": x}["b"]


def test_a_failure_shows_the_users_line_and_has_the_run() -> None:
    with pytest.raises(TaskFailedError) as caught:
        of(keyed, "x", "float").run({"x": 0}, cpus=1)
    shown = "".join(traceback.format_exception(caught.value))
    assert 'return {"a": x}["b"]' in shown
    assert "in _begin" not in shown and "in _settle" not in shown
    assert isinstance(caught.value.__cause__, KeyError)
    assert caught.value.__cause__.args == ("b",)
    run = caught.value.run
    assert (run.status, run.logs()) == (
        "failed",
        "== keyed~1  failed  stdout ==\nlooking up 0\n-- failed: KeyError: 'b'\n"
        + "".join(f"   | {line}\n" for line in caught.value.details.splitlines())
        + f"   way out: {caught.value.way_out.partition(';')[0]}",
    )


def test_of_a_failed_run_the_outputs_that_were_made_can_be_read() -> None:
    with workflow("halves") as w:
        x = w.input("x", "float")
        w.output("bad", inverse(x))
        w.output("good", nap(x))
    run = w.workflow.run({"x": 0}, wait=False, keep_going=True, cpus=1)
    assert run["good"] == 0
    with pytest.raises(TaskFailedError):
        _ = run["bad"]
    with pytest.raises(TaskFailedError):
        _ = run["other"]


def test_an_unknown_output_is_told_with_those_there_are() -> None:
    run = ramps().run(cpus=1)
    with pytest.raises(UnknownOutputError, match="unknown output 'men'") as caught:
        _ = run["men"]
    assert "did you mean 'mean'?" in caught.value.way_out
    assert "men" not in run.outputs and run.outputs.get("men", 3) == 3


def test_inputs_that_are_no_mapping_are_refused() -> None:
    with pytest.raises(UsageError, match="are a mapping; these are int 3") as caught:
        ramps().run(3)  # type: ignore[arg-type]
    assert caught.value.way_out == "workflow.run({'n': ...})"


def test_runs_stay_in_their_process_and_errors_go_to_others() -> None:
    run = ramps().run(cpus=1)
    with pytest.raises(TypeError, match="belongs to its process"):
        pickle.dumps(run)
    error = TaskFailedError("a", "b", "c", "d")
    error.run = run
    again = pickle.loads(pickle.dumps(error))
    assert (str(again), again.details, again.run) == (str(error), "d", None)


def test_an_awaited_run_that_is_cancelled_is_over_before_that_is_told() -> None:
    runs = [of(nap, "seconds", "float").run({"seconds": 60}, wait=False, cpus=1)]

    async def cancelled() -> float:
        async def wait() -> Any:
            return await runs[0]

        waiting = asyncio.create_task(wait())
        await asyncio.sleep(0.5)
        waiting.cancel()
        began = time.monotonic()
        with pytest.raises(asyncio.CancelledError):
            await waiting
        assert runs[0].done
        return time.monotonic() - began

    assert asyncio.run(cancelled()) < 5
    assert runs[0].status == "cancelled"


def test_many_runs_are_awaited_without_a_thread_for_each_to_wait_in() -> None:
    made = ramps()

    async def all_of_them() -> list[float]:
        # Other loops of this process may have threads already, to look up names of hosts.
        before = set(threading.enumerate())
        runs = [made.run({"n": 2 * n + 1}, wait=False, cpus=1) for n in range(8)]
        waiting = asyncio.gather(*runs)
        await asyncio.sleep(0)
        new = {thread.name for thread in threading.enumerate() if thread not in before}
        assert not [name for name in new if name.startswith("asyncio")]
        return [run["mean"] for run in await waiting]

    assert asyncio.run(all_of_them()) == [float(n) for n in range(8)]


def test_what_a_run_shows_in_a_notebook_holds_no_markup_of_others() -> None:
    run = of(text, "x", "str").run({"x": "<script>alert(1)</script>"}, cpus=1)
    assert "<script>" not in run._repr_html_() and "&lt;script&gt;" in run._repr_html_()


@task
def text(x: str) -> str:
    return x


def test_a_stream_is_not_read_to_be_shown() -> None:
    run = of(counting, "n", "int").run({"n": 3}, cpus=1)
    assert repr(run.outputs) == "y: stream of 3 items"
    assert run["y"] == [0, 1, 2]


@task
def counting(n: int) -> Iterator[int]:
    yield from range(n)
