"""Trees grown and judged with arrays alone."""

from __future__ import annotations

import numpy as np
import pytest

from lamina.diagnosis.calibration import softmax
from lamina.diagnosis.detectors.trees import Boosting, Forest, boosted, extremely_random, joined
from lamina.diagnosis.runs import Floats, Numbers


def chequered(n: int, seed: int) -> tuple[Floats, Numbers]:
    """Two columns whose signs make the class only together, and two of noise."""
    rows = np.random.default_rng(seed).standard_normal((n, 4))
    return rows, ((rows[:, 0] > 0) ^ (rows[:, 1] > 0)).astype(np.int64)


SMALL = Boosting(rounds=40, depth=3, columns=1.0)


def test_boosted_trees_learn_what_no_single_column_tells() -> None:
    rows, targets = chequered(300, 0)
    forest = boosted(rows, targets, 2, 0, SMALL)
    unseen, wanted = chequered(300, 1)
    assert (forest.total(unseen).argmax(axis=1) == wanted).mean() > 0.9


def test_extremely_random_trees_learn_it_too_and_add_up_to_one() -> None:
    rows, targets = chequered(300, 0)
    forest = extremely_random(rows, targets, np.ones(300), 0, trees=60, tried=0.5)
    unseen, wanted = chequered(300, 1)
    found = forest.total(unseen)
    np.testing.assert_allclose(found.sum(axis=1), 1.0, atol=1e-5)
    assert (found.argmax(axis=1) == wanted).mean() > 0.85


def test_the_first_scores_are_the_shares_of_the_classes() -> None:
    rows, targets = chequered(300, 0)
    forest = boosted(rows, targets, 2, 0, SMALL._replace(rounds=0))
    np.testing.assert_allclose(
        softmax(forest.total(rows))[0], np.bincount(targets) / 300.0, atol=1e-6
    )


def test_leaves_hold_no_fewer_rows_than_asked_for() -> None:
    rows, targets = chequered(60, 0)
    forest = boosted(rows, targets, 2, 0, SMALL._replace(least=31))
    assert (forest.feature == -1).all()


def test_joined_forests_say_what_they_say_together() -> None:
    rows, targets = chequered(100, 0)
    some = [boosted(rows, targets, 2, seed, SMALL) for seed in (0, 1)]
    np.testing.assert_allclose(
        joined(some).total(rows), some[0].total(rows) + some[1].total(rows), atol=1e-5
    )


def test_equal_seeds_grow_equal_trees() -> None:
    rows, targets = chequered(100, 0)
    one, other, third = (boosted(rows, targets, 2, seed, SMALL) for seed in (3, 3, 4))
    np.testing.assert_array_equal(one.value, other.value)
    assert one.value.shape != third.value.shape or not np.array_equal(one.value, third.value)


def test_a_forest_survives_its_arrays() -> None:
    rows, targets = chequered(100, 0)
    forest = boosted(rows, targets, 2, 0, SMALL)
    again = Forest.from_arrays(forest.to_arrays())
    np.testing.assert_array_equal(again.total(rows), forest.total(rows))


def test_a_class_without_rows_is_never_said() -> None:
    rows, targets = chequered(100, 0)
    found = boosted(rows, targets, 3, 0, SMALL).total(rows)
    assert not (found.argmax(axis=1) == 2).any()


def test_columns_with_one_value_are_not_asked_for() -> None:
    rows = np.ones((50, 3))
    targets = np.arange(50, dtype=np.int64) % 2
    for forest in (
        boosted(rows, targets, 2, 0, SMALL),
        extremely_random(rows, targets, np.ones(50), 0, trees=3),
    ):
        assert (forest.feature == -1).all()


@pytest.mark.parametrize("count", [0, 1])
def test_few_rows_are_judged(count: int) -> None:
    rows, targets = chequered(100, 0)
    assert boosted(rows, targets, 2, 0, SMALL).total(rows[:count]).shape == (count, 2)
