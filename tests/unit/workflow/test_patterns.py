"""Split, join, shuffle and group: nothing is lost, equal keys meet."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lamina.errors import UsageError
from lamina.workflow.patterns import group, join, shuffle, split

KEYS = st.text(max_size=3) | st.integers(0, 5) | st.lists(st.integers(0, 2), max_size=2)
PAIRS = st.lists(st.tuples(KEYS, st.integers()), max_size=20)


@given(st.lists(st.integers()), st.integers(1, 9))
def test_join_undoes_split(items: list[int], parts: int) -> None:
    pieces = split(items, parts)
    assert join(pieces) == items
    assert len(pieces) == parts
    assert max(map(len, pieces)) - min(map(len, pieces)) <= 1


@given(st.lists(PAIRS, max_size=4), st.integers(1, 5))
def test_shuffle_keeps_every_pair_and_brings_equal_keys_together(
    pairs: list[list[Any]], parts: int
) -> None:
    lists = shuffle(pairs, parts)
    assert sorted(map(repr, join(lists))) == sorted(map(repr, join(pairs)))
    where: dict[str, set[int]] = {}
    for number, found in enumerate(lists):
        for key, _ in found:
            where.setdefault(repr(key), set()).add(number)
    assert all(len(places) == 1 for places in where.values())


def test_a_key_goes_the_same_way_in_every_process() -> None:
    lists = shuffle([[["a", 1], ["b", 2], ["c", 3], [4, 4]]], 3)
    assert lists == [[["b", 2]], [["a", 1], ["c", 3], [4, 4]], []]


@given(PAIRS)
def test_group_collects_the_values_of_a_key_in_order(pairs: list[Any]) -> None:
    for key, values in group(pairs):
        assert values == [value for other, value in pairs if other == key]


@pytest.mark.parametrize("parts", [0, -1])
def test_less_than_one_part_is_refused(parts: int) -> None:
    for pattern in (split, shuffle):
        with pytest.raises(UsageError, match="ask for one part or more"):
            pattern([], parts)


def test_what_is_no_pair_is_refused() -> None:
    with pytest.raises(UsageError, match="is no pair"):
        shuffle([["abc"]], 2)


def test_a_key_that_is_no_plain_value_is_refused() -> None:
    with pytest.raises(UsageError, match="use text, numbers, or lists"):
        shuffle([[(object(), 1)]], 2)
