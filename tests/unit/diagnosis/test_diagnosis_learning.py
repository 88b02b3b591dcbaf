"""Learning, measuring, and the file of a trained detector."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from lamina.diagnosis.detectors.base import Fitted, Fitting
from lamina.diagnosis.detectors.nearest import Nearest
from lamina.diagnosis.learning import digest_of, figures_of, learn, measured
from lamina.diagnosis.runs import Collection
from lamina.diagnosis.trained import TrainedDetector
from lamina.errors import BundleError, DataError, UnknownNameError, UsageError
from lamina.testing.detectors import made_run, made_runs

TOLD = made_runs(("normal", "cpu_1", "cpu_2", "loss"), batches=3, each=10)
RUNS = replace(TOLD, runs=tuple(replace(run, anomalies=()) for run in TOLD))
"""They do not tell which jobs were disturbed."""


@pytest.mark.parametrize("split", ["random", "batch"])
def test_a_detector_is_measured_on_runs_that_it_did_not_learn_from(split: str) -> None:
    made = learn(RUNS, "nearest", Fitting(), split)
    test = made.about["test"]
    assert test["n"] == (12 if split == "random" else 120)
    assert test["accuracy"] > 0.9
    assert np.sum(test["confusion"]) == test["n"]
    assert set(test["by_label"]) == {"normal", "cpu_1", "cpu_2", "loss"}
    assert made.about["labels"] == {"normal": 30, "cpu_1": 30, "cpu_2": 30, "loss": 30}
    assert made.workflow == "made"


class _Counting(Nearest):
    """Keeps how many runs it learnt from, each time."""

    def __init__(self, stops_early: bool) -> None:
        self.stops_early = stops_early  # type: ignore[misc]
        self.learnt: list[int] = []

    def fit(self, runs: Collection, held: Collection | None, how: Fitting) -> Fitted:
        self.learnt.append(len(runs))
        return super().fit(runs, held, how)


def test_runs_that_were_held_back_to_calibrate_by_are_learnt_from_after_that() -> None:
    part = _Counting(stops_early=False)
    assert measured(part, RUNS, Fitting(), "random")[2]["n"] == 12
    assert part.learnt == [96, 108]


def test_a_detector_that_stops_by_runs_held_back_learns_once() -> None:
    part = _Counting(stops_early=True)
    measured(part, RUNS, Fitting(), "random")
    assert part.learnt == [96]


def test_a_detector_knows_which_runs_it_can_judge() -> None:
    made = learn(RUNS, "nearest", Fitting())
    run = made_run("cpu", "new", 5)
    assert made.knows(run)
    strange = replace(run.table, kinds=("other",) * len(run.table))
    assert not made.knows(replace(run, table=strange))
    assert not made.knows(replace(run, table=run.table.taken([]), anomalies=()))
    assert not made.knows(replace(run, table=run.table.taken(range(4)), anomalies=()))
    assert made.knows(replace(run, table=run.table.taken(range(6)), anomalies=()))
    assert not made.knows(made_run("cpu", "new", 5, jobs=90))
    larger = {"cpu": run.table.used["cpu"] * 10.0}
    assert not made.knows(replace(run, table=replace(run.table, used=larger)))
    assert made.knows(replace(run, table=replace(run.table, used={})))


def test_jobs_are_learnt_from_where_runs_tell_which_were_disturbed(tmp_path: Path) -> None:
    some = TOLD.taken(range(0, len(TOLD), 3))
    made = learn(some, "nearest", Fitting())
    assert made.about["test_jobs"]["roc_auc"] > 0.9
    again = TrainedDetector.load(made.save(tmp_path / "made.detector"))
    assert made.jobs is not None
    assert again.jobs is not None
    run = made_run("loss", "new", 4)
    assert again.jobs.judge(run) == made.jobs.judge(run)
    assert learn(RUNS, "nearest", Fitting()).jobs is None


def test_labels_at_random_are_not_learnt() -> None:
    generator = np.random.default_rng(0)
    mixed = [replace(run, label=str(generator.choice(["normal", "cpu"]))) for run in RUNS]
    made = learn(Collection(tuple(mixed), ("normal", "cpu")), "nearest", Fitting(), "batch")
    assert 0.3 < made.about["test"]["accuracy"] < 0.7


def test_figures_are_those_of_the_confusion() -> None:
    runs = Collection(
        tuple(made_run(c, "b", 0) for c in ("normal", "normal", "cpu")), ("normal", "cpu")
    )
    found = figures_of(runs, np.array([[0.9, 0.1], [0.2, 0.8], [0.4, 0.6]]), 0.7)
    assert found["confusion"] == [[1, 1], [0, 1]]
    assert found["accuracy"] == pytest.approx(2 / 3)
    assert found["macro_f1"] == pytest.approx(2 / 3)
    assert found["answered"] == pytest.approx(2 / 3)
    assert found["accuracy_answered"] == 0.5


def test_the_file_holds_the_detector_and_says_the_same(tmp_path: Path) -> None:
    made = learn(RUNS, "nearest", Fitting(seed=3))
    again = TrainedDetector.load(made.save(tmp_path / "made.detector"))
    assert again.about == json.loads(json.dumps(made.about))
    assert [v.to_json() for v in again.judge(RUNS.runs)] == [
        v.to_json() for v in made.judge(RUNS.runs)
    ]
    assert again.to_bytes() == made.to_bytes()
    assert learn(RUNS, "nearest", Fitting(seed=3)).to_bytes() == made.to_bytes()


@pytest.mark.parametrize("where", [0, 20, 300, -1])
def test_a_damaged_file_is_told(tmp_path: Path, where: int) -> None:
    file = learn(RUNS, "nearest", Fitting()).save(tmp_path / "made.detector")
    data = bytearray(file.read_bytes())
    data[where] ^= 0x41
    file.write_bytes(bytes(data))
    with pytest.raises(BundleError, match=r"made\.detector"):
        TrainedDetector.load(file)


@pytest.mark.parametrize("length", [0, 7, 100, 1000])
def test_a_truncated_file_is_told(tmp_path: Path, length: int) -> None:
    file = learn(RUNS, "nearest", Fitting()).save(tmp_path / "made.detector")
    file.write_bytes(file.read_bytes()[:length])
    with pytest.raises(BundleError, match=r"made\.detector"):
        TrainedDetector.load(file)


def test_a_file_that_is_not_there_is_told(tmp_path: Path) -> None:
    with pytest.raises(BundleError, match="there is no detector"):
        TrainedDetector.load(tmp_path / "none.detector")


def test_what_cannot_be_learnt_from_is_refused() -> None:
    with pytest.raises(DataError, match="of one class, normal"):
        learn(made_runs(("normal",)), "nearest", Fitting())
    with pytest.raises(DataError, match="have no label"):
        unknown = replace(RUNS.runs[0], label="")
        learn(Collection((unknown, *RUNS.runs), RUNS.classes), "nearest", Fitting())
    with pytest.raises(UnknownNameError, match="split"):
        learn(RUNS, "nearest", Fitting(), "nested")
    with pytest.raises(UnknownNameError, match="detector"):
        learn(RUNS, "farthest", Fitting())
    with pytest.raises(DataError, match="give more batches"):
        learn(made_runs(batches=1), "nearest", Fitting(), "batch")


def test_a_device_is_named_rightly_and_one_that_is_not_used_is_said() -> None:
    with pytest.raises(UsageError, match="no device 'tpu'"):
        Fitting(device="tpu")
    told: list[str] = []
    learn(RUNS, "nearest", Fitting(device="cuda", tell=told.append))
    assert "nearest has no network: it learns on the CPU" in told


def test_the_digest_of_runs_does_not_depend_on_their_order() -> None:
    assert digest_of(RUNS.runs) == digest_of(RUNS.runs[::-1])
    assert digest_of(RUNS.runs) != digest_of(RUNS.runs[1:])
