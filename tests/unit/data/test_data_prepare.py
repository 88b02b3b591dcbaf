"""Preparation: learned once, applied the same to one row or many, kept as a document."""

from __future__ import annotations

import json
from typing import Any

import numpy as np
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from lamina.data.preparation import Preparation
from lamina.data.prepare import learn
from lamina.data.tables import Table, read_table
from lamina.errors import DataError, DocumentError


def made(**columns: Any) -> Table:
    return read_table(columns)


PEOPLE = made(
    age=[20.0, 30.0, None, 50.0, 60.0],
    job=["cook", "baker", "cook", None, "smith"],
    n=[1, 1, 1, 1, 1],
    y=["yes", "no", "no", "yes", "yes"],
)


def test_rows_with_empty_cells_are_dropped_and_counted() -> None:
    _, prepared = learn(PEOPLE, "y")
    assert prepared.kept.tolist() == [0, 1, 4]
    assert (prepared.rows, prepared.dropped, prepared.read) == (3, 2, 5)
    assert "2 of 5 rows dropped for empty values (age 1, job 1)" in map(str, prepared.report)


def test_texts_are_coded_in_sorted_order_and_names_kept() -> None:
    preparation, prepared = learn(PEOPLE, "y")
    assert preparation.features[1].categories == ("baker", "cook", "smith")
    assert prepared.features[:, 1].tolist() == [1.0, 0.0, 2.0]
    assert (preparation.kind, preparation.labels) == ("binary", ("no", "yes"))
    assert prepared.targets is not None
    assert prepared.targets.tolist() == [1, 0, 1]


def test_one_hot_gives_a_feature_per_text() -> None:
    preparation, prepared = learn(PEOPLE, "y", encode="one-hot")
    assert preparation.names == ("age", "job=baker", "job=cook", "job=smith", "n")
    assert prepared.features[:, 1:4].tolist() == [[0, 1, 0], [1, 0, 0], [0, 0, 1]]


def test_numbers_become_categories_where_the_caller_says_so() -> None:
    table = made(month=[1, 12, 2], label=[0, 1, 0])
    preparation, prepared = learn(table, "label", encode={"month": "one-hot"})
    assert preparation.names == ("month=1", "month=2", "month=12")
    assert prepared.features.tolist() == [[1, 0, 0], [0, 0, 1], [0, 1, 0]]


def test_constant_columns_are_kept_counted_and_contribute_nothing() -> None:
    preparation, prepared = learn(PEOPLE, "y")
    repair = next(r for r in prepared.report if "constant" in r.sentence)
    assert (repair.count, str(repair)) == (1, "1 constant column kept, contributing 0: n")
    fitted = preparation.fitted(prepared.features)
    assert fitted.normalised(prepared.features)[:, 2].tolist() == [0.0, 0.0, 0.0]


def test_columns_without_any_value_are_left_out_and_counted() -> None:
    preparation, prepared = learn(made(a=[1, 2], b=[None, None], label=[0, 1]), "label")
    assert preparation.columns == ("a",)
    assert "1 column without any value left out: b" in map(str, prepared.report)


def test_numbers_written_as_texts_are_read_and_counted() -> None:
    preparation, prepared = learn(made(a=["1,5", " 2 "], label=["0", "1"]), "label")
    assert preparation.features[0].kind == "number"
    assert prepared.features[:, 0].tolist() == [1.5, 2.0]
    assert "2 texts of column 'a' read as numbers" in map(str, prepared.report)
    assert preparation.labels == ("0", "1")


def test_a_decimal_comma_learned_holds_for_a_single_row() -> None:
    preparation, _ = learn(made(a=["1,5", "2,125"], label=[0, 1]), "label")
    assert preparation.apply(made(a=["2,125"])).features.tolist() == [[2.125]]
    again = Preparation.from_document(preparation.to_document())
    assert again.apply(made(a=["2,125"])).features.tolist() == [[2.125]]


def test_names_of_rows_are_pointed_out() -> None:
    table = made(id=[f"p{i}" for i in range(60)], label=[0, 1] * 30)
    _, prepared = learn(table, "label")
    assert any("looks like a name of the row" in str(r) for r in prepared.report)


