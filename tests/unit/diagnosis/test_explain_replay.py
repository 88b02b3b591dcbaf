"""A schedule played again without some of its seconds."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from lamina.benchmark.made_runs import made_table
from lamina.diagnosis.explain.replay import schedule_of
from lamina.diagnosis.usual import QUEUE, RUN, STAGE_IN, Floats, measured
from lamina.testing.disturbed import Disturbance, made_run, slower
from lamina.traces.table import PhaseTable


def nothing(table: PhaseTable) -> Floats:
    return np.zeros((len(table), 7))


@pytest.mark.parametrize("seed", range(4))
@pytest.mark.parametrize("graph", [True, False])
def test_played_without_a_change_every_job_is_where_it_was(seed: int, graph: bool) -> None:
    for table in (made_run(seed=seed).table, made_table(seed=seed)):
        told = table if graph else replace(table, parents={})
        again = schedule_of(told).without(nothing(told)).table
        assert again.phase_begin == pytest.approx(table.phase_begin, nan_ok=True)
        assert again.phase_end == pytest.approx(table.phase_end, nan_ok=True)
        assert again.ready == pytest.approx(table.ready)
        assert again.seconds == pytest.approx(table.seconds)


def test_seconds_off_the_critical_path_cost_nothing() -> None:
    table = made_run().table
    cut = nothing(table)
    ends = np.where(np.array(table.kinds) == "count", table.end, np.inf)
    cut[int(ends.argmin()), RUN] = 5.0
    assert schedule_of(table).without(cut).seconds == pytest.approx(table.seconds)


def test_seconds_on_the_critical_path_cost_as_much() -> None:
    table = made_run().table
    cut = nothing(table)
    cut[table.tasks.index("report_0"), RUN] = 5.0
    assert schedule_of(table).without(cut).seconds == pytest.approx(table.seconds - 5.0)


def test_a_run_without_its_disturbance_takes_as_long_as_one_that_had_none() -> None:
    for disturbance in (
        slower(3.0, "run"), slower(5.0, "stage_in"), slower(4.0, "stage_in", "fetch", "worker-2"),
    ):  # fmt: skip
        calm, disturbed = made_run(seed=3).table, made_run(disturbance, seed=3).table
        excess = np.maximum(measured(disturbed)[:, :7] - measured(calm)[:, :7], 0.0)
        excess[:, QUEUE] = 0.0
        assert disturbed.seconds > 1.2 * calm.seconds
        found = schedule_of(disturbed).without(excess).seconds
        assert found == pytest.approx(calm.seconds, rel=0.05)


def test_jobs_that_waited_for_a_place_begin_sooner_when_others_leave_theirs() -> None:
    table = made_run(Disturbance(places=2)).table
    schedule = schedule_of(table)
    assert sum(schedule.places) == 8
    waited = schedule.contended & (np.array(table.kinds) == "fetch")
    assert waited.sum() >= 8
    cut = nothing(table)
    cut[:, STAGE_IN] = np.where(np.array(table.kinds) == "fetch", 30.0, 0.0)
    played = schedule.without(cut)
    assert (played.start[waited] < table.phase_begin[waited, STAGE_IN] - 10).all()


def test_columns_of_a_played_run_agree_with_each_other() -> None:
    table = made_run(slower(4.0, "stage_in"), seed=2).table
    cut = nothing(table)
    cut[:, STAGE_IN] = 0.5 * table.spent[:, STAGE_IN]
    again = schedule_of(table).without(cut).table
    assert again.spent[:, STAGE_IN] == pytest.approx(0.5 * table.spent[:, STAGE_IN])
    assert again.spent[:, RUN] == pytest.approx(table.spent[:, RUN])
    assert (again.phase_begin[:, 1:] >= again.phase_end[:, :-1] - 1e-9)[
        ~np.isnan(again.phase_begin[:, 1:]) & ~np.isnan(again.phase_end[:, :-1])
    ].all()
    assert again.end == pytest.approx(np.nanmax(again.phase_end, axis=1))
    assert again.seconds == pytest.approx(again.end.max())


def test_an_attempt_that_failed_before_puts_a_job_and_its_readers_off() -> None:
    table = made_run().table
    sooner = np.zeros(len(table))
    sooner[table.tasks.index("report_0")] = 2.0
    found = schedule_of(table).without(nothing(table), sooner)
    assert found.seconds == pytest.approx(table.seconds - 2.0)


def test_a_run_without_jobs_has_an_empty_schedule() -> None:
    table = made_run().table.taken([])
    assert len(schedule_of(table).without(nothing(table)).start) == 0
