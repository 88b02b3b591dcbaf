"""Tasks that call a function in this process: Python functions, and tasks known by name."""

from __future__ import annotations

import dataclasses
import inspect
from collections.abc import Callable, Coroutine, Mapping
from typing import Any

from lamina.errors import UsageError
from lamina.execution.functions import function_of
from lamina.execution.runners.base import Job, Runner
from lamina.workflow.actions.base import Action
from lamina.workflow.actions.named import TASKS, NamedAction
from lamina.workflow.actions.python import PythonAction
from lamina.workflow.build import Step
from lamina.workflow.expansion import Expansion
from lamina.workflow.ports import Port


class CallRunner(Runner):
    """Calls a function with its ports as keywords; its result fills the output ports."""

    def __init__(self, find: Callable[[Any], Callable[..., Any]]) -> None:
        self._find = find

    def prepare(self, action: Action) -> None:
        """Imports the function."""
        self._find(action)

    def run(self, job: Job) -> Mapping[str, Any]:
        """Calls the function, and waits for it where it is asynchronous."""
        function = self._find(job.task.action)
        found = function(**_given(function, job))
        return fields_of_result(
            _awaited(found) if inspect.iscoroutine(found) else found, job.task.outputs
        )


def _awaited(found: Coroutine[Any, Any, Any]) -> Any:
    import asyncio

    return asyncio.run(found)


def _given(function: Callable[..., Any], job: Job) -> Mapping[str, Any]:
    """The arguments, and None for optional ports that are empty and have no default in Python."""
    empty = {port.name for port in job.task.inputs if port.name not in job.arguments}
    if not empty:
        return job.arguments
    known = inspect.signature(function).parameters
    needed = {n for n in empty if n in known and known[n].default is inspect.Parameter.empty}
    return {**job.arguments, **dict.fromkeys(needed)}


def fields_of_result(value: Any, ports: tuple[Port, ...]) -> dict[str, Any]:
    """What a function returned, by output port.

    One port takes the whole value (or the field of that name, when the value is a record with
    only this field); several take the fields of a NamedTuple, dataclass or mapping, or the items
    of a tuple in their order.

    Raises:
        UsageError: the value has other fields than the ports.
    """
    names = [port.name for port in ports]
    if isinstance(value, Expansion):  # whoever runs the task looks for it before the ports
        return dict.fromkeys(names or [""], value)
    if not names:
        return {}
    fields = _record(value)
    if fields is not None and list(fields) == names:
        return fields
    if len(names) == 1:
        return {names[0]: value}
    if isinstance(value, Mapping) and set(names) <= set(value):
        return {name: value[name] for name in names}
    if fields is not None and set(names) <= set(fields):
        return {name: fields[name] for name in names}
    if isinstance(value, (tuple, list)) and len(value) == len(names):
        return dict(zip(names, value, strict=True))
    raise UsageError(
        f"it returned {type(value).__name__}, which does not have the outputs {', '.join(names)}",
        "return a NamedTuple, dataclass, mapping or tuple with exactly these",
    )


def _record(value: Any) -> dict[str, Any] | None:
    if isinstance(value, tuple) and hasattr(value, "_fields"):
        return dict(zip(value._fields, value, strict=True))
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        return {field.name: getattr(value, field.name) for field in dataclasses.fields(value)}
    return None


def _named(action: NamedAction) -> Callable[..., Any]:
    found = TASKS.get(action.name)
    if isinstance(found, Step) and found.call is not None:
        call: Callable[..., Any] = found.call
        return call
    return found


def _python(action: PythonAction) -> Callable[..., Any]:
    return function_of(action)


NAMED = CallRunner(_named)
PYTHON = CallRunner(_python)
