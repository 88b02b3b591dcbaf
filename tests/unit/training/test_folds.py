"""Folds that are trained apart are those that are trained together."""

from __future__ import annotations

from typing import Any

import pytest

from lamina.data.sources import load
from lamina.errors import DataError, SettingsError
from lamina.nets.zoo import mlp
from lamina.training.folds import join_folds, train_folds
from lamina.training.plans import Plan
from lamina.training.settings import Settings
from lamina.training.trainer import train

NETWORK = mlp(4, [5], 3, last="")
SETTINGS = {"epochs": 20, "seed": 3}
OPTIONS = {"engine": "fused"}
HOW: dict[str, Any] = {"settings": SETTINGS, "options": OPTIONS}


def test_folds_apart_have_the_metrics_of_folds_together() -> None:
    table = load("iris")
    target = table.names[-1]
    network = NETWORK
    plan, told = Plan.parse("kfold:3"), Settings(**SETTINGS)  # type: ignore[arg-type]
    whole = train(network, table, target, told, plan, engine="fused")
    together = [dict(fold.scores.values) for fold in whole.chosen.folds]
    apart = [
        train_folds(network, table, target, [fold], plan="kfold:3", **HOW)[0] for fold in (1, 2, 3)
    ]
    assert [one["metrics"] for one in apart] == together
    pair = train_folds(network, table, target, [3, 1], plan="kfold:3", **HOW)
    assert [one["fold"] for one in pair] == [3, 1]
    assert [one["metrics"] for one in pair] == [together[2], together[0]]
    model = join_folds(network, table, target, apart, SETTINGS, OPTIONS)
    assert model.metrics["accuracy"] == whole.metric("accuracy")
    refitted = train(network, table, target, told, plan, engine="fused", refit=True)
    assert refitted.model is not None
    for name, weight in model.weights.items():
        assert (weight == refitted.model.weights[name]).all()
    with pytest.raises(DataError, match=r"folds \[1, 2\] of kfold:3 are not all folds"):
        join_folds(network, table, target, apart[:2], SETTINGS, OPTIONS)


@pytest.mark.parametrize(
    ("plan", "folds"), [("holdout", [1]), ("kfold:3x2", [1]), ("kfold:3", [0]), ("kfold:3", [4])]
)
def test_folds_that_a_plan_does_not_have_are_told(plan: str, folds: list[int]) -> None:
    table = load("iris")
    with pytest.raises(SettingsError, match="folds"):
        train_folds(NETWORK, table, table.names[-1], folds, plan=plan, **HOW)
