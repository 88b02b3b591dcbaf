"""Recipes of tasks: named tasks, functions of packages, plug-ins, many tasks of one function."""

from __future__ import annotations

import platform
from pathlib import Path
from typing import Any

import pytest

from lamina import __version__
from lamina.execution.cache.modules import Module, module_of
from lamina.execution.cache.reasons import recipe_changes
from lamina.execution.cache.recipes import Recipe, Recipes
from lamina.workflow.actions.base import Action, Place
from lamina.workflow.actions.command import CommandAction
from lamina.workflow.actions.named import TASKS, NamedAction
from lamina.workflow.actions.python import PythonAction
from lamina.workflow.graph import Task
from lamina.workflow.needs import Care, Needs
from lamina.workflow.ports import Port, Signature


def recipe(action: Action, folder: Path | None = None, **more: Any) -> Recipe:
    """The recipe of an action as a task with one output."""
    return Recipes(folder).of(Task("t", action, (), (Port("result"),), **more))


def test_a_task_of_lamina_counts_by_version_and_libraries() -> None:
    import numpy

    body = recipe(NamedAction("train")).body

    assert body["packages"]["lamina"] == __version__
    assert body["packages"]["numpy"] == numpy.__version__
    assert "torch" not in recipe(NamedAction("split")).body["packages"]


def test_a_task_of_lamina_is_not_imported_for_it() -> None:
    assert isinstance(TASKS.target("group"), str) or True  # others may have asked for it
    assert recipe(NamedAction("group")).digest != recipe(NamedAction("join")).digest


def test_cores_count_for_training_on_torch_only() -> None:
    def of(engine: str, cpus: float) -> str:
        action = NamedAction("train")
        inputs = (Port("options", "json"),)
        care = Care(needs=Needs(cpus=cpus))
        given = {"options": {"engine": engine}}
        return Recipes().of(Task("t", action, inputs, (Port("model"),), given, (), care)).digest

    assert of("torch", 1) != of("torch", 2)
    assert of("fused", 1) == of("fused", 2)


def test_a_secret_variable_of_a_command_is_told_apart_and_not_told() -> None:
    def of(value: str) -> Recipe:
        action = CommandAction(("env",), environment={"MINE": value})
        return recipe(action, care=Care(secrets=("MINE",)))

    one, other = of("first-value"), of("second-value")
    assert one.digest != other.digest
    assert one.body["variables"]["MINE"].startswith("secret ")
    assert "first-value" not in str(one.body)
    (reason,) = recipe_changes(one.body, other.body)
    assert reason.startswith("environment changed: MINE secret ")


def test_a_function_of_a_package_counts_by_its_version() -> None:
    import numpy

    found = recipe(PythonAction("numpy.linalg:norm"))

    assert found.body["packages"] == {"numpy": numpy.__version__}
    assert list(found.body["names"]) == ["numpy.linalg:norm"]
    assert found.digest != recipe(PythonAction("numpy.linalg:det")).digest


def test_a_function_of_python_counts_by_its_version() -> None:
    found = recipe(PythonAction("statistics:mean"))

    assert found.body["packages"] == {}
    assert found.body["python"] == ".".join(platform.python_version_tuple()[:2])
    assert found.digest != recipe(PythonAction("statistics:median")).digest


def test_a_function_that_is_not_there_gives_no_key() -> None:
    found = recipe(PythonAction("no_such_module:f"))

    assert found.digest == ""
    assert found.problem == "has no key: there is no module 'no_such_module' with Python source"


def test_a_registered_function_counts_by_its_code(monkeypatch: pytest.MonkeyPatch) -> None:
    def registered(factor: int) -> Any:
        return lambda x: x * factor

    monkeypatch.setitem(TASKS._targets, "scale", registered(2))
    before = recipe(NamedAction("scale"))
    assert recipe(NamedAction("scale")).digest == before.digest

    monkeypatch.setitem(TASKS._targets, "scale", registered(3))

    assert recipe(NamedAction("scale")).digest != before.digest


def test_a_plug_in_of_the_project_counts_by_its_text(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "plugged.py").write_text("raise SystemExit\ndef scale(x):\n    return x\n")
    monkeypatch.syspath_prepend(tmp_path)
    monkeypatch.setitem(TASKS._targets, "scale", "plugged:scale")
    before = recipe(NamedAction("scale"))

    (tmp_path / "plugged.py").write_text("raise SystemExit\ndef scale(x):\n    return -x\n")

    assert "plugged:scale" in before.body["names"]
    assert recipe(NamedAction("scale")).digest != before.digest


def test_an_action_of_a_plug_in_counts_by_its_document() -> None:
    class Shout(Action):
        kind = "shout"

        def __init__(self, text: str) -> None:
            self.text = text

        def signature(self) -> Signature:
            return Signature()

        def to_document(self) -> dict[str, Any]:
            return {"do": "shout", "text": self.text}

        @classmethod
        def from_document(cls, entry: dict[str, Any], place: Place) -> Shout:
            return cls(entry["text"])

    assert recipe(Shout("a")).digest == recipe(Shout("a")).digest != recipe(Shout("b")).digest


def test_tasks_of_one_function_cost_one_analysis(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "f.py").write_text("def f(x):\n    return x\n")
    read: list[str] = []

    def noted(path: Path, name: str, *more: Any) -> Module:
        read.append(name)
        return module_of(path, name, *more)

    monkeypatch.setattr("lamina.execution.cache.code.module_of", noted)
    recipes = Recipes(tmp_path)

    found = {
        recipes.of(Task(f"t{k}", PythonAction("f.py:f", tmp_path), (), (Port("y"),))).digest
        for k in range(1000)
    }

    assert len(found) == 1
    assert read == ["f"]


def test_the_order_and_kinds_of_outputs_count() -> None:
    def of(*ports: Port) -> str:
        return Recipes().of(Task("t", NamedAction("split"), (), ports)).digest

    assert of(Port("a"), Port("b")) != of(Port("b"), Port("a"))
    assert of(Port("a", "file")) != of(Port("a", "folder"))


def test_the_script_before_a_task_counts_and_the_one_after_does_not() -> None:
    plain = recipe(NamedAction("split")).digest

    assert recipe(NamedAction("split"), care=Care(before=("make", "data"))).digest != plain
    assert recipe(NamedAction("split"), care=Care(after=("rm", "tmp"), retries=3)).digest == plain
