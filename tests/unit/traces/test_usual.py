"""What is usual for a job, in its run or over others."""

from __future__ import annotations

from dataclasses import replace

import pytest

from lamina.testing.runs import RUNS
from lamina.traces.reading import trace_of
from lamina.traces.report.columns import TICKS, columns_of
from lamina.traces.trace import Attempt, Phase, Trace, worked
from lamina.traces.usual import FEWEST, norms_of


def trace(kind: str = "chain") -> Trace:
    made = RUNS[kind]()
    return trace_of(made.record, made.events)


def job(task: str, seconds: float, status: str = "succeeded") -> Attempt:
    begin = trace().begin
    ran = Phase("run", begin, begin + seconds)
    return Attempt(task, 1, status, begin, begin, ran.end, (ran,), kind=task.rstrip("0123456789"))


def run(*jobs: Attempt) -> Trace:
    return replace(trace(), attempts=jobs)


def test_in_a_run_alone_the_usual_is_the_median_of_a_type() -> None:
    found = run(job("a1", 1), job("a2", 2), job("a3", 30), job("b1", 5), job("b2", 5))
    usual = norms_of(found).of(found.attempts[2])
    assert usual is not None
    assert usual.seconds == pytest.approx(2)
    assert usual.count == FEWEST
    assert usual.phases == {"run": pytest.approx(2)}
    assert norms_of(found).of(found.attempts[3]) is None


def test_what_failed_or_was_reused_is_not_usual() -> None:
    bad = [job(f"a{n}", 99, "failed") for n in range(4, 9)]
    reused = [replace(job(f"a{n}", 0, "reused"), number=0) for n in range(10, 19)]
    found = run(job("a1", 1), job("a2", 2), job("a3", 3), *bad, *reused)
    usual = norms_of(found).of(bad[0])
    assert usual is not None and usual.seconds == pytest.approx(2)


def test_other_runs_tell_what_is_usual_by_the_name_of_the_job_before_its_type() -> None:
    others = [run(job("a1", 10 + n), job("a2", 100 + n)) for n in range(3)]
    found = run(job("a1", 50), job("a2", 50), job("a3", 50))
    norms = norms_of(found, others)
    told = [norms.of(one) for one in found.attempts]
    seconds = [one.seconds for one in told if one is not None]
    assert seconds == pytest.approx([11, 101, (12 + 100) / 2])


def test_a_page_holds_a_norm_for_every_attempt_that_has_one() -> None:
    found = trace("scatter")
    told = columns_of(found)
    norms = norms_of(found)
    for one, number in zip(found.attempts, told["attempts"]["usual"], strict=True):
        usual = norms.of(one)
        assert (number == -1) == (usual is None)
        if usual is not None:
            assert told["usual"][number][0] == pytest.approx(usual.seconds * TICKS, abs=1)
            assert told["usual"][number][-1] == usual.count
    assert set(told["attempts"]["usual"]) > {-1}
    double = [replace(one, kind="all") for one in found.attempts]
    (norm,) = columns_of(replace(found, attempts=tuple(double)))["usual"]
    assert norm[0] / TICKS == pytest.approx(sorted(map(worked, double))[len(double) // 2], rel=0.2)
