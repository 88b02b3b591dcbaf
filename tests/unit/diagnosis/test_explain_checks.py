"""Plain checks of recorded runs: failures, retries and what they cost."""

from __future__ import annotations

import os
import tarfile
from dataclasses import replace
from pathlib import Path

import pytest

from lamina.diagnosis.explain.explaining import explain
from lamina.diagnosis.explain.explanation import FAILED, RETRIED, SLOWER, WAITED, Explanation
from lamina.diagnosis.explain.text import explanation_lines
from lamina.diagnosis.runs import run_of
from lamina.testing.runs import RUNS
from lamina.traces.reading import trace_of
from lamina.traces.trace import Attempt, Phase, Trace
from lamina.workspace.traces import read_traces


def recorded(kind: str) -> Trace:
    made = RUNS[kind]()
    return trace_of(made.record, made.events)


def told(trace: Trace) -> Explanation:
    return explain(run_of(trace), trace=trace)


def attempt(
    task: str,
    begin: float,
    seconds: float,
    number: int = 1,
    status: str = "succeeded",
    host: str = "a",
) -> Attempt:
    ran = Phase("run", begin, begin + seconds)
    return Attempt(
        task, number, status, begin, begin, ran.end, (ran,), host, host,
        exit=None if status == "succeeded" else 1, kind=task.partition("_")[0],
    )  # fmt: skip


def made(*attempts: Attempt, **parents: tuple[str, ...]) -> Trace:
    trace = recorded("chain")
    begin = trace.begin
    moved = tuple(
        replace(
            one, ready=begin + one.ready, begin=begin + one.begin, end=begin + one.end,
            phases=tuple(Phase(n, begin + a, begin + b) for n, a, b in one.phases),
        )
        for one in attempts
    )  # fmt: skip
    last = max(one.end for one in moved)
    session = trace.sessions[0]._replace(begin=begin, end=last)
    failed = any(one.failed for one in moved)
    return replace(
        trace, attempts=moved, parents=parents, sessions=(session,), skipped={},
        status="failed" if failed else "succeeded",
    )  # fmt: skip


@pytest.mark.parametrize("kind", RUNS)
def test_every_recorded_run_is_explained(kind: str) -> None:
    found = told(recorded(kind))
    assert explanation_lines(found, 80)[0] == found.headline or len(found.headline) > 80
    assert not found.enough


def test_a_failed_job_comes_first_with_its_cause() -> None:
    found = told(recorded("failed"))
    assert found.findings[0].kind == FAILED
    assert found.headline.startswith(found.findings[0].text)
    assert found.considered[0].cause == "failures" and found.considered[0].likely
    assert found.advice[0].startswith("read what ")


def crowded() -> Trace:
    """Twelve long jobs that wait for the three hosts; beside them short ones, a little slow on
    one host, which costs little."""
    long = [
        replace(attempt(f"long_{n}", 100.0 * (n // 3), 100.0, host="abc"[n % 3]), ready=0.0)
        for n in range(12)
    ]
    short = [
        attempt(f"short_{n}", 30.0 * (n // 3), 20.0 if n % 3 == 2 else 10.0, host="abc"[n % 3])
        for n in range(9)
    ]
    return made(*long, *short)


def test_a_wait_for_places_is_no_reason_to_name_a_cause_of_what_cost_little() -> None:
    found = told(crowded())
    slow = [one for one in found.findings if one.kind == SLOWER]
    assert [one.hosts for one in slow] == [("c",)] and slow[0].cost <= 0.05 * found.seconds
    assert [one.cause for one in found.considered if one.likely] == ["workers"]
    assert found.headline.startswith("likely too few workers; took ")


def test_a_wait_for_a_place_is_told_once() -> None:
    found = told(recorded("failed"))
    assert [one.kind for one in found.findings] == [FAILED, WAITED]
    assert found.findings[1].text.startswith("count[3] waited 1 s in all for one of 3 places")


def test_waits_of_a_schedule_that_was_made_up_are_no_findings() -> None:
    found = told(replace(crowded(), simulated=True))
    assert WAITED not in {one.kind for one in found.findings}
    assert "workers" not in {one.cause for one in found.considered if one.likely}


def test_jobs_that_fail_alike_are_told_together_with_their_host() -> None:
    jobs = [attempt(f"sort_{n}", 0, 5, status="failed", host="bad") for n in range(4)]
    found = told(made(*jobs, attempt("other_1", 0, 5)))
    (failed,) = [one for one in found.findings if one.kind == FAILED]
    assert failed.text == "4 jobs of sort failed, all on bad: exit code 1"
    assert "leave out bad: failures stand there only" in found.advice


def test_a_retry_costs_what_the_run_waited_for_it() -> None:
    found = told(
        made(
            attempt("a_1", 0, 8, status="failed"), attempt("a_1", 8, 10, 2), attempt("b_1", 0, 12),
            attempt("c_1", 18, 5), c_1=("a_1", "b_1"),
        )
    )  # fmt: skip
    (retried,) = [one for one in found.findings if one.kind == RETRIED]
    assert retried.jobs == ("a_1",)
    assert retried.excess == pytest.approx(8)
    assert retried.cost == pytest.approx(6)
    assert "an attempt of a_1 failed before one succeeded on a: exit code 1" in retried.text
    assert "8 s lost, costs +6 s" in retried.text


def test_a_retry_that_nothing_waited_for_costs_nothing() -> None:
    found = told(
        made(
            attempt("a_1", 0, 2, status="failed"), attempt("a_1", 2, 3, 2), attempt("b_1", 0, 12),
            attempt("c_1", 12, 5), c_1=("a_1", "b_1"),
        )
    )  # fmt: skip
    (retried,) = [one for one in found.findings if one.kind == RETRIED]
    assert retried.cost == pytest.approx(0)
    assert "costs the run nothing" in retried.text


@pytest.mark.slow
@pytest.mark.skipif(
    "LAMINA_DATA" not in os.environ, reason="set LAMINA_DATA to the folder with exogeni_2020/"
)
@pytest.mark.parametrize("workflow", ["1000genome", "montage"])
def test_plain_checks_name_no_slow_part_of_a_machine_in_normal_runs_of_flowbench(
    workflow: str, tmp_path: Path
) -> None:
    with tarfile.open(Path(os.environ["LAMINA_DATA"]) / "flowbench" / f"{workflow}.tar.xz") as all_:
        normal = [one for one in all_.getmembers() if "/normal/" in one.name and one.isfile()]
        all_.extractall(tmp_path, normal[:20], filter="data")
    found = [
        {one.cause for one in told(trace).considered if one.likely}
        for trace in read_traces([tmp_path])
    ]
    assert len(found) == 20
    assert set().union(*found) <= {"workers"}
