"""Splits: every row in its place, shares kept, seeds repeatable."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from lamina.data.split import holdout, kfold, repeated_kfold, split_table
from lamina.data.tables import Table
from lamina.errors import DataError

CLASSES = st.lists(st.integers(0, 3), min_size=10, max_size=80).map(np.array)


@settings(deadline=None, max_examples=80)
@given(st.integers(2, 300), st.floats(0.01, 0.99), st.integers(0, 5))
def test_a_holdout_parts_the_rows(rows: int, test: float, seed: int) -> None:
    train, tested = holdout(rows, test, seed)
    assert sorted([*train, *tested]) == list(range(rows))
    assert len(train) >= 1
    assert len(tested) >= 1
    assert abs(len(tested) - rows * test) <= 1
    assert tested.tolist() == sorted(tested)


@settings(deadline=None, max_examples=80)
@given(CLASSES, st.floats(0.1, 0.6), st.integers(0, 3))
def test_a_stratified_holdout_keeps_each_class_within_one_row(
    labels: np.ndarray[tuple[int], np.dtype[np.int64]], test: float, seed: int
) -> None:
    train, tested = holdout(len(labels), test, seed, labels)
    assert sorted([*train, *tested]) == list(range(len(labels)))
    wanted = round(len(labels) * test) / len(labels)
    for kind in np.unique(labels):
        share = wanted * (labels == kind).sum()
        assert abs((labels[tested] == kind).sum() - share) <= 1
        assert (labels[train] == kind).any()


@settings(deadline=None, max_examples=80)
@given(st.integers(2, 200), st.integers(2, 10), st.integers(0, 3))
def test_every_row_is_tested_exactly_once(rows: int, folds: int, seed: int) -> None:
    assume(folds <= rows)
    splits = kfold(rows, folds, seed)
    assert sorted(np.concatenate([tested for _, tested in splits])) == list(range(rows))
    sizes = [len(tested) for _, tested in splits]
    assert max(sizes) - min(sizes) <= 1
    for train, tested in splits:
        assert sorted([*train, *tested]) == list(range(rows))


@settings(deadline=None, max_examples=80)
@given(CLASSES, st.integers(2, 5), st.integers(0, 3))
def test_stratified_folds_keep_each_class_within_one_row(
    labels: np.ndarray[tuple[int], np.dtype[np.int64]], folds: int, seed: int
) -> None:
    _, counts = np.unique(labels, return_counts=True)
    assume(counts.min() >= folds)
    splits = kfold(len(labels), folds, seed, labels)
    for kind in np.unique(labels):
        tested = [(labels[rows] == kind).sum() for _, rows in splits]
        assert max(tested) - min(tested) <= 1
    sizes = [len(rows) for _, rows in splits]
    assert max(sizes) - min(sizes) <= 1


def test_equal_seeds_give_equal_splits_and_others_do_not() -> None:
    assert np.array_equal(holdout(50, seed=1)[0], holdout(50, seed=1)[0])
    assert not np.array_equal(holdout(50, seed=1)[0], holdout(50, seed=2)[0])


def test_splits_stay_what_they_were() -> None:
    train, tested = holdout(10, 0.3, seed=0)
    assert tested.tolist() == [2, 4, 6]
    assert train.tolist() == [5, 3, 0, 9, 7, 8, 1]
    assert [t.tolist() for _, t in kfold(6, 3, seed=0)] == [[3, 4], [0, 2], [1, 5]]


def test_training_rows_come_shuffled() -> None:
    train, _ = holdout(100)
    assert train.tolist() != sorted(train)
    assert all(rows.tolist() != sorted(rows) for rows, _ in kfold(100))


def test_repeats_differ_and_begin_with_the_plain_folds() -> None:
    splits = repeated_kfold(40, 4, 3, seed=7)
    assert len(splits) == 12
    for ours, plain in zip(splits, kfold(40, 4, seed=7), strict=False):
        assert np.array_equal(ours[0], plain[0])
    firsts = {tuple(splits[i][1].tolist()) for i in (0, 4, 8)}
    assert len(firsts) == 3


def test_a_class_with_fewer_rows_than_folds_is_named() -> None:
    with pytest.raises(DataError, match=r"5 folds need 5 rows of every class; 'rare' has 3"):
        kfold(23, 5, labels=["often"] * 20 + ["rare"] * 3)


def test_a_class_of_one_row_goes_to_training() -> None:
    _, tested = holdout(10, 0.5, labels=[0] * 9 + [1])
    assert 9 not in tested


@pytest.mark.parametrize(
    ("call", "said"),
    [
        (lambda: holdout(1), "1 rows"),
        (lambda: holdout(0), "0 rows"),
        (lambda: holdout(10, 0.0), "test = 0.0"),
        (lambda: holdout(10, 1.0), "test = 1.0"),
        (lambda: holdout(10, seed=-1), "seed = -1"),
        (lambda: holdout(10, labels=[0, 1]), "for 10 rows"),
        (lambda: holdout(3, labels=[0, 1, 2]), "no class has two rows"),
        (lambda: kfold(10, 1), "folds = 1"),
        (lambda: kfold(3, 5), "5 folds of 3 rows"),
        (lambda: repeated_kfold(10, 2, 0), "repeats = 0"),
    ],
)
def test_splits_that_cannot_be_are_refused(call: object, said: str) -> None:
    with pytest.raises(DataError, match=said) as caught:
        call()  # type: ignore[operator]
    assert caught.value.way_out


def test_a_table_is_split_as_its_rows_are() -> None:
    labels = np.array(["a", "b"] * 20 + [None] * 5, dtype=object)
    table = Table({"x": np.arange(45), "y": labels}, "rows")
    train, test = split_table(table, 0.2, 3, "y")
    kept, tested = holdout(45, 0.2, 3, labels.astype(str))
    assert train["x"].tolist() == kept.tolist()
    assert test["x"].tolist() == tested.tolist()
    assert split_table(table, 0.2, 3)[1]["x"].tolist() == holdout(45, 0.2, 3)[1].tolist()
    with pytest.raises(DataError, match="no column 'z'"):
        split_table(table, 0.2, 3, "z")
