"""Examples: tables and arrays that fit a network, and those that do not."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from lamina.data.tables import Table, read_table
from lamina.errors import DataError, SettingsError
from lamina.nets.layers.convolution import Conv2d
from lamina.nets.layers.embedding import Embedding
from lamina.nets.layers.linear import Linear
from lamina.nets.layers.reshaping import Flatten
from lamina.nets.network import Network, Wiring, sequential
from lamina.nets.zoo import mlp
from lamina.training.examples import Examples, Reading, as_examples

IMAGES = sequential([Conv2d(2, 3, 3), Flatten(), Linear(None, 2)], (2, 4, 4))
CODES = sequential([Embedding(5, 2), Flatten(), Linear(None, 1)], (2,), values="int")


def made(network: Network, data: Any, target: str = "", **reading: Any) -> Examples:
    return as_examples(network, data, target, Reading(**reading))


def test_a_table_becomes_features_and_class_numbers(network: Network, table: Table) -> None:
    examples = made(network, table, "label")
    assert examples.features.shape == (120, 2)
    assert (examples.task, examples.labels, examples.target) == ("binary", ("0", "1"), "label")
    assert examples.digest == table.digest()
    assert examples.classes is not None


def test_a_file_is_read(network: Network, tmp_path: Path) -> None:
    path = tmp_path / "d.csv"
    path.write_text("a,b,y\n1,2,no\n3,4,yes\n5,,yes\n7,8,no\n")
    examples = made(network, path, "y")
    assert len(examples.features) == 3
    assert examples.labels == ("no", "yes")
    assert any("dropped" in line for line in examples.repairs)


def test_a_width_that_does_not_fit_names_both_sides(table: Table) -> None:
    with pytest.raises(SettingsError, match=r"'5-3-1' takes 5 features; the table has 2: a, b"):
        made(mlp(5, [3]), table, "label")


def test_chosen_columns_are_the_features(table: Table) -> None:
    assert made(mlp(1, [2]), table, "label", features=("b",)).features.shape == (120, 1)


def test_a_target_must_be_named(network: Network, table: Table) -> None:
    with pytest.raises(DataError, match="no target column is named") as caught:
        made(network, table)
    assert "a, b, label" in caught.value.way_out


def test_two_inputs_cannot_be_trained() -> None:
    wiring = Wiring()
    x, y = wiring.input("x", 2), wiring.input("y", 2)
    from lamina.nets.layers.joining import Add

    wiring.add(Add(), x, y)
    with pytest.raises(SettingsError, match="2 inputs and 1 outputs"):
        made(wiring.network(), (np.zeros((3, 2)), np.zeros(3)))


def test_columns_of_a_table_fill_an_image() -> None:
    values = np.random.default_rng(0).random((6, 32))
    columns = {f"p{k}": values[:, k] for k in range(32)}
    examples = made(IMAGES, Table({**columns, "y": np.arange(6) % 2}), "y")
    assert np.array_equal(examples.features, values.reshape(6, 2, 4, 4))
    shift, scale = examples.statistics(np.arange(6))
    assert shift is not None and scale is not None
    assert shift.shape == scale.shape == (2, 4, 4)
    assert shift[0].ravel().tolist() == [values[:, :16].min()] * 16


def test_arrays_of_images_share_statistics_per_channel() -> None:
    images = np.random.default_rng(0).normal(size=(9, 2, 4, 4))
    examples = made(IMAGES, (images, np.arange(9) % 2), normalise="standard")
    shift, scale = examples.statistics(np.arange(9))
    assert shift is not None and scale is not None
    normalised = (images - shift) * scale
    np.testing.assert_allclose(normalised.mean(axis=(0, 2, 3)), 0, atol=1e-12)
    np.testing.assert_allclose(normalised.std(axis=(0, 2, 3)), 1)


def test_category_codes_stay_whole_and_are_not_normalised() -> None:
    examples = made(CODES, (np.array([[0, 1], [4, 2]]), np.array([0.5, 1.5])))
    assert examples.features.dtype == np.int64
    assert examples.statistics(np.arange(2)) == (None, None)
    assert examples.task == "regression"


@pytest.mark.parametrize(
    ("targets", "kind", "task", "labels"),
    [
        ([0, 1, 1], "auto", "binary", ("0", "1")),
        ([3, 7, 9], "auto", "classes", ("3", "7", "9")),
        (["b", "a", "b"], "auto", "binary", ("a", "b")),
        ([0.5, 1.0, 2.0], "auto", "regression", ()),
        ([1, 2, 3], "regression", "regression", ()),
        ([True, False, True], "auto", "binary", ("0", "1")),
        ([1.0, 2.0, 1.0], "auto", "binary", ("1", "2")),
        ([0, 1, 1], "classes", "classes", ("0", "1")),
    ],
)
def test_targets_tell_their_task(
    targets: list[Any], kind: str, task: str, labels: tuple[str, ...]
) -> None:
    examples = made(mlp(1, [2], 2), (np.zeros((3, 1)), np.array(targets)), kind=kind)
    assert examples.labels == labels
    assert examples.task == task


@pytest.mark.parametrize(
    ("features", "targets", "said"),
    [
        (np.zeros((3, 2)), np.zeros(2), "3 rows of features and 2 targets"),
        (np.full((2, 2), np.nan), np.array([0, 1]), "2 rows of features"),
        (np.zeros((2, 2)), np.array([0.0, np.nan]), "targets hold values that are not finite"),
        (np.zeros((2, 2)), np.array([1, 1]), "1 classes"),
    ],
)
def test_arrays_that_cannot_be_used_say_why(
    network: Network, features: Any, targets: Any, said: str
) -> None:
    with pytest.raises(DataError, match=said):
        made(network, (features, targets))


def test_arrays_of_another_shape_are_named(network: Network) -> None:
    with pytest.raises(SettingsError, match=r"takes rows of shape \(2,\); the features have"):
        made(network, (np.zeros((3, 4)), np.zeros(3)))
    with pytest.raises(DataError, match="3 arrays"):
        made(network, (1, 2, 3))


def test_an_unknown_normalisation_is_refused(network: Network, table: Table) -> None:
    with pytest.raises(SettingsError, match="normalise = 'max'"):
        made(network, table, "label", normalise="max")


def test_a_column_that_is_left_out_is_not_counted_among_the_features() -> None:
    hollow = {"a": [1.0, 2.0, 3.0], "b": [np.nan] * 3, "y": [0, 1, 0]}
    with pytest.raises(SettingsError) as caught:
        as_examples(sequential([Linear(2, 1)]), read_table(hollow), "y", Reading())
    first, second = caught.value.mistakes
    assert first.endswith("takes 2 features; the table has 1: a")
    assert second == "1 column without any value left out: b"
