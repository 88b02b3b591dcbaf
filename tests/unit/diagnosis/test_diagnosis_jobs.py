"""Jobs that were disturbed are told from those that were not, on any host, from parts of a run."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from lamina.diagnosis.detectors.base import Fitting
from lamina.diagnosis.detectors.trees import Forest, boosted
from lamina.diagnosis.jobs import FittedJobs, JobDetector
from lamina.diagnosis.jobs.detector import targets_of
from lamina.diagnosis.jobs.features import COLUMNS, features, medians, residuals
from lamina.diagnosis.runs import Collection, Floats, Run
from lamina.diagnosis.usual import usual_of
from lamina.errors import BundleError, DataError
from lamina.testing.detectors import made_run, made_runs

HOW = Fitting(options={"rounds": 20, "depth": 3, "least": 5})


def _disturbed(label: str, seed: int, host: str = "worker-1") -> Run:
    """A normal run in which all that ran on one host was disturbed."""
    good = made_run("normal", f"b{seed % 3}", seed, jobs=30)
    bad = made_run(label, f"b{seed % 3}", seed, jobs=30)
    hit = np.array(good.table.hosts) == host
    table = replace(
        good.table,
        **{
            name: np.where(hit[:, None], getattr(bad.table, name), getattr(good.table, name))
            for name in ("phase_begin", "phase_end")
        },
    )
    anomalies = tuple(label if one else "none" for one in hit)
    return replace(good, label=label, name=f"{label}-{seed}", table=table, anomalies=anomalies)


def _runs(seeds: Sequence[int]) -> Collection:
    labels = ("normal", "cpu_2", "loss")
    runs = [
        _disturbed(label, seed, f"worker-{seed % 3}")
        if label != "normal"
        else made_run("normal", f"b{seed % 3}", seed, jobs=30)
        for seed in seeds
        for label in labels
    ]
    return Collection(tuple(runs), ("normal", "cpu", "loss"))


@cache
def _learnt() -> FittedJobs:
    return JobDetector().fit(_runs(range(12)), _runs(range(50, 54)), HOW)


def test_jobs_on_a_disturbed_host_are_told_with_what_disturbed_them() -> None:
    fitted = _learnt()
    for label, anomaly in (("cpu_2", "cpu"), ("loss", "loss")):
        run = _disturbed(label, 100, "worker-2")
        said = fitted.judge(run)
        hit = targets_of(run, fitted.classes) > 0
        sure = np.array([one.probability > 0.5 for one in said])
        assert (sure == hit).mean() >= 0.9
        named = [one.anomaly for one, was in zip(said, hit, strict=True) if was]
        assert named.count(anomaly) >= 0.9 * len(named)
        assert [one.task for one in said] == list(run.table.tasks)
    assert fitted.scores(made_run("normal", "b1", 101, jobs=30)).max() < 0.5


def test_names_of_hosts_and_when_it_was_do_not_matter() -> None:
    run = _disturbed("loss", 102)
    table = run.table
    moved = replace(
        table,
        hosts=tuple(f"elsewhere-{host[-1]}" for host in table.hosts),
        ready=table.ready + 1e6,
        begin=table.begin + 1e6,
        end=table.end + 1e6,
        phase_begin=table.phase_begin + 1e6,
        phase_end=table.phase_end + 1e6,
    )
    same = _learnt().scores(replace(run, table=moved, name="other", label="", anomalies=()))
    np.testing.assert_allclose(same, _learnt().scores(run), atol=1e-6)


def test_the_order_of_jobs_does_not_matter() -> None:
    run = _disturbed("cpu_2", 103)
    order = np.random.default_rng(0).permutation(len(run.table))
    turned = replace(run, table=run.table.taken(order), anomalies=())
    np.testing.assert_allclose(_learnt().scores(turned), _learnt().scores(run)[order], atol=1e-9)


def test_what_is_usual_comes_from_known_good_runs_where_they_are_given() -> None:
    """Jobs of types and times that were never seen: told against good runs of their own."""

    def elsewhere(run: Run) -> Run:
        table = run.table
        begin, end = table.phase_begin * 4.0, table.phase_end * 4.0
        kinds = tuple(f"new-{kind}" for kind in table.kinds)
        tasks = tuple(f"new-{task}" for task in table.tasks)
        used = {name: column * 4.0 for name, column in table.used.items()}
        table = replace(
            table, phase_begin=begin, phase_end=end, ready=table.ready * 4.0, kinds=kinds,
            tasks=tasks, used=used,
        )  # fmt: skip
        return replace(run, workflow="other", table=table)

    good = [elsewhere(made_run("normal", "b1", seed, jobs=30)) for seed in range(200, 206)]
    bad = elsewhere(_disturbed("loss", 210))
    hit = targets_of(bad, _learnt().classes) > 0
    against, alone = _learnt().scores(bad, good), _learnt().scores(bad)
    assert against[hit].min() > against[~hit].max()
    assert alone[hit].min() > alone[~hit].max()
    assert _learnt().scores(good[0], good[1:]).max() < 0.5


def test_a_saved_detector_says_the_same(tmp_path: Path) -> None:
    run = _disturbed("cpu_2", 104)
    path = _learnt().save(tmp_path / "jobs.detector")
    again = FittedJobs.load(path)
    np.testing.assert_array_equal(again.probabilities(run), _learnt().probabilities(run))
    assert again.classes == ("none", "cpu", "loss")
    path.write_bytes(path.read_bytes()[:-3])
    with pytest.raises(BundleError, match=r"jobs\.detector"):
        FittedJobs.load(path)


def test_parts_of_another_version_are_refused() -> None:
    document, arrays = _learnt().to_parts()
    with pytest.raises(BundleError, match="other columns"):
        JobDetector().restore({**document, "columns": ["own: run"]}, arrays)
    del document["temperature"]
    with pytest.raises(BundleError, match="temperature"):
        JobDetector().restore(document, arrays)


def test_equal_seeds_learn_the_same_and_runs_are_held_back_by_itself() -> None:
    run = _disturbed("cpu_2", 105)
    one, two = (JobDetector().fit(_runs(range(5)), None, HOW) for _ in range(2))
    np.testing.assert_array_equal(one.probabilities(run), two.probabilities(run))
    assert one.temperature != 1.0
    np.testing.assert_allclose(one.probabilities(run).sum(axis=1), 1.0)


def test_one_kind_of_anomaly_is_enough() -> None:
    runs = _runs(range(8))
    fitted = JobDetector().fit(
        runs.taken(np.flatnonzero(runs.targets != 1)), None, replace(HOW, seed=3)
    )
    run = _disturbed("loss", 106)
    hit = targets_of(run, fitted.classes) > 0
    assert fitted.classes == ("none", "loss")
    assert fitted.scores(run)[hit].min() > fitted.scores(run)[~hit].max()


def test_jobs_that_nobody_knows_of_teach_nothing() -> None:
    runs = _runs(range(4))
    untold = [replace(run, name=f"u-{run.name}", anomalies=()) for run in _runs([30, 31])]
    with_them = Collection((*runs.runs, *untold), runs.classes)
    run = _disturbed("loss", 107)
    np.testing.assert_array_equal(
        JobDetector().fit(with_them, runs, HOW).scores(run),
        JobDetector().fit(runs, runs, HOW).scores(run),
    )


def test_of_many_jobs_some_are_learnt_from(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("lamina.diagnosis.jobs.detector._MOST", 150)
    seen: list[int] = []

    def counting(rows: Floats, *others: Any) -> Forest:
        seen.append(len(rows))
        return boosted(rows, *others)

    monkeypatch.setattr("lamina.diagnosis.jobs.detector.boosted", counting)
    runs = _runs(range(4))
    JobDetector().fit(runs, runs, replace(HOW, options={**HOW.options, "alone": 0}))
    assert seen == [150]


def test_runs_without_anomalies_cannot_be_learnt_from() -> None:
    runs = made_runs(labels=("normal",))
    with pytest.raises(DataError, match="disturbed"):
        JobDetector().fit(runs)
    with pytest.raises(DataError, match="no option leaves"):
        JobDetector().fit(runs, None, Fitting(options={"leaves": 3}))


def _odd() -> list[Run]:
    run = made_run("normal", "b1", 1)
    table = run.table
    rows = len(table)
    return [
        replace(run, anomalies=(), table=changed)
        for changed in (
            table.taken([]),
            table.taken([0]),
            replace(table, kinds=("new",) * rows, hosts=("",) * rows),
            replace(table, used={}),
            replace(table, phase_begin=table.phase_begin * np.nan),
        )
    ]


@pytest.mark.parametrize("number", range(5))
def test_odd_runs_get_an_answer(number: int) -> None:
    run = _odd()[number]
    found = _learnt().scores(run)
    assert found.shape == (len(run.table),)
    assert ((found >= 0) & (found <= 1)).all()


def test_features_have_a_column_for_each_name_and_compare_with_what_is_usual() -> None:
    good = [made_run("normal", "b1", seed, jobs=30) for seed in range(6)]
    run = _disturbed("cpu_2", 108)
    found = features(run.table, [usual_of(good)])
    assert found.shape == (len(run.table), len(COLUMNS))
    hit = np.array(run.anomalies) == "cpu_2"
    for view in ("own", "host mean", "in run"):
        column = found[:, COLUMNS.index(f"{view}: run")]
        assert column[hit].min() > column[~hit].max()
    assert np.abs(np.median(found[~hit, COLUMNS.index("own: run")])) < 0.15
    rank = found[:, COLUMNS.index("host rank: run")]
    assert (rank[hit] == 1.0).all()
    assert (rank[~hit] < 1.0).all()


def test_jobs_of_a_type_that_nobody_knows_are_compared_with_each_other() -> None:
    run = made_run("normal", "b1", 1, jobs=9)
    own, in_run = residuals(run.table)
    np.testing.assert_array_equal(own, in_run)
    few, _ = residuals(run.table.taken([0, 1]))
    assert np.isnan(few).all()


def test_medians_leave_out_what_is_not_told() -> None:
    values: Floats = np.array([[1.0, np.nan, np.nan], [3.0, 5.0, np.nan], [2.0, 7.0, np.nan]])
    np.testing.assert_array_equal(medians(values), [2.0, 6.0, np.nan])
    assert np.isnan(medians(values[:0])).all()
