"""Networks as tasks of a workflow: train, predict, evaluate, vote, and layer outputs."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from lamina.data.columns import column
from lamina.data.labels import class_numbers
from lamina.data.tables import Table
from lamina.errors import DataError
from lamina.nets.bundle import Bundle
from lamina.nets.network import Network
from lamina.training.in_runs import in_run
from lamina.training.losses import probabilities
from lamina.training.metrics import classify, regress
from lamina.training.model_input import ModelInput, array_input, model_input
from lamina.training.result import TrainingResult, bundle
from lamina.training.settings import Settings
from lamina.training.trainer import train as train_network

Column = NDArray[Any]


def train(
    network: Network,
    table: Table,
    target: str,
    plan: str = "holdout",
    settings: dict[str, Any] | None = None,
    options: dict[str, Any] | None = None,
) -> Bundle:
    """Trains a network and returns the model.

    After cross validation the model is one more training on all rows, and its metrics are the
    cross-validated ones. In a run, what every epoch cost is told, and an attempt goes on from the
    checkpoints of the one before.

    Args:
        network: one input, one output.
        table: features and target.
        target: name of the target column.
        plan: "holdout", "kfold:5", "all", ...; see `lamina.training.plans.Plan`.
        settings: by the names of `lamina.training.settings.Settings` (epochs, seed, ...).
        options: by the names of `lamina.training.trainer.Options` (engine, device, ...).

    Raises:
        LaminaError: as `lamina.training.trainer.train`.
    """
    chosen = Settings.from_document(settings or {})
    given: dict[str, Any] = {"refit": True, **(options or {})}

    def go(**watched: Any) -> TrainingResult:
        return train_network(network, table, target, chosen, plan, **{**watched, **given})

    return bundle(in_run(go, given, chosen.seed))


def predict(model: Bundle, table: Table) -> Table:
    """A prediction and a probability for each row.

    A row's prediction does not depend on the rows beside it: one row or a million give the
    same bits.

    Args:
        model: a trained model.
        table: with the model's feature columns; others are ignored.

    Returns:
        One row per row of `table`, in its order: `row` (its number, from 0), `prediction` (class
        name, whole number where all class names are, or predicted number), and for classes
        `probability` (of the predicted class) and `p_<class>` for each class. A row with an
        empty value has an empty prediction; the table's origin counts them.

    Raises:
        BundleError: the model needs other columns than the table has.
        DataError: texts where numbers must be, unknown categories.
    """
    given = model_input(model, table)
    return _prediction_table(model, given.predictions(), given.kept, table.rows, table.origin)


def evaluate(model: Bundle, table: Table) -> dict[str, Any]:
    """Metrics of a model on a table that holds the target column.

    Returns:
        {"rows", "skipped" (rows with empty values), one entry per metric (None where it is not
        defined), "notes" (metric -> why), "confusion": {"labels", "matrix"} for classes}.

    Raises:
        BundleError: the model needs other columns than the table has.
        DataError: no target column, unknown labels.
    """
    given = model_input(model, table, with_target=True)
    if given.targets is None:
        column = f" {given.target!r}" if given.target else ""
        raise DataError(
            f"{table.origin} has no target column{column}",
            "give a table with labels, or use predict; for arrays use evaluate_arrays",
        )
    return _judged(given, given.targets, table.rows - len(given.kept))


def evaluate_arrays(model: Bundle, features: NDArray[Any], targets: NDArray[Any]) -> dict[str, Any]:
    """Metrics of a model on arrays; see `evaluate`.

    Args:
        model: a trained model.
        features: (rows, *input shape), not normalised.
        targets: one per row: classes by name (a number as in training), or numbers.

    Raises:
        BundleError: features of another shape.
        DataError: unknown classes, or another number of targets.
    """
    given = array_input(model, np.asarray(features))
    wanted = np.asarray(targets)
    if len(wanted) != len(given.kept):
        raise DataError(f"{len(given.kept)} rows of features and {len(wanted)} targets")
    if model.task != "regression":
        wanted = class_numbers("targets", column("targets", wanted), model.labels)
    return _judged(given, wanted, 0)


def predict_arrays(model: Bundle, features: NDArray[Any]) -> Table:
    """A prediction and a probability for each row of an array (rows, *input shape)."""
    given = array_input(model, np.asarray(features))
    return _prediction_table(model, given.predictions(), given.kept, len(given.kept), "arrays")


def _judged(given: ModelInput, targets: NDArray[Any], skipped: int) -> dict[str, Any]:
    model, outputs = given.model, given.predictions()
    if model.task == "regression":
        scores = regress(targets, outputs)
    else:
        scores = classify(targets, probabilities(outputs, model.loss, model.network))
    found: dict[str, Any] = {
        "rows": len(given.kept),
        "skipped": skipped,
        **scores.values,
        "notes": dict(scores.notes),
    }
    if scores.confusion is not None:
        labels = list(model.labels)
        found["confusion"] = {"labels": labels, "matrix": scores.confusion.tolist()}
    return found


def layer_output(model: Bundle, table: Table, layer: str) -> NDArray[np.float32]:
    """The output of a layer for each row: feature maps as an ordinary array.

    It is what the layer gives: where a regression learned a scaled target, the last layer's
    output is in scaled units, unlike the predictions of `predict`.

    Returns:
        (rows without empty values, *shape behind the layer), float32.

    Raises:
        UnknownNameError: no such layer; lists those that there are.
        BundleError, DataError: the table does not fit the model.
    """
    return model_input(model, table).outputs(layer)


def vote(tables: list[Table]) -> Table:
    """The majority of several predictions, row by row.

    Args:
        tables: results of `predict` for the same rows, in any order of models.

    Returns:
        `row`, `prediction` (the class with most votes; equal votes go to the class with the
        larger mean probability, then to the one that comes first in order), `votes` (for it),
        `tie` (whether others had as many), and the mean of every `p_<class>` column that all
        tables have, with `probability` that of the prediction. Empty predictions do not vote.

    Raises:
        DataError: no tables, other rows, or no prediction column.
    """
    _check_ballots(tables)
    means = _mean_probabilities(tables)
    ballots = zip(*(table["prediction"].tolist() for table in tables), strict=True)
    winners, votes, ties = [], [], []
    for row, ballot in enumerate(ballots):
        winner, count, tie = _winner(ballot, {n: float(c[row]) for n, c in means.items()})
        winners.append(winner)
        votes.append(count)
        ties.append(tie)
    columns: dict[str, Any] = {
        "row": tables[0]["row"],
        "prediction": _column(winners),
        "votes": np.array(votes, dtype=np.int64),
        "tie": np.array(ties, dtype=np.bool_),
    }
    if means:
        chances = [
            float(means[_key(w)][row]) if w is not None and _key(w) in means else np.nan
            for row, w in enumerate(winners)
        ]
        columns["probability"] = np.array(chances)
        columns.update({f"p_{name}": column for name, column in means.items()})
    return Table(columns, f"majority of {len(tables)} models")


def _prediction_table(
    model: Bundle, outputs: NDArray[Any], kept: NDArray[np.int64], rows: int, origin: str
) -> Table:
    columns: dict[str, Any] = {"row": np.arange(rows, dtype=np.int64)}
    if model.task == "regression":
        columns.update(_numbers(outputs, kept, rows))
    else:
        chances = probabilities(outputs, model.loss, model.network)
        names = model.labels or tuple(str(k) for k in range(chances.shape[1]))
        best = chances.argmax(axis=1)
        columns["prediction"] = _labels(names, best, kept, rows)
        columns["probability"] = _spread(chances.max(axis=1, initial=0.0), kept, rows)
        for number, name in enumerate(names):
            columns[f"p_{name}"] = _spread(chances[:, number], kept, rows)
    empty = rows - len(kept)
    said = f" ({empty} of {rows} rows without, for empty values)" if empty else ""
    return Table(columns, f"predictions of {model.name} for {origin}{said}")


def _numbers(outputs: NDArray[Any], kept: NDArray[np.int64], rows: int) -> dict[str, Column]:
    values = outputs.reshape(len(outputs), max(1, int(np.prod(outputs.shape[1:]))))
    if values.shape[1] == 1:
        return {"prediction": _spread(values[:, 0], kept, rows)}
    return {
        f"prediction_{number}": _spread(values[:, number], kept, rows)
        for number in range(values.shape[1])
    }


def _labels(
    names: Sequence[str], best: NDArray[np.int64], kept: NDArray[np.int64], rows: int
) -> Column:
    """Class names by row; whole numbers where all names are, NaN or None where there is none."""
    if all(name.lstrip("-").isdigit() for name in names):
        numbers = np.array([int(name) for name in names])
        if len(kept) == rows:
            return np.asarray(numbers[best], dtype=np.int64)
        return _spread(numbers[best].astype(np.float64), kept, rows)
    column = np.full(rows, None, dtype=object)
    column[kept] = np.array(names, dtype=object)[best]
    return column


def _spread(values: Column, kept: NDArray[np.int64], rows: int) -> NDArray[np.float64]:
    column = np.full(rows, np.nan)
    column[kept] = values
    return column


def _check_ballots(tables: Sequence[Table]) -> None:
    if not tables:
        raise DataError("there is no prediction to vote with", "give at least one table")
    for table in tables:
        table.select(["row", "prediction"])
        if not np.array_equal(table["row"], tables[0]["row"]):
            raise DataError(
                f"{table.origin} and {tables[0].origin} hold other rows",
                "predict the same table with every model",
            )


def _mean_probabilities(tables: Sequence[Table]) -> dict[str, NDArray[np.float64]]:
    """Class -> mean probability over the tables, for the classes that all of them have."""
    shared = [
        name
        for name in tables[0].names
        if name.startswith("p_") and all(name in table.columns for table in tables)
    ]
    means = {}
    for name in shared:
        stacked = np.stack([table[name].astype(np.float64) for table in tables])
        known = np.isfinite(stacked)
        total = np.where(known, stacked, 0.0).sum(axis=0)
        count = known.sum(axis=0)
        means[name.removeprefix("p_")] = np.where(count, total / np.maximum(count, 1), np.nan)
    return means


def _winner(ballot: Sequence[Any], chances: Mapping[str, float]) -> tuple[Any, int, bool]:
    counts = Counter(value for value in ballot if not _is_empty(value))
    if not counts:
        return None, 0, False
    most = max(counts.values())
    leaders = [value for value, count in counts.items() if count == most]
    order = list(chances)

    def rank(value: Any) -> tuple[float, int, str]:
        name = _key(value)
        place = order.index(name) if name in order else len(order)
        return -chances.get(name, 0.0), place, name

    return min(leaders, key=rank), most, len(leaders) > 1


def _is_empty(value: Any) -> bool:
    return value is None or (isinstance(value, float) and math.isnan(value))


def _key(value: Any) -> str:
    """A class as it stands behind p_: whole numbers without a point."""
    if isinstance(value, float) and value.is_integer():
        return str(int(value))
    return str(value)


def _column(values: Sequence[Any]) -> Column:
    if any(isinstance(value, str) for value in values):
        column = np.full(len(values), None, dtype=object)
        column[:] = [None if value is None else str(value) for value in values]
        return column
    if any(value is None for value in values):
        return np.array([np.nan if value is None else float(value) for value in values])
    return np.asarray(values)