@pytest.mark.parametrize(
    ("target", "kind", "found", "labels", "targets"),
    [
        ([0, 1, 1], "auto", "binary", ("0", "1"), [0, 1, 1]),
        ([0.0, 1.0, 1.0], "binary", "binary", ("0", "1"), [0, 1, 1]),
        ([False, True, True], "binary", "binary", ("0", "1"), [0, 1, 1]),
        (["b", "a", "a"], "auto", "binary", ("a", "b"), [1, 0, 0]),
        (["c", "a", "b"], "auto", "classes", ("a", "b", "c"), [2, 0, 1]),
        ([10, 9, 100], "auto", "classes", ("9", "10", "100"), [1, 0, 2]),
        ([0, 1, 0], "classes", "classes", ("0", "1"), [0, 1, 0]),
        ([1, 2, 1], "auto", "classes", ("1", "2"), [0, 1, 0]),
        ([0.5, 1.5, 2.0], "auto", "regression", (), [0.5, 1.5, 2.0]),
        ([0, 1, 1], "regression", "regression", (), [0.0, 1.0, 1.0]),
    ],
)
def test_targets_are_classes_or_quantities(
    target: list[Any], kind: str, found: str, labels: tuple[str, ...], targets: list[Any]
) -> None:
    preparation, prepared = learn(made(a=[1, 2, 3], t=target), "t", kind=kind)
    assert (preparation.kind, preparation.labels) == (found, labels)
    assert prepared.targets is not None
    assert prepared.targets.tolist() == targets
    assert prepared.targets.dtype == (np.float64 if found == "regression" else np.int64)


def test_a_slip_among_labels_of_0_and_1_is_no_quantity() -> None:
    labels = np.array([0.0, 1.0] * 50)
    labels[7] = 0.5
    table = read_table({"x": np.arange(100.0), "y": labels})
    with pytest.raises(DataError, match=r"0 or 1 but in 1 of 100 rows: 0\.5 \(1 rows\)"):
        learn(table, "y")
    assert learn(table, "y", kind="regression")[0].kind == "regression"
    shares = read_table({"x": np.arange(100.0), "y": np.linspace(0, 1, 100)})
    assert learn(shares, "y")[0].kind == "regression"


def test_the_target_may_be_a_number_of_a_column_or_nothing() -> None:
    assert learn(PEOPLE, -1)[0].target == "y"
    assert learn(PEOPLE, "-1")[0].target == "y"
    preparation, prepared = learn(PEOPLE.select(["age", "n"]), "")
    assert (preparation.kind, prepared.targets) == ("", None)


def test_a_table_without_header_says_how_to_name_its_target() -> None:
    with pytest.raises(DataError, match="no column 'label'") as caught:
        learn(read_table(np.eye(3)), "label")
    assert "-1 for the last" in caught.value.way_out


def test_rows_without_a_label_are_dropped_in_learning_and_kept_in_prediction() -> None:
    table = made(a=[1, 2, 3, 4], label=[0, 1, None, 1])
    preparation, prepared = learn(table, "label")
    assert prepared.kept.tolist() == [0, 1, 3]
    assert preparation.apply(table, target=False).rows == 4
    assert preparation.apply(table.select(["a"])).targets is None
    hollow = table.with_columns({"label": [None] * 4})
    assert preparation.apply(hollow).rows == 4


def test_missing_columns_are_all_named() -> None:
    preparation, _ = learn(PEOPLE, "y")
    with pytest.raises(DataError, match="no columns 'job', 'n'") as caught:
        preparation.apply(made(age=[1.0], jop=["cook"]))
    assert "'job': did you mean 'jop'?" in caught.value.way_out


def test_other_columns_and_another_order_do_not_matter() -> None:
    preparation, prepared = learn(PEOPLE, "y")
    turned = PEOPLE.select(["y", "n", "job", "age"]).with_columns({"extra": [None] * 5})
    assert np.array_equal(preparation.apply(turned).features, prepared.features)


