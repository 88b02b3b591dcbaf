"""Columns: any sequence of values as one of four array types."""

from __future__ import annotations

import datetime
from decimal import Decimal
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from lamina.data.columns import (
    column,
    decimal_mark,
    empty,
    from_texts,
    numbers_in_text,
    objects,
    texts_of,
)
from lamina.errors import DataError


@pytest.mark.parametrize(
    ("values", "kind"),
    [
        ([1, 2], "i"),
        ([1, 2.5], "f"),
        ([1, None], "f"),
        ([True, False], "b"),
        ([True, None], "f"),
        (["a", None], "O"),
        ([None, None], "f"),
        ([2**70, 1], "f"),
        (np.array([1, 2], dtype=np.uint8), "i"),
        (np.array([2**64 - 1], dtype=np.uint64), "f"),
        (np.array([1.5], dtype=np.float16), "f"),
        (np.array(["a", "b"]), "O"),
        (np.array([b"a", b"\xe4"]), "O"),
        (np.array(["2020-01-01", "NaT"], dtype="datetime64[D]"), "O"),
        ([datetime.date(2020, 1, 1)], "O"),
        ([Decimal("1.5"), 2], "f"),
        (np.ma.masked_array([1, 2], mask=[False, True]), "f"),
        ([], "f"),
    ],
)
def test_values_become_one_of_four_types(values: Any, kind: str) -> None:
    made = column("x", values)
    assert made.dtype.kind == kind
    assert made.dtype.itemsize == (1 if kind == "b" else 8)


def test_none_nan_and_nat_are_empty() -> None:
    assert empty(column("x", [1.0, None, float("nan")])).tolist() == [False, True, True]
    assert empty(column("x", ["a", None])).tolist() == [False, True]
    assert empty(column("x", np.array(["NaT"], dtype="datetime64[D]"))).tolist() == [True]
    assert empty(column("x", [1, 2])).tolist() == [False, False]


@pytest.mark.parametrize(
    "values", [np.ones((2, 2)), np.array([1j]), [[1], [2]], "text", 5, [object()], [b"raw", {}]]
)
def test_what_is_no_column_is_refused_by_name(values: Any) -> None:
    with pytest.raises(DataError, match="column 'x'") as caught:
        column("x", values)
    assert caught.value.way_out


def test_texts_become_the_narrowest_type() -> None:
    assert from_texts(["1", " 2 "]).tolist() == [1, 2]
    assert from_texts(["1", "?"])[0] == 1.0
    assert from_texts(["1", "2.5", ".5e3"]).tolist() == [1.0, 2.5, 500.0]
    assert from_texts(["true", "False"]).tolist() == [True, False]
    assert from_texts(["true", "NA"]).dtype == np.float64
    assert from_texts(["a", "NA", "None"]).tolist() == ["a", None, "None"]
    assert from_texts(["9" * 30]).dtype == np.float64


def test_a_decimal_comma_is_read_when_it_cannot_part_thousands() -> None:
    for texts, mark in ((["3,14", "7"], ","), (["1,234"], "."), (["1.5", "2,5"], "."), ([], ".")):
        assert decimal_mark(objects(texts)) == mark
    numbers, odd = numbers_in_text(objects(["3,14", "2.5", " 7 ", None]), ",")
    assert numbers[:3].tolist() == [3.14, 2.5, 7.0]
    assert not odd.any()
    _, odd = numbers_in_text(objects(["1,234", "5"]))
    assert odd.tolist() == [True, False]


def test_whole_numbers_have_one_text_whatever_their_type() -> None:
    for values in ([1, 0], [1.0, 0.0], [True, False]):
        assert texts_of(column("x", values)).tolist() == ["1", "0"]
    assert texts_of(column("x", [0.5, None])).tolist() == ["0.5", None]


@settings(deadline=None, max_examples=60)
@given(st.lists(st.floats(allow_infinity=False) | st.none(), min_size=1, max_size=30))
def test_numbers_survive_bit_for_bit(values: list[float | None]) -> None:
    wanted = np.array([np.nan if v is None else v for v in values])
    assert np.array_equal(column("x", values), wanted, equal_nan=True)
