"""Streams in real runs: items come while their task runs; whatever is killed, none is lost."""

from __future__ import annotations

import os
import signal
import time
from collections.abc import AsyncIterator, Iterator
from itertools import islice
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import pytest
from numpy.typing import NDArray

from lamina import run
from lamina.data.tables import Table
from lamina.errors import TaskFailedError
from lamina.workflow import Workflow, log, task, workflow
from lamina.workflow.telling import current


def first_attempt() -> bool:
    attempt = current()
    return attempt is not None and attempt.number == 1


@task(cpus=0.5)
def slowly(count: int) -> Iterator[int]:
    for number in range(count):
        time.sleep(0.02)
        yield number


@task(cpus=0.5, retries=2)
def killed_writer(count: int) -> Iterator[int]:
    for number in range(count):
        time.sleep(0.01)
        if first_attempt() and number == count // 2:
            os.kill(os.getpid(), signal.SIGKILL)
        yield number if not first_attempt() else -1


@task(cpus=0.5, retries=2, retry=["error"])
def failing_writer(count: int) -> Iterator[int]:
    for number in range(count):
        time.sleep(0.01)
        if first_attempt() and number == count // 2:
            raise RuntimeError("not yet")
        yield number if not first_attempt() else -1


@task(cpus=0.5, retries=2)
def total(numbers: Iterator[int]) -> int:
    return sum(numbers)


@task(cpus=0.5)
def begun_and_ended(numbers: Iterator[int]) -> list[float]:
    next(numbers)
    begin = time.time()
    for _ in numbers:
        pass
    return [begin, time.time()]


@task(cpus=0.5)
def first_three(numbers: Iterator[int]) -> list[int]:
    return list(islice(numbers, 3))


@task(cpus=0.5, retries=2)
def killed_reader(numbers: Iterator[int]) -> int:
    found = 0
    for number in numbers:
        found += number
        if first_attempt() and number == 5:
            os.kill(os.getpid(), signal.SIGKILL)
    return found


@task
def doubled(x: int) -> int:
    return 2 * x


@task
def length(numbers: list[int]) -> int:
    return len(numbers)


def ran(flow: Workflow, folder: Path, **options: Any) -> tuple[dict[str, Any], list[log.Event]]:
    events: list[log.Event] = []
    found = run(flow, folder=folder, on_event=events.extend, cpus=2, **options)
    return dict(found.outputs), events


def statuses(events: list[log.Event], name: str) -> list[str]:
    return [
        event.status
        for event in events
        if isinstance(event, log.AttemptEnded) and event.task == name
    ]


def test_a_reader_runs_while_its_writer_does(tmp_path: Path) -> None:
    with workflow("live") as w:
        numbers = slowly(40)
        w.output("span", begun_and_ended(numbers))
        w.output("count", length(numbers))  # type: ignore[arg-type]
        w.output("doubled", doubled.map(numbers))
        w.output("numbers", numbers)
    found, events = ran(w.workflow, tmp_path)
    (ended,) = (
        event
        for event in events
        if isinstance(event, log.AttemptEnded) and event.task == "begun_and_ended"
    )
    assert ended.inputs["numbers"]["count"] == 40 and ended.key
    assert found["span"][1] - found["span"][0] > 0.3
    assert (found["count"], found["numbers"]) == (40, list(range(40)))
    assert found["doubled"] == [2 * number for number in range(40)]
    again, more = ran(w.workflow, tmp_path)
    assert again == found
    assert not [event for event in more if isinstance(event, log.AttemptEnded)]


@pytest.mark.parametrize(
    ("writer", "name", "ended"),
    [(killed_writer, "killed_writer", "lost"), (failing_writer, "failing_writer", "failed")],
)
def test_a_writer_that_is_killed_or_fails_begins_again_and_its_readers_with_it(
    tmp_path: Path, writer: Any, name: str, ended: str
) -> None:
    with workflow("again") as w:
        numbers = writer(30)
        w.output("total", total(numbers))
        w.output("first", first_three(numbers))
    found, events = ran(w.workflow, tmp_path)
    assert found == {"total": sum(range(30)), "first": [0, 1, 2]}
    assert statuses(events, name) == [ended, "succeeded"]
    assert statuses(events, "total")[-1] == "succeeded"


