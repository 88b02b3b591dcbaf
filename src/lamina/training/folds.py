"""Cross validation as two tasks: folds that can be trained apart, and the model that follows."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

from lamina.data.tables import Table
from lamina.errors import DataError, SettingsError
from lamina.nets.bundle import Bundle
from lamina.nets.network import Network
from lamina.training.in_runs import in_run
from lamina.training.metrics import mean_and_deviation
from lamina.training.plans import Plan
from lamina.training.result import TrainingResult, bundle
from lamina.training.settings import Settings
from lamina.training.trainer import train


def train_folds(  # noqa: PLR0913 - as the task train, and which folds
    network: Network,
    table: Table,
    target: str,
    folds: list[int],
    *,
    plan: str = "kfold:5",
    settings: dict[str, Any] | None = None,
    options: dict[str, Any] | None = None,
) -> list[dict[str, Any]]:
    """Trains some folds of a cross validation; each comes out as it would among all others.

    Args:
        network: one input, one output.
        table: features and target.
        target: name of the target column.
        folds: their numbers, from 1.
        plan: "kfold:5"; repeats, sweeps and the like are for the task `train`.
        settings: by the names of `lamina.training.settings.Settings`.
        options: by the names of `lamina.training.trainer.Options`.

    Returns:
        A mapping for each fold, in the order of `folds`: "fold", "plan", "metrics", "rows" (that
        judged), "seconds" (of the training that it was part of, in equal shares).

    Raises:
        LaminaError: as `lamina.training.trainer.train`; a plan without folds, a fold that it does
            not have.
    """
    chosen = Plan.parse(plan)
    if chosen.split != "kfold" or chosen.repeats > 1 or not folds or min(folds) < 1:
        mistakes = [f"plan {plan!r}, folds {folds}"]
        raise SettingsError("folds cannot be trained so", mistakes, "kfold:5, folds from 1")
    some = replace(chosen, only=tuple(dict.fromkeys(fold - 1 for fold in folds)))
    told = Settings.from_document(settings or {})
    found = train(network, table, target, told, some, **(options or {}))
    by_number = {one.place.fold: one for one in found.chosen.folds}
    each = found.seconds["total"] / len(by_number)
    return [
        {
            "fold": fold,
            "plan": str(chosen),
            "metrics": dict(by_number[fold - 1].scores.values),
            "rows": len(by_number[fold - 1].test_rows),
            "seconds": each,
        }
        for fold in folds
    ]


def join_folds(
    network: Network,
    table: Table,
    target: str,
    folds: list[dict[str, Any]],
    settings: dict[str, Any] | None = None,
    options: dict[str, Any] | None = None,
) -> Bundle:
    """The model after cross validation: trained once more on all rows, with the folds' metrics.

    Args:
        network, table, target, settings, options: as for the folds.
        folds: what `train_folds` gave, of all folds.

    Raises:
        LaminaError: as `lamina.training.trainer.train`.
        DataError: a fold is missing, or comes twice.
    """
    plan = _whole(folds)
    told = Settings.from_document(settings or {})
    given = dict(options or {})

    def go(**watched: Any) -> TrainingResult:
        return train(network, table, target, told, "all", **{**watched, **given})

    model = bundle(in_run(go, given, told.seed))
    names = list(folds[0]["metrics"])
    metrics = {name: mean_and_deviation([one["metrics"][name] for one in folds]) for name in names}
    origin = f"trained on all {table.rows} rows; metrics from {plan}, folds trained apart"
    return replace(model, metrics=metrics, settings={**model.settings, "model": origin})


def _whole(folds: Sequence[dict[str, Any]]) -> str:
    """The plan whose folds these are. Raises DataError unless they are all of them."""
    plans = {str(one.get("plan")) for one in folds}
    numbers = sorted(int(one.get("fold", 0)) for one in folds)
    if len(plans) == 1:
        (plan,) = plans
        if numbers == list(range(1, Plan.parse(plan).folds + 1)):
            return plan
    raise DataError(
        f"folds {numbers} of {', '.join(sorted(plans)) or 'no plan'} are not all folds of one plan",
        "name each fold once: folds: [1, 2, 3, 4, 5] for kfold:5",
    )
