"""Probabilities that can be believed."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from lamina.diagnosis.calibration import Calibration, calibrated, calibration_error, softmax
from lamina.diagnosis.runs import Floats, Numbers
from lamina.diagnosis.verdict import UNSURE, Severity, Verdict


def drawn(temperature: float, rows: int = 4000, seed: int = 0) -> tuple[Floats, Numbers]:
    """Scores that are too sure by a factor, and the classes that came of them."""
    generator = np.random.default_rng(seed)
    true = generator.normal(0.0, 2.0, (rows, 3))
    chance = softmax(true).cumsum(axis=1)
    targets = (generator.random((rows, 1)) > chance).sum(axis=1)
    return true * temperature, np.minimum(targets, 2)


@pytest.mark.parametrize("temperature", [0.2, 1.0, 6.0])
def test_the_temperature_that_spoilt_the_scores_is_found(temperature: float) -> None:
    scores, targets = drawn(temperature)
    found = calibrated(scores, targets)
    assert found.temperature == pytest.approx(temperature, rel=0.1)
    unseen, classes = drawn(temperature, seed=1)
    assert calibration_error(found.probabilities(unseen), classes) < 0.03


def test_too_sure_scores_have_a_calibration_error() -> None:
    scores, targets = drawn(6.0)
    assert calibration_error(softmax(scores), targets) > 0.15


def test_answers_that_are_given_are_right_as_often_as_wanted() -> None:
    scores, targets = drawn(1.0)
    found = calibrated(scores, targets)
    unseen, classes = drawn(1.0, seed=2)
    sure = found.probabilities(unseen).max(axis=1) >= found.unsure_below
    right = unseen.argmax(axis=1) == classes
    assert right[~sure].mean() < right[sure].mean()
    assert sure.mean() >= 0.45


def test_one_that_is_always_right_is_never_unsure() -> None:
    scores = np.eye(3)[[0, 1, 2, 0]] * 5.0
    assert calibrated(scores, np.array([0, 1, 2, 0])).unsure_below == 0.0


def test_nothing_to_calibrate_by_leaves_the_scores_as_they_are() -> None:
    none = calibrated(np.empty((0, 3)), np.empty(0, dtype=np.int64))
    assert none == Calibration()


@given(rows=st.lists(st.lists(st.floats(-1e3, 1e3), min_size=3, max_size=3), min_size=1))
def test_probabilities_add_up_to_one(rows: list[list[float]]) -> None:
    found = softmax(np.array(rows))
    np.testing.assert_allclose(found.sum(axis=1), 1.0)


def test_a_verdict_is_unsure_below_its_threshold() -> None:
    told = {"normal": 0.3, "cpu": 0.45, "loss": 0.25}
    assert Verdict("r", told, 0.5).answer == UNSURE
    sure = Verdict("r", told, 0.4, Severity(2.0, 1.5, 3.0))
    assert (sure.answer, sure.first) == ("cpu", "cpu")
    assert sure.anomaly == pytest.approx(0.7)
    assert list(sure.to_json()["probabilities"]) == ["cpu", "normal", "loss"]
    assert sure.to_json()["severity"] == {"level": 2.0, "low": 1.5, "high": 3.0}
