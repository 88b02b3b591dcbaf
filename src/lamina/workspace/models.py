"""Saved models: predict, evaluate, list, show."""

from __future__ import annotations

import io
import math
from collections.abc import Iterable, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np

from lamina.data.columns import empty
from lamina.data.sources import catalogue
from lamina.data.tables import Table, write_table
from lamina.errors import BundleError, LaminaError, UsageError
from lamina.nets.bundle import Bundle
from lamina.nets.told import is_dataview_model
from lamina.training import tasks
from lamina.training.model_input import model_input
from lamina.training.report import aligned
from lamina.workspace.outputs import file_to_write, folder_to_write, not_over
from lamina.workspace.values import model, table

SUFFIX = ".lamina"


def predict(
    path: str | Path, data: str | Path, output: str | Path | None = None, target: str | None = None
) -> Table:
    """A prediction and its probability per row; written to `output` when given.

    Args:
        path: of the model.
        data: a named set, or a file.
        output: of the predictions; a table format by its suffix.
        target: a column to leave out, for a model that does not know its columns' names.
    """
    if output is not None:
        file_to_write(output)
        not_over(output, path, *([] if str(data) in catalogue() else [data]))
    trained, given = model(path), table(data)
    if not _knows_columns(trained):
        given = _without(given, _target(data, target))
    try:
        predictions = tasks.predict(trained, given)
    except BundleError as error:
        if not (_knows_columns(trained) or target):
            error.way_out += "; --target COLUMN leaves one out"
        raise
    if output is not None:
        write_table(predictions, output)
    return predictions


def evaluate(path: str | Path, data: str | Path, target: str | None = None) -> dict[str, Any]:
    """The metrics of a model on labelled data.

    Args:
        path: of the model.
        data: a named set, or a file.
        target: the label column; known for named sets, and for models that Lamina trained.

    Raises:
        UsageError: a model from elsewhere, and no target.
    """
    trained, given = model(path), table(data)
    if _knows_columns(trained):
        if target and target != trained.preparation["target"]:
            given = given.with_columns({trained.preparation["target"]: given[target]})
        return tasks.evaluate(trained, given)
    label = _target(data, target)
    if label is None:
        raise UsageError(
            f"model {trained.name!r} does not say which column it predicts",
            "name it with --target COLUMN",
        )
    labels = given[label]
    seen = model_input(trained, _without(given, label))
    shape = (len(seen.kept), *trained.network.inputs[0].shape)
    columns = [column for name, column in given.columns.items() if name != label]
    features = np.column_stack([column[seen.kept] for column in columns]).reshape(shape)
    found = tasks.evaluate_arrays(numbered(trained), features, labels[seen.kept])
    return {**found, "skipped": given.rows - len(seen.kept)}


def numbered(trained: Bundle) -> Bundle:
    """A model whose classes have names: their numbers, where it has none."""
    if trained.labels or trained.task == "regression":
        return trained
    shape = trained.network.shapes[trained.network.outputs[0]]
    count = 2 if trained.task == "binary" else shape[0]
    return replace(trained, labels=tuple(map(str, range(count))))


def show(path: str | Path) -> dict[str, Any]:
    """What a model says of itself."""
    return model(path).describe()


def listing(places: Iterable[str | Path] = (".",)) -> list[dict[str, Any]]:
    """The models in some folders or files, newest last; a broken one carries `error`.

    Raises:
        UsageError: a place that does not exist.
    """
    found = []
    for place in map(Path, places):
        if not place.exists():
            raise UsageError(f"{str(place)!r} does not exist", "name a folder or a model file")
        paths = _models_in(place) if place.is_dir() else [place]
        for path in sorted(paths, key=_age):
            try:
                found.append({"path": str(path), **model(path).describe()})
            except LaminaError as error:
                found.append({"path": str(path), "error": error.message})
    return found


def _models_in(folder: Path) -> list[Path]:
    papers = [path for path in folder.rglob("model@*") if is_dataview_model(path)]
    return [*sorted(folder.rglob(f"*{SUFFIX}")), *sorted(papers)]


def _age(path: Path) -> float:
    try:
        return path.stat().st_mtime
    except OSError:
        return 0.0


def _knows_columns(trained: Bundle) -> bool:
    """Whether a model knows the columns of its table; those of other systems do not."""
    return "target" in trained.preparation


def _target(data: str | Path, target: str | None) -> str | None:
    sets = catalogue()
    return target or (sets[str(data)].target if str(data) in sets else None)


def _without(given: Table, column: str | None) -> Table:
    if column is None:
        return given
    given.select([column])
    return given.select([name for name in given.names if name != column])