def test_a_killed_reader_reads_from_the_beginning(tmp_path: Path) -> None:
    with workflow("reader") as w:
        w.output("total", killed_reader(slowly(20)))
    found, events = ran(w.workflow, tmp_path)
    assert found == {"total": sum(range(20))}
    assert statuses(events, "killed_reader") == ["lost", "succeeded"]
    assert statuses(events, "slowly") == ["succeeded"]


def test_with_one_core_streams_are_read_one_after_the_other(tmp_path: Path) -> None:
    with workflow("narrow") as w:
        w.output("total", total.needing(cpus=1)(slowly.needing(cpus=1)(5)))
    found = run(w.workflow, folder=tmp_path, cpus=1)
    assert dict(found.outputs) == {"total": 10}


def test_a_reader_that_found_no_place_before_its_writer_ended_is_kept_and_recalled(
    tmp_path: Path,
) -> None:
    with workflow("late") as w:
        w.output("total", total.needing(cpus=1)(slowly.needing(cpus=1)(5)))
    first, again = (run(w.workflow, folder=tmp_path, cpus=1).result.reused for _ in range(2))
    assert (first, again) == (0, 2)
    with workflow("late") as w:
        numbers = slowly.needing(cpus=1, cache=False)(5)  # another attempt, the same stream
        w.output("total", total.needing(cpus=1)(numbers))
    assert run(w.workflow, folder=tmp_path, cpus=1).result.reused == 1


class Parts(NamedTuple):
    batches: Iterator[Table]
    maps: Iterator[NDArray[Any]]
    metrics: Iterator[dict[str, float]]
    number: int


@task
def several(count: int) -> Parts:
    tables = (Table({"x": np.arange(3) + n}, f"batch {n}") for n in range(count))
    arrays = (np.full((2, 3), n, dtype=np.float32) for n in range(count))
    return Parts(tables, arrays, ({"loss": 1.0 / (n + 1)} for n in range(count)), count)


@task
def gathered(
    batches: Iterator[Table], maps: Iterator[NDArray[Any]], metrics: Iterator[dict[str, float]]
) -> dict[str, Any]:
    return {
        "rows": sum(table.rows for table in batches),
        "strength": [float(one.mean()) for one in maps],
        "losses": [one["loss"] for one in metrics],
    }


def test_rows_tables_feature_maps_and_metrics_stream(tmp_path: Path) -> None:
    with workflow("kinds") as w:
        parts = several(4)
        w.output("found", gathered(parts.batches, parts.maps, parts.metrics))
        w.output("number", parts.number)
    found, _ = ran(w.workflow, tmp_path)
    losses = [1.0, 1 / 2, 1 / 3, 1 / 4]
    assert found["found"] == {"rows": 12, "strength": [0.0, 1.0, 2.0, 3.0], "losses": losses}
    assert found["number"] == 4


@task
async def later(count: int) -> AsyncIterator[int]:
    for number in range(count):
        yield number


@task
def wrong(count: int) -> Iterator[int]:
    yield count
    yield "text"  # type: ignore[misc]


def test_asynchronous_generators_stream_too(tmp_path: Path) -> None:
    with workflow("asynchronous") as w:
        w.output("total", total(later(4)))  # type: ignore[arg-type]
    assert ran(w.workflow, tmp_path)[0] == {"total": 6}


def test_items_are_held_to_the_type_of_the_stream(tmp_path: Path) -> None:
    with workflow("wrong") as w:
        w.output("total", total(wrong(4)))
    with pytest.raises(TaskFailedError, match="item 1 gets str 'text'"):
        ran(w.workflow, tmp_path)
