"""Splits of labelled runs."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from lamina.diagnosis.runs import Collection
from lamina.diagnosis.splits import batch_splits, held_batches, random_split, warning_of
from lamina.errors import DataError
from lamina.testing.detectors import made_runs

RUNS = made_runs(batches=3, each=10)


@given(seed=st.integers(0, 1000))
def test_a_random_split_takes_each_run_once_and_keeps_the_shares(seed: int) -> None:
    split = random_split(RUNS, seed)
    assert np.array_equal(np.sort(np.concatenate(split)), np.arange(len(RUNS)))
    assert [len(part) for part in split] == [72, 9, 9]
    for part in split:
        counts = np.bincount(RUNS.targets[part], minlength=3)
        assert counts.max() - counts.min() <= 1


def test_equal_seeds_give_equal_splits() -> None:
    assert np.array_equal(random_split(RUNS, 4).test, random_split(RUNS, 4).test)
    assert not np.array_equal(random_split(RUNS, 4).test, random_split(RUNS, 5).test)


def test_shares_that_leave_nothing_are_refused() -> None:
    with pytest.raises(DataError, match="leave nothing to learn from"):
        random_split(RUNS, held=0.5, test=0.5)


def test_each_batch_is_held_out_that_has_another_of_its_class() -> None:
    alone = made_runs(("loss",), batches=1, each=4)
    runs = Collection(
        (*made_runs(("normal", "cpu"), 2, 3).runs, *alone.runs), ("normal", "cpu", "loss")
    )
    folds = dict(batch_splits(runs))
    assert list(folds) == ["normal-b0", "normal-b1", "cpu-b0", "cpu-b1"]
    for batch, split in folds.items():
        assert {runs.batches[row] for row in split.test} == {batch}
        assert batch not in {runs.batches[row] for row in split.train}
        assert len(split.train) + len(split.test) == len(runs)


def test_batches_of_one_class_are_warned_of() -> None:
    assert "9 of 9 batches have one class only" in warning_of(RUNS)
    mixed = tuple(replace(run, batch=f"day-{k % 4}") for k, run in enumerate(RUNS))
    assert warning_of(Collection(mixed, RUNS.classes)) == ""
    none = tuple(replace(run, batch="") for run in RUNS)
    assert warning_of(Collection(none, RUNS.classes)) == ""


@given(seed=st.integers(0, 200))
def test_whole_batches_are_held_back_and_every_class_keeps_one(seed: int) -> None:
    learnt, held = held_batches(RUNS, seed)
    batches = np.array(RUNS.batches)
    assert len(held) >= 0.1 * len(RUNS)
    assert not set(batches[learnt]) & set(batches[held])
    assert set(RUNS.targets[learnt]) == {0, 1, 2}


def test_where_no_class_has_a_batch_to_spare_runs_are_held_at_random() -> None:
    runs = made_runs(batches=1, each=10)
    learnt, held = held_batches(runs)
    assert len(held) == 3
    assert len(learnt) == 27
