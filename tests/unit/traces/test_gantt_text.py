"""Gantt charts as text."""

from __future__ import annotations

import re

import pytest

from lamina.records.store import RunRecord
from lamina.testing.runs import RUNS, many
from lamina.traces.gantt.text import gantt_text
from lamina.traces.reading import trace_of
from lamina.traces.trace import Trace
from lamina.workflow import log

COLOURS = re.compile(r"\x1b\[[0-9;]*m")


def trace(kind: str) -> Trace:
    made = RUNS[kind]()
    return trace_of(made.record, made.events)


@pytest.mark.parametrize("kind", RUNS)
@pytest.mark.parametrize("width", [50, 80, 131])
def test_a_chart_keeps_to_its_width(kind: str, width: int) -> None:
    lines = gantt_text(trace(kind), width).splitlines()
    assert max(map(len, lines[1:]), default=0) <= max(width, 60)


@pytest.mark.parametrize("kind", RUNS)
def test_colours_change_nothing_but_colours(kind: str) -> None:
    found = trace(kind)
    painted = gantt_text(found, 90, colour=True)
    assert "\x1b[" in painted
    assert COLOURS.sub("", painted) == gantt_text(found, 90)


@pytest.mark.parametrize("kind", [kind for kind in RUNS if kind != "hostile"])
def test_plain_charts_are_ascii(kind: str) -> None:
    assert gantt_text(trace(kind), 90, plain=True).isascii()


CHART = """
word-count  brave-otter 9fccc00878  failed  5 tasks in 3.6 s

         0                  2 s
         +------------------+---------------
split    +#######                              842 ms
count[0]         +############                  1.4 s
count[1]         ++########                     1.0 s
count[2]         +###########=x                 1.4 s  failed, exit 1
count[3]         ~~~~~~~~~~+###############     1.7 s

.. waiting   -- submit   ~~ queue   ++ stage in   ## run
== stage out
critical path 3.6 s of 3.6 s: split -> count[3]
2 skipped: shuffle, join
"""


def test_a_chart_is_as_it_should_be() -> None:
    assert gantt_text(trace("failed"), 70, plain=True) == CHART.strip()


def test_failures_retries_and_reused_results_are_marked() -> None:
    failed, retried = gantt_text(trace("failed")), gantt_text(trace("retried"))
    assert "✗" in failed
    assert "failed, exit 1" in failed
    assert "2 skipped: shuffle, join" in failed
    assert "count[3] ~3" in retried
    assert "out of memory" in retried
    assert "retry: timeout" in retried
    assert gantt_text(trace("reused")).count("↺") == 5
    assert "▸" in gantt_text(trace("interrupted"))
    assert "⊘" in gantt_text(trace("cancelled"))


def test_a_later_session_is_marked_and_its_pause_told() -> None:
    chart = gantt_text(trace("resumed"))
    assert "╫ resumed; 1:00:00 of pauses are not drawn" in chart
    assert "2 sessions" in chart


def test_names_cannot_move_the_cursor() -> None:
    made = RUNS["scatter"]()
    found = trace_of(made.record, made.events)
    evil = Trace(found.run, found.name, "\x1b[2J\nw", found.status, found.sessions, found.attempts)
    assert "\x1b" not in gantt_text(evil)
    assert "\u202e" not in gantt_text(trace("hostile"))


def test_many_attempts_of_a_task_share_a_line() -> None:
    made = many(3000)
    chart = gantt_text(trace_of(made.record, made.events), 100)
    assert len(chart.splitlines()) < 13
    assert "count x2997" in chart
    assert "worker lost" in chart
    long = gantt_text(trace_of(made.record, made.events), 100, rows=10_000)
    assert len(long.splitlines()) > 3000


def test_of_more_tasks_than_lines_the_longest_are_drawn() -> None:
    chart = gantt_text(trace("nested"), 100, rows=4)
    assert "and 4 more tasks that took less time" in chart
    assert len([line for line in chart.splitlines() if "█" in line and "run" not in line]) == 4


def test_long_names_keep_their_end() -> None:
    found = trace("scatter")
    named = [
        type(one)(**{slot: getattr(one, slot) for slot in one.__slots__} | {
            "task": "a_very_long_name_of_a_task_that_says_too_much" + one.task[-3:]
        })
        for one in found.attempts
    ]  # fmt: skip
    chart = gantt_text(
        Trace(found.run, found.name, "w", found.status, found.sessions, tuple(named)), 80
    )
    assert "a_very_long" in chart
    assert "…" in chart
    assert "[7]" in chart


def test_levels_are_explained_where_there_are_some() -> None:
    assert "at the same time" not in gantt_text(trace("reused"), 90)
    large = many(500)
    assert "at the same time" in gantt_text(trace_of(large.record, large.events), 90)


def test_a_critical_path_that_had_no_place_to_run_says_so() -> None:
    record = RunRecord("0000000001", "calm-otter", "w", document=WORKFLOW, created=0.0)
    events = [
        log.RunStarted(0.0, 1, "w", 2),
        log.AttemptStarted(0.0, "first", 1, 0.0),
        log.AttemptEnded(1.0, "first", 1, "succeeded", phases={"run": (0.0, 1.0)}),
        log.AttemptStarted(8.0, "second", 1, 1.0),
        log.AttemptEnded(9.0, "second", 1, "succeeded", phases={"run": (8.0, 9.0)}),
        log.RunFinished(9.0, "succeeded"),
    ]
    (told,) = [
        line for line in gantt_text(trace_of(record, events), 90).splitlines() if "→" in line
    ]
    assert told == "critical path 2.0 s of 9.0 s, 7.0 s without a place: first → second"


WORKFLOW = {"tasks": {"first": {"do": "python"}, "second": {"do": "python", "in": {"x": "first"}}}}
