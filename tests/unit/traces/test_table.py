"""A run as columns."""

from __future__ import annotations

import time
from collections.abc import Mapping
from dataclasses import replace

import numpy as np
import pytest

from lamina.errors import DataError
from lamina.testing.runs import RUNS, many
from lamina.traces.gantt.axis import Axis
from lamina.traces.reading import trace_of
from lamina.traces.table import PhaseTable, table_of
from lamina.traces.trace import Phase, Trace
from lamina.workflow.log import PHASES


def trace(kind: str) -> Trace:
    made = RUNS[kind]()
    return trace_of(made.record, made.events)


@pytest.mark.parametrize("kind", RUNS)
@pytest.mark.parametrize("every", [False, True])
def test_a_table_holds_what_the_attempts_say_in_working_time(kind: str, every: bool) -> None:
    found = trace(kind)
    table = table_of(found, every=every)
    axis = Axis.of(found)
    attempts = [
        one for one in (found.attempts if every else found.last.values()) if one.status != "reused"
    ]
    assert table.tasks == tuple(one.task for one in attempts)
    assert table.seconds == pytest.approx(axis.length)
    for row, one in enumerate(attempts):
        told = (table.ready[row], table.begin[row], table.end[row])
        assert told == pytest.approx([axis.at(at) for at in (one.ready, one.begin, one.end)])
        by_name = {phase.name: phase for phase in one.phases}
        assert (
            dict(zip(PHASES, table.spent[row], strict=True))
            == pytest.approx({name: one.spent(name) for name in PHASES}, abs=1e-6)
            or len(found.sessions) > 1
            or not one.phases
        )
        for column, name in enumerate(PHASES):
            if name in by_name:
                assert table.phase_begin[row, column] == pytest.approx(axis.at(by_name[name].begin))
                assert table.phase_end[row, column] == pytest.approx(axis.at(by_name[name].end))
            elif one.phases or name != "run":
                assert np.isnan(table.phase_begin[row, column])
                assert table.spent[row, column] == 0


def test_what_was_used_stands_in_columns_of_its_own() -> None:
    found = trace("chain")
    usages: list[dict[str, float]] = [{"cpu": 2.0, "odd": 1.0}, {"stage_in_bytes": 7.0}]
    usages += [{}] * (len(found.attempts) - 2)
    told = tuple(replace(a, usage=u) for a, u in zip(found.attempts, usages, strict=True))
    table = table_of(replace(found, attempts=told), every=True)
    assert set(table.used) == {"cpu", "stage_in_bytes"}
    assert table.used["cpu"][0] == 2.0
    assert np.isnan(table.used["cpu"][1])
    assert table.taken([1]).used["stage_in_bytes"].tolist() == [7.0]


def test_an_attempt_that_tells_no_phases_counts_as_running() -> None:
    found = trace("chain")
    bare = tuple(
        one.__class__(one.task, 1, "succeeded", one.ready, one.begin, one.end)
        for one in found.attempts
    )
    table = table_of(Trace("", "", "", "succeeded", found.sessions, bare))
    run = PHASES.index("run")
    assert np.array_equal(table.phase_begin[:, run], table.begin)
    assert np.array_equal(table.phase_end[:, run], table.end)
    assert np.isnan(np.delete(table.phase_begin, run, axis=1)).all()


def test_a_phase_in_pieces_reaches_from_first_to_last_and_counts_once() -> None:
    found = trace("chain")
    at = found.begin
    told = (
        Phase("run", at, at + 1),
        Phase("stage_in", at + 1, at + 3),
        Phase("run", at + 3, at + 4),
    )
    one = replace(found.attempts[0], ready=at, begin=at, end=at + 4, phases=told)
    plain = replace(found.attempts[1], phases=())
    table = table_of(replace(found, attempts=(one, plain)))
    run, staged = PHASES.index("run"), PHASES.index("stage_in")
    assert (table.phase_begin[0, run], table.phase_end[0, run]) == pytest.approx((0, 4))
    assert table.spent[0, [run, staged]] == pytest.approx([2, 2])
    assert table.taken([1, 0]).spent[1, run] == pytest.approx(2)
    assert table.spent[1, run] == pytest.approx(plain.seconds)


def test_types_of_jobs_are_the_tasks_where_a_trace_tells_none() -> None:
    found = trace("scatter")
    assert set(table_of(found).kinds) >= {"count"}
    named = tuple(replace(one, kind="counting") for one in found.attempts)
    assert set(table_of(replace(found, attempts=named)).kinds) == {"counting"}


def test_levels_follow_the_graph() -> None:
    found = trace("scatter")
    table = table_of(found)
    level = dict(zip(table.tasks, table.levels.tolist(), strict=True))
    assert len(set(level.values())) > 2
    for task in table.tasks:
        above = [level[one] for one in found.parents.get(task, ()) if one in level]
        assert level[task] == max(above, default=-1) + 1


def test_levels_of_long_chains_and_of_graphs_in_a_circle_come_to_an_end() -> None:
    names = tuple(f"t{n}" for n in range(5000))
    chain = {name: (names[n - 1],) for n, name in enumerate(names) if n}
    assert table(names[::-1], chain).levels.tolist() == list(range(4999, -1, -1))
    assert len(table(("a", "b"), {"a": ("b",), "b": ("a",)}).levels) == 2
    assert table(("a", "b"), {}).levels.tolist() == [0, 0]


def table(names: tuple[str, ...], parents: Mapping[str, tuple[str, ...]]) -> PhaseTable:
    zeros, none = np.zeros(len(names)), np.full((len(names), 7), np.nan)
    return PhaseTable(names, names, names, zeros, zeros, zeros, none, none, 1.0, parents=parents)


def test_rows_are_taken_whole_and_in_order() -> None:
    whole = table_of(trace("scatter"))
    part = whole.taken([2, 0])
    assert part.tasks == (whole.tasks[2], whole.tasks[0])
    assert np.array_equal(part.begin, whole.begin[[2, 0]])
    assert np.array_equal(part.phase_end, whole.phase_end[[2, 0]], equal_nan=True)
    assert part.seconds == whole.seconds


def test_columns_of_different_lengths_are_named() -> None:
    with pytest.raises(DataError, match=r"column end of a table of phases has the shape \(2,\)"):
        one = np.zeros(1)
        none = np.full((1, 7), np.nan)
        PhaseTable(("a",), ("a",), ("",), one, one, np.zeros(2), none, none, 1.0)


def test_ten_thousand_attempts_become_a_table_at_once() -> None:
    made = many(10_000)
    found = trace_of(made.record, made.events)
    found.last  # noqa: B018
    tries = []
    for _ in range(3):
        start = time.process_time()
        table_of(found)
        tries.append(time.process_time() - start)
    assert min(tries) < 0.5
