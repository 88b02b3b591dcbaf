"""Rank tests: exact for few, normal for many, and many tests at once."""

from __future__ import annotations

from itertools import combinations, product

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from lamina.traces.chance import FEWEST, LEVEL, beyond_chance, rank_sum, signed_rank

few = st.lists(st.integers(-4, 4).map(float), min_size=1, max_size=8)


def ranks_of(values: list[float]) -> list[float]:
    return [
        sum(two < one for two in values) + (1 + sum(two == one for two in values)) / 2
        for one in values
    ]


@given(few)
def test_the_signed_rank_test_counts_all_signs(told: list[float]) -> None:
    kept = [one for one in told if one]
    if not kept:
        assert signed_rank(told) == 1
        return
    ranks = ranks_of([abs(one) for one in kept])
    mean = sum(ranks) / 2
    far = abs(sum(rank for rank, one in zip(ranks, kept, strict=True) if one > 0) - mean)
    sums = [
        sum(rank for rank, up in zip(ranks, ups, strict=True) if up)
        for ups in product((False, True), repeat=len(kept))
    ]
    share = sum(abs(one - mean) >= far - 1e-9 for one in sums) / len(sums)
    assert signed_rank(told) == pytest.approx(share)


@given(few, few)
def test_the_rank_sum_test_counts_all_ways_to_part_them(one: list[float], two: list[float]) -> None:
    one, two = one[:5], two[:5]
    ranks = ranks_of(one + two)
    mean = sum(ranks) * len(one) / len(ranks)
    far = abs(sum(ranks[: len(one)]) - mean)
    sums = [sum(ways) for ways in combinations(ranks, len(one))]
    share = sum(abs(told - mean) >= far - 1e-9 for told in sums) / len(sums)
    assert rank_sum(one, two) == pytest.approx(share)


def test_large_groups_of_one_kind_differ_by_chance_as_often_as_the_level_says() -> None:
    random = np.random.default_rng(0)
    signs = [signed_rank(random.normal(size=60)) for _ in range(400)]
    sums = [rank_sum(random.normal(size=40), random.normal(size=30)) for _ in range(400)]
    for chances in (signs, sums):
        assert 0.02 < sum(one <= LEVEL for one in chances) / 400 < 0.08


def test_with_fewer_pairs_than_the_fewest_nothing_can_be_told() -> None:
    assert signed_rank(range(1, FEWEST)) > LEVEL
    assert signed_rank(range(1, FEWEST + 1)) <= LEVEL


def test_of_many_tests_those_hold_that_are_below_a_rising_line() -> None:
    assert beyond_chance([0.001, 0.2, 0.02, 0.9, 0.024]) == [True, False, True, False, True]
    assert beyond_chance([0.04] * 3) == [True] * 3
    assert beyond_chance([0.04, 0.9, 0.9]) == [False] * 3
    assert beyond_chance([]) == []
