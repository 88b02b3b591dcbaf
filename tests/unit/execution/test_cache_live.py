"""Functions without a file: closures, lambdas and cells change with the values that they hold."""

from __future__ import annotations

import functools
import linecache
import types
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from lamina.errors import UsageError
from lamina.execution.cache.code import Analysis, Code
from lamina.execution.cache.live import code_at_hand
from lamina.workflow.actions.python import PythonAction


def code(call: Callable[..., Any]) -> Code:
    """The code of a function at hand, as a task of it has it."""
    action = PythonAction.of(call)
    return code_at_hand(call, action.function, action.folder, Analysis(Path(__file__).parent))


def cell(text: str, **names: Any) -> dict[str, Any]:
    """The names that a notebook's cell makes; its text is known to nobody but linecache."""
    module: dict[str, Any] = {"__name__": "__main__", **names}
    file = f"<ipython-input-{abs(hash(text))}>"
    linecache.cache[file] = (len(text), None, text.splitlines(True), file)
    exec(compile(text, file, "exec"), module)
    return module


def function(text: str, **names: Any) -> Callable[..., Any]:
    """The function f of a cell."""
    found: Callable[..., Any] = cell(text, **names)["f"]
    return found


def same(one: Callable[..., Any], other: Callable[..., Any]) -> bool:
    """Whether two functions count as one."""
    return code(one).names == code(other).names


def test_a_closure_over_another_value_is_another_function() -> None:
    def make(scale: Any) -> Callable[[int], Any]:
        return lambda x: x * scale

    assert same(make(2), make(2))
    assert not same(make(2), make(3))
    assert not same(make(2), make(2.0))
    assert not same(make([1, {"a": 2}]), make([1, {"a": 3}]))
    assert same(make({3, 1, 2}), make({1, 2, 3}))
    assert same(make(np.arange(4)), make(np.arange(4)))
    assert not same(make(np.arange(4)), make(np.arange(4.0)))


def test_the_text_of_a_cell_counts_without_comments_and_places() -> None:
    first = function("def f(x):\n    return x + 1\n")

    assert same(first, function("\n\n# A comment.\ndef f(x):\n    # more\n    return (x + 1)\n"))
    assert same(
        function('def f(x):\n    """Text."""\n    return x + 1\n'),
        function('def f(x):\n    """Other text."""\n    return x + 1\n'),
    )
    assert not same(first, function("def f(x):\n    return x + 2\n"))
    assert not same(first, function("def f(x, y=1):\n    return x + 1\n"))


def test_other_cells_count_as_far_as_they_are_used() -> None:
    text = (
        "def f(x):\n    return helper(x)\ndef helper(x):\n    return LEVEL * x\ndef other(): pass\n"
    )

    first = function(text, LEVEL=1, UNUSED=1)

    assert same(first, function(text, LEVEL=1, UNUSED=2))
    assert same(first, function(text.replace("pass", "return 1"), LEVEL=1))
    assert not same(first, function(text, LEVEL=2))
    assert not same(first, function(text.replace("LEVEL * x", "x * LEVEL"), LEVEL=1))


def test_classes_of_cells_count_with_their_methods_and_bases() -> None:
    text = (
        "class Base:\n    width = 1\n    def go(self): return 1\n"
        "class Model(Base):\n    def __init__(self): self.a = 1\n"
        "    @staticmethod\n    def s(): return 5\n    @property\n    def p(self): return 6\n"
        "def f(x):\n    return Model().go()\n"
    )
    first = function(text)

    assert same(first, function(text))
    for old in ("return 1", "width = 1", "self.a = 1", "return 5", "return 6"):
        assert not same(first, function(text.replace(old, f"{old}0"))), old


def test_instances_count_with_their_content() -> None:
    text = "class C:\n    def __init__(self, n): self.n = n\ndef f(x): return ONE.n\n"

    def of(number: int) -> Callable[..., Any]:
        module = cell(text)
        module["ONE"] = module["C"](number)
        found: Callable[..., Any] = module["f"]
        return found

    assert same(of(1), of(1))
    assert not same(of(1), of(2))


def test_a_function_that_calls_itself_comes_to_an_end() -> None:
    text = "def f(n):\n    return n and g(n - 1)\ndef g(n):\n    return f(n)\n"

    assert same(function(text), function(text))
    assert not same(function(text), function(text.replace("return f(n)", "return -f(n)")))


def test_partial_and_bound_functions_count_with_what_they_hold() -> None:
    def power(x: int, n: int) -> int:
        return int(x**n)

    assert same(functools.partial(power, n=2), functools.partial(power, n=2))
    assert not same(functools.partial(power, n=2), functools.partial(power, n=3))
    assert not same([1, 2].count, [1, 3].count)


def test_installed_modules_count_by_their_version() -> None:
    found = code(function("def f(x):\n    return np.abs(x)\n", np=np))

    assert found.packages == {"numpy": np.__version__}
    assert not same(
        function("def f(x):\n    return np.abs(x)\n", np=np),
        function("def f(x):\n    return np.sign(x)\n", np=np),
    )


def test_modules_of_the_project_count_by_their_text(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "beside.py").write_text("def g(x):\n    return x\n")
    monkeypatch.syspath_prepend(tmp_path)
    import importlib

    beside = importlib.import_module("beside")
    text = "def f(x):\n    return beside.g(x)\ndef h(x):\n    return x\n"
    first = code(function(text, beside=beside))

    (tmp_path / "beside.py").write_text("# more\ndef g(x):\n    return (x)\n")
    assert code(function(text, beside=beside)).names == first.names
    (tmp_path / "beside.py").write_text("def g(x):\n    return -x\n")
    assert code(function(text, beside=beside)).names != first.names
    assert "beside:g" in first.names


def test_a_function_of_a_file_is_read_from_the_file(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "instance.py").write_text("def g(x):\n    return x\n")
    monkeypatch.syspath_prepend(tmp_path)
    import importlib

    found = code(importlib.import_module("instance").g)

    assert found.places == {"instance:g": "instance.py:1 (g)"}


def test_a_place_names_the_cell() -> None:
    (place,) = code(function("\ndef f(x):\n    return x\n")).places.values()

    assert place == "cell:2 (f)"


def test_what_cannot_be_told_is_said() -> None:
    def closed(lock: object = None) -> Callable[..., Any]:
        return lambda x: (x, lock)

    import threading

    with pytest.raises(UsageError, match="holds a lock, whose content cannot be told"):
        code(closed(threading.Lock()))


def test_a_module_made_by_hand_is_no_trap() -> None:
    made = types.ModuleType("made_by_hand")
    made.__dict__["level"] = 3

    assert code(function("def f(x):\n    return made.level\n", made=made)).names
