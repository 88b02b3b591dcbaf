"""Ports of functions: from functions at hand and from source text, the same ones."""

from __future__ import annotations

import sys
from collections.abc import Callable
from pathlib import Path
from typing import Annotated, Any

import annotated_functions as functions
import pytest

from lamina.errors import UnknownNameError, UsageError
from lamina.workflow import Port
from lamina.workflow.signature import signature_of
from lamina.workflow.source import signature_in_source

HERE = Path(__file__).parent
EXPECTED: dict[str, tuple[list[Port], list[Port]]] = {
    "numbers": (
        [Port("a", "int"), Port("b", "float"), Port("c", "bool"), Port("d", "str", True, "x")],
        [Port("result", "float")],
    ),
    "files": (
        [Port("path", "file"), Port("folder", "folder"), Port("text", "file")],
        [Port("result", "file")],
    ),
    "arrays": ([Port("a", "array"), Port("b", "array")], [Port("result", "array")]),
    "rooms": (
        [Port("table", "table"), Port("model", "model"), Port("network", "network")],
        [Port("result", "table")],
    ),
    "lists": (
        [
            Port("a", "list[int]"),
            Port("b", "list[float]"),
            Port("c", "list[int]"),
            Port("d", "list[table]"),
        ],
        [Port("result", "list[list[int]]")],
    ),
    "bare": ([Port("a"), Port("b", "any", True, 3), Port("c", "any", True)], [Port("result")]),
    "maybe": (
        [
            Port("a", "int", True),
            Port("b", "str", True),
            Port("c", "float", True, 1),
            Port("d", "any", True, 2),
        ],
        [Port("result", "int", True)],
    ),
    "data": (
        [Port("a", "json"), Port("b", "json"), Port("c"), Port("d"), Port("e", "str")],
        [],
    ),
    "pair": ([Port("a", "list[int]")], [Port("left", "int"), Port("right", "list[str]")]),
    "split": ([Port("a", "table")], [Port("train", "table"), Port("test", "table", True)]),
    "scores": (
        [
            Port("k", "int", True, -1),
            Port("names", "list[str]", True),
            Port("options", "json", True, {}),
        ],
        [Port("accuracy", "float"), Port("f1", "float")],
    ),
    "unseen": (
        [Port("rows", "stream[int]"), Port("k", "float"), Port("path", "file", True)],
        [Port("result", "stream[float]")],
    ),
    "yields": ([Port("n", "int")], [Port("result", "stream[any]")]),
    "returns": ([Port("n", "int")], [Port("result")]),
    "later": ([Port("n", "int")], [Port("result", "stream[str]")]),
    "once": ([Port("n", "int")], [Port("result", "str")]),
    "Holder.inside": ([Port("x", "int")], [Port("result", "str")]),
}


def find(name: str) -> Callable[..., Any]:
    found: Any = functions
    for part in name.split("."):
        found = getattr(found, part)
    call: Callable[..., Any] = found
    return call


@pytest.mark.parametrize("name", EXPECTED)
def test_annotations_of_a_function_are_its_ports(name: str) -> None:
    signature = signature_of(find(name))
    assert list(signature.inputs) == EXPECTED[name][0]
    assert list(signature.outputs) == EXPECTED[name][1]


@pytest.mark.parametrize("name", EXPECTED)
def test_source_text_gives_the_same_ports_without_being_run(name: str) -> None:
    assert signature_in_source(f"annotated_functions.py:{name}", HERE) == signature_of(find(name))


def test_a_module_is_found_and_read_without_being_imported() -> None:
    sys.modules.pop("lamina.workflow.patterns", None)
    signature = signature_in_source("lamina.workflow.patterns:split", None)
    assert [port.name for port in signature.inputs] == ["items", "parts"]
    assert "lamina.workflow.patterns" not in sys.modules


def test_a_name_that_only_exists_for_type_checkers_is_any() -> None:
    def odd(a: Nowhere, b: int) -> Nowhere:  # type: ignore[name-defined]  # noqa: F821
        return a

    assert [str(port.type) for port in signature_of(odd).inputs] == ["any", "int"]


def test_an_annotation_with_an_unknown_type_is_refused() -> None:
    def odd(a: Annotated[int, "intt"]) -> None:
        del a

    with pytest.raises(UnknownNameError, match="unknown type 'intt'"):
        signature_of(odd)


@pytest.mark.parametrize("odd", [lambda *a: a, lambda a, /: a])
def test_parameters_without_a_name_are_refused(odd: Callable[..., Any]) -> None:
    with pytest.raises(UsageError, match="give every parameter a name"):
        signature_of(odd)


def test_what_has_no_readable_parameters_is_refused() -> None:
    with pytest.raises(UsageError, match="wrap it in a function of your own"):
        signature_of(dict)


def test_an_object_that_can_be_called_has_the_ports_of_its_call() -> None:
    class Scale:
        def __call__(self, x: float) -> float:
            return x

    assert signature_of(Scale()).inputs == (Port("x", "float"),)


@pytest.mark.parametrize(
    ("function", "text", "said"),
    [
        ("code.py:g", "def f(x): ...", "code.py has no function 'g'; it has: f"),
        ("code.py:ff", "def f(x): ...", "did you mean 'f'?"),
        ("code.py:f", "def f(*x): ...", "which no port can name"),
        ("code.py:f", "def f(", "code.py, line 1 is not Python"),
        ("none.py:f", "", "does not exist beside the document"),
        ("no_such_module_at_all:f", "", "there is no module 'no_such_module_at_all'"),
        ("sys:exit", "", "there is no module 'sys' with Python source"),
        ("code.py", "", "names no function"),
        ("code.py:f()", "", "names no function"),
        (":f", "", "names no function"),
    ],
)
def test_a_function_that_cannot_be_read_is_named(
    tmp_path: Path, function: str, text: str, said: str
) -> None:
    (tmp_path / "code.py").write_text(text)
    with pytest.raises(UsageError) as caught:
        signature_in_source(function, tmp_path)
    assert said in f"{caught.value.message}; {caught.value.way_out}"
