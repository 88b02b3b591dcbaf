"""What a transfer gets that has the network nearly for itself, and what that says of a run."""

from __future__ import annotations

import os
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from lamina.diagnosis.detectors.base import Fitting
from lamina.diagnosis.detectors.default import Default, DefaultFitted
from lamina.diagnosis.detectors.default_batches import Batches, batches_of
from lamina.diagnosis.detectors.default_close import close_of
from lamina.diagnosis.detectors.default_lone import Lone, lone_of
from lamina.diagnosis.lone import lone_rates
from lamina.diagnosis.runs import Collection, Floats, Run
from lamina.testing.detectors import made_run
from lamina.workflow.log import PHASES
from lamina.workspace.diagnosing import detector_named, labelled

DATA = os.environ.get("LAMINA_DATA")
STAGE_IN = PHASES.index("stage_in")
JOBS, CROWD, LAST = 36, 12, 100.0
"""Jobs of a run, of which the first dozen share the network for 100 s; then two of another type."""
PERIODS = {"normal": ("may", "june"), "loss_1": ("weak",), "loss_5": ("strong",)}
LONE = {"normal": 20.0, "loss_1": 20.0, "loss_5": 80.0}
"""Seconds that a gigabyte takes alone; loss of 1 % shows in the shares of the crowd only."""


def fetching(run: Run, crowd: Floats, lone: dict[int, tuple[float, float]]) -> Run:
    """The run with a gigabyte staged in by the crowd from the beginning on, and by some jobs of
    the next type, which run on hosts of their own: row -> begin and seconds."""
    begin, end = run.table.phase_begin.copy(), run.table.phase_end.copy()
    moved = np.full(JOBS, 1e3)
    begin[:CROWD, STAGE_IN], end[:CROWD, STAGE_IN], moved[:CROWD] = 0.0, crowd, 1e9
    for row, (at, seconds) in lone.items():
        begin[row, STAGE_IN], end[row, STAGE_IN], moved[row] = at, at + seconds, 1e9
    hosts = tuple(f"{'crowd' if row < CROWD else 'other'}-{row % 3}" for row in range(JOBS))
    table = replace(
        run.table,
        hosts=hosts,
        phase_begin=begin,
        phase_end=end,
        used={**run.table.used, "stage_in_bytes": moved},
    )
    return replace(run, table=table, anomalies=())


def plain(lone: dict[int, tuple[float, float]]) -> Run:
    return fetching(made_run("normal", "b", 1, JOBS), np.full(CROWD, LAST), lone)


def rate(lone: dict[int, tuple[float, float]]) -> float:
    return float(np.exp(lone_rates([plain(lone)])[0]))


def made(label: str, batch: str, seed: int, lone: float) -> Run:
    """A run whose lone transfer takes so many seconds, more or less."""
    generator = np.random.default_rng([seed, *label.encode(), *batch.encode()])
    crowd = LAST + generator.standard_normal(CROWD)
    if label != "normal":
        crowd[generator.permutation(CROWD)[:2]] += 20.0
    seconds = lone * np.exp(0.05 * generator.standard_normal())
    run = made_run("normal", batch, seed, JOBS, f"{label}-{batch}-{seed}")
    return replace(fetching(run, crowd, {CROWD: (150.0, seconds)}), label=label, batch=batch)


def batch(label: str, name: str, seeds: range, lone: float | None = None) -> tuple[Run, ...]:
    told = LONE.get(label, 20.0) if lone is None else lone
    return tuple(made(label, name, seed, told) for seed in seeds)


def learnt_from() -> Collection:
    runs = [
        run
        for label, names in PERIODS.items()
        for name in names
        for run in batch(label, name, range(15))
    ]
    return Collection(tuple(runs), ("normal", "loss"))


def clouds(runs: Collection) -> Batches:
    """Clouds over a column that tells no more than strong loss."""
    noise = np.random.default_rng(0).standard_normal(len(runs))
    strong = np.array([label == "loss_5" for label in runs.labels])
    return batches_of(runs, (noise + 50.0 * strong)[:, None])


@pytest.fixture(scope="module", name="lone")
def learnt() -> Lone:
    runs = learnt_from()
    batches = clouds(runs)
    found = lone_of(runs, batches, close_of(runs, batches))
    assert found is not None
    return found


def loss_of(lone: Lone, runs: tuple[Run, ...], good: tuple[Run, ...]) -> Floats:
    """How much likelier loss is for runs of which all else says that they are normal."""
    scores = np.tile(np.log([0.99, 0.01]), (len(runs), 1))
    found = lone.added(scores, np.zeros_like(scores), runs, good)
    np.testing.assert_allclose(np.exp(found).sum(axis=1), 1.0)
    return np.asarray(found[:, 1] - found[:, 0])


def test_a_transfer_after_all_others_is_alone() -> None:
    assert rate({CROWD: (150.0, 20.0)}) == pytest.approx(50.0)


def test_two_on_different_hosts_hardly_hinder_each_other() -> None:
    assert rate({CROWD: (150.0, 20.0), CROWD + 1: (150.0, 25.0)}) == pytest.approx(
        np.exp(np.average(np.log([50.0, 40.0]), weights=[20.0, 25.0]))
    )


