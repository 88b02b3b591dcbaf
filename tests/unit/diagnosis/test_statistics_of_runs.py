"""A run as one row of numbers."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from lamina.diagnosis.runs import Floats, Run
from lamina.diagnosis.statistics import (
    ALL,
    alone_seconds,
    layout_of,
    measures_of,
    statistics_of,
)
from lamina.testing.detectors import made_run, made_runs
from lamina.traces.table import PhaseTable
from lamina.workflow.log import PHASES

STAGE_IN = PHASES.index("stage_in")


def told(run: Run, name: str) -> float:
    layout = layout_of([run])
    return float(statistics_of([run], layout)[0, layout.names.index(name)])


def with_used(run: Run, **used: Floats) -> Run:
    return replace(run, table=replace(run.table, used={**run.table.used, **used}))


def spent(table: PhaseTable, phase: str, kind: str) -> Floats:
    own = np.array(table.kinds) == kind
    return np.asarray(table.spent[own, PHASES.index(phase)])


def test_the_middle_of_a_phase_is_its_median_over_the_jobs_of_a_type() -> None:
    run = made_run("normal", "b", 1)
    middle = np.median(spent(run.table, "run", "align"))
    assert told(run, "align.run.middle") == pytest.approx(np.arcsinh(middle))


def test_slowness_is_seconds_of_run_per_second_of_processor_time() -> None:
    run = made_run("normal", "b", 1)
    twice = with_used(run, cpu=spent_all(run) / 2.0)
    assert told(twice, "align.slowness.mean") == pytest.approx(np.log(2.0))


def spent_all(run: Run) -> Floats:
    return np.asarray(run.table.spent[:, PHASES.index("run")])


def test_transfers_under_way_together_share_the_network() -> None:
    begin, end = np.array([0.0, 0.0, 20.0]), np.array([10.0, 10.0, 24.0])
    np.testing.assert_allclose(alone_seconds(begin, end), [5.0, 5.0, 4.0])


def test_a_transfer_whose_times_are_not_told_counts_for_nothing() -> None:
    begin, end = np.array([0.0, np.nan]), np.array([10.0, np.nan])
    np.testing.assert_allclose(alone_seconds(begin, end), [10.0, np.nan])


def test_capacity_does_not_fall_when_more_transfers_share_the_network() -> None:
    run = made_run("normal", "b", 1)
    begins, ends = run.table.phase_begin.copy(), run.table.phase_end.copy()
    begins[:3, STAGE_IN], ends[:3, STAGE_IN] = 0.0, 30.0
    table = replace(run.table, phase_begin=begins, phase_end=ends)
    shared = with_used(replace(run, table=table), stage_in_bytes=np.full(9, 1e9))
    assert told(shared, "fetch.rate.mean") == pytest.approx(np.log(1000.0 / 30.0))
    assert told(shared, "fetch.capacity.mean") == pytest.approx(np.log(100.0))


def test_small_files_say_nothing_of_the_network() -> None:
    run = with_used(made_run("normal", "b", 1), stage_in_bytes=np.full(9, 1e5))
    assert not [name for name in layout_of([run]).names if "capacity" in name]


def test_a_stage_in_that_is_not_told_makes_the_run_phase_unknown() -> None:
    run = made_run("normal", "b", 1)
    begins, ends = run.table.phase_begin.copy(), run.table.phase_end.copy()
    begins[0, STAGE_IN] = ends[0, STAGE_IN] = np.nan
    measures = measures_of(replace(run.table, phase_begin=begins, phase_end=ends))
    assert np.isnan(measures["run"][0])
    assert np.isfinite(measures["run"][1:]).all()


def test_a_stage_in_of_a_fraction_of_the_bytes_was_told_in_part_only() -> None:
    run = with_used(made_run("normal", "b", 1), stage_in_bytes=np.array([1e4] + [1e9] * 8))
    measures = measures_of(run.table)
    assert np.isnan(measures["stage_in"][0])
    assert np.isfinite(measures["stage_in"][1:]).all()


def test_slow_hosts_are_seen() -> None:
    run = made_run("normal", "b", 1, jobs=12)
    slow = np.where(np.array(run.table.hosts) == "worker-0", 0.5, 1.0)
    even = with_used(run, cpu=spent_all(run))
    uneven = with_used(run, cpu=spent_all(run) * slow)
    assert told(even, "align.host_slowness") == pytest.approx(0.0, abs=1e-6)
    assert told(uneven, "align.host_slowness") > 0.2


def test_what_a_run_does_not_tell_is_nan() -> None:
    whole = made_runs(each=2).runs
    bare = replace(whole[0], table=replace(whole[0].table, used={}))
    layout = layout_of(whole)
    row = statistics_of([bare], layout)[0]
    assert np.isnan(row[layout.names.index("align.slowness.mean")])
    assert np.isfinite(row[layout.names.index("align.run.mean")])


def test_a_run_phase_is_unknown_where_others_tell_a_stage_in_and_this_run_tells_none() -> None:
    whole = made_runs(each=2).runs
    begins, ends = whole[0].table.phase_begin.copy(), whole[0].table.phase_end.copy()
    begins[:, STAGE_IN] = ends[:, STAGE_IN] = np.nan
    bare = replace(whole[0], table=replace(whole[0].table, phase_begin=begins, phase_end=ends))
    layout = layout_of(whole)
    row = statistics_of([bare], layout)[0]
    assert np.isnan(row[layout.names.index("align.run.mean")])
    assert np.isfinite(row[layout.names.index("align.held.mean")])


def test_columns_are_those_that_half_of_the_runs_tell() -> None:
    whole = made_runs(each=2).runs
    bare = [replace(run, table=replace(run.table, used={})) for run in whole]
    assert "align.cpu.mean" in layout_of(whole).names
    assert "align.cpu.mean" not in layout_of([*bare, *whole[:3]]).names


def test_a_run_without_jobs_has_a_row() -> None:
    run = made_run("normal", "b", 1)
    empty = replace(run, table=run.table.taken([]), anomalies=())
    layout = layout_of([run])
    row = statistics_of([empty], layout)[0]
    assert np.isnan(row[[kind != ALL for kind, _ in layout.columns]]).all()
