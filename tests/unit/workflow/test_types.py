"""Types of ports: what fits where, and which value is of which type."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from lamina.data.tables import read_table
from lamina.errors import UnknownNameError, UsageError
from lamina.workflow.types import TYPES, PortType, TypeRule, joined_type, port_type

SIMPLE = st.sampled_from(["any", "int", "float", "bool", "str", "json", "file", "table", "array"])
TYPE_TEXTS = st.recursive(SIMPLE, lambda inner: inner.map("list[{}]".format), max_leaves=3)


@pytest.mark.parametrize(
    ("given", "wanted"),
    [
        ("int", "float"),
        ("int", "json"),
        ("metrics", "json"),
        ("array", "tensor"),
        ("list[int]", "list[float]"),
        ("list[list[int]]", "list[list[float]]"),
        ("list[str]", "json"),
        ("list", "list[table]"),
        ("any", "table"),
    ],
)
def test_what_fits(given: str, wanted: str) -> None:
    assert port_type(given).fits(port_type(wanted))


@pytest.mark.parametrize(
    ("given", "wanted"),
    [
        ("float", "int"),
        ("str", "int"),
        ("table", "model"),
        ("list[float]", "list[int]"),
        ("list[table]", "json"),
        ("int", "list[int]"),
        ("list[int]", "int"),
        ("file", "folder"),
    ],
)
def test_what_does_not_fit(given: str, wanted: str) -> None:
    assert not port_type(given).fits(port_type(wanted))


@given(TYPE_TEXTS)
def test_a_type_is_read_back_from_its_text(text: str) -> None:
    assert str(port_type(text)) == text
    assert port_type(text).fits(port_type(text))
    assert port_type(text).fits(port_type("any"))


@given(TYPE_TEXTS, TYPE_TEXTS)
def test_lists_fit_exactly_when_their_items_fit(one: str, other: str) -> None:
    alone = port_type(one).fits(port_type(other))
    assert port_type(f"list[{one}]").fits(port_type(f"list[{other}]")) == alone


@pytest.mark.parametrize(
    ("kind", "value"),
    [
        ("any", object()),
        ("int", 3),
        ("int", np.int64(3)),
        ("float", 3),
        ("float", np.float32(0.5)),
        ("bool", np.True_),
        ("str", ""),
        ("json", {"a": [1, None, {"b": 0.5}]}),
        ("metrics", {"accuracy": 0.5}),
        ("file", Path("x")),
        ("folder", "x"),
        ("array", np.zeros(2)),
        ("tensor", np.zeros(2)),
        ("table", read_table({"x": [1]})),
        ("list[int]", [1, 2]),
        ("list[int]", (1, 2)),
        ("list", ["a", object()]),
    ],
)
def test_values_of_a_type(kind: str, value: Any) -> None:
    assert port_type(kind).problem(value) == ""


@pytest.mark.parametrize(
    ("kind", "value", "problem"),
    [
        ("int", True, "gets bool True"),
        ("int", 0.5, "gets float 0.5"),
        ("float", "1", "gets str '1'"),
        ("bool", 1, "gets int 1"),
        ("str", None, "gets NoneType None"),
        ("json", {1: 2}, "gets dict"),
        ("json", [object()], "gets list"),
        ("file", 3, "gets int 3"),
        ("array", [1], "gets list"),
        ("table", {}, "gets dict"),
        ("list[int]", 3, "gets int 3"),
        ("list[int]", "12", "gets str '12'"),
        ("list[int]", [1, "x"], "item 1 gets str 'x'"),
        ("list[list[int]]", [[1], [2, None]], "item 1 item 1 gets NoneType None"),
        ("str", 10**50, f"gets int {'1' + '0' * 36}..."),
    ],
)
def test_a_value_of_another_type_is_named(kind: str, value: Any, problem: str) -> None:
    assert port_type(kind).problem(value) == problem


def test_an_unknown_type_lists_the_known_ones() -> None:
    with pytest.raises(UnknownNameError, match=r"did you mean 'table'.*known: any, array, bool"):
        port_type("tabel")


@pytest.mark.parametrize("text", ["list[int", "int[str]", "[int]", "list[int]]x", "list[" * 30])
def test_broken_brackets_are_no_type(text: str) -> None:
    with pytest.raises((UsageError, UnknownNameError)):
        port_type(text)


def test_a_plug_in_adds_a_type() -> None:
    with TYPES.having("fraction", TypeRule("fraction", ("float",), ("fractions.Fraction",))):
        assert port_type("fraction").fits(port_type("float"))
        assert port_type("list[fraction]").problem([0.5]) == "item 0 gets float 0.5"
    assert "fraction" not in TYPES.names()


def test_a_list_of_several_types_is_a_list_of_anything() -> None:
    one, other = port_type("int"), port_type("str")
    assert str(joined_type([one, one], True)) == "list[int]"
    assert str(joined_type([one, other], True)) == "list[any]"
    assert joined_type([one], False) == one


def test_items_go_where_a_list_may_stand() -> None:
    assert port_type("list[int]").item() == PortType("int")
    assert port_type("json").item() == PortType("any")
    assert port_type("table").item() is None