def test_two_on_one_host_tell_nothing() -> None:
    assert np.isnan(rate({CROWD: (150.0, 20.0), CROWD + 3: (150.0, 20.0)}))


def test_a_transfer_among_the_others_tells_nothing() -> None:
    assert np.isnan(rate({CROWD: (10.0, 80.0)}))


def test_transfers_that_take_all_there_is_tell_nothing() -> None:
    whole = 12 * 1000.0 / LAST
    assert np.isnan(rate({CROWD: (150.0, 1000.0 / whole)}))
    both = 2 * 1000.0 / whole
    assert np.isnan(rate({CROWD: (150.0, both), CROWD + 1: (150.0, both)}))


def test_what_came_while_others_were_under_way_does_not_count() -> None:
    """For its first 20 s it is one of thirteen, and gets a thirteenth of all there is."""
    share = 20.0 * (12 * 1000.0 / LAST) / 13
    seconds = (1000.0 - share) / 50.0
    assert rate({CROWD: (LAST - 20.0, 20.0 + seconds)}) == pytest.approx(50.0, rel=0.02)


def test_a_run_without_large_transfers_tells_nothing() -> None:
    assert np.isnan(lone_rates([made_run("loss", "b", 1, JOBS)])).all()
    assert lone_rates([]).shape == (0,)


def test_loss_that_nothing_else_shows_is_found_beside_good_runs(lone: Lone) -> None:
    good = batch("normal", "july", range(100, 105))
    slowed = batch("normal", "july", range(200, 220), lone=30.0)
    usual = batch("normal", "july", range(300, 320))
    assert (loss_of(lone, slowed, good) > 0).mean() >= 0.9
    assert (loss_of(lone, usual, good) < 0).mean() >= 0.9


def test_good_runs_tell_how_fast_the_period_is(lone: Lone) -> None:
    """What is slow in one period is usual in another."""
    slow = batch("normal", "august", range(20), lone=30.0)
    assert (loss_of(lone, slow, batch("normal", "august", range(50, 55), 30.0)) < 0).mean() >= 0.9


def test_nothing_is_added_where_good_runs_tell_too_little(lone: Lone) -> None:
    slowed = batch("normal", "july", range(3), lone=30.0)
    bare = (made_run("normal", "july", 1, JOBS), *batch("normal", "july", range(50, 51)))
    np.testing.assert_allclose(loss_of(lone, slowed, bare), np.log(0.01 / 0.99))


def test_nothing_is_added_to_a_run_that_tells_none(lone: Lone) -> None:
    """Others that are judged with it get theirs."""
    good = batch("normal", "july", range(100, 105))
    some = (made_run("normal", "july", 1, JOBS), *batch("normal", "july", range(1), lone=30.0))
    found = loss_of(lone, some, good)
    assert found[0] == pytest.approx(np.log(0.01 / 0.99))
    assert found[1] > found[0] + 2.0


def test_a_class_that_does_not_slow_transfers_is_not_looked_for() -> None:
    runs = learnt_from()
    same = Collection(tuple(run for run in runs if run.label != "loss_5"), runs.classes)
    batches = clouds(same)
    close = close_of(same, batches)
    assert close is not None
    assert lone_of(same, batches, close) is None
    assert lone_of(runs, clouds(runs), None) is None


def test_the_default_detector_uses_it_beside_good_runs_only_and_keeps_it(lone: Lone) -> None:
    runs = learnt_from()
    bare = Default().fit(runs, None, Fitting())
    assert isinstance(bare, DefaultFitted)
    without, fitted = replace(bare, lone=None), replace(bare, lone=lone)
    slowed, good = batch("normal", "may", range(60, 64), 30.0), batch("normal", "may", range(5))
    again = Default().restore(*fitted.to_parts())
    np.testing.assert_array_equal(fitted.scores(slowed), without.scores(slowed))
    np.testing.assert_array_equal(again.scores(slowed, good), fitted.scores(slowed, good))
    more = fitted.scores(slowed, good) - without.scores(slowed, good)
    assert (more[:, 1] > more[:, 0]).all()


def test_the_shipped_detector_has_learnt_it() -> None:
    made = detector_named()
    assert isinstance(made.fitted, DefaultFitted)
    assert made.fitted.lone is not None
    assert [made.classes[k] for k in made.fitted.lone.weak] == ["loss"]


@pytest.mark.slow
@pytest.mark.skipif(DATA is None, reason="set LAMINA_DATA to the folder with exogeni_2020/")
def test_one_percent_lost_is_found_though_its_level_was_not_learnt() -> None:
    """Among the paper's runs, beside five good ones; without them two of five are found."""
    archive = Path(str(DATA)) / "exogeni_2020" / "1000genome.tar.xz"
    runs = labelled([str(archive)], ("normal", "cpu", "hdd", "loss"))
    one = np.array([label == "loss_1" for label in runs.labels])
    fitted = Default().fit(runs.taken(np.flatnonzero(~one)), None, Fitting())
    may = [run for run in runs if run.normal and "20200518" in run.batch]
    found = fitted.scores(runs.taken(np.flatnonzero(one)).runs, may[:5]).argmax(axis=1)
    assert (found == 3).mean() >= 0.65
    assert (fitted.scores(may[5:], may[:5]).argmax(axis=1) == 0).mean() >= 0.85
