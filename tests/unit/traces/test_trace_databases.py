"""Databases of others: many rows at once are read as row by row."""

from __future__ import annotations

import gc
import sqlite3
from collections.abc import Sequence
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from lamina.errors import TraceError
from lamina.traces.readers.collecting import traces_in
from lamina.traces.readers.databases import database, wholes_of
from lamina.traces.readers.sources import LocalFile
from lamina.traces.readers.stampede_states import Told, told_by
from lamina.traces.reading import uncollected
from lamina.traces.trace import Trace

_ROWS = [
    (7, 1, "SUBMIT", 100, None),
    (3, 1, "SUBMIT", 101, None),
    (7, 3, "JOB_SUCCESS", 109, None),
    (7, 2, "EXECUTE", 104, None),
    (3, 2, "EXECUTE", 105, ""),
]
_READ = [
    Told(7, ("SUBMIT", "EXECUTE", "JOB_SUCCESS"), [100.0, 104.0, 109.0], ("", "", "")),
    Told(3, ("SUBMIT", "EXECUTE"), [101.0, 105.0], ("", "")),
]


def _states(folder: Path, rows: Sequence[tuple[Any, ...]]) -> list[Told]:
    path = folder / "states.db"
    with closing(sqlite3.connect(path)) as base, base:
        base.execute(
            "CREATE TABLE jobstate (job_instance_id, jobstate_submit_seq, state, timestamp, reason)"
        )
        base.execute("CREATE INDEX other ON jobstate (state, timestamp, jobstate_submit_seq)")
        base.executemany("INSERT INTO jobstate VALUES (?, ?, ?, ?, ?)", rows)
    with database(LocalFile(path, path.name)) as found:
        return list(told_by(found))


def test_states_of_tries_that_ran_at_once_are_put_in_order(tmp_path: Path) -> None:
    assert _states(tmp_path, _ROWS) == _READ


@pytest.mark.parametrize(
    "odd",
    [
        (9, 1, "SUBMIT", 100.123456789012, None),
        (9, 1, "HELD, AGAIN", 100, None),
        (9, None, "SUBMIT", 100, None),
        (9, 1, "SUBMIT", None, None),
        (9, 1, None, 100, None),
        (9, 1, "SUBMIT", "", None),
        (9, 1, "SUBMIT", "100", None),
        ("9", 1, "SUBMIT", 100, None),
    ],
)
def test_one_odd_row_changes_no_other(odd: tuple[Any, ...], tmp_path: Path) -> None:
    _, _, name, time, _ = odd
    told = _states(tmp_path, [*_ROWS, odd])
    assert told[:2] == _READ
    kept = [(9, (str(name or ""),), [float(time)])] if time else []
    assert [(int(one.key), one.names, one.times) for one in told[2:]] == kept


def test_reasons_stay_with_their_states(tmp_path: Path) -> None:
    rows = [*_ROWS, (3, 3, "JOB_HELD", 106, "no, never")]
    assert _states(tmp_path, rows)[1].reasons == ("", "", "no, never")


def test_states_with_one_number_stay_as_they_were_told(tmp_path: Path) -> None:
    rows = [(1, 0, name, 100, None) for name in ("C", "A", "B")]
    assert _states(tmp_path, rows)[0].names == ("C", "A", "B")


def test_a_time_that_is_none_is_told(tmp_path: Path) -> None:
    with pytest.raises(TraceError, match="timestamp is 'noon', not a number"):
        _states(tmp_path, [*_ROWS, (9, 1, "SUBMIT", "noon", None)])


@pytest.mark.parametrize("text", ["1,2", "1,2,x", "1.5,2,3", "1,2,9999999999999999999", "", "1,,2"])
def test_texts_of_other_than_three_whole_numbers_are_refused(text: str) -> None:
    assert wholes_of(text, 3) is None


CELLS = [1, None, "a, b", 0.1 + 0.2, 1 << 50, "", '\x00\n"', -0.5]


def test_columns_are_read_exactly(tmp_path: Path) -> None:
    assert _column(tmp_path, CELLS) == CELLS


