"""Figures of runs, from made-up runs whose story is known."""

from __future__ import annotations

import pytest

from lamina.records.history import history_of
from lamina.records.rows import RunRecord
from lamina.records.statistics import FORMS, Story, figures, integrity, summary, transfer
from lamina.testing.runs import RUNS
from lamina.traces.reading import trace_of
from lamina.workflow import log


def told(events: list[log.Event] | tuple[log.Event, ...]) -> Story:
    return Story.of(history_of(RunRecord("ab", "quiet-fox", "w", created=0.0), events))


@pytest.mark.parametrize("kind", sorted(RUNS))
@pytest.mark.parametrize("form", sorted(FORMS))
def test_every_form_is_a_table_of_any_run(kind: str, form: str) -> None:
    rows = FORMS[form](told(RUNS[kind]().events))
    assert len({len(row) for row in rows}) == 1
    assert all(isinstance(cell, str) for row in rows for cell in row)


def test_attempts_that_repeat_are_told_from_tasks() -> None:
    found = figures(told(RUNS["retried"]().events))
    assert (found["tasks"], found["succeeded"]) == (7, 7)
    assert (found["attempts"], found["retries"]) == (11, 4)
    assert found["run"] >= found["run_useful"] > 0


def test_reused_results_are_no_attempts() -> None:
    found = figures(told(RUNS["all_reused"]().events))
    assert (found["tasks"], found["reused"], found["attempts"], found["run"]) == (7, 7, 0, 0.0)


def test_a_failed_run_tells_what_failed_and_what_was_skipped() -> None:
    found = figures(told(RUNS["failed"]().events))
    assert (found["succeeded"], found["failed"], found["skipped"]) == (4, 1, 2)
    text = {row[0]: row[1] for row in summary(told(RUNS["failed"]().events))}
    assert text["tasks"] == "7: 4 succeeded, 1 failed, 2 skipped"


def test_the_pause_between_two_sessions_is_no_wall_time() -> None:
    story = told(RUNS["resumed"]().events)
    assert len(story.sessions) == 2
    assert story.wall < 60 < story.sessions[1][0] - story.sessions[0][0]


def test_files_from_elsewhere_are_summed_up() -> None:
    notes = [
        log.RunStarted(1.0, 1, "w", 1),
        log.Noticed(2.0, "staged in", "a", "s3://b/x: 1000000 bytes in 0.500 s"),
        log.Noticed(2.0, "staged in", "a", "s3://b/y: 3000000 bytes in 1.500 s"),
    ]
    assert transfer(told(notes))[-1][:5] == ["staged in", "2 files", "2.000", "2.0 MB/s", "4.0 MB"]


def test_damage_and_what_was_made_again_are_told() -> None:
    ref = {"y": {"codec": "arrow", "digest": "ab" * 32, "size": 2000}}
    events = [
        log.RunStarted(1.0, 1, "w", 2),
        log.AttemptStarted(1.0, "a", 1, 1.0),
        log.AttemptEnded(2.0, "a", 1, "succeeded", outputs=ref),
        log.AttemptStarted(2.0, "b", 1, 2.0, inputs=ref),
        log.AttemptEnded(3.0, "b", 1, "lost"),
        log.Noticed(3.0, "artifact damaged", "b", "ab" * 32),
        log.AttemptStarted(3.0, "a", 2, 3.0),
        log.AttemptEnded(4.0, "a", 2, "succeeded", outputs=ref),
    ]
    assert integrity(told(events)) == [
        ["artifacts made", "2, 4.0 kB"],
        ["artifacts read and verified", "1, 2.0 kB"],
        ["damaged or lost", "1"],
        ["made again", "1"],
        ["  b", "ab" * 32],
    ]


@pytest.mark.parametrize("kind", sorted(RUNS.keys() - {"interrupted", "resumed"}))
def test_how_many_ran_at_the_same_time_is_what_charts_say(kind: str) -> None:
    """But for attempts whose end nobody saw: charts draw them until the last event."""
    run = RUNS[kind]()
    chart = trace_of(run.record, run.events)
    assert figures(told(run.events))["busy"] == pytest.approx(chart.parallelism)
