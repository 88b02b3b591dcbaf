"""Models as tasks: predictions row by row, metrics, votes; and tables that do not fit."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from lamina.data.tables import Table, read_table
from lamina.errors import BundleError, DataError, SettingsError, UnknownNameError
from lamina.nets.bundle import Bundle
from lamina.nets.layers.convolution import Conv2d
from lamina.nets.layers.embedding import Embedding
from lamina.nets.layers.linear import Linear
from lamina.nets.layers.reshaping import Flatten
from lamina.nets.network import Network, sequential
from lamina.nets.zoo import mlp
from lamina.training import tasks
from lamina.training.result import bundle
from lamina.training.settings import Settings
from lamina.training.trainer import train

QUICK: dict[str, Any] = {"settings": {"epochs": 40}, "options": {"engine": "reference"}}


@pytest.fixture
def model(table: Table, network: Network, reference: str) -> Bundle:
    return tasks.train(network, table, "label", **QUICK)


def test_a_prediction_has_a_row_a_class_and_probabilities(model: Bundle, table: Table) -> None:
    found = tasks.predict(model, table)
    assert found.names == ("row", "prediction", "probability", "p_0", "p_1")
    assert found["row"].tolist() == list(range(120))
    assert found["prediction"].dtype == np.int64
    chances = np.stack([found["p_0"], found["p_1"]])
    np.testing.assert_allclose(chances.sum(axis=0), 1)
    np.testing.assert_array_equal(found["probability"], chances.max(axis=0))
    np.testing.assert_array_equal(found["prediction"], chances.argmax(axis=0))
    assert np.mean(found["prediction"] == table["label"]) > 0.85


@settings(
    deadline=None, max_examples=30, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(st.lists(st.integers(0, 119), min_size=1, max_size=6000))
def test_a_row_has_the_same_bits_alone_and_among_others(
    model: Bundle, table: Table, rows: list[int]
) -> None:
    whole, part = tasks.predict(model, table), tasks.predict(model, table.take(rows))
    for name in ("prediction", "probability", "p_0", "p_1"):
        assert np.array_equal(part[name], whole[name][rows])


def test_rows_with_empty_values_keep_their_place(model: Bundle, table: Table) -> None:
    holed = table["a"].copy()
    holed[[3, 7]] = np.nan
    found = tasks.predict(model, table.with_columns({"a": holed}))
    assert found.rows == 120
    assert np.flatnonzero(np.isnan(found["prediction"])).tolist() == [3, 7]
    assert np.isnan(found["p_1"][3])
    assert "2 of 120 rows without" in found.origin
    whole = tasks.predict(model, table)
    assert np.array_equal(np.delete(found["p_1"], [3, 7]), np.delete(whole["p_1"], [3, 7]))
    assert tasks.evaluate(model, table.with_columns({"a": holed}))["skipped"] == 2


def test_class_names_are_texts(table: Table, network: Network, reference: str) -> None:
    names = np.where(table["label"] == 1, "up", "down").astype(object)
    made = tasks.train(network, table.with_columns({"label": names}), "label", **QUICK)
    holed = table["b"].copy()
    holed[0] = np.nan
    found = tasks.predict(made, table.with_columns({"b": holed}))
    assert found["prediction"][0] is None
    assert set(found["prediction"][1:]) == {"down", "up"}
    assert "p_down" in found.names


def test_metrics_on_the_test_rows_are_those_of_the_training(
    table: Table, network: Network, reference: str
) -> None:
    result = train(network, table, "label", Settings(epochs=40), engine=reference)
    found = tasks.evaluate(bundle(result), table.take(result.chosen.folds[0].test_rows))
    scores = result.chosen.folds[0].scores
    assert found["accuracy"] == scores.values["accuracy"]
    assert found["auc"] == pytest.approx(scores.values["auc"], abs=1e-6)
    assert found["rows"] == 24
    assert found["confusion"]["labels"] == ["0", "1"]
    json.dumps(found, allow_nan=False)


def test_a_model_file_predicts_the_same(model: Bundle, table: Table, tmp_path: Path) -> None:
    again = Bundle.load(model.save(tmp_path / "m.lamina"))
    assert tasks.predict(again, table).digest() == tasks.predict(model, table).digest()
    assert again.digests["data"] == table.digest()
    assert again.digests["code"].startswith("sha256:")
    assert again.versions["numpy"] == np.__version__
    assert again.metrics["accuracy"]["count"] == 1


def test_columns_may_stand_in_any_order_beside_others(model: Bundle, table: Table) -> None:
    other = Table({"extra": table["a"], "b": table["b"], "a": table["a"]})
    assert np.array_equal(tasks.predict(model, other)["p_1"], tasks.predict(model, table)["p_1"])


def test_missing_columns_are_named_with_those_that_are_needed(model: Bundle, table: Table) -> None:
    with pytest.raises(BundleError, match=r"needs column 'b', which moons does not have") as caught:
        tasks.predict(model, table.select(["a", "label"]))
    assert "it needs: a, b" in caught.value.way_out


def test_texts_where_numbers_must_be_are_named(model: Bundle) -> None:
    with pytest.raises(DataError, match="'a'"):
        tasks.predict(model, read_table({"a": ["x", "y"], "b": [1.0, 2.0]}))


def test_metrics_need_the_target_and_known_labels(model: Bundle, table: Table) -> None:
    with pytest.raises(DataError, match="has no target column 'label'"):
        tasks.evaluate(model, table.select(["a", "b"]))
    with pytest.raises(DataError, match="known label"):
        tasks.evaluate(model, table.with_columns({"label": np.full(120, 3)}))


def test_a_damaged_preparation_is_the_models_fault(model: Bundle, table: Table) -> None:
    from dataclasses import replace

    wrong = replace(model, preparation={**model.preparation, "features": 5})
    with pytest.raises(BundleError, match="model 'tiny'"):
        tasks.predict(wrong, table)


def test_numbers_are_predicted_without_probabilities(table: Table, reference: str) -> None:
    made = tasks.train(mlp(2, [4], 1, last=""), table, "a", "holdout", **QUICK)
    found = tasks.predict(made, table)
    assert found.names == ("row", "prediction")
    scores = tasks.evaluate(made, table)
    assert set(scores) == {"rows", "skipped", "r2", "mae", "rmse", "notes"}


def test_a_layer_feeds_an_ordinary_array(model: Bundle, table: Table) -> None:
    values = tasks.layer_output(model, table, "r1")
    assert values.shape == (120, 4)
    assert values.min() == 0
    with pytest.raises(UnknownNameError, match="r9"):
        tasks.layer_output(model, table, "r9")


def test_after_cross_validation_the_model_saw_all_rows(
    table: Table, network: Network, reference: str
) -> None:
    made = tasks.train(network, table, "label", "kfold:3", **QUICK)
    assert made.settings["model"].startswith("refitted on all 120 rows")
    assert made.metrics["accuracy"]["count"] == 3


def test_unknown_settings_are_named(table: Table, network: Network) -> None:
    with pytest.raises(SettingsError, match="unknown setting 'epoch'"):
        tasks.train(network, table, "label", settings={"epoch": 3})


def votes(*rows: tuple[Any, ...], **chances: list[list[float]]) -> list[Table]:
    """One table per model; rows of predictions, chances by column name."""
    made = []
    for number in range(len(rows[0])):
        columns: dict[str, Any] = {
            "row": np.arange(len(rows)),
            "prediction": np.array([row[number] for row in rows], dtype=object)
            if any(isinstance(row[number], str) or row[number] is None for row in rows)
            else np.array([row[number] for row in rows]),
        }
        columns.update({name: np.array(values[number]) for name, values in chances.items()})
        made.append(Table(columns))
    return made


def test_the_majority_wins_row_by_row() -> None:
    found = tasks.vote(votes((1, 1, 0), (0, 0, 0), (1, 0, 0)))
    assert found["prediction"].tolist() == [1, 0, 0]
    assert found["votes"].tolist() == [2, 3, 2]
    assert not found["tie"].any()
    assert found.names == ("row", "prediction", "votes", "tie")


def test_a_tie_goes_to_the_larger_mean_probability_and_is_stated() -> None:
    found = tasks.vote(
        votes(("a", "b"), ("a", "b"), p_a=[[0.6, 0.9], [0.3, 0.4]], p_b=[[0.4, 0.1], [0.7, 0.6]])
    )
    assert found["prediction"].tolist() == ["b", "a"]
    assert found["tie"].tolist() == [True, True]
    np.testing.assert_allclose(found["p_b"], [0.55, 0.35])
    np.testing.assert_allclose(found["probability"], [0.55, 0.65])


def test_a_tie_of_equals_goes_to_the_first_class() -> None:
    found = tasks.vote(votes(("b", "a"), p_b=[[0.5], [0.5]], p_a=[[0.5], [0.5]]))
    assert found["prediction"].tolist() == ["b"]
    assert tasks.vote(votes((2, 10)))["prediction"].tolist() == [10], "without probabilities: text"


def test_empty_predictions_do_not_vote() -> None:
    found = tasks.vote(votes((None, "a", None), ("b", None, None), (None, None, None)))
    assert found["prediction"].tolist() == ["a", "b", None]
    assert found["votes"].tolist() == [1, 1, 0]
    numbers = tasks.vote(votes((np.nan, 1.0), (np.nan, np.nan)))
    assert numbers["prediction"][0] == 1
    assert np.isnan(numbers["prediction"][1])


def test_only_predictions_of_the_same_rows_can_vote(model: Bundle, table: Table) -> None:
    whole = tasks.predict(model, table)
    with pytest.raises(DataError, match="hold other rows"):
        tasks.vote([whole, whole.take([1, 2])])
    with pytest.raises(DataError, match="no prediction to vote with"):
        tasks.vote([])
    with pytest.raises(DataError, match="prediction"):
        tasks.vote([whole.select(["row"])])


def test_a_vote_of_one_model_is_its_prediction(model: Bundle, table: Table) -> None:
    one = tasks.predict(model, table)
    found = tasks.vote([one])
    assert np.array_equal(found["prediction"], one["prediction"])
    assert np.array_equal(found["probability"], one["probability"])


def images(reference: str) -> tuple[Bundle, Any, Any]:
    network = sequential([Flatten(), Linear(8, 3)], (2, 2, 2), name="pictures")
    generator = np.random.default_rng(0)
    targets = np.arange(60) % 3
    features = generator.normal(size=(60, 2, 2, 2)) * 0.2 + targets[:, None, None, None]
    result = train(network, (features, targets), settings=Settings(epochs=50), engine=reference)
    return bundle(result), features, targets


def test_a_model_of_arrays_takes_arrays_and_flat_tables(reference: str) -> None:
    made, features, targets = images(reference)
    found = tasks.predict_arrays(made, features)
    assert found.names == ("row", "prediction", "probability", "p_0", "p_1", "p_2")
    flat = Table({f"c{k}": features.reshape(60, 8)[:, k] for k in range(8)})
    assert np.array_equal(tasks.predict(made, flat)["p_2"], found["p_2"])
    scores = tasks.evaluate_arrays(made, features, targets)
    assert scores["accuracy"] > 0.9
    assert np.mean(found["prediction"] == targets) == scores["accuracy"]


def test_arrays_that_do_not_fit_are_named(reference: str) -> None:
    made, features, targets = images(reference)
    with pytest.raises(BundleError, match=r"takes rows of shape \(2, 2, 2\)"):
        tasks.predict_arrays(made, features[:, 0])
    with pytest.raises(BundleError, match="takes 8 number columns; mapping has 1 columns"):
        tasks.predict(made, read_table({"a": [1.0]}))
    with pytest.raises(BundleError, match="being text"):
        tasks.predict(made, read_table({f"c{k}": ["x"] for k in range(8)}))
    with pytest.raises(DataError, match="60 rows of features and 59 targets"):
        tasks.evaluate_arrays(made, features, targets[1:])
    with pytest.raises(DataError, match="has no target column"):
        tasks.evaluate(made, read_table({f"c{k}": [1.0] for k in range(8)}))


def test_flat_tables_with_holes_keep_their_rows(reference: str) -> None:
    made, features, _ = images(reference)
    values = features.reshape(60, 8).copy()
    values[5, 3] = np.nan
    found = tasks.predict(made, Table({f"c{k}": values[:, k] for k in range(8)}))
    assert np.flatnonzero(np.isnan(found["p_0"])).tolist() == [5]


def test_category_codes_go_through_an_embedding() -> None:
    network = sequential([Embedding(4, 2), Flatten(), Linear(None, 1)], (3,), values="int")
    from lamina.nets.initial import initial_weights

    made = Bundle(network, initial_weights(network, "xavier", 0), task="regression")
    pytest.importorskip("torch", reason="no torch: pip install 'lamina[torch]'")
    found = tasks.predict_arrays(made, np.array([[0, 1, 2], [3, 3, 3]]))
    assert np.isfinite(found["prediction"]).all()


def test_a_convolution_predicts_through_torch() -> None:
    pytest.importorskip("torch", reason="no torch: pip install 'lamina[torch]'")
    network = sequential([Conv2d(1, 2, 3), Flatten(), Linear(None, 2)], (1, 4, 4))
    from lamina.nets.initial import initial_weights

    made = Bundle(network, initial_weights(network, "xavier", 0), labels=("n", "y"), task="binary")
    found = tasks.predict_arrays(made, np.random.default_rng(0).normal(size=(5, 1, 4, 4)))
    assert set(found["prediction"]) <= {"n", "y"}
