"""What is usual in normal runs, and how far others are from it."""

from __future__ import annotations

import json
from dataclasses import replace

import numpy as np
import pytest

from lamina.diagnosis.novelty.cells import (
    CHANNELS,
    ONE_RECORD,
    PRIOR_RUNS,
    PRIOR_SPREAD,
    ROUNDING,
    Cells,
    cells_of,
    shrunk,
    unstamped,
)
from lamina.diagnosis.runs import Run
from lamina.errors import BundleError
from lamina.testing.detectors import made_run
from lamina.testing.novelty import normal_runs
from lamina.workflow.log import PHASES

CELLS = cells_of(normal_runs())


def _cell(cells: Cells, kind: str, channel: str) -> int:
    place = cells.kinds.index(kind) * len(CHANNELS) + CHANNELS.index(channel)
    return int(np.flatnonzero(cells.places == place)[0])


def _slower(run: Run, phase: str, factor: float) -> Run:
    """The run with one phase of every job longer, and nothing else moved."""
    column = PHASES.index(phase)
    begin, end = run.table.phase_begin, run.table.phase_end.copy()
    end[:, column] = begin[:, column] + factor * (end - begin)[:, column]
    return replace(run, table=replace(run.table, phase_end=end))


def test_normal_runs_are_about_one_spread_from_usual() -> None:
    found = CELLS.deviations(normal_runs(60, seed=300))
    assert np.abs(np.median(found, axis=0)).max() < 1
    assert 0.4 < found.std() < 1.6


def test_a_phase_that_takes_longer_moves_its_own_cells_alone() -> None:
    run = made_run("normal", "usual", 900)
    moved = CELLS.values([_slower(run, "stage_in", 3.0)]) - CELLS.values([run])
    own = CELLS.channels == CHANNELS.index("stage_in")
    assert (moved[0, own] > 0.8).all()
    np.testing.assert_allclose(moved[0, ~own], 0.0, atol=1e-12)


def test_phases_that_no_run_has_are_no_cells() -> None:
    assert CHANNELS.index("pre_script") not in CELLS.channels
    assert CHANNELS.index("stage_out") in CELLS.channels


def test_seconds_for_each_second_of_cpu_are_a_channel_of_their_own() -> None:
    run = made_run("normal", "usual", 900)
    idle = replace(run, table=replace(run.table, used={"cpu": run.table.used["cpu"] / 2}))
    moved = CELLS.values([idle]) - CELLS.values([run])
    own = CELLS.channels == CHANNELS.index("per_cpu")
    assert (moved[0, own] > 0.6).all()


def test_cpu_seconds_below_zero_are_not_told() -> None:
    run = made_run("normal", "usual", 900)
    untold = replace(run, table=replace(run.table, used={"cpu": np.full(9, -1.0)}))
    own = CELLS.channels == CHANNELS.index("per_cpu")
    assert np.isnan(CELLS.values([untold])[0, own]).all()
    assert (CELLS.deviations([untold])[0, own] == 0).all()


def test_a_job_is_compared_with_its_own_name() -> None:
    def uneven(run: Run) -> Run:
        factor = np.where(np.arange(9) % 3 == 0, 4.0, 1.0)[:, None]
        begin = run.table.phase_begin
        end = begin + factor * (run.table.phase_end - begin)
        return replace(run, table=replace(run.table, phase_end=end, phase_begin=begin))

    cells = cells_of([uneven(run) for run in normal_runs()])
    at, rest = cells.rows(uneven(made_run("normal", "usual", 900)).table)
    assert set(at.tolist()) == {0, 1, 2}
    assert np.abs(rest[:, PHASES.index("run")]).max() < 0.3


def test_what_follows_the_bytes_is_usual() -> None:
    def sized(run: Run, size: float) -> Run:
        used = {**run.table.used, "stage_in_bytes": np.full(9, 1e8 * size)}
        longer = _slower(run, "stage_in", size)
        return replace(longer, table=replace(longer.table, used=used))

    sizes = np.exp(np.linspace(-1, 1, 20))
    runs = [sized(run, size) for run, size in zip(normal_runs(), sizes, strict=True)]
    cells = cells_of(runs)
    place = _cell(cells, "fetch", "stage_in")
    larger = sized(made_run("normal", "usual", 900), 2.5)
    slower = _slower(larger, "stage_in", 2.0)
    assert abs(cells.deviations([larger])[0, place]) < 2
    assert cells.deviations([slower])[0, place] > 4


