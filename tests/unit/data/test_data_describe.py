"""Descriptions: statistics, classes, and features that give the label away."""

from __future__ import annotations

import json
from typing import Any

import numpy as np
import pytest

from lamina.data.describe import describe_table, telling_features
from lamina.data.tables import read_table
from lamina.errors import DataError

GENERATOR = np.random.default_rng(0)


def test_columns_have_their_statistics() -> None:
    table = read_table({"n": [1, 2, 3, None], "t": ["a", "a", None, "b"], "b": [True] * 4})
    told = describe_table(table)
    number, text, truth = told["columns"]
    assert (number["min"], number["max"], number["mean"], number["empty"]) == (1, 3, 2, 1)
    assert (text["values"], text["empty"], text["distinct"]) == ({"a": 2, "b": 1}, 1, 2)
    assert (truth["type"], truth["distinct"]) == ("truth", 1)
    assert (told["rows"], told["empty_rows"], told["constant"]) == (4, 2, ["b"])
    assert told["classes"] == {}
    json.dumps(told)


def test_classes_are_counted_and_a_large_majority_said() -> None:
    told = describe_table(read_table({"a": range(20), "y": ["no"] * 18 + ["yes"] * 2}), "y")
    assert told["classes"] == {"no": 18, "yes": 2}
    assert told["majority"] == 0.9
    assert any("90.0 % of the rows" in warning for warning in told["warnings"])


def test_rows_that_come_twice_are_counted() -> None:
    told = describe_table(read_table({"a": [1, 1, 2, 1], "t": ["x", "x", "x", "x"]}))
    assert told["duplicates"] == 2


@pytest.mark.parametrize(
    ("feature", "labels"),
    [
        ([-0.3, 0.2, -0.1, 0.4, 0.6, -0.2], [1, 0, 1, 0, 0, 1]),
        ([1.0, 2.0, 3.0, 4.0, 5.0, 6.0], [0, 0, 1, 1, 2, 2]),
        (["u", "s", "u", "s", "s", "u"], [1, 0, 1, 0, 0, 1]),
    ],
)
def test_a_feature_that_gives_the_label_away_is_named(feature: Any, labels: list[int]) -> None:
    noise = GENERATOR.normal(size=6)
    table = read_table({"leak": feature, "noise": noise, "y": labels})
    assert telling_features(table, "y").get("leak") == 1.0
    told = describe_table(table, "y")
    assert any("feature 'leak' alone" in warning for warning in told["warnings"])


def test_honest_features_are_not_accused() -> None:
    labels = GENERATOR.integers(0, 2, 500)
    table = read_table(
        {
            "noise": GENERATOR.normal(size=500),
            "weak": labels + GENERATOR.normal(size=500),
            "id": [f"r{i}" for i in range(500)],
            "constant": np.ones(500),
            "y": labels,
        }
    )
    assert telling_features(table, "y") == {}


def test_a_single_class_and_quantities_are_described_too() -> None:
    assert describe_table(read_table({"a": [1, 2], "y": [1, 1]}), "y")["kind"] == "unclear"
    assert describe_table(read_table({"a": [1, 2], "y": [0.5, 1.5]}), "y")["kind"] == "regression"
    assert describe_table(read_table({"a": [None], "y": [None]}), "y")["rows"] == 1


def test_an_unknown_target_is_refused() -> None:
    with pytest.raises(DataError, match="no column 'z'"):
        describe_table(read_table({"a": [1]}), "z")