def test_an_unseen_category_is_an_error_or_a_code_of_its_own() -> None:
    preparation, _ = learn(PEOPLE, "y")
    strange = made(age=[20.0], job=["pilot"], n=[1])
    with pytest.raises(DataError, match="column 'job' holds 'pilot' in 1 rows") as caught:
        preparation.apply(strange)
    assert "baker, cook, smith" in caught.value.way_out
    prepared = preparation.with_unknown("code").apply(strange)
    assert prepared.features[0, 1] == 3.0
    assert prepared.report[0].count == 1


def test_an_unseen_category_is_all_zero_in_one_hot() -> None:
    preparation, _ = learn(PEOPLE, "y", encode="one-hot")
    prepared = preparation.with_unknown("code").apply(made(age=[20.0], job=["pilot"], n=[1]))
    assert prepared.features[0, 1:4].tolist() == [0.0, 0.0, 0.0]


def test_an_unseen_label_is_refused() -> None:
    preparation, _ = learn(PEOPLE, "y")
    with pytest.raises(DataError, match="'maybe', which is no known label"):
        preparation.apply(PEOPLE.with_columns({"y": ["maybe"] * 5}))


def test_a_text_where_a_number_was_is_refused() -> None:
    preparation, _ = learn(PEOPLE, "y")
    with pytest.raises(DataError, match="column 'age' holds numbers and 1 texts"):
        preparation.apply(PEOPLE.with_columns({"age": ["old", "1", "2", "3", "4"]}))


def test_normalisation_is_asked_for_before_it_is_fitted() -> None:
    preparation, prepared = learn(PEOPLE, "y")
    with pytest.raises(DataError, match="not fitted"):
        preparation.normalised(prepared.features)
    with pytest.raises(DataError, match="shape"):
        preparation.fitted(np.ones((3, 9)))


def test_normalised_features_are_what_a_network_sees() -> None:
    preparation, prepared = learn(PEOPLE, "y")
    fitted = preparation.fitted(prepared.features)
    assert fitted.is_fitted
    assert fitted.normalised(prepared.features)[:, 0].tolist() == [0.0, 0.25, 1.0]
    assert fitted.normalised(prepared.features).dtype == np.float32


NUMBERS = st.floats(-1e12, 1e12)


@settings(deadline=None, max_examples=60)
@given(st.lists(st.tuples(NUMBERS, NUMBERS), min_size=2, max_size=20), st.data())
def test_one_row_or_many_are_prepared_the_same(
    rows: list[tuple[float, float]], data: st.DataObject
) -> None:
    texts = data.draw(
        st.lists(st.sampled_from("abc") | st.none(), min_size=len(rows), max_size=len(rows))
    )
    table = made(x=[r[0] for r in rows], z=[r[1] for r in rows], t=[*texts[:-1], "a"])
    preparation, prepared = learn(table, "", encode=data.draw(st.sampled_from(["code", "one-hot"])))
    fitted = preparation.fitted(prepared.features)
    whole = fitted.normalised(prepared.features)
    part = data.draw(st.lists(st.integers(0, len(rows) - 1), unique=True).map(sorted))
    applied = fitted.apply(table.take(part))
    places = np.searchsorted(prepared.kept, np.array(part, dtype=np.int64)[applied.kept])
    assert prepared.features[places].tobytes() == applied.features.tobytes()
    assert whole[places].tobytes() == fitted.normalised(applied.features).tobytes()


@settings(deadline=None, max_examples=60)
@given(
    st.lists(NUMBERS, min_size=4, max_size=20),
    st.lists(NUMBERS, min_size=2, max_size=2),
    st.sampled_from(["min-max", "standard"]),
)
def test_test_rows_never_touch_the_statistics(
    values: list[float], others: list[float], normalise: str
) -> None:
    def fitted(rows: list[float]) -> Preparation:
        preparation, prepared = learn(made(a=rows), "", normalise=normalise)
        return preparation.fitted(prepared.features[:-2])

    ours, theirs = fitted(values), fitted([*values[:-2], *others])
    assert (ours.shift, ours.scale) == (theirs.shift, theirs.scale)


