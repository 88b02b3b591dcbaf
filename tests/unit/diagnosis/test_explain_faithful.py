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


def trained(runs: Sequence[Run]) -> TrainedDetector:
    collection = Collection(tuple(runs), classes_of(run.label for run in runs))
    fitted = DETECTORS.get("nearest")().fit(collection, None, Fitting())
    return TrainedDetector("nearest", fitted, runs[0].workflow)


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
    archive = Path(os.environ["LAMINA_DATA"]) / "exogeni_2020" / "1000genome.tar.xz"
    runs = [run_of(trace) for trace in read_traces([archive])]
    order = np.random.default_rng(0).permutation(len(runs)).tolist()
    learnt, tried = [runs[row] for row in order[90:]], [runs[row] for row in order[:90]]
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
