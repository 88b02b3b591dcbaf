"""Recipes: what a task's key is made of besides its inputs, as plain values that records keep."""

from __future__ import annotations

import os
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from lamina import __version__
from lamina.errors import LaminaError
from lamina.execution.cache.code import Analysis, Code
from lamina.execution.cache.keys import digest_of, shown_values
from lamina.execution.cache.packages import version_of
from lamina.execution.cache.programs import command_recipe
from lamina.workflow.actions.command import CommandAction
from lamina.workflow.actions.named import TASKS, NamedAction
from lamina.workflow.actions.python import PythonAction
from lamina.workflow.graph import Task

VERSIONS = {"train": 1, "train-tapped": 1, "predict": 1, "evaluate": 1}
"""Tasks of Lamina that count with a version of their own besides Lamina's: raise one when its
results change."""

_LIBRARIES = {
    "train": ("numpy", "torch", "llvmlite"),
    "train-tapped": ("numpy", "torch", "llvmlite"),
    "predict": ("numpy", "torch"),
    "evaluate": ("numpy", "torch"),
    "layer": ("numpy",),
    "layer-output": ("numpy",),
}
"""What tasks of Lamina compute with; its versions count."""

_PAUSE = 0.05
"""Seconds between two looks at files, so that short tasks do not pay for it."""


@dataclass(frozen=True, eq=False)
class Recipe:
    """A recipe with its digest.

    Args:
        digest: of the parts that count; empty for a task without a key.
        body: the parts, as plain values.
        problem: why there is no key.
        code: what was read for it.
    """

    digest: str
    body: Mapping[str, Any]
    problem: str = ""
    code: Code = field(default_factory=Code)


class Recipes:
    """Makes recipes of tasks; tasks that do the same cost one analysis.

    Args:
        folder: of the workflow's document: what relative files in commands are relative to.
    """

    def __init__(self, folder: Path | None = None) -> None:
        self._folder = (folder or Path.cwd()).absolute()
        self._analysis = Analysis(self._folder)
        self._codes: dict[Any, tuple[dict[str, Any], Code]] = {}
        self._known: dict[Any, Recipe] = {}
        self._held: list[Any] = []
        self._stale = False
        self._looked = 0.0

    def of(self, task: Task) -> Recipe:
        """The recipe of a task."""
        outputs = tuple((port.name, str(port.type)) for port in task.outputs)
        care = task.care
        treated = (care.environment, care.secrets, care.before, _threads(task))
        key = (_identity(task), outputs, treated)
        found = self._known.get(key)
        if found is None:
            # Held, so that nothing else gets the identity of a function while it is a key.
            self._held.append(task)
            found = self._known[key] = self._made(task, outputs)
        return found

    def stale(self) -> bool:
        """Whether a file changed that a recipe was made of: it says no more what runs."""
        now = time.monotonic()
        if not self._stale and now - self._looked > _PAUSE:
            self._looked = now
            self._stale = not all(code.fresh for _, code in self._codes.values())
        return self._stale

    def _made(self, task: Task, outputs: tuple[tuple[str, str], ...]) -> Recipe:
        try:
            action, code = self._action(task)
        except LaminaError as error:
            return Recipe("", {}, f"has no key: {error.message}")
        except (OSError, ValueError, RecursionError) as error:
            return Recipe("", {}, f"has no key: {error}")
        body: dict[str, Any] = {**action, "outputs": dict(outputs)}
        if len(outputs) > 1:  # a tuple that a function returns fills them in this order
            body["order"] = [name for name, _ in outputs]
        if task.care.environment:
            names = task.care.environment
            told = {name: os.environ[name] for name in names if name in os.environ}
            body["environment"] = shown_values(told, task.care.secrets)
        if isinstance(task.action, CommandAction) and "variables" in body:
            body["variables"] = shown_values(task.action.environment, task.care.secrets)
        if task.care.before:
            body["before"] = list(task.care.before)
        threads = _threads(task)
        if threads:
            body["threads"] = threads
        return Recipe(digest_of(body), body, code=code)

    def _action(self, task: Task) -> tuple[dict[str, Any], Code]:
        key = _identity(task)
        if key not in self._codes:
            self._codes[key] = self._analysed(task)
        return self._codes[key]

    def _analysed(self, task: Task) -> tuple[dict[str, Any], Code]:
        action = task.action
        if isinstance(action, PythonAction):
            code = self._python(action)
            return {"do": "python", **code.to_recipe()}, code
        if isinstance(action, CommandAction):
            return command_recipe(action, self._folder, self._analysis)
        if isinstance(action, NamedAction):
            return self._named(action)
        kind = type(action)
        body = {**action.to_document(), "version": version_of(kind.__module__.partition(".")[0])}
        return body, Code()

    def _python(self, action: PythonAction) -> Code:
        if action.call is None:
            return self._analysis.function(action.function, action.folder)
        return self._at_hand(action.call, action.function, action.folder)

    def _at_hand(self, call: Any, function: str, folder: Path | None) -> Code:
        from lamina.execution.cache.live import code_at_hand

        return code_at_hand(call, function, folder, self._analysis)

    def _named(self, action: NamedAction) -> tuple[dict[str, Any], Code]:
        target = TASKS.target(action.name)
        where = target if isinstance(target, str) else _place_of(target)
        body: dict[str, Any] = {"do": "named", "name": action.name}
        if where.partition(":")[0].partition(".")[0] != "lamina":
            code = (
                self._analysis.function(target, None)
                if isinstance(target, str)
                else self._at_hand(target, where, None)
            )
            return {**body, **code.to_recipe()}, code
        packages = {name: version_of(name) for name in _LIBRARIES.get(action.name, ())}
        body["packages"] = {
            "lamina": __version__, **{name: told for name, told in packages.items() if told}
        }  # fmt: skip
        body["version"] = VERSIONS.get(action.name, 1)
        return body, Code()


def _place_of(call: Any) -> str:
    """ "module:name" of a function at hand."""
    call = getattr(call, "__wrapped__", call)
    name = getattr(call, "__qualname__", type(call).__qualname__)
    return f"{getattr(call, '__module__', None) or '?'}:{name}"


def _identity(task: Task) -> Any:
    """What tasks have in common that do the same."""
    action = task.action
    if isinstance(action, PythonAction):
        return ("python", action.function, action.folder, id(action.call))
    if isinstance(action, NamedAction):
        return ("named", action.name)
    return (action.kind, id(action))


def _threads(task: Task) -> float:
    """Cores of a training on torch, whose sums depend on them; 0 where results do not.

    The fused engine gives the same bits with any number of threads.
    """
    if not isinstance(task.action, NamedAction) or task.action.name not in _TRAININGS:
        return 0.0
    options = task.parameters.get("options") or {}
    return task.care.needs.cpus if options.get("engine") == "torch" else 0.0


_TRAININGS = frozenset({"train", "train-tapped"})
