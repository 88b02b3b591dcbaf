"""Results: stable keys, bundles, digests."""

from __future__ import annotations

import numpy as np
import pytest

from lamina.data.tables import Table
from lamina.errors import UsageError
from lamina.nets.network import Network
from lamina.training import report
from lamina.training.plans import Plan
from lamina.training.result import bundle, code_digest, versions
from lamina.training.settings import Settings
from lamina.training.trainer import train

FAST = Settings(epochs=15)

KEYS = {
    *("lamina", "network", "data", "plan", "sets", "settings", "loss", "engine", "device", "form"),
    *("threads", "reason", "seed", "seconds", "confusion", "folds", "best", "members", "model"),
    *("accuracy", "precision", "recall", "f1", "auc", "log_loss", "versions", "loss_units"),
    "begun",
}


def test_the_keys_of_a_result_are_stable(table: Table, network: Network, reference: str) -> None:
    said = train(network, table, "label", FAST, "kfold:2", engine=reference).to_json()
    assert set(said) == KEYS
    assert set(said["accuracy"]) == {"mean", "std", "count"}
    assert {"train", "compile"} <= set(said["seconds"])
    assert (said["engine"], said["device"], said["seed"]) == ("reference", "cpu", 0)
    fold = said["folds"][0]
    assert fold["rows"] == {"train": 60, "validation": 0, "test": 60}
    assert {"label", "repeat", "fold", "accuracy", "f1", "auc", "cost", "notes"} <= set(fold)
    values = [entry["accuracy"] for entry in said["folds"]]
    assert said["accuracy"]["mean"] == pytest.approx(np.mean(values))
    assert said["accuracy"]["std"] == pytest.approx(np.std(values))


def test_a_sweep_lists_its_sets(table: Table, network: Network, reference: str) -> None:
    plan = Plan.parse("kfold:2", {"learning_rate": [0.1, 0.2]})
    result = train(network, table, "label", FAST, plan, engine=reference)
    said = result.to_json()
    assert [one["settings"] for one in said["sets"]] == [
        {"learning_rate": 0.1},
        {"learning_rate": 0.2},
    ]
    assert said["accuracy"] == said["sets"][said["best"]["set"]]["accuracy"]
    assert [row[0] for row in result.table()] == ["set", "learning_rate 0.1", "learning_rate 0.2"]


def test_cross_validation_alone_leaves_no_model(
    table: Table, network: Network, reference: str
) -> None:
    result = train(network, table, "label", FAST, "kfold:2", engine=reference)
    with pytest.raises(UsageError, match="leaves no single model") as caught:
        bundle(result)
    assert "refit=True" in caught.value.way_out


def test_a_bundle_says_where_it_comes_from(table: Table, network: Network, reference: str) -> None:
    result = train(network, table, "label", FAST, engine=reference)
    made = bundle(result, "mine")
    assert (made.name, made.engine, made.device, made.seed) == ("mine", "reference", "cpu", 0)
    assert (made.task, made.loss, made.labels) == ("binary", "bce", ("0", "1"))
    assert made.digests["data"] == table.digest()
    assert made.digests["code"] == code_digest()
    assert made.settings["plan"] == "holdout:0.2"
    assert made.preparation["target"] == "label"
    assert len(made.preparation["shift"]) == 2


def test_without_normalisation_the_statistics_change_nothing(
    table: Table, network: Network, reference: str
) -> None:
    slow = FAST.changed(learning_rate=1e-6)
    result = train(network, table, "label", slow, engine=reference, normalise="none")
    made = bundle(result)
    assert (made.preparation["shift"], made.preparation["scale"]) == ([0.0, 0.0], [1.0, 1.0])


def test_versions_name_the_library_of_the_engine_only() -> None:
    import llvmlite

    assert versions("fused")["llvmlite"] == llvmlite.__version__
    assert set(versions("fused")) == {"lamina", "python", "numpy", "llvmlite"}
    assert set(versions("reference")) == {"lamina", "python", "numpy"}


def test_costs_that_are_no_numbers_are_left_out() -> None:
    curve = np.array([1.0, np.inf, np.nan])
    assert report.cost_at_epochs(curve, 1) == {"0": 1.0}


def test_columns_of_text_stand_under_each_other() -> None:
    lines = report.aligned([["fold", "accuracy"], ["fold 10", "0.5"]])
    assert lines == ["fold     accuracy", "fold 10       0.5"]


def test_long_labels_are_cut() -> None:
    assert report.short_label("abcdef", 4) == "abc…"
    assert report.short_label("abcd", 4) == "abcd"


def test_a_notebook_shows_the_folds(table: Table, network: Network, reference: str) -> None:
    result = train(network, table, "label", FAST, "kfold:2", engine=reference)
    shown = result._repr_html_()
    assert all(cell in shown for row in result.table() for cell in row)
    assert repr(result) == f"<training of {network.name}: kfold:2>"
