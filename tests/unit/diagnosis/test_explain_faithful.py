"""Explanations name what detectors go by: without it the answer is another."""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pytest

from lamina.diagnosis.detectors import DETECTORS
from lamina.diagnosis.detectors.base import Fitting
from lamina.diagnosis.explain.faithfulness import elsewhere, faithfulness_of
from lamina.diagnosis.runs import Collection, Run, class_of, classes_of, run_of
from lamina.diagnosis.trained import TrainedDetector
from lamina.diagnosis.usual import measured, usual_of
from lamina.testing.disturbed import made_run, made_runs, slower
from lamina.workspace.traces import read_traces


def trained(runs: Sequence[Run], name: str = "nearest") -> TrainedDetector:
    collection = Collection(tuple(runs), classes_of(run.label for run in runs))
    fitted = DETECTORS.get(name)().fit(collection, None, Fitting())
    return TrainedDetector(name, fitted, runs[0].workflow)


def made(count: int, first: int) -> list[Run]:
    found = made_runs(count, first=first)
    for label, disturbance in (
        ("cpu", slower(1.7, "run")), ("loss", slower(2.5, "stage_in")),
        ("hdd", slower(4.0, "submit")),
    ):  # fmt: skip
        found += made_runs(count, disturbance, label, first)
    return found


def test_without_what_is_named_the_answer_is_another_and_without_as_much_else_it_is_not() -> None:
    detector, usual = trained(made(8, 0)), usual_of(made_runs(12))
    found = faithfulness_of(made(6, 100), usual, detector.classes, detector.probabilities)
    assert found.runs >= 18
    assert found.findings == 1.0 and found.named == 1.0
    assert found.random <= 0.2


def test_what_is_taken_away_elsewhere_is_as_much_of_other_phases() -> None:
    run = made_run()
    cut = np.zeros((len(run.table), 7))
    cut[:, 4] = 0.5 * run.table.spent[:, 4]
    other = elsewhere(run, cut, np.random.default_rng(0))
    assert other.sum() == pytest.approx(
        min(cut.sum(), 0.5 * measured(run.table)[:, :4].sum()), rel=0.2
    )
    assert (other[cut > 0] == 0).all()
    assert (other <= 0.5 * measured(run.table)[:, :7] + 1e-9).all()


@pytest.mark.skipif("LAMINA_DATA" not in os.environ, reason="LAMINA_DATA names no data")
def test_explanations_of_the_paper_runs_name_what_the_answer_rests_on() -> None:
    learnt, tried = paper_runs()
    detector, usual = trained(learnt), usual_of([run for run in learnt if run.normal])
    right = [
        run for run, verdict in zip(tried, detector.judge(tried), strict=True)
        if verdict.first == class_of(run.label, detector.classes) != "normal"
    ]  # fmt: skip
    found = faithfulness_of(right[:40], usual, detector.classes, detector.probabilities)
    assert found.runs == 40
    assert found.named >= 0.9
    assert found.random <= 0.3
    assert found.named >= found.findings >= found.random + 0.2


def paper_runs() -> tuple[list[Run], list[Run]]:
    """Runs to learn from and 90 to try."""
    archive = Path(os.environ["LAMINA_DATA"]) / "exogeni_2020" / "1000genome.tar.xz"
    runs = [run_of(trace) for trace in read_traces([archive])]
    order = np.random.default_rng(0).permutation(len(runs)).tolist()
    return [runs[row] for row in order[90:]], [runs[row] for row in order[:90]]


@pytest.mark.slow
@pytest.mark.skipif("LAMINA_DATA" not in os.environ, reason="LAMINA_DATA names no data")
def test_without_what_is_named_the_default_detector_gives_another_answer() -> None:
    learnt, tried = paper_runs()
    detector, usual = trained(learnt, "default"), usual_of([run for run in learnt if run.normal])
    clear = [run for run in tried if run.label in ("cpu_2", "cpu_3", "loss_3", "loss_5")]
    found = faithfulness_of(clear, usual, detector.classes, detector.probabilities)
    assert found.runs >= 20
    # The rest keeps a small majority: their seconds of CPU tell the batch, and are no excess.
    assert found.named >= 0.9
    assert found.random <= 0.1
    # Of a busy disk less is to be seen: with good runs of its own time it is enough.
    times = ("20200829", "20200830", "20200831", "20200901")
    good = [run for run in learnt if run.normal and "20200826" in run.batch][:10]
    disk = [run for run in tried if run.label.startswith("hdd") and run.batch[11:19] in times]
    found = faithfulness_of(
        disk, usual_of(good), detector.classes, lambda runs: detector.probabilities(runs, good)
    )
    assert found.runs >= 10
    assert found.named >= 0.8
    assert found.random <= 0.3
