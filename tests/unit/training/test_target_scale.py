"""Regressions learn scaled targets; metrics, outputs and predictions are in their own units."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from lamina.data.normalise import restore
from lamina.data.preparation import Preparation
from lamina.data.tables import Table
from lamina.errors import BundleError, SettingsError
from lamina.nets.bundle import Bundle
from lamina.nets.layers import Layer
from lamina.nets.layers.activations import LeakyReLU, ReLU, Sigmoid, Softmax, Tanh
from lamina.nets.layers.linear import Linear
from lamina.nets.layers.reshaping import Reshape
from lamina.nets.network import sequential
from lamina.nets.zoo import mlp
from lamina.testing.reference_engine import ReferenceEngine
from lamina.training import tasks
from lamina.training.engines import ENGINES
from lamina.training.loop import likely_cause
from lamina.training.result import TrainingResult, bundle
from lamina.training.settings import Settings
from lamina.training.target_scale import TargetScale, resolve_target_scale
from lamina.training.trainer import train

NETWORK = mlp(3, [6], 1, last="", name="line")
BENT = mlp(3, [6], 1, name="bent")
QUICK = Settings(epochs=60)


def houses(rows: int = 120, seed: int = 0) -> Table:
    """Three features and a price around 150 000."""
    generator = np.random.default_rng(seed)
    x = generator.random((rows, 3))
    price = 150_000.0 + 40_000.0 * (x @ [1.0, -2.0, 0.5]) + 900.0 * generator.normal(size=rows)
    return Table({"a": x[:, 0], "b": x[:, 1], "c": x[:, 2], "price": price}, "houses")


def trained(network: Any = NETWORK, plan: str = "holdout", **options: Any) -> TrainingResult:
    chosen = options.pop("settings", QUICK)
    return train(network, houses(), "price", chosen, plan, engine="fused", **options)


def score(result: TrainingResult) -> float:
    mean = result.metric("r2")["mean"]
    assert mean is not None
    return float(mean)


@pytest.mark.parametrize(
    ("last", "expected"),
    [
        ([], TargetScale("standard")),
        ([LeakyReLU()], TargetScale("standard")),
        ([Sigmoid()], TargetScale("min-max", 0.0, 1.0)),
        ([ReLU()], TargetScale("min-max", 0.0, 1.0)),
        ([Tanh()], TargetScale("min-max", -1.0, 1.0)),
        ([Tanh(), Reshape((2, 1))], TargetScale("min-max", -1.0, 1.0)),
        ([Softmax()], TargetScale("none", 0.0, 1.0)),
    ],
    ids=str,
)
def test_the_scale_suits_the_last_layer(last: list[Layer], expected: TargetScale) -> None:
    network = sequential([Linear(3, 2), *last])
    assert resolve_target_scale(network, "regression") == expected
    assert resolve_target_scale(network, "classes").kind == "none"
    assert resolve_target_scale(network, "regression", "none").kind == "none"


def test_classes_and_bounded_outputs_refuse_what_they_cannot_give() -> None:
    with pytest.raises(SettingsError, match="the target holds classes"):
        resolve_target_scale(NETWORK, "binary", "min-max")
    with pytest.raises(SettingsError, match="Sigmoid s1 cannot give numbers on both sides of 0"):
        resolve_target_scale(BENT, "regression", "standard")
    with pytest.raises(SettingsError, match="nothing beyond -1 and 1"):
        resolve_target_scale(sequential([Linear(3, 1), Tanh()]), "regression", "standard")
    with pytest.raises(SettingsError, match="choose from auto, standard, min-max, none"):
        resolve_target_scale(NETWORK, "regression", "log")


@settings(deadline=None, max_examples=60)
@given(
    st.integers(1, 30),
    st.lists(st.integers(1, 3), min_size=1, max_size=3),
    st.sampled_from(
        [TargetScale("standard"), TargetScale("min-max", -1.0), TargetScale("min-max")]
    ),
    st.floats(-1e6, 1e6),
    st.floats(1e-6, 1e6),
    st.integers(0, 99),
)
def test_restoring_undoes_scaling(
    rows: int, shape: list[int], kind: TargetScale, middle: float, spread: float, seed: int
) -> None:
    targets = middle + spread * np.random.default_rng(seed).normal(size=(rows, *shape))
    shift, scale = kind.fit(targets)
    assert shift is not None and scale is not None
    assert shift.shape == scale.shape == tuple(shape)
    moved = (targets - shift) * scale
    near = 1e-9 * (1 + abs(middle) / spread)
    if kind.kind == "min-max":
        assert moved.min() >= kind.low - near
        assert moved.max() <= kind.high + near
    elif rows > 1 and len(shape) == 1:
        np.testing.assert_allclose(moved.std(axis=0), 1.0, rtol=1e-6)
    np.testing.assert_allclose(restore(moved, shift, scale), targets, rtol=1e-9, atol=1e-9 * spread)


@pytest.mark.parametrize("engine", ["fused", "torch", "reference"])
@pytest.mark.parametrize("network", [NETWORK, BENT], ids=["Linear last", "Sigmoid last"])
def test_a_regression_works_with_the_default_settings(
    network: Any, engine: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(ENGINES._targets, "reference", ReferenceEngine)
    result = train(network, houses(), "price", QUICK, engine=engine)
    assert score(result) > 0.9
    assert 100 < result.metric("rmse")["mean"] < 10_000  # type: ignore[operator]
    assert result.members[0].cost[-1] < 0.2


def test_diabetes_works_with_the_default_settings() -> None:
    pytest.importorskip("sklearn", reason="no sklearn: pip install 'lamina[datasets]'")
    from lamina.data.sources import load

    for rate in (0.1, 0.01):
        chosen = Settings(epochs=200, learning_rate=rate)
        for network in (mlp(10, [16], 1), mlp(10, [16], 1, last="")):
            result = train(network, load("diabetes"), "progression", chosen, engine="fused")
            assert score(result) > 0.3


@settings(deadline=None, max_examples=12)
@given(
    engine=st.sampled_from(["fused", "torch"]),
    network=st.sampled_from([NETWORK, BENT]),
    factor=st.sampled_from([1000.0, 3.0, 1e-4, 7e7]),
    seed=st.integers(0, 99),
)
def test_other_units_give_the_same_predictions_in_those_units(
    engine: str, network: Any, factor: float, seed: int
) -> None:
    generator = np.random.default_rng(seed)
    features = generator.random((60, 3))
    targets = np.sin(3 * features[:, 0]) + features[:, 1]
    found = []
    for wanted in (targets, factor * targets + 7.0):
        chosen = Settings(epochs=15, learning_rate=0.05, seed=seed, start="plain")
        result = train(network, (features, wanted), "", chosen, engine=engine, kind="regression")
        found.append(result.chosen.folds[0].outputs[:, 0])
    np.testing.assert_allclose(found[1], factor * found[0] + 7.0, rtol=2e-3, atol=2e-3 * factor)


def test_outputs_metrics_and_the_saved_model_agree(tmp_path: Path) -> None:
    result, table = trained(), houses()
    model = Bundle.load(bundle(result).save(tmp_path / "m.lamina"))
    fold = result.chosen.folds[0]
    tested = table.take(fold.test_rows)
    found = tasks.predict(model, tested)["prediction"]
    assert found.dtype == np.float64
    np.testing.assert_allclose(found, fold.outputs[:, 0], rtol=1e-5)
    judged = tasks.evaluate(model, tested)
    for name in ("r2", "mae", "rmse"):
        assert judged[name] == pytest.approx(fold.scores.values[name], rel=1e-4)
    assert tasks.layer_output(model, tested, model.network.outputs[0]).std() < 3.0


@settings(deadline=None, max_examples=20)
@given(st.lists(st.integers(0, 119), min_size=1, max_size=5000))
def test_one_row_or_many_are_restored_to_the_same_bits(rows: list[int]) -> None:
    whole, part = (tasks.predict(MODEL, table) for table in (houses(), houses().take(rows)))
    assert np.array_equal(part["prediction"], whole["prediction"][rows])


def test_a_constant_target_is_predicted_exactly() -> None:
    table = houses().with_columns({"price": np.full(120, 0.1)})
    result = train(NETWORK, table, "price", QUICK, engine="fused", kind="regression", refit=True)
    assert set(tasks.predict(bundle(result), table)["prediction"]) == {0.1}
    assert result.metric("rmse")["mean"] == 0.0
    assert "same in all rows" in result.chosen.folds[0].scores.notes["r2"]


@pytest.mark.parametrize(
    ("plan", "options"),
    [
        ("kfold:3", {"refit": True}),
        ("holdout+ensemble:3", {}),
        ("kfold:3+ensemble:2", {"refit": True}),
        ("holdout+restarts:3", {}),
        ("holdout", {"settings": QUICK.changed(patience=20)}),
        ("holdout", {"settings": QUICK.changed(patience=20, loss="huber", shuffle="epoch")}),
        ("all", {}),
    ],
)
def test_every_plan_leaves_a_model_in_the_targets_units(plan: str, options: Any) -> None:
    result = trained(plan=plan, **options)
    assert plan == "all" or score(result) > 0.9
    assert tasks.evaluate(bundle(result), houses())["r2"] > 0.9


def test_each_column_of_several_has_its_own_scale(tmp_path: Path) -> None:
    generator = np.random.default_rng(1)
    features = generator.random((90, 3))
    targets = np.column_stack([1e6 + 1e5 * features[:, 0], 1e-3 * features[:, 1], np.full(90, 5.0)])
    result = train(mlp(3, [8], 3, last=""), (features, targets), settings=QUICK, engine="fused")
    model = Bundle.load(bundle(result).save(tmp_path / "m.lamina"))
    assert len(model.preparation["arrays"]["target_scale"]) == 3
    found = tasks.predict_arrays(model, features)
    assert found.names == ("row", "prediction_0", "prediction_1", "prediction_2")
    for column in (0, 1):
        away = found[f"prediction_{column}"] - targets[:, column]
        assert away.std() < 0.2 * targets[:, column].std()
    assert set(found["prediction_2"]) == {5.0}


def test_without_scaling_the_network_learns_the_target_as_it_is() -> None:
    table = houses()
    small = table.with_columns({"price": table["price"] / 1e6})
    result = train(NETWORK, small, "price", QUICK, engine="fused", target_scale="none")
    assert result.loss_units == "target"
    assert result.members[0].target_scale is None
    model = bundle(result)
    assert model.preparation["target_scale"] == []
    raw = tasks.layer_output(model, small, model.network.outputs[0])[:, 0]
    assert np.array_equal(tasks.predict(model, small)["prediction"], raw.astype(np.float64))


def test_units_of_the_loss_are_told() -> None:
    assert trained().to_json()["loss_units"] == "scaled target"
    labels = (houses()["price"] > 150_000).astype(np.int64)
    table = houses().with_columns({"price": labels})
    classes = train(BENT, table, "price", QUICK, engine="fused")
    assert classes.to_json()["loss_units"] == "nats"


def test_a_model_from_before_scaling_predicts_as_it_did() -> None:
    document = {k: v for k, v in MODEL.preparation.items() if not k.startswith("target_")}
    old = replace(MODEL, preparation=document)
    (out,) = MODEL.network.outputs
    raw = tasks.layer_output(old, houses(), out)[:, 0]
    assert np.array_equal(tasks.predict(old, houses())["prediction"], raw.astype(np.float64))


@pytest.mark.parametrize("spoilt", [[1.0, 2.0], ["x"], [None]])
def test_statistics_that_do_not_fit_are_the_models_fault(spoilt: list[Any]) -> None:
    arrays = {"shift": None, "scale": None, "target_shift": spoilt, "target_scale": spoilt}
    odd = replace(MODEL, preparation={"arrays": arrays})
    with pytest.raises(BundleError, match=r"statistics of its target|shape \(1,\)"):
        tasks.predict_arrays(odd, np.zeros((2, 3)))


def test_an_outlier_is_named_when_a_training_diverges() -> None:
    from lamina.training.examples import Reading, as_examples
    from lamina.training.groups import lay_out
    from lamina.training.plans import Plan

    targets: NDArray[np.float64] = np.append(np.zeros(20_000), 1e9)
    examples = as_examples(
        NETWORK, (np.zeros((20_001, 3)), targets), "", Reading(kind="regression", normalise="none")
    )
    (group,) = lay_out(NETWORK, examples, Settings(), Plan("all"))
    assert "141 standard deviations: look for outliers" in likely_cause(group.program, 0)


def test_a_preparation_restores_what_it_scaled() -> None:
    preparation = Preparation.from_document(MODEL.preparation)
    prices = houses()["price"]
    moved = preparation.scaled(prices)
    assert moved.dtype == np.float32
    assert abs(float(moved.mean())) < 0.5
    np.testing.assert_allclose(preparation.restored(moved), prices, rtol=1e-6)


MODEL = bundle(trained())
