"""Tasks as messages: what a worker needs to know of a task, sent to it once."""

from __future__ import annotations

import base64
import pickle
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

from lamina.errors import UsageError
from lamina.execution.runners import RUNNERS
from lamina.registry import Registry
from lamina.workflow.actions import ACTIONS, Place
from lamina.workflow.actions.base import Action
from lamina.workflow.actions.named import TASKS, NamedAction
from lamina.workflow.actions.python import PythonAction
from lamina.workflow.graph import Task
from lamina.workflow.ports import Port
from lamina.workflow.types import TYPES

KNOWN = 256
"""Recipes that a worker keeps; both sides forget the oldest one first."""


_TABLES: dict[str, Registry[Any]] = {"actions": ACTIONS, "runners": RUNNERS, "types": TYPES}


def recipe(task: Task) -> dict[str, Any]:
    """A task as plain data.

    A function that other processes cannot find by its name (one of a notebook, a script, another
    function) travels as bytes, from the engine to its own workers only.

    Raises:
        UsageError: a function that cannot be sent.
    """
    call = _at_hand(task.action)
    entry: dict[str, Any] = {
        "in": [_port(port) for port in task.inputs],
        "out": [_port(port) for port in task.outputs],
    }
    folder = getattr(task.action, "folder", None)
    if folder is not None:
        entry["folder"] = str(Path(folder).absolute())
    if call is None:
        entry["home"] = _home(task.action)
        entry["action"] = task.action.to_document()
        entry["kind"] = task.action.kind
    elif name := _findable(call):
        entry["action"] = {"do": "python", "function": name}
    else:
        entry["action"] = {"do": "python", "function": f"?:{getattr(call, '__name__', 'task')}"}
        entry["call"] = _bytes_of(call, f"the function {getattr(call, '__qualname__', call)}")
    parts = {
        family: {name: table.get(name) for name in table.registered()}
        for family, table in _TABLES.items()
        if table.registered()
    }
    if parts:
        names = ", ".join(name for added in parts.values() for name in added)
        entry["parts"] = _bytes_of(parts, f"what was registered as {names}")
    return entry


def task_of(entry: dict[str, Any]) -> Task:
    """The task of a recipe, in a worker.

    Raises:
        LaminaError: an unknown type or kind of task, or a function that cannot be read.
    """
    if "parts" in entry:
        for family, added in _object_of(entry["parts"], "what was registered").items():
            for name, part in added.items():
                _TABLES[family].register(name, part)
    folder = Path(entry["folder"]) if "folder" in entry else None
    told = entry["action"]
    word = entry.get("kind", PythonAction.kind)
    kind = NamedAction if word == NamedAction.kind else ACTIONS.get(word)
    action = kind.from_document(told, Place(folder, _no_nested))
    if "call" in entry:
        call = _object_of(entry["call"], f"the function {told['function'].removeprefix('?:')}")
        action = PythonAction(told["function"], folder, call)
    return Task(
        "task",  # what it is called stands in each order
        action,
        tuple(Port(*port) for port in entry["in"]),
        tuple(Port(*port) for port in entry["out"]),
    )


def _home(action: Action) -> str:
    """The folder of a function's file: what it imports from there is of no other folder's task."""
    where = action.function.rpartition(":")[0] if isinstance(action, PythonAction) else ""
    if not where.endswith(".py"):
        return ""
    return str((Path(getattr(action, "folder", None) or "") / where).absolute().parent)


def is_plain(entry: dict[str, Any]) -> bool:
    """Whether reading the recipe imports nothing of anybody else's."""
    kinds = (word for _, text, _ in entry["in"] + entry["out"] for word in text.split("["))
    return not entry.keys() & {"call", "parts"} and all(
        word.rstrip("]") in ("list", "stream") or TYPES.built_in(word.rstrip("]")) for word in kinds
    )


def _port(port: Port) -> list[Any]:
    return [port.name, str(port.type), port.optional]


def _no_nested(entry: dict[str, Any] | str) -> Any:
    raise UsageError(f"a task for a worker holds the workflow {entry!r}", "report this")


def _at_hand(action: Action) -> Callable[..., Any] | None:
    """The function itself, where the action holds one that the name alone may not find."""
    if isinstance(action, PythonAction):
        return action.call
    if isinstance(action, NamedAction) and action.name in TASKS.registered():
        found = TASKS.get(action.name)
        return getattr(found, "call", None) or found
    return None


def _findable(call: Callable[..., Any]) -> str:
    """ "module:name" of a function that every process finds there; empty for others."""
    module = getattr(call, "__module__", None) or ""
    name = getattr(call, "__qualname__", "")
    # Importing a script would run it again: its functions travel as bytes.
    if not module or module in ("__main__", "__mp_main__") or "<" in name or not name:
        return ""
    home = sys.modules.get(module)
    if home is None or (getattr(home, "__spec__", None) is None and module != "builtins"):
        return ""
    found: Any = home
    for part in name.split("."):
        found = getattr(found, part, None)
    found = getattr(found, "call", None) or found
    return f"{module}:{name}" if found is call and _importable(module) else ""


def _importable(module: str) -> bool:
    """Whether an import elsewhere finds the module: not one that was loaded from a file by hand."""
    spec = getattr(sys.modules[module], "__spec__", None)
    loader = type(getattr(spec, "loader", None))
    if spec is None or not getattr(spec, "origin", None):
        return module in sys.builtin_module_names or getattr(loader, "__name__", "") == "type"
    if spec.origin in ("built-in", "frozen"):
        return True
    parts = module.split(".")
    file = Path(spec.origin)
    base = file.parent.parent if file.stem == "__init__" else file.parent
    for _ in parts[:-1]:
        base = base.parent
    expected = file.parent.name if file.stem == "__init__" else file.name.split(".")[0]
    return expected == parts[-1] and any(Path(entry or ".").resolve() == base for entry in sys.path)


def _bytes_of(thing: Any, what: str) -> str:
    import cloudpickle

    try:
        return base64.b64encode(cloudpickle.dumps(thing)).decode("ascii")
    except Exception as error:  # whatever the objects that it refers to do when they are pickled
        raise UsageError(
            f"{what} cannot be sent to a worker: {type(error).__name__}: {error}",
            "define it at the top level of a module, or do not refer to such objects in it",
        ) from error


def _object_of(text: str, what: str) -> Any:
    try:
        return pickle.loads(base64.b64decode(text))
    except Exception as error:
        raise UsageError(
            f"{what} cannot be read in the worker: {type(error).__name__}: {error}",
            "install what it imports, or define it at the top level of a module",
        ) from error
