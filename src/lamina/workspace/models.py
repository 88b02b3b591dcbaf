"""Saved models: predict, evaluate, list, show."""

from __future__ import annotations

import io
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

import numpy as np

from lamina.data.tables import Table, write_table
from lamina.errors import BundleError
from lamina.nets.bundle import Bundle
from lamina.training import tasks
from lamina.training.report import aligned
from lamina.workspace.values import table

SUFFIX = ".lamina"


def predict(model: str | Path, data: str | Path, output: str | Path | None = None) -> Table:
    """A prediction and its probability per row; written to `output` when given."""
    predictions = tasks.predict(Bundle.load(model), table(data))
    if output is not None:
        Path(output).parent.mkdir(parents=True, exist_ok=True)
        write_table(predictions, output)
    return predictions


def evaluate(model: str | Path, data: str | Path) -> dict[str, Any]:
    """The metrics of a model on labelled data."""
    return tasks.evaluate(Bundle.load(model), table(data))


def show(model: str | Path) -> dict[str, Any]:
    """What a model says of itself."""
    return Bundle.load(model).describe()


def listing(places: Iterable[str | Path] = (".",)) -> list[dict[str, Any]]:
    """The models in some folders or files, newest last; a broken one carries `error`."""
    found = []
    for place in map(Path, places):
        paths = sorted(place.rglob(f"*{SUFFIX}")) if place.is_dir() else [place]
        for path in sorted(paths, key=lambda p: p.stat().st_mtime if p.exists() else 0.0):
            try:
                found.append({"path": str(path), **Bundle.load(path).describe()})
            except BundleError as error:
                found.append({"path": str(path), "error": error.message})
    return found


def as_csv(predictions: Table) -> str:
    """Predictions as CSV text, for standard output."""
    from pyarrow import csv
    from pyarrow import table as arrow

    written = io.BytesIO()
    csv.write_csv(
        arrow({name: list(values) for name, values in predictions.columns.items()}), written
    )
    return written.getvalue().decode()


def draw(metrics: Mapping[str, Any], folder: Path) -> None:
    """The confusion matrix of `evaluate` as a picture, where there is one."""
    from lamina.training.pictures import draw_confusion

    confusion = metrics.get("confusion")
    if confusion:
        folder.mkdir(parents=True, exist_ok=True)
        matrix = np.array(confusion["matrix"], dtype=np.int64)
        draw_confusion(matrix, confusion["labels"], folder / "confusion.png")


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
    for model in found:
        if "error" in model:
            lines.append(f"{model['path']}  broken: {model['error']}")
            continue
        layers = "-".join(_sizes(model))
        score = _score(model["metrics"])
        lines.append(
            f"{model['path']}  {model['name']}  {layers}  {model['parameters']} parameters  {score}"
        )
    return lines or ["no models here"]


def show_text(model: Mapping[str, Any]) -> str:
    """A model for a terminal: what it is, its layers, metrics and origin."""
    settings = model.get("settings", {})
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
                if name != "confusion"
            ]
            or [["no metrics", ""]]
        ),
        "",
    ]
    if model["labels"]:
        lines.append(f"labels: {', '.join(model['labels'])}")
    origin = f"{model['engine']} on {model['device']}" if model["engine"] else "unknown"
    lines.append(
        f"trained by {origin}, seed {model['seed']}, {settings.get('model', '')}".rstrip(", ")
    )
    versions = ", ".join(f"{name} {number}" for name, number in model["versions"].items())
    lines.append(f"versions: {versions or 'unknown'}")
    lines += [f"{name} {digest}" for name, digest in model["digests"].items()]
    return "\n".join(lines)


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
        if value["mean"] is None:
            return "-"
        spread = f" ± {value['std']:.4f}" if value.get("std") else ""
        return f"{value['mean']:.4f}{spread}"
    return _number(value)


def _number(value: Any) -> str:
    if value is None:
        return "-"
    return f"{value:.4f}" if isinstance(value, float) else str(value)