def as_csv(predictions: Table) -> str:
    """Predictions as CSV text, for standard output."""
    import pyarrow
    from pyarrow import csv

    written = io.BytesIO()
    arrays = [
        pyarrow.array(plain_column(values.tolist())) for values in predictions.columns.values()
    ]
    csv.write_csv(pyarrow.Table.from_arrays(arrays, names=list(predictions.names)), written)
    return written.getvalue().decode()


def plain_column(values: list[Any]) -> list[Any]:
    """A column for CSV or JSON: NaN, which stands for an empty value, becomes None."""
    return [None if isinstance(v, float) and not math.isfinite(v) else v for v in values]


def without_prediction(predictions: Table) -> int:
    """How many rows have no prediction, for an empty value in them."""
    name = next(name for name in predictions.names if name.startswith("prediction"))
    return int(empty(predictions.columns[name]).sum())


def draw(metrics: Mapping[str, Any], folder: Path) -> Path | None:
    """The confusion matrix of `evaluate` as a picture; its path, or None without a matrix."""
    from lamina.training.pictures import draw_confusion

    confusion = metrics.get("confusion")
    if not confusion:
        return None
    matrix = np.array(confusion["matrix"], dtype=np.int64)
    picture = folder_to_write(folder) / "confusion.png"
    draw_confusion(matrix, confusion["labels"], picture)
    return picture


def metrics_text(metrics: Mapping[str, Any]) -> str:
    """Metrics for a terminal: one per line, then the confusion matrix."""
    plain = {k: v for k, v in metrics.items() if k not in ("confusion", "notes")}
    rows = [[name, _number(value)] for name, value in plain.items()]
    lines = aligned(rows)
    confusion = metrics.get("confusion")
    if confusion:
        names = [str(label) for label in confusion["labels"]]
        head = ["true \\ predicted", *names]
        body = [[n, *map(str, row)] for n, row in zip(names, confusion["matrix"], strict=True)]
        lines += ["", *aligned([head, *body])]
    lines += [f"note: {name}: {why}" for name, why in metrics.get("notes", {}).items()]
    return "\n".join(lines)


def listing_text(found: Iterable[Mapping[str, Any]]) -> list[str]:
    """A line per model: path, layers, parameters, what it was measured at."""
    lines = []
    for one in found:
        if "error" in one:
            lines.append(f"{one['path']}  broken: {one['error']}")
            continue
        layers, score = "-".join(_sizes(one)), _score(one["metrics"])
        told = (one["path"], one["name"], layers, f"{one['parameters']} parameters", score)
        lines.append("  ".join(told).rstrip())
    return lines or ["no models here"]


def show_text(model: Mapping[str, Any]) -> str:
    """A model for a terminal: what it is, its layers, metrics and origin."""
    lines = [
        f"{model['name']}: {model['task']}, {model['parameters']} parameters, "
        f"{model['operations']} operations per row",
        f"digest {model['digest']}",
        "",
        *aligned(
            [
                ["layer", "kind", "output", "parameters"],
                *(
                    [one["name"], one["kind"], str(tuple(one["output"])), str(one["parameters"])]
                    for one in model["layers"]
                ),
            ]
        ),
        "",
        *aligned(
            [
                [name, _score_of(value)]
                for name, value in model["metrics"].items()
                if name != "confusion" and value != {}
            ]
            or [["no metrics", ""]]
        ),
        "",
    ]
    if model["labels"]:
        lines.append(f"labels: {', '.join(model['labels'])}")
    lines.append(_origin(model))
    versions = ", ".join(f"{name} {number}" for name, number in model["versions"].items())
    lines.append(f"versions: {versions or 'unknown'}")
    lines += [f"{name} {digest}" for name, digest in model["digests"].items()]
    return "\n".join(lines)


def _origin(model: Mapping[str, Any]) -> str:
    settings = model["settings"]
    if not model["engine"]:
        return f"from {settings.get('source', 'an unknown place')}"
    told = f"trained by {model['engine']} on {model['device']}, seed {model['seed']}"
    return f"{told}, {settings.get('model', '')}".rstrip(", ")


def _sizes(model: Mapping[str, Any]) -> list[str]:
    ends = [
        *model["inputs"].values(),
        *(one["output"] for one in model["layers"] if one["parameters"]),
    ]
    return ["x".join(map(str, shape)) for shape in ends]


def _score(metrics: Mapping[str, Any]) -> str:
    for name in ("accuracy", "r2"):
        if name in metrics:
            return f"{name} {_score_of(metrics[name])}"
    return ""


def _score_of(value: Any) -> str:
    if isinstance(value, Mapping) and "mean" in value:
        spread = f" ± {_number(value['std'])}" if value.get("std") else ""
        return f"{_number(value['mean'])}{spread}"
    return _number(value)


def _number(value: Any) -> str:
    if value is None:
        return "-"
    return f"{value:.4f}" if isinstance(value, float) else str(value)