def test_columns_with_bytes_are_read_exactly(tmp_path: Path) -> None:
    assert _column(tmp_path, [*CELLS, b"\xff"]) == [*CELLS, b"\xff"]


def test_a_column_that_is_not_there_is_empty(tmp_path: Path) -> None:
    assert _column(tmp_path, [1, 2], "other") == [None, None]


def _column(folder: Path, cells: list[Any], name: str = "cell") -> list[Any]:
    path = folder / "cells.db"
    with closing(sqlite3.connect(path)) as base, base:
        base.execute("CREATE TABLE cells (cell, more)")
        base.executemany("INSERT INTO cells VALUES (?, 0)", [(cell,) for cell in cells])
    with database(LocalFile(path, path.name)) as found:
        column, zeros = found.columns("cells", (name, "more"))
        assert zeros == [0] * len(cells)
        return column


def test_what_was_read_counts_as_old_for_the_collector() -> None:
    gc.collect()
    with uncollected():
        made = [[number] for number in range(5000)]
    assert len(made) > len(gc.get_objects(generation=0))


def test_what_somebody_froze_stays_frozen() -> None:
    gc.freeze()
    try:
        before = gc.get_freeze_count()
        with uncollected():
            pass
        assert gc.get_freeze_count() == before
    finally:
        gc.unfreeze()


def _parsl(folder: Path, rows: Sequence[tuple[Any, ...]]) -> dict[str, list[Any]]:
    """Phases of the tasks of one run, two of them, with such rows of states."""
    path = folder / "monitoring.db"
    with closing(sqlite3.connect(path)) as base, base:
        base.executescript(
            """
            CREATE TABLE workflow (run_id, workflow_name, time_began, time_completed);
            CREATE TABLE task (task_id, run_id, task_func_name);
            CREATE TABLE try (try_id, task_id, run_id);
            CREATE TABLE status (task_id, task_status_name, timestamp, run_id, try_id);
            INSERT INTO workflow VALUES ('r', 'mill.py', NULL, NULL);
            INSERT INTO task VALUES (0, 'r', 'grind'), (1, 'r', 'brew');
            INSERT INTO try VALUES (0, 0, 'r'), (0, 1, 'r');
            """
        )
        base.executemany("INSERT INTO status VALUES (?, ?, ?, ?, ?)", rows)
    (found,) = (one for one in traces_in(path) if isinstance(one, Trace))
    begin = found.begin
    return {
        one.task: [(name, first - begin, last - begin) for name, first, last in one.phases]
        for one in found.attempts
    }


def _at(second: float) -> str:
    return f"2026-01-02 03:04:{second:09.6f}"


_PARSL = [
    (task, state, _at(task + at), "r", 0)
    for at, state in ((0, "launched"), (1, "running"), (3, "exec_done"), (9, "running"))
    for task in (1, 0)
]
_PHASES = {
    "grind": [("queue", 0, 1), ("run", 1, 3)],
    "brew": [("queue", 1, 2), ("run", 2, 4)],
}


def test_states_of_parsl_that_are_mixed_belong_to_their_tasks(tmp_path: Path) -> None:
    assert _parsl(tmp_path, _PARSL) == _PHASES


@pytest.mark.parametrize(
    "odd",
    [
        (5, "launched", "2026-01-02", "r", 0),
        (5, "launched", 1767323045.25, "r", 0),
        (5, "launched", None, "r", 0),
        (5, "launched", _at(1), "other", 0),
        (5, "a, b", _at(1), "r", 0),
        (1 << 41, "launched", _at(1), "r", 0),
        (5, "launched", _at(1), "r", 1 << 20),
        ("five", "launched", _at(1), "r", 0),
    ],
)
def test_one_odd_state_of_parsl_changes_no_other(odd: tuple[Any, ...], tmp_path: Path) -> None:
    assert _parsl(tmp_path, [*_PARSL, odd]) == _PHASES


def test_states_of_parsl_told_as_numbers_are_read(tmp_path: Path) -> None:
    rows = [(0, state, 1e9 + at, "r", 0) for at, state in ((0, "launched"), (1.25, "running"))]
    assert _parsl(tmp_path, rows)["grind"][:1] == [("queue", 0, 1.25)]