def test_spreads_are_mixed_with_what_is_expected() -> None:
    assert shrunk(np.zeros(1), 0)[0] == pytest.approx(PRIOR_SPREAD)
    found = shrunk(np.full(1, 18 * 0.3**2), 18)[0] ** 2
    assert found == pytest.approx((PRIOR_RUNS * PRIOR_SPREAD**2 + 18 * 0.3**2) / (PRIOR_RUNS + 18))


def test_whole_seconds_have_no_smaller_spread_than_their_rounding() -> None:
    def whole(run: Run) -> Run:
        begin = np.round(run.table.phase_begin)
        spent = np.full_like(begin, 4.0)
        return replace(run, table=replace(run.table, phase_begin=begin, phase_end=begin + spent))

    cells = cells_of([whole(run) for run in normal_runs()])
    rounded = ROUNDING / 5 / np.sqrt(3)
    place = _cell(cells, "fetch", "submit")
    bare = shrunk(np.zeros(1), 19)[0]
    assert cells.spread[place] == pytest.approx(np.hypot(bare, rounded), rel=0.05)


def test_the_time_of_planning_is_no_part_of_a_name() -> None:
    assert unstamped("create_dir_casa-20200817T051428Z_0") == unstamped(
        "create_dir_casa-20200817T051528Z_0"
    )
    assert unstamped("nowcast-wf-20190325050000_0") == "nowcast-wf-_0"
    assert unstamped("individuals_ID0000002") == "individuals_ID0000002"


def _using(run: Run, **used: float) -> Run:
    """The run whose jobs used so much of something each."""
    columns = {name: np.full(len(run.table), value) for name, value in used.items()}
    return replace(run, table=replace(run.table, used={**run.table.used, **columns}))


def test_records_of_programs_are_added_up_over_the_jobs() -> None:
    usual = [_using(run, programs=8.0) for run in normal_runs()]
    cells = cells_of(usual, CHANNELS)
    place = _cell(cells, "fetch", "programs")
    fewer = _using(made_run("normal", "usual", 900), programs=5.0)
    assert cells.values([fewer])[0, place] == -9.0
    assert cells.spread[place] >= ONE_RECORD
    _, spent, expected = cells.usual(fewer.table)
    assert (spent[:, -1] == 5.0).all() and (expected[:, -1] == 8.0).all()
    assert np.isnan(cells_of(normal_runs(), CHANNELS).values([fewer])).all(axis=0).sum() == 0


def test_seconds_of_cpu_have_no_smaller_spread_than_their_rounding() -> None:
    rounded = cells_of([_using(run, cpu=1.3) for run in normal_runs()], CHANNELS)
    fine = cells_of([_using(run, cpu=1.0 + np.pi / 10) for run in normal_runs()], CHANNELS)
    place = _cell(rounded, "fetch", "cpu")
    own = 0.1 * ROUNDING / 2.3 / np.sqrt(3)
    assert np.sqrt(rounded.spread[place] ** 2 - fine.spread[place] ** 2) == pytest.approx(own)


def test_what_is_no_time_is_a_cell_only_where_it_is_asked_for() -> None:
    runs = [_using(run, programs=8.0) for run in normal_runs()]
    told = {CHANNELS[place] for place in cells_of(runs).channels.tolist()}
    asked = {CHANNELS[place] for place in cells_of(runs, CHANNELS).channels.tolist()}
    assert asked - told == {"cpu", "programs"}


def test_cells_are_the_same_after_saving() -> None:
    document, arrays = CELLS.to_parts()
    again = Cells.from_parts(json.loads(json.dumps(document)), arrays)
    runs = [made_run("cpu", "b", 3)]
    np.testing.assert_array_equal(again.deviations(runs), CELLS.deviations(runs))


def test_parts_that_do_not_belong_together_are_refused() -> None:
    document, arrays = CELLS.to_parts()
    with pytest.raises(BundleError, match="no spread"):
        Cells.from_parts(document, {n: a for n, a in arrays.items() if n != "spread"})
    with pytest.raises(BundleError, match="cells of other jobs"):
        Cells.from_parts(document, {**arrays, "centre": arrays["centre"][1:]})
    with pytest.raises(BundleError, match="other channels"):
        Cells.from_parts({**document, "channels": ["run"]}, arrays)
