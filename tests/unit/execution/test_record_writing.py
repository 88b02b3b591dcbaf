"""Events on their way to the record: written, or the run ends."""

from __future__ import annotations

import errno
import os
from collections.abc import Sequence

import pytest

from lamina.errors import StoreError
from lamina.execution import writing
from lamina.execution.writing import Writer
from lamina.workflow.log import Event, Noticed, TaskSkipped

EVENTS: list[Event] = [TaskSkipped(1.0, "a", "its input b failed")]


class Sink:
    """Refuses a number of times."""

    def __init__(self, errors: Sequence[Exception]) -> None:
        self.errors = list(errors)
        self.batches: list[Sequence[Event]] = []

    def __call__(self, events: Sequence[Event]) -> None:
        if self.errors:
            raise self.errors.pop(0)
        self.batches.append(list(events))


def full() -> OSError:
    return OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))


def test_nothing_to_write_writes_nothing() -> None:
    sink = Sink([])
    Writer(sink, lambda: 2.0, lambda: False).write([])
    assert sink.batches == []


def test_a_record_that_refuses_for_a_moment_is_asked_again_and_says_so() -> None:
    sink = Sink([full(), StoreError("locked")])
    Writer(sink, lambda: 2.0, lambda: False).write(EVENTS)
    ((event, notice),) = sink.batches
    assert event is EVENTS[0]
    assert isinstance(notice, Noticed)
    assert (notice.what, notice.time) == ("record refused", 2.0)
    assert "locked" in notice.text


@pytest.mark.parametrize("error", [full(), StoreError("database is read-only", "mend it")])
def test_a_record_that_goes_on_refusing_ends_the_run(
    monkeypatch: pytest.MonkeyPatch, error: Exception
) -> None:
    monkeypatch.setattr(writing, "PATIENCE", 0.05)
    with pytest.raises(StoreError, match=r"No space left|read-only"):
        Writer(Sink([error] * 99), lambda: 0.0, lambda: False).write(EVENTS)


def test_nobody_waits_once_the_run_is_killed() -> None:
    with pytest.raises(StoreError):
        Writer(Sink([full()] * 99), lambda: 0.0, lambda: True).write(EVENTS)
