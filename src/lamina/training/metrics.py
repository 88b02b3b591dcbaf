"""Metrics of predictions: accuracy, F1, AUC, log loss, R2 and the confusion matrix, in NumPy."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from lamina.training.losses import as_rows

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]

CLASSIFICATION = ("accuracy", "precision", "recall", "f1", "auc", "log_loss")
REGRESSION = ("r2", "mae", "rmse")


@dataclass(frozen=True, eq=False)
class Scores:
    """Metrics of one evaluation.

    Args:
        values: metric -> value; None where it is not defined.
        notes: metric -> why it is None, or what was assumed.
        confusion: (classes, classes) counts, true class by row; None for regression.
        rows: number of rows judged.
    """

    values: dict[str, float | None]
    notes: dict[str, str] = field(default_factory=dict)
    confusion: Ints | None = None
    rows: int = 0


def metric_names(task: str) -> tuple[str, ...]:
    """The metrics of a task ("binary", "classes" or "regression"), in their order."""
    return REGRESSION if task == "regression" else CLASSIFICATION


def unknown_scores(task: str, reason: str) -> Scores:
    """Scores of an evaluation that did not take place."""
    names = metric_names(task)
    return Scores(dict.fromkeys(names), dict.fromkeys(names, reason))


def classify(targets: NDArray[Any], chances: Floats) -> Scores:
    """Metrics of a classification.

    Precision, recall and F1 are those of the second class when there are two, and unweighted
    means over the classes (macro) when there are more; a class that is never predicted counts
    as 0. The AUC is the rank statistic of Mann and Whitney with ties counted half; for more
    than two classes the mean of one class against the rest (Hand and Till, 2001, give variants).

    Args:
        targets: class numbers, (rows,).
        chances: probability per class, (rows, classes).
    """
    if not len(targets):
        return unknown_scores("classes", "there are no rows")
    classes = chances.shape[1]
    truth = targets.astype(np.int64)
    matrix = confusion_matrix(truth, predicted_classes(chances), classes)
    hits, called, present = np.diag(matrix), matrix.sum(axis=0), matrix.sum(axis=1)
    precision, recall = _ratio(hits, called), _ratio(hits, present)
    f1 = _ratio(2 * hits, called + present)
    wanted = slice(1, 2) if classes == 2 else slice(None)
    area, why = _area(truth, chances)
    values: dict[str, float | None] = {
        "accuracy": float(hits.sum() / len(truth)),
        "precision": float(precision[wanted].mean()),
        "recall": float(recall[wanted].mean()),
        "f1": float(f1[wanted].mean()),
        "auc": area,
        "log_loss": log_loss(truth, chances),
    }
    notes = {"auc": why} if why else {}
    if np.any(called[wanted] == 0):
        notes["precision"] = "a class that is never predicted counts as 0"
    return Scores(values, notes, matrix, len(truth))


def regress(targets: NDArray[Any], outputs: NDArray[Any]) -> Scores:
    """R2, mean absolute and root mean squared error; several outputs count equally.

    Args:
        targets, outputs: (rows,) or (rows, outputs).
    """
    if not len(targets):
        return unknown_scores("regression", "there are no rows")
    wanted = as_rows(targets)
    away = as_rows(outputs) - wanted
    # The mean of equal numbers may differ from them in the last bit.
    varied = wanted.min(axis=0) < wanted.max(axis=0)
    spread = np.where(varied, ((wanted - wanted.mean(axis=0)) ** 2).sum(axis=0), 0.0)
    notes: dict[str, str] = {}
    r2: float | None = None
    if np.all(spread > 0):
        r2 = float((1.0 - (away**2).sum(axis=0) / spread).mean())
    else:
        notes["r2"] = "the target is the same in all rows"
    values = {
        "r2": r2,
        "mae": float(np.abs(away).mean()),
        "rmse": float(np.sqrt((away**2).mean(axis=0)).mean()),
    }
    return Scores(values, notes, None, len(wanted))


def predicted_classes(chances: Floats) -> Ints:
    """The most probable class of each row; the first one where several are equal."""
    return np.asarray(chances.argmax(axis=1), dtype=np.int64)


def confusion_matrix(truth: Ints, predicted: Ints, classes: int) -> Ints:
    """Counts of (true class, predicted class), int64, (classes, classes)."""
    counts = np.bincount(truth * classes + predicted, minlength=classes * classes)
    return counts.reshape(classes, classes).astype(np.int64)


def auc(positive: NDArray[np.bool_], scores: Floats) -> float | None:
    """Chance that a positive row scores above a negative one, ties counted half.

    None when all rows are of one class.
    """
    ones = int(positive.sum())
    zeros = len(positive) - ones
    if not ones or not zeros:
        return None
    _, place, counts = np.unique(scores, return_inverse=True, return_counts=True)
    # Rank of a tied group: the mean of the ranks that it covers.
    ranks = (np.cumsum(counts) - (counts - 1) / 2.0)[place]
    return float((ranks[positive].sum() - ones * (ones + 1) / 2.0) / (ones * zeros))


def roc(positive: NDArray[np.bool_], scores: Floats) -> tuple[Floats, Floats]:
    """False and true positive rate at every distinct threshold, from (0, 0) to (1, 1)."""
    order = np.argsort(-scores, kind="stable")
    hits = np.cumsum(positive[order])
    alarms = np.arange(1, len(order) + 1) - hits
    ends = np.append(np.flatnonzero(np.diff(scores[order])), len(order) - 1)
    true = np.append(0.0, hits[ends] / max(1, hits[-1]))
    false = np.append(0.0, alarms[ends] / max(1, alarms[-1]))
    return false, true


def log_loss(truth: Ints, chances: Floats) -> float:
    """Mean of -log(probability of the true class), with 2.2e-16 as the least probability."""
    given = np.take_along_axis(chances, truth.reshape(-1, 1), axis=1)[:, 0]
    return float(-np.log(np.maximum(given, np.finfo(np.float64).eps)).mean())


def mean_and_deviation(values: Sequence[float | None]) -> dict[str, float | int | None]:
    """{"mean", "std", "count"} of the values that are defined; std as NumPy's (population)."""
    known = [value for value in values if value is not None]
    if not known:
        return {"mean": None, "std": None, "count": 0}
    return {"mean": float(np.mean(known)), "std": float(np.std(known)), "count": len(known)}


def _ratio(above: NDArray[Any], below: NDArray[Any]) -> Floats:
    return np.asarray(above / np.maximum(below, 1), dtype=np.float64)


def _area(truth: Ints, chances: Floats) -> tuple[float | None, str]:
    classes = chances.shape[1]
    wanted = [1] if classes == 2 else range(classes)
    areas = [auc(truth == k, chances[:, k]) for k in wanted]
    missing = np.flatnonzero(np.bincount(truth, minlength=classes) == 0)
    if missing.size or any(area is None for area in areas):
        names = ", ".join(str(k) for k in missing)
        return None, f"no row of class number {names} among the rows that were judged"
    return float(np.mean([area for area in areas if area is not None])), ""
