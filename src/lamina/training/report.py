"""Reports of a result: a document with stable keys, and rows of text for a terminal."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from lamina.nets.network import Network
from lamina.training.metrics import metric_names
from lamina.training.plans import set_label

if TYPE_CHECKING:
    from lamina.training.result import FoldResult, MemberResult, SetResult, TrainingResult


Floats = NDArray[np.float64]
FORMAT = "training-result/1"


def document(result: TrainingResult, curves: bool = False) -> dict[str, Any]:
    """The result as plain values; keys are stable, values that are not defined are None."""
    examples, resource = result.examples, result.resource
    names = metric_names(examples.task)
    said: dict[str, Any] = {
        "lamina": FORMAT,
        "network": {
            "name": result.network.name,
            "layers": layers_text(result.network),
            "parameters": result.network.parameter_count(),
        },
        "data": {
            "origin": examples.origin,
            "rows": len(examples.features),
            "features": list(examples.features.shape[1:]),
            "target": examples.target,
            "task": examples.task,
            "labels": list(examples.labels),
            "repairs": list(examples.repairs),
            "digest": examples.digest,
        },
        **result.plan.to_document(),
        "settings": result.settings.to_document(),
        "loss": result.chosen.loss_name,
        "loss_units": result.loss_units,
        "engine": resource.engine,
        "device": resource.device,
        "form": result.form,
        "threads": resource.threads,
        "reason": resource.reason,
        "seed": result.settings.seed,
        "seconds": {name: float(value) for name, value in result.seconds.items()},
        **{name: result.metric(name) for name in names},
        "confusion": _confusion(result.chosen, list(examples.labels)),
        "folds": [_fold(fold, result) for fold in result.chosen.folds],
        "sets": [_set(one, result, names) for one in result.sets],
        "best": {"set": result.best, "chosen_by": result.chosen_by},
        "members": [_member(member, curves) for member in result.members],
        "model": None if result.model is None else result.model.origin,
        "begun": result.begun,
        "versions": dict(result.versions),
    }
    return said


def table_rows(result: TrainingResult) -> list[list[str]]:
    """A header; a row per fold (per set for a sweep); and the mean with its deviation."""
    names = [n for n in metric_names(result.examples.task) if n not in ("precision", "recall")]
    sweep = len(result.sets) > 1
    head = ["set" if sweep else "fold", *names]
    if sweep:
        rows = [
            [set_label(result.plan.sets[k]), *(_plus_minus(one.metric(n)) for n in names)]
            for k, one in enumerate(result.sets)
        ]
        return [head, *rows]
    rows = [
        [fold.label, *(_number(fold.scores.values.get(n)) for n in names)]
        for fold in result.chosen.folds
    ]
    if len(rows) > 1:
        rows.append(["mean ± std", *(_plus_minus(result.metric(n)) for n in names)])
    return [head, *rows]


def text(result: TrainingResult) -> str:
    """The result in a few lines: what ran, where, how long, how well."""
    seconds = result.seconds
    times = ", ".join(f"{name} {value:.3g} s" for name, value in seconds.items())
    resource = result.resource
    lines = [
        f"{result.network.name} on {result.examples.origin}: plan {result.plan}, "
        f"{result.settings.epochs} epochs, seed {result.settings.seed}",
        f"engine {resource.engine} on {resource.device} ({result.form or 'one form'}): "
        f"{resource.reason}",
        *aligned(table_rows(result)),
        times,
    ]
    lines += [f"weights: {result.begun}"] if result.begun else []
    lines += [f"note: {line}" for line in result.examples.repairs]
    lines += [f"diverged: {label}" for one in result.sets for label in one.diverged]
    if len(result.sets) > 1:
        name = set_label(result.plan.sets[result.best])
        lines.append(f"best set: {name} (by {result.chosen_by})")
    return "\n".join(lines)


def aligned(rows: list[list[str]]) -> list[str]:
    """Rows as lines with columns of equal width: the first to the left, the others right."""
    widths = [max(len(row[k]) for row in rows) for k in range(len(rows[0]))]
    return [
        "  ".join(
            cell.ljust(width) if k == 0 else cell.rjust(width)
            for k, (cell, width) in enumerate(zip(row, widths, strict=True))
        ).rstrip()
        for row in rows
    ]


def cost_at_epochs(curve: Floats, step: int = 100) -> dict[str, float]:
    """The papers' TrainingCostAtEpoch: "0", "100", ... and the last epoch, counted from 0."""
    marks = sorted({*range(0, len(curve), step), len(curve) - 1})
    return {str(k): float(curve[k]) for k in marks if k >= 0 and np.isfinite(curve[k])}


def short_label(label: str, most: int = 24) -> str:
    """A label cut to so many characters."""
    return label if len(label) <= most else f"{label[: most - 1]}…"


def layers_text(network: Network) -> list[str]:
    """The layers in topological order: "Linear l1 (3)", the numbers being the output shape."""
    return [f"{n.label} ({', '.join(map(str, network.shapes[n.name]))})" for n in network.nodes]


def _fold(fold: FoldResult, result: TrainingResult) -> dict[str, Any]:
    members = [result.members[number] for number in fold.members]
    shortest = min(len(member.cost) for member in members)
    cost = np.mean([member.cost[:shortest] for member in members], axis=0)
    return {
        "label": fold.label,
        "repeat": fold.place.repeat,
        "fold": fold.place.fold,
        "rows": {
            "train": fold.train_rows,
            "validation": fold.validation_rows,
            "test": len(fold.test_rows),
        },
        **fold.scores.values,
        "notes": dict(fold.scores.notes),
        "epochs": members[0].epochs,
        "seeds": [member.seed for member in members],
        "cost": cost_at_epochs(cost),
    }


def _set(one: SetResult, result: TrainingResult, names: tuple[str, ...]) -> dict[str, Any]:
    return {
        "label": one.label,
        "settings": dict(one.changed),
        "loss": None if not np.isfinite(one.loss) else one.loss,
        **{name: one.metric(name) for name in names},
        "confusion": _confusion(one, list(result.examples.labels)),
        "diverged": list(one.diverged),
    }


def _member(member: MemberResult, curves: bool) -> dict[str, Any]:
    said: dict[str, Any] = {
        "label": member.label,
        "seed": member.seed,
        "epochs": member.epochs,
        "best_epoch": member.best_epoch,
        "diverged": member.diverged,
        "cost": cost_at_epochs(member.cost),
    }
    if curves:
        said["curve"] = _numbers(member.cost)
        said["validation_curve"] = (
            None if member.validation is None else _numbers(member.validation)
        )
    return said


def _numbers(curve: Any) -> list[float | None]:
    return [float(value) if np.isfinite(value) else None for value in curve]


def _confusion(one: SetResult, labels: list[str]) -> dict[str, Any] | None:
    matrix = one.confusion
    return None if matrix is None else {"labels": labels, "matrix": matrix.tolist()}


def _number(value: float | None) -> str:
    return "-" if value is None else f"{value:.4f}"


def _plus_minus(said: dict[str, float | int | None]) -> str:
    if said["mean"] is None or said["std"] is None:
        return "-"
    return f"{said['mean']:.4f} ± {said['std']:.4f}"
