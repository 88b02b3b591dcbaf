"""Figures of runs as time: phases, types, hosts, the critical path, transfers."""

from __future__ import annotations

from dataclasses import replace

import pytest

from lamina.records.history import Session
from lamina.testing.runs import RUNS
from lamina.traces.reading import trace_of
from lamina.traces.statistics import (
    FORMS,
    by_host,
    by_type,
    most_at_once,
    overview,
    path_of,
    phases_of,
    transfers,
)
from lamina.traces.trace import WAITING, Attempt, Phase, Trace


def job(
    name: str, ready: float, seconds: tuple[float, float, float], host: str = "h1", number: int = 1
) -> Attempt:
    """An attempt that waits, stages 100 bytes in, and runs, each for some seconds."""
    begin = ready + seconds[0]
    loaded = begin + seconds[1]
    phases = (
        Phase("queue", ready, begin), Phase("stage_in", begin, loaded),
        Phase("run", loaded, loaded + seconds[2]),
    )  # fmt: skip
    return Attempt(
        name, number, "succeeded", ready, ready, phases[-1].end, phases, host, host,
        usage={"stage_in_bytes": 100.0}, kind=name.partition("_")[0],
    )  # fmt: skip


@pytest.fixture
def trace() -> Trace:
    """a and b at the same time, c after both; a was lost once."""
    lost = replace(job("mill_a", 100, (1, 0, 3)), status="lost", error={"cause": "gone"})
    attempts = (
        lost, job("mill_b", 100, (2, 4, 4), "h2"), job("mill_a", 104, (2, 2, 4), "h2", 2),
        job("pack_c", 113, (1, 1, 5)),
    )  # fmt: skip
    return Trace(
        "r", "", "w", "succeeded", (Session(100, 120),), attempts,
        parents={"pack_c": ["mill_a", "mill_b"]}, origin="toy",
    )  # fmt: skip


def test_the_critical_path_tells_where_every_second_of_the_makespan_went(trace: Trace) -> None:
    steps = path_of(trace)
    assert [(one.attempt.task, one.attempt.number) for one in steps] == [
        ("mill_a", 1), ("mill_a", 2), ("pack_c", 1),
    ]  # fmt: skip
    assert [one.seconds for one in steps] == [4, 8, 8]
    assert steps[2].phases == {WAITING: 1, "queue": 1, "stage_in": 1, "run": 5}
    assert overview(trace)["critical_path"]["seconds"] == trace.seconds


def test_phases_types_and_hosts_are_summed_over_all_attempts(trace: Trace) -> None:
    assert {name: one["seconds"] for name, one in phases_of(trace).items()} == {
        "queue": 6, "stage_in": 7, "run": 16,
    }  # fmt: skip
    assert phases_of(trace)["run"]["longest"] == "pack_c"
    mill, pack = by_type(trace)
    assert (mill.name, len(mill.jobs), mill.attempts, mill.retries, mill.failed) == (
        "mill", 2, 3, 1, 1,
    )  # fmt: skip
    assert mill.phases["queue"] == 5
    assert pack.phases["run"] == 5
    assert {group.name: group.phases["run"] for group in by_host(trace)} == {"h1": 8, "h2": 8}


def test_transfers_have_a_rate_where_bytes_and_seconds_are_told(trace: Trace) -> None:
    told = transfers(trace.attempts)
    assert told == {"stage_in": {"bytes": 400, "seconds": 7, "attempts": 4, "rate": 400 / 7}}


def test_at_most_as_many_are_counted_as_held_a_worker_at_one_moment(trace: Trace) -> None:
    assert most_at_once(trace) == 2


def test_a_run_without_hosts_has_no_table_of_hosts(trace: Trace) -> None:
    bare = replace(trace, attempts=tuple(replace(one, host="") for one in trace.attempts))
    assert by_host(bare) == []
    assert len(FORMS["hosts"](bare)) == 1


@pytest.mark.parametrize("kind", sorted(RUNS))
def test_the_forms_are_tables_of_any_recorded_run(kind: str) -> None:
    made = RUNS[kind]()
    found = trace_of(made.record, made.events)
    for form in FORMS.values():
        rows = form(found)
        assert len({len(row) for row in rows}) == 1
    told = overview(found)
    assert told["critical_path"]["seconds"] <= found.seconds + 1e-9
    spent = sum(one["seconds"] for one in told["phases"].values())
    assert sum(sum(one["phases"].values()) for one in told["types"]) == pytest.approx(spent)
