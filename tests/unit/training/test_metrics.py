"""Metrics: those of scikit-learn, and the edges where they are not defined."""

from __future__ import annotations

import json

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from lamina.training.metrics import (
    auc,
    classify,
    log_loss,
    mean_and_deviation,
    metric_names,
    regress,
    roc,
    unknown_scores,
)

sklearn = pytest.importorskip(
    "sklearn.metrics", reason="no sklearn: pip install 'lamina[datasets]'"
)
Case = tuple[NDArray[np.int64], NDArray[np.float64]]


@st.composite
def predictions(draw: st.DrawFn) -> Case:
    """Classes and probabilities of a few rows, with ties."""
    classes, rows = draw(st.integers(2, 5)), draw(st.integers(1, 60))
    generator = np.random.default_rng(draw(st.integers(0, 2**32)))
    steps = draw(st.sampled_from([2, 5, 1000]))
    raw = generator.integers(0, steps, (rows, classes)) + 0.01
    truth = generator.integers(0, classes, rows)
    return truth.astype(np.int64), raw / raw.sum(axis=1, keepdims=True)


@settings(deadline=None, max_examples=150)
@given(predictions())
def test_classification_is_that_of_scikit_learn(case: Case) -> None:
    truth, chances = case
    classes = chances.shape[1]
    called, scores = chances.argmax(axis=1), classify(truth, chances)
    labels = list(range(classes))
    average = "binary" if classes == 2 else "macro"
    assert scores.values["accuracy"] == pytest.approx(sklearn.accuracy_score(truth, called))
    found = sklearn.precision_recall_fscore_support(
        truth, called, labels=None if classes == 2 else labels, average=average, zero_division=0
    )
    for name, wanted in zip(("precision", "recall", "f1"), found[:3], strict=True):
        assert scores.values[name] == pytest.approx(wanted), name
    assert scores.values["log_loss"] == pytest.approx(
        sklearn.log_loss(truth, chances, labels=labels)
    )
    matrix = sklearn.confusion_matrix(truth, called, labels=labels)
    assert scores.confusion is not None
    assert np.array_equal(scores.confusion, matrix)


@settings(deadline=None, max_examples=150)
@given(predictions())
def test_the_area_is_that_of_scikit_learn_or_has_a_reason(case: Case) -> None:
    truth, chances = case
    classes = chances.shape[1]
    scores = classify(truth, chances)
    if len(np.unique(truth)) < classes:
        assert scores.values["auc"] is None
        assert "no row of class number" in scores.notes["auc"]
    elif classes == 2:
        wanted = sklearn.roc_auc_score(truth, chances[:, 1])
        assert scores.values["auc"] == pytest.approx(wanted)
    else:
        wanted = sklearn.roc_auc_score(truth, chances, multi_class="ovr")
        assert scores.values["auc"] == pytest.approx(wanted)


@settings(deadline=None, max_examples=100)
@given(st.integers(2, 80), st.integers(1, 3), st.integers(0, 2**32))
def test_regression_is_that_of_scikit_learn(rows: int, width: int, seed: int) -> None:
    generator = np.random.default_rng(seed)
    truth, given_ = generator.normal(size=(2, rows, width))
    scores = regress(truth, given_).values
    assert scores["r2"] == pytest.approx(sklearn.r2_score(truth, given_))
    assert scores["mae"] == pytest.approx(sklearn.mean_absolute_error(truth, given_))
    assert scores["rmse"] == pytest.approx(sklearn.root_mean_squared_error(truth, given_))


@settings(deadline=None, max_examples=60)
@given(st.integers(2, 60), st.integers(0, 2**32))
def test_the_curve_holds_its_area(rows: int, seed: int) -> None:
    generator = np.random.default_rng(seed)
    positive, scores = generator.random(rows) < 0.4, generator.integers(0, 9, rows) / 9
    area = auc(positive, scores)
    if area is None:
        return
    false, true = roc(positive, scores)
    assert (false[0], true[0], false[-1], true[-1]) == (0, 0, 1, 1)
    trapezia = np.diff(false) * (true[1:] + true[:-1]) / 2
    assert trapezia.sum() == pytest.approx(area)


def test_one_class_only_gives_no_area_and_valid_json() -> None:
    scores = classify(np.zeros(4, np.int64), np.full((4, 2), 0.5))
    assert scores.values["auc"] is None
    assert scores.values["accuracy"] == 1.0
    json.dumps(scores.values, allow_nan=False)


def test_a_certain_mistake_costs_a_finite_loss() -> None:
    loss = log_loss(np.array([0]), np.array([[0.0, 1.0]]))
    assert loss == pytest.approx(-np.log(np.finfo(float).eps))


def test_a_constant_target_has_no_r2() -> None:
    scores = regress(np.ones(5), np.zeros(5))
    assert scores.values["r2"] is None
    assert scores.values["mae"] == 1.0
    assert "same in all rows" in scores.notes["r2"]


def test_no_rows_give_reasons() -> None:
    assert classify(np.empty(0, np.int64), np.empty((0, 2))).notes["auc"] == "there are no rows"
    assert regress(np.empty(0), np.empty(0)).values["mae"] is None


def test_a_class_that_is_never_predicted_is_noted() -> None:
    scores = classify(np.array([0, 1]), np.array([[0.9, 0.1], [0.8, 0.2]]))
    assert scores.values["precision"] == 0.0
    assert "never predicted" in scores.notes["precision"]


def test_means_leave_out_what_is_not_defined() -> None:
    assert mean_and_deviation([1.0, None, 3.0]) == {"mean": 2.0, "std": 1.0, "count": 2}
    assert mean_and_deviation([None]) == {"mean": None, "std": None, "count": 0}


@pytest.mark.parametrize("task", ["binary", "classes", "regression"])
def test_unknown_scores_name_every_metric(task: str) -> None:
    scores = unknown_scores(task, "why")
    assert tuple(scores.values) == metric_names(task)
    assert set(scores.notes.values()) == {"why"}
