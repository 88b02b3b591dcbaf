"""What functions return, by output port."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from typing import Any, NamedTuple

import pytest

from lamina.errors import UsageError
from lamina.execution import run
from lamina.execution.runners.calls import fields_of_result
from lamina.workflow import Port, task, workflow


class Pair(NamedTuple):
    a: int
    b: int


class Single(NamedTuple):
    a: int


@dataclass
class Record:
    a: int
    b: int


AB = (Port("a"), Port("b"))


@pytest.mark.parametrize(
    "value", [Pair(1, 2), Record(1, 2), {"a": 1, "b": 2}, (1, 2), [1, 2], {"b": 2, "a": 1, "c": 3}]
)
def test_several_outputs_come_from_any_kind_of_record(value: Any) -> None:
    assert fields_of_result(value, AB) == {"a": 1, "b": 2}


@pytest.mark.parametrize("value", [{"a": 1}, (1, 2), [1], None, 3, Pair(1, 2)])
def test_one_output_takes_the_whole_value(value: Any) -> None:
    assert fields_of_result(value, (Port("a"),)) == {"a": value}


def test_a_record_with_one_field_fills_the_port_of_that_name() -> None:
    assert fields_of_result(Single(1), (Port("a"),)) == {"a": 1}
    assert fields_of_result(Single(1), (Port("result"),)) == {"result": Single(1)}


def test_no_output_drops_the_value() -> None:
    assert fields_of_result(3, ()) == {}


@pytest.mark.parametrize("value", [None, 3, (1,), (1, 2, 3), {"a": 1}, Single(1), "ab"])
def test_a_value_without_the_outputs_is_refused(value: Any) -> None:
    with pytest.raises(UsageError, match="does not have the outputs a, b"):
        fields_of_result(value, AB)


async def _soon(x: int) -> int:
    await asyncio.sleep(0)
    return x + 1


def test_an_asynchronous_function_is_waited_for() -> None:
    with workflow("soon") as w:
        w.output("y", task(_soon)(w.input("x", "int")))
    assert run(w.workflow, {"x": 1}).outputs == {"y": 2}