@settings(deadline=None, max_examples=60)
@given(st.lists(st.floats(-1e300, 1e300), min_size=2, max_size=9), st.text(max_size=5))
def test_a_preparation_survives_json_bit_for_bit(values: list[float], text: str) -> None:
    labels = [row % 2 for row in range(len(values))]
    table = made(a=values, t=[f"t{text}"] * len(values), label=labels)
    preparation, prepared = learn(table, "label", encode="one-hot", normalise="standard")
    fitted = preparation.fitted(prepared.features / 1e200)
    again = Preparation.from_document(json.loads(json.dumps(fitted.to_document())))
    assert again == fitted
    bits = [np.array([*p.shift, *p.scale]).tobytes() for p in (again, fitted)]
    assert bits[0] == bits[1]


@settings(deadline=None, max_examples=60)
@given(st.lists(st.floats(-1e12, 1e12), min_size=2, max_size=12))
def test_the_scale_of_a_target_survives_json_and_is_undone(values: list[float]) -> None:
    assume(np.ptp(values) == 0 or np.ptp(values) > 1e-306)  # its reciprocal has to be a number
    table = made(a=range(len(values)), y=values)
    preparation, prepared = learn(table, "y", kind="regression")
    fitted = preparation.fitted(prepared.features, prepared.targets)
    again = Preparation.from_document(json.loads(json.dumps(fitted.to_document())))
    assert again == fitted
    assert len(again.target_shift) == len(again.target_scale) == 1
    moved = again.scaled(values)
    assert moved.dtype == np.float32
    spread = np.ptp(values)
    np.testing.assert_allclose(again.restored(moved), values, rtol=1e-9, atol=1e-6 * spread)


def test_a_constant_target_is_restored_exactly() -> None:
    preparation, prepared = learn(made(a=[1, 2, 3], y=[0.1] * 3), "y", kind="regression")
    fitted = preparation.fitted(prepared.features, prepared.targets)
    assert fitted.scaled([0.1, 5.0]).tolist() == [0.0, 0.0]
    assert fitted.restored([-3.0, 0.0, 9.0]).tolist() == [0.1] * 3


def test_targets_are_left_alone_without_statistics_and_for_classes() -> None:
    classes, prepared = learn(PEOPLE, "y")
    assert classes.fitted(prepared.features, prepared.targets).target_shift == ()
    document = {k: v for k, v in classes.to_document().items() if not k.startswith("target_")}
    old = Preparation.from_document(document)
    assert old == classes
    assert old.restored([1.5]).tolist() == old.scaled([1.5]).tolist() == [1.5]


GOOD = learn(PEOPLE, "y")[0].to_document()


@pytest.mark.parametrize(
    "change",
    [
        {"format": "lamina: preparation/9"},
        {"kind": "guess"},
        {"features": []},
        {"features": [{"kind": "number"}]},
        {"features": 5},
        {"shift": [1.0]},
        {"shift": [float("nan")] * 3, "scale": [1.0] * 3},
        {"shift": ["x"] * 3},
        {"target_shift": [1.0], "target_scale": [1.0]},
        {"kind": "regression", "labels": [], "target_shift": [1.0]},
        {"kind": "regression", "labels": [], "target_shift": [1.0] * 2, "target_scale": [1.0] * 2},
        {"kind": "regression", "labels": [], "target_shift": [1e999], "target_scale": [1.0]},
        {"labels": ["yes"]},
        {"labels": ["yes", "yes"]},
        {"normalise": "maybe"},
        {"unknown": "ignore"},
        {"target": None, "labels": None},
    ],
)
def test_a_broken_document_is_refused(change: dict[str, Any]) -> None:
    with pytest.raises(DocumentError, match="preparation"):
        Preparation.from_document({**GOOD, **change})


@pytest.mark.parametrize("document", [None, [], "text", {}])
def test_what_is_no_document_is_refused(document: Any) -> None:
    with pytest.raises(DocumentError, match="format is"):
        Preparation.from_document(document)


def test_an_unknown_rule_for_unseen_categories_is_refused() -> None:
    with pytest.raises(DataError, match="unknown = 'ignore'"):
        learn(PEOPLE, "y")[0].with_unknown("ignore")
