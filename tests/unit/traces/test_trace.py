"""Traces of recorded runs."""

from __future__ import annotations

import itertools
import time

import pytest

from lamina.records.history import Session
from lamina.testing.runs import BEGIN, RUNS, MadeRun, many
from lamina.traces.reading import trace_of
from lamina.traces.trace import WAITING, Attempt, Trace, busy, spans, worked
from lamina.workflow.log import PHASES, AttemptStarted, Event, RunStarted


def trace(kind: str) -> Trace:
    made = RUNS[kind]()
    return trace_of(made.record, made.events)


@pytest.mark.parametrize("kind", RUNS)
def test_every_attempt_lies_inside_the_run_and_its_spans_have_no_hole(kind: str) -> None:
    found = trace(kind)
    assert found.begin == BEGIN
    for attempt in found.attempts:
        assert found.begin <= attempt.ready <= attempt.begin <= attempt.end <= found.end + 1e-6
        if attempt.status == "reused":
            continue
        parts = spans(attempt)
        assert parts[0].begin == pytest.approx(min(attempt.ready, attempt.begin))
        assert parts[-1].end == pytest.approx(attempt.end, abs=2e-3)
        for one, following in itertools.pairwise(parts):
            assert one.end == pytest.approx(following.begin)


@pytest.mark.parametrize("kind", RUNS)
def test_a_critical_path_goes_forward_in_time_to_the_last_end(kind: str) -> None:
    found = trace(kind)
    path = found.critical_path
    worked_on = [one for one in found.attempts if one.status != "reused"]
    assert bool(path) == bool(worked_on)
    for before, after in itertools.pairwise(path):
        assert before.end <= after.begin + 1e-3
    if path:
        assert path[-1].end == max(one.end for one in worked_on)


@pytest.mark.parametrize("kind", RUNS)
def test_no_two_attempts_of_a_lane_overlap(kind: str) -> None:
    found = trace(kind)
    rows: dict[tuple[str, int], list[tuple[float, float]]] = {}
    for index, lane in found.lanes.items():
        rows.setdefault(lane, []).append(busy(found.attempts[index]))
    for held in rows.values():
        held.sort()
        for (_, end), (begin, _) in itertools.pairwise(held):
            assert end <= begin + 2e-3


def test_the_path_goes_through_the_item_that_ended_last() -> None:
    assert [one.task for one in trace("scatter").critical_path] == [
        "split", "count[7]", "shuffle", "join",
    ]  # fmt: skip


def test_the_path_goes_through_lost_attempts() -> None:
    path = trace("retried").critical_path
    assert ("count[3]", 1) in [(one.task, one.number) for one in path]
    assert path[0].task == "split"


def test_the_path_of_a_reader_goes_through_the_writer_that_it_reads_meanwhile() -> None:
    session = Session(0.0, 10.0)
    attempts = (
        Attempt("rows", 1, "lost", 0.0, 0.0, 1.0),
        Attempt("rows", 2, "succeeded", 1.0, 1.0, 9.0),
        Attempt("count", 1, "succeeded", 2.0, 2.0, 10.0),
    )
    found = Trace("1", "calm-owl", "w", "succeeded", (session,), attempts, {"count": ["rows"]})
    assert [(one.task, one.number) for one in found.critical_path] == [
        ("rows", 1), ("rows", 2), ("count", 1),
    ]  # fmt: skip
    assert found.critical_seconds == 10.0  # what overlaps counts once
    assert "critical path 10.0 s of 10.0 s: rows" in found.text(plain=True)


def test_counts_are_of_the_last_attempts() -> None:
    assert trace("retried").counts == {"succeeded": 7}
    assert trace("failed").counts == {"succeeded": 4, "failed": 1, "skipped": 2}
    assert trace("all_reused").counts == {"reused": 7}


def test_an_engine_that_was_killed_leaves_running_attempts() -> None:
    found = trace("interrupted")
    assert found.status == "running"
    assert found.counts["running"] == 5
    made = RUNS["interrupted"]()
    later = trace_of(made.record, made.events, until=BEGIN + 100)
    assert later.seconds == pytest.approx(100)
    assert max(one.end for one in later.attempts) == BEGIN + 100


def test_pauses_between_sessions_are_no_part_of_the_makespan() -> None:
    found = trace("resumed")
    assert len(found.sessions) == 2
    assert found.seconds < 30
    assert found.end - found.begin > 3600
    assert sum(one.status == "lost" for one in found.attempts) == 5
    assert found.counts == {"succeeded": 11}


def test_metrics_are_kept_with_their_times() -> None:
    told = trace("chain").metrics["train", 1]
    assert [values["epoch"] for _, values in told] == list(range(1, 21))
    assert [when for when, _ in told] == sorted(when for when, _ in told)


def test_a_run_without_events_is_a_trace_too() -> None:
    made = RUNS["scatter"]()
    found = trace_of(made.record, ())
    assert (found.attempts, found.seconds, found.critical_path) == ((), 0, ())


def test_an_attempt_without_phases_ran_all_the_time() -> None:
    events: list[Event] = [RunStarted(5.0, 1, "w", 1), AttemptStarted(7.0, "a", 1, 6.0)]
    found = trace_of(RUNS["scatter"]().record, events, until=9.0)
    (only,) = found.attempts
    assert [tuple(span) for span in spans(only)] == [(WAITING, 6.0, 7.0), ("run", 7.0, 9.0)]
    assert worked(only) == 2.0


def test_what_an_attempt_spent_is_told_by_phase() -> None:
    found = trace("chain")
    (scripted,) = found.sites["scripted"]
    assert scripted.spent("pre_script") > 0 < scripted.spent("post_script")
    assert list(found.totals) == list(PHASES)
    assert 0 < found.parallelism <= 1


def test_a_large_run_is_read_in_time() -> None:
    made: MadeRun = many(20_000)
    begin = time.process_time()
    found = trace_of(made.record, made.events)
    assert found.critical_path[-1].task == "join"
    assert time.process_time() - begin < 5
    assert len(found.last) == 20_000
