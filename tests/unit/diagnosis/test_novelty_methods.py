"""Ways to find strange runs: tails, thresholds, the region of normal runs, files, transfer."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from lamina.diagnosis.detectors.base import Fitting
from lamina.diagnosis.novelty import NOVELTY
from lamina.diagnosis.novelty.base import left_out, options_of, threshold_of
from lamina.diagnosis.novelty.measuring import roc_auc
from lamina.diagnosis.novelty.one_class import Region, solved
from lamina.diagnosis.novelty.saved import Learnt
from lamina.diagnosis.novelty.tails import normal_deviation, student_bound, surprise
from lamina.diagnosis.novelty.transfer import FewLabels, Knowledge, few_labels, knowledge_of
from lamina.diagnosis.runs import Collection, Floats, Run
from lamina.errors import BundleError, DataError, UnknownNameError
from lamina.testing.detectors import made_run, made_runs
from lamina.testing.novelty import normal_runs
from lamina.traces.table import PhaseTable


@pytest.mark.parametrize(
    ("value", "freedom", "tail"),
    [(0.0, 5, 0.5), (1.729, 19, 0.05), (2.861, 19, 0.005), (2.571, 5, 0.025), (-1.729, 19, 0.95)],
)
def test_tails_are_those_of_students_tables(value: float, freedom: float, tail: float) -> None:
    assert np.exp(-surprise(np.array([value]), freedom))[0] == pytest.approx(tail, rel=0.02)
    if tail < 0.5:
        assert student_bound(tail, freedom) == pytest.approx(value, rel=0.01)


def test_surprise_rises_without_end() -> None:
    found = surprise(np.array([-1e9, -5.0, 0.0, 5.0, 7.9, 8.1, 40.0, 1e6, 1e12]), 1e9)
    assert np.isfinite(found).all()
    assert (np.diff(found[1:]) > 0).all()
    assert found[0] == pytest.approx(0.0, abs=1e-6)


def test_surprises_become_deviations_of_the_normal_distribution() -> None:
    values = np.array([-3.0, 0.0, 1.645, 8.5, 34.0, 35.0, 1e3])
    np.testing.assert_allclose(
        normal_deviation(surprise(values, 1e12)), values, rtol=1e-5, atol=1e-5
    )
    rising = normal_deviation(np.linspace(0.0, 1200.0, 5000)[1:])
    assert (np.diff(rising) > 0).all()
    assert np.isfinite(normal_deviation(np.zeros(2))).all()


def test_each_run_is_left_out_once() -> None:
    seen: list[tuple[int, int]] = []

    def score(learnt: object, runs: object) -> Floats:
        assert isinstance(learnt, list) and isinstance(runs, list)
        assert not {run.name for run in learnt} & {run.name for run in runs}
        seen.append((len(learnt), len(runs)))
        return np.array([float(run.name.rpartition("-")[2]) for run in runs])

    np.testing.assert_array_equal(left_out(normal_runs(7), score), np.arange(7.0))
    assert seen == [(6, 1)] * 7
    seen.clear()
    np.testing.assert_array_equal(left_out(normal_runs(45), score), np.arange(45.0))
    assert len(seen) == 10


def test_few_scores_give_a_wide_threshold() -> None:
    some = np.random.default_rng(0).normal(size=1000)
    assert threshold_of(some, 0.05) == pytest.approx(1.645, abs=0.1)
    five = np.array([-1.0, -0.5, 0.0, 0.5, 1.0])
    assert threshold_of(five, 0.05) > 1.645 * five.std(ddof=1) * 1.2


def test_options_that_cannot_be_are_refused_with_those_that_can() -> None:
    assert options_of({"nu": 1}, {"nu": 0.1})["nu"] == 1
    with pytest.raises(DataError, match="width") as found:
        options_of({"width": 3}, {"nu": 0.1})
    assert "false_alarms, nu" in str(found.value.way_out)
    with pytest.raises(DataError, match="nu cannot be 'x'"):
        options_of({"nu": "x"}, {"nu": 0.1})


def test_ties_count_half() -> None:
    assert roc_auc(np.array([0.0, 1.0]), np.array([1.0, 2.0])) == pytest.approx(0.875)
    assert roc_auc(np.zeros(3), np.zeros(4)) == 0.5


def test_the_region_of_normal_runs_keeps_its_conditions() -> None:
    points = np.random.default_rng(1).normal(size=(40, 3))
    kernel = np.exp(-0.2 * ((points[:, None] - points) ** 2).sum(axis=2))
    weights = solved(kernel, 0.2)
    assert weights.sum() == pytest.approx(1.0, abs=1e-6)
    assert weights.min() >= 0
    assert weights.max() <= 1 / (0.2 * 40) + 1e-12
    slope = kernel @ weights
    inside, full = weights == 0, weights >= 1 / (0.2 * 40) - 1e-9
    edge = slope[~inside & ~full]
    assert np.ptp(edge) < 1e-4
    assert slope[inside].min() >= edge.mean() - 1e-4
    assert slope[full].max() <= edge.mean() + 1e-4


def test_far_runs_stay_apart_where_the_kernel_is_nothing() -> None:
    region = Region(np.zeros((1, 2)), np.ones(1), 1.0)
    near, far = region.evidence(np.array([[30.0, 0.0], [60.0, 0.0]]))[:, 0]
    assert near < far


def test_runs_that_are_faster_than_usual_are_not_strange() -> None:
    novel = NOVELTY.get("slow-down")().fit(normal_runs(), Fitting())
    run = made_run("normal", "usual", 900)
    begin = run.table.phase_begin
    faster = begin + 0.5 * (run.table.phase_end - begin)
    quick = replace(run, table=replace(run.table, phase_end=faster))
    assert novel.scores([quick])[0] < novel.scores([run])[0] < novel.threshold


def test_everything_a_little_slower_is_strange() -> None:
    novel = NOVELTY.get("slow-down")().fit(normal_runs(), Fitting())

    def all_slower(run: Run) -> Run:
        begin = run.table.phase_begin
        end = begin + 1.08 * (run.table.phase_end - begin)
        return replace(run, table=replace(run.table, phase_end=end))

    unseen = normal_runs(30, seed=900)
    found = novel.scores([all_slower(run) for run in unseen])
    assert roc_auc(novel.scores(unseen), found) > 0.95


def _clustered(run: Run, seed: int, most: int, times: float = 1.0) -> Run:
    """The run whose jobs are of eight programs each, at most so many of which leave a record,
    and take so many times the usual seconds of CPU."""
    jobs = len(run.table)
    found = np.random.default_rng(seed).binomial(most, 0.8, jobs).astype(np.float64)
    used = {**run.table.used, "programs": found, "cpu": run.table.used["cpu"] * times}
    return replace(run, table=replace(run.table, used=used))


def _usual(count: int, seed: int) -> list[Run]:
    runs = normal_runs(count, seed=seed)
    return [_clustered(run, seed + place, 5) for place, run in enumerate(runs)]


def test_more_or_fewer_records_than_usual_are_strange() -> None:
    novel = NOVELTY.get("slow-down")().fit(_usual(20, 0), Fitting())
    unseen, others = _usual(40, 900), normal_runs(20, seed=700)
    for most in (2, 8):
        odd = [_clustered(run, 50 + place, most) for place, run in enumerate(others)]
        assert roc_auc(novel.scores(unseen), novel.scores(odd)) > 0.9, most
        assert novel.reasons(odd[0])[0].phase == "programs"
    first = novel.reasons(_clustered(others[0], 3, 8))[0]
    assert first.usual < 5 < first.seconds <= 8


def test_more_or_fewer_seconds_of_cpu_are_strange_as_far_as_they_go() -> None:
    novel = NOVELTY.get("slow-down")().fit(_usual(20, 0), Fitting())
    others = normal_runs(20, seed=700)

    def scores(times: float) -> Floats:
        odd = [_clustered(run, 50 + place, 5, times) for place, run in enumerate(others)]
        return novel.scores(odd)

    assert roc_auc(scores(1.0), scores(0.97)) > 0.7 and roc_auc(scores(1.0), scores(1.2)) > 0.9
    assert scores(8.0).max() < 2.5, "another machine, rather than a disturbance"
    np.testing.assert_allclose(scores(8.0), scores(4.0), atol=1e-6)


def test_a_record_that_is_lost_is_nothing_strange() -> None:
    whole = [replace(run, table=_all_eight(run)) for run in normal_runs()]
    novel = NOVELTY.get("slow-down")().fit(whole, Fitting())
    run = replace(made_run("normal", "usual", 900))
    table = _all_eight(run)
    one_less = table.used["programs"].copy()
    one_less[0] -= 1
    lost = replace(run, table=replace(table, used={**table.used, "programs": one_less}))
    assert novel.scores([replace(run, table=table)])[0] < novel.threshold
    assert novel.scores([lost])[0] < novel.threshold


def _all_eight(run: Run) -> PhaseTable:
    used = {**run.table.used, "programs": np.full(len(run.table), 8.0)}
    return replace(run.table, used=used)


def test_what_was_learnt_is_a_file(tmp_path: Path) -> None:
    novel = NOVELTY.get("slow-down")().fit(normal_runs(), Fitting())
    path = Learnt("slow-down", novel, "made", {"runs": 20}).save(tmp_path / "made.novelty")
    again = Learnt.load(path)
    run = made_run("loss", "b", 1)
    assert (again.way, again.workflow, again.about) == ("slow-down", "made", {"runs": 20})
    assert again.novel.scores([run])[0] == pytest.approx(novel.scores([run])[0])
    assert again.novel.reasons(run) == novel.reasons(run)


def test_a_damaged_file_is_refused(tmp_path: Path) -> None:
    novel = NOVELTY.get("slow-down")().fit(normal_runs(), Fitting())
    path = Learnt("slow-down", novel).save(tmp_path / "made.novelty")
    data = bytearray(path.read_bytes())
    data[-1] ^= 1
    path.write_bytes(bytes(data))
    with pytest.raises(BundleError, match="damaged"):
        Learnt.load(path)
    other = Learnt("no-such-way", novel).save(tmp_path / "other.novelty")
    with pytest.raises(UnknownNameError, match="no-such-way"):
        Learnt.load(other)


def _few(each: int, seed: int) -> Collection:
    return made_runs(batches=1, each=each, seed=seed)


def test_few_labels_teach_what_is_plain() -> None:
    fitted = few_labels(_few(5, 0))
    unseen = _few(10, 100)
    scores = fitted.scores(unseen.runs)
    assert scores.shape == (30, 3)
    np.testing.assert_allclose(np.exp(scores).sum(axis=1), 1.0)
    assert (scores.argmax(axis=1) == unseen.targets).mean() >= 0.9


def test_directions_of_another_workflow_point_to_its_classes() -> None:
    knowledge = knowledge_of(_few(10, 0))
    assert knowledge.classes == ("cpu", "loss")
    few = _few(5, 200)
    alone, helped = few_labels(few), few_labels(few, knowledge)
    assert helped.means.shape[1] == alone.means.shape[1] + 2
    cpu, loss = (helped.means[number, -2:] for number in (1, 2))
    assert cpu[0] > helped.means[0, -2] and loss[1] > helped.means[0, -1]


def test_what_few_labels_taught_is_the_same_after_saving() -> None:
    for knowledge in (None, knowledge_of(_few(10, 0))):
        fitted = few_labels(_few(5, 200), knowledge)
        document, arrays = fitted.to_parts()
        again = FewLabels.from_parts(json.loads(json.dumps(document)), arrays)
        runs = _few(2, 300).runs
        np.testing.assert_allclose(again.scores(runs), fitted.scores(runs))
    document, arrays = knowledge_of(_few(10, 0)).to_parts()
    with pytest.raises(BundleError, match="other channels"):
        Knowledge.from_parts({**document, "classes": ["cpu"]}, arrays)


def test_labels_of_one_class_teach_nothing() -> None:
    with pytest.raises(DataError, match="normal alone"):
        few_labels(Collection(tuple(normal_runs()), ("normal",)))
    with pytest.raises(DataError, match="cpu alone"):
        few_labels(made_runs(("cpu",)))
