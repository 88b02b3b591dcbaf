"""Measuring processes: their limits, their failures, and their end."""

from __future__ import annotations

import os
import subprocess
import time
from contextlib import closing
from pathlib import Path

import pytest

from lamina.benchmark.cases import Case
from lamina.benchmark.children import Clock, ask, end, environment
from lamina.benchmark.jobs import Job, Task


@pytest.fixture
def task(case: Case, tmp_path: Path) -> Task:
    case.save(tmp_path / "case.npz")
    return Task("banknote", str(tmp_path / "case.npz"), "II", epochs=3, repeats=2)


def test_an_engine_is_measured_in_a_process_of_its_own(task: Task) -> None:
    job = Job("engine", "fused", 1, (task,))
    (answer,) = ask(job, Clock())
    assert answer.failure == ""
    assert len(answer.values["seconds"]) == 2
    assert len(answer.values["accuracy"]) == 5
    assert all(0.0 <= share <= 1.0 for share in answer.values["accuracy"])


def test_a_peer_that_cannot_start_fails_each_of_its_tasks(task: Task) -> None:
    answers = list(ask(Job("peer", "nobody", 1, (task, task)), Clock()))
    assert len(answers) == 2
    assert all("unknown peer 'nobody'" in answer.failure for answer in answers)


def test_a_task_that_fails_does_not_stop_the_next(task: Task) -> None:
    broken = Task("gone", "no-such-file.npz", "I", epochs=1)
    first, second = ask(Job("engine", "fused", 1, (broken, task)), Clock())
    assert "FileNotFoundError" in first.failure
    assert second.failure == ""


def test_a_task_that_takes_too_long_is_given_up() -> None:
    tasks = (Task("sgemm", repeats=100_000), Task("sgemm"))
    begin = time.monotonic()
    with closing(ask(Job("sgemm", "sgemm", 1, tasks), Clock(limit=0.3))) as answers:
        assert next(answers).failure == "given up after 0 s"
    assert time.monotonic() - begin < 30.0


def test_nothing_starts_when_the_time_is_used_up() -> None:
    answers = list(ask(Job("sgemm", "sgemm", 1, (Task("sgemm"), Task("sgemm"))), Clock(total=0.0)))
    assert [answer.failure for answer in answers] == [
        "not measured: the time for the whole benchmark was used up"
    ] * 2


def test_a_process_that_dies_is_said_to_have_died(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PYTHONHOME", "/nowhere")
    (answer,) = ask(Job("sgemm", "sgemm", 1, (Task("sgemm"),)), Clock())
    assert answer.failure.startswith("the process died: ")


@pytest.mark.skipif(not hasattr(os, "killpg"), reason="process groups are POSIX's")
def test_ending_a_process_ends_what_it_started() -> None:
    process = subprocess.Popen(
        ["sh", "-c", "trap '' TERM; sleep 60 & sleep 60"],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
        start_new_session=True,
    )
    end(process)
    assert process.returncode is not None
    deadline = time.monotonic() + 5.0
    while time.monotonic() < deadline and _alive(process.pid):
        time.sleep(0.02)
    assert not _alive(process.pid)


def test_every_library_is_told_the_same_number_of_threads() -> None:
    variables = environment(2)
    assert {variables[n] for n in ("OMP_NUM_THREADS", "MKL_NUM_THREADS", "NPROC")} == {"2"}
    assert "intra_op_parallelism_threads=2" in variables["XLA_FLAGS"]


def _alive(group: int) -> bool:
    try:
        os.killpg(group, 0)
    except ProcessLookupError:
        return False
    return True
