"""Reasons: the differences between two recipes, and between inputs, in words."""

from __future__ import annotations

from typing import Any

import pytest

from lamina.execution.cache.reasons import input_changes, recipe_changes


def entry(inline: str = "", codec: str = "json", **more: Any) -> dict[str, Any]:
    """A reference."""
    made = {"codec": codec, "digest": f"digest of {inline}", "size": 1, **more}
    return {**made, "inline": inline} if inline else made


@pytest.mark.parametrize(
    ("old", "new", "line"),
    [
        (entry("0.1"), entry("0.01"), "param x 0.1 -> 0.01"),
        (entry('"adam"'), entry('"sgd"'), "param x adam -> sgd"),
        (entry('"a b"'), entry('""'), 'param x "a b" -> ""'),
        (entry("[1]"), entry("[1, 2]"), "param x [1] -> [1, 2]"),
        (entry("9" * 80), entry("1"), "input x changed"),
        (entry(codec="arrow"), entry("1"), "input x changed"),
        (
            entry(codec="file", name="a.csv"),
            entry(codec="file", name="b.csv"),
            "input x renamed: a.csv -> b.csv",
        ),
        (None, entry("1"), "input x is new"),
        (entry("1"), None, "input x is gone"),
    ],
)
def test_an_input_is_told(old: Any, new: Any, line: str) -> None:
    before = {} if old is None else {"x": old}
    after = {} if new is None else {"x": new}

    assert input_changes(before, after) == [line]


def test_inputs_that_are_the_same_are_not_told() -> None:
    assert input_changes({"x": entry("1")}, {"x": entry("1", origin="/elsewhere")}) == []
    assert input_changes({"x": entry("1", name="a")}, {"x": entry("1", name="b")}) == []


def test_what_another_task_gives_is_no_parameter() -> None:
    assert input_changes({"x": entry("1")}, {"x": entry("2")}, {"x"}) == ["input x 1 -> 2"]


def test_parameters_are_told_first() -> None:
    old = {"a": entry(codec="arrow"), "z": entry("1")}
    new = {"a": entry("n", codec="arrow"), "z": entry("2")}

    assert input_changes(old, new)[0] == "param z 1 -> 2"


PYTHON = {
    "do": "python",
    "names": {"f:f": "1", "f:g": "1"},
    "places": {"f:f": "f.py:3 (f)", "f:g": "f.py:9 (g)"},
    "packages": {"numpy": "2.1"},
    "python": "3.11",
    "outputs": {"y": "any"},
}
COMMAND = {"do": "command", "argv": ["sort", "-n", "{x}"], "program": "/bin/sort 5 5"}


@pytest.mark.parametrize(
    ("old", "changes", "line"),
    [
        (PYTHON, {"names": {"f:f": "1", "f:g": "2"}}, "code changed: f.py:9 (g)"),
        (PYTHON, {"names": {"f:f": "1"}}, "code removed: f.py:9 (g)"),
        (PYTHON, {"names": {**PYTHON["names"], "h": "1"}}, "code added: h"),  # type: ignore[dict-item]
        (PYTHON, {"packages": {"numpy": "2.2"}}, "environment changed: numpy 2.1 -> 2.2"),
        (PYTHON, {"packages": {}}, "environment changed: numpy is gone"),
        (PYTHON, {"python": "3.12"}, "environment changed: python 3.11 -> 3.12"),
        (PYTHON, {"environment": {"A": "1"}}, "environment changed: A 1 is new"),
        (PYTHON, {"outputs": {"y": "file"}}, "outputs changed: y any -> file"),
        (PYTHON, {"order": ["a", "b"]}, "outputs changed: their order"),
        (PYTHON, {"threads": 2.0}, "environment changed: threads any -> 2.0"),
        (COMMAND, {"argv": ["sort", "-r", "{x}"]}, "command changed: -n -> -r"),
        (COMMAND, {"argv": ["sort", "-n", "{x}", "-u"]}, "command changed: +-u"),
        (COMMAND, {"argv": ["sort", "-n"]}, "command changed: -{x}"),
        (COMMAND, {"stdout": "y"}, "command changed: stdout"),
        (COMMAND, {"program": "/opt/sort 5 5"}, "program changed: /opt/sort"),
        (COMMAND, {"variables": {"A": "1"}}, "environment changed: A 1 is new"),
        ({"do": "named", "name": "a"}, {"name": "b"}, "does b instead of a"),
        ({"do": "named", "name": "a", "version": 1}, {"version": 2}, "version changed: 1 -> 2"),
        (COMMAND, {"do": "python"}, "does python instead of command"),
    ],
)
def test_a_recipe_is_told(old: dict[str, Any], changes: dict[str, Any], line: str) -> None:
    assert recipe_changes(old, {**old, **changes})[0] == line


def test_recipes_that_are_the_same_are_not_told() -> None:
    assert recipe_changes(PYTHON, {**PYTHON, "places": {}}) == []
