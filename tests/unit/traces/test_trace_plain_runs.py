"""Runs that went as most do are read in a shorter way, and tell the same."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import fields
from pathlib import Path
from typing import Any

import pytest

from lamina.records.store import RunRecord, Store
from lamina.testing.runs import RUNS
from lamina.traces.plainly import PLAIN, plain_trace_of
from lamina.traces.reading import trace_of
from lamina.traces.trace import Trace
from lamina.workflow import log

BEGIN = 1_767_323_045.0


def _both(folder: Path, record: RunRecord, events: Sequence[log.Event]) -> list[Trace | None]:
    """The trace in the shorter way, where there is one, and in the other."""
    store = Store(f"sqlite:///{folder / 'records.sqlite'}")
    kept = store.create(record)
    store.append(kept.id, events)
    plain = None
    if not store.tells(kept.id, PLAIN):
        plain = plain_trace_of(kept, store.pages(kept.id))
    other = trace_of(kept, (event for _, event in store.events(kept.id)))
    store.close()
    return [plain, other]


def _told(trace: Trace) -> dict[str, Any]:
    return {one.name: getattr(trace, one.name) for one in fields(trace) if one.name != "parents"}


def _made(*more: log.Event, last: float = 20.0) -> list[log.Event]:
    phases = {"run": (BEGIN + 2, BEGIN + 9), "queue": (BEGIN + 1, BEGIN + 2)}
    found = [
        log.RunStarted(BEGIN, 1, "grind", 3, {"host": "here"}),
        log.AttemptStarted(BEGIN + 2, "b", 1, BEGIN + 1.5, "key", "f" * 64, reason="forced"),
        log.AttemptStarted(BEGIN + 1, "a[0]", 1, BEGIN + 1, gpus=("0", "1")),
        log.AttemptPlaced(BEGIN + 1, "a[0]", 1, "fast", "it is near", 3),
        log.Noticed(BEGIN + 3, "slow disk", "a[0]", "it takes long"),
        log.AttemptEnded(
            BEGIN + 9, "a[0]", 1, "failed", "w1", "here", 43, phases, {"cpu": 3.0}, 2,
            error={"cause": "it fell"}, folder="logs/a",
        ),
        log.AttemptEnded(BEGIN + 1.5, "b", 1, "succeeded", outputs={"out": {"size": 9}}),
        log.AttemptStarted(BEGIN + 10, "a[0]", 2, BEGIN + 9, reason="retry: failed"),
        log.AttemptEnded(BEGIN + 15, "a[0]", 2, "succeeded"),
        *more,
        log.RunFinished(BEGIN + last, "succeeded", {"out": {"size": 9}}),
    ]  # fmt: skip
    return found


RECORD = RunRecord("00000000a1", "quiet-fox", "grind", {"tasks": {"a": {}, "b": {}}})


def test_a_plain_run_tells_the_same_in_both_ways(tmp_path: Path) -> None:
    plain, other = _both(tmp_path, RECORD, _made())
    assert plain is not None
    assert other is not None
    assert _told(plain) == _told(other)
    assert {one: list(plain.parents.get(one, ())) for one in plain.last} == {
        one: list(other.parents.get(one, ())) for one in other.last
    }


@pytest.mark.parametrize("kind", RUNS)
def test_runs_of_all_kinds_tell_the_same_in_both_ways(kind: str, tmp_path: Path) -> None:
    run = RUNS[kind]()
    plain, other = _both(tmp_path, run.record, run.events)
    assert other is not None
    assert plain is None or _told(plain) == _told(other)


@pytest.mark.parametrize(
    "odd",
    [
        log.RunStarted(BEGIN + 16, 2, "grind", 3),
        log.AttemptStarted(BEGIN + 16, "b", 2, BEGIN + 16),
        log.AttemptEnded(BEGIN + 16, "b", 2, "succeeded"),
        log.AttemptProgressed(BEGIN + 16, "b", 1, {"loss": 0.5}),
        log.TaskReused(BEGIN + 16, "c", BEGIN + 16, "key", "other", {}),
        log.TaskSkipped(BEGIN + 16, "c", "a task that it reads failed"),
    ],
    ids=lambda event: type(event).__name__,
)
def test_other_runs_are_left_to_the_long_way(odd: log.Event, tmp_path: Path) -> None:
    plain, other = _both(tmp_path, RECORD, _made(odd))
    assert plain is None
    assert other is not None


def test_a_run_without_an_end_is_left_to_the_long_way(tmp_path: Path) -> None:
    plain, other = _both(tmp_path, RECORD, _made()[:-1])
    assert plain is None
    assert other is not None
    assert other.status == "running"


def test_a_task_that_decides_on_others_is_left_to_the_long_way(tmp_path: Path) -> None:
    events = _made(
        log.AttemptStarted(BEGIN + 16, "c", 1, BEGIN + 16),
        log.AttemptEnded(BEGIN + 17, "c", 1, "succeeded", expansion={"workflow": {"tasks": {}}}),
    )
    assert _both(tmp_path, RECORD, events)[0] is None
