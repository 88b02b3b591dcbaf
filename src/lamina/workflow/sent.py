"""Functions without a name that other processes could find them by: sent along, signed."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from functools import cached_property
from importlib import import_module
from typing import Any

from lamina.workflow.actions.base import Action
from lamina.workflow.actions.choose import ChooseAction
from lamina.workflow.actions.composite import Composite
from lamina.workflow.actions.python import PythonAction
from lamina.workflow.graph import Workflow

_SIGNED = "lamina.data.artifacts.signed"
_WORD = "lamina.workflow.sent:f"


@dataclass(frozen=True)
class Sent:
    """A function as signed text, which is opened only by calling it.

    Args:
        text: see `lamina.data.artifacts.signed.signed_text`.
    """

    text: str

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        """Calls the function. Raises ArtifactError for a text of somebody else."""
        return self._opened(*args, **kwargs)

    @property
    def __signature__(self) -> Any:
        """The function's, for those who are about to call it."""
        import inspect

        return inspect.signature(self._opened)

    @cached_property
    def _opened(self) -> Callable[..., Any]:
        call: Callable[..., Any] = import_module(_SIGNED).signed_value(self.text)
        return call


def without_functions(workflow: Workflow) -> tuple[Workflow, dict[str, dict[str, str]]]:
    """The workflow with a number for each function that has no name, and these functions.

    Raises:
        ArtifactError: a function that cannot be sent.
    """
    found: dict[str, dict[str, str]] = {}

    def change(action: PythonAction) -> PythonAction:
        if action.call is None or not action.nameless:
            return action
        number = f"{_WORD}{len(found)}"
        call = action.call
        text = call.text if isinstance(call, Sent) else import_module(_SIGNED).signed_text(call)
        found[number] = {"function": action.function, "text": text}
        return PythonAction(number)

    return _changed(workflow, change), found


def is_whole(document: Mapping[str, Any]) -> bool:
    """Whether a workflow document names all its functions, so that others can run it.

    Args:
        document: of a workflow, as `without_functions` leaves it.
    """
    waiting: list[Any] = [document]
    while waiting:
        value = waiting.pop()
        if isinstance(value, Mapping):
            if str(value.get("function", "")).startswith(_WORD):
                return False
            waiting.extend(value.values())
    return True


def with_functions(workflow: Workflow, functions: Mapping[str, Mapping[str, str]]) -> Workflow:
    """The workflow of `without_functions`; nothing is opened."""

    def change(action: PythonAction) -> PythonAction:
        told = functions.get(action.function)
        return action if told is None else PythonAction(told["function"], None, Sent(told["text"]))

    return _changed(workflow, change) if functions else workflow


def _changed(workflow: Workflow, change: Callable[[PythonAction], PythonAction]) -> Workflow:
    actions = [_action(task.action, change) for task in workflow.tasks]
    pairs = list(zip(workflow.tasks, actions, strict=True))
    if all(action is task.action for task, action in pairs):
        return workflow
    return replace(workflow, tasks=tuple(replace(task, action=action) for task, action in pairs))


def _action(action: Action, change: Callable[[PythonAction], PythonAction]) -> Action:
    if isinstance(action, PythonAction):
        return change(action)
    if not isinstance(action, Composite):
        return action
    inner = {part.word: _changed(part.workflow, change) for part in action.parts()}
    if all(inner[part.word] is part.workflow for part in action.parts()):
        return action
    changed: Any = action
    if isinstance(action, ChooseAction):
        return replace(changed, files=(), **inner)  # type: ignore[no-any-return]
    return replace(changed, file="", **inner)  # type: ignore[no-any-return]
