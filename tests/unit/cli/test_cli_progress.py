"""Lines of progress: what a reader of a terminal or a log file gets to know of an event."""

from __future__ import annotations

import pytest

from lamina.cli.progress import line_of
from lamina.workflow.log import AttemptEnded, AttemptStarted, Event, Noticed, TaskReused

PHASES = {"run": (1.0, 3.5)}


@pytest.mark.parametrize(
    ("event", "line"),
    [
        (AttemptEnded(4.0, "a", 1, "succeeded", phases=PHASES), "done    a  (2.50 s)"),
        (AttemptEnded(4.0, "a", 1, "lost", error={"cause": "gone"}), "lost    a  gone"),
        (AttemptStarted(1.0, "a", 2, 0.5, reason="forced"), "again   a  attempt 2: forced"),
        (TaskReused(1.0, "a", 0.5, "key", "run", {}, "reused"), "reused  a"),
        (Noticed(1.0, "clock jumped", "", "by 3 s"), "notice  clock jumped: by 3 s"),
        (Noticed(1.0, "disk full", "a", "no space"), "notice  a  disk full: no space"),
        # The end of the attempt has just said it.
        (Noticed(1.0, "worker lost", "a", "gone"), ""),
        (Noticed(1.0, "worker lost", "", "it waited"), "notice  worker lost: it waited"),
    ],
)  # fmt: skip
def test_an_event_is_one_line(event: Event, line: str) -> None:
    assert line_of(event) == line
