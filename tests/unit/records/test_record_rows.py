"""Texts of a store, many at once: the same as one by one."""

from __future__ import annotations

import json

import pytest

from lamina.records import dependencies
from lamina.records.exports.base import lined
from lamina.records.rows import DamagedError, entries_of, entry_of


def test_many_texts_are_what_each_is() -> None:
    texts = ['{"a": 1}', '{"b": [1, 2]}', "{}"]
    assert list(entries_of(texts)) == list(map(entry_of, texts))


@pytest.mark.parametrize("damaged", ['{"a": 1', "[1]", '{"a": 1}, {"b": 2}', "", '"a"'])
def test_those_before_a_damaged_one_are_given(damaged: str) -> None:
    found = entries_of(['{"a": 1}', damaged, '{"b": 2}'])
    assert next(found) == {"a": 1}
    with pytest.raises(DamagedError):
        next(found)


def test_a_long_list_has_an_entry_on_each_line() -> None:
    rows = [{"name": '},{"name":', "of": [{"name": "x"}]}, {"name": "b", "of": []}]
    told = {"kind": "toy", "inner": {"rows": rows, "none": [], "plain": [1, 2]}, "empty": {}}
    text = lined(told)
    assert json.loads(text) == told
    assert '\n   {"name":"b","of":[]}\n' in text


@pytest.mark.parametrize(
    "text",
    ["a", "a[3]", "a[07]", "a[3]#2", "a#2", "a#2[3]", "a[3][4]", "", "[3]", "]", "a[]", "a[-1]"],
)
def test_the_item_of_a_unit_is_found_in_a_short_way_as_in_the_long_one(text: str) -> None:
    assert dependencies._item(text) == dependencies._step(text).item
