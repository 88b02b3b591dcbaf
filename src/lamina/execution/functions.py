"""Finding a Python function by the name that a task gives it."""

from __future__ import annotations

import importlib
import importlib.util
import sys
from collections.abc import Callable
from difflib import get_close_matches
from functools import lru_cache
from hashlib import sha256
from pathlib import Path
from types import ModuleType
from typing import Any

from lamina.errors import LaminaError, UsageError
from lamina.execution.failures import cause_of, where_of
from lamina.workflow.actions.python import FILE, PythonAction
from lamina.workflow.build import Step


def function_of(action: PythonAction) -> Callable[..., Any]:
    """The function that a task calls; its module or file is imported now.

    Raises:
        UsageError: no such file, module or function, or it cannot be imported.
    """
    if action.call is not None:
        return action.call
    where, _, name = action.function.rpartition(":")
    module = _module(where, action.folder)
    found: Any = module
    for part in name.split("."):
        try:
            found = getattr(found, part)
        except AttributeError:
            raise _no_function(where, name, found) from None
    if isinstance(found, Step):
        found = found.call
    if not callable(found):
        raise UsageError(f"{action.function} is no function", "name a function")
    function: Callable[..., Any] = found
    return function


def _module(where: str, folder: Path | None) -> ModuleType:
    try:
        if not where.endswith(".py"):
            return importlib.import_module(where)
        path = ((folder or Path()) / where).resolve()
        if not path.is_file():
            raise UsageError(
                f"the file {where} does not exist", f"put it there (looked for {path})"
            )
        return _loaded(path, path.stat().st_mtime_ns)
    except LaminaError:
        raise
    except BaseException as error:  # whatever a user's module does while it is imported
        if isinstance(error, KeyboardInterrupt):
            raise
        place = where_of(error).partition(" ")[0]
        raise UsageError(
            f"{where} cannot be imported: {cause_of(error)}{f' ({place})' if place else ''}",
            "mend it, or install what it imports",
        ) from error


_LOADING: list[Path] = []


def refuse_while_loading() -> None:
    """Raises UsageError while a worker reads a file for a task in it.

    A script without a guard would otherwise begin its run again in each of its own workers.
    """
    if _LOADING:
        raise UsageError(
            f"{_LOADING[-1].name} runs a workflow while one of its functions is looked up",
            "put the run under: if __name__ == '__main__':",
        )


@lru_cache(maxsize=256)
def _loaded(path: Path, changed: int) -> ModuleType:
    """A module from a file; its neighbours can be imported while it loads."""
    running = sys.modules.get("__main__")
    script = getattr(running, "__file__", None)
    if running is not None and script and Path(script).resolve() == path:
        return running
    name = f"{path.stem}_{sha256(f'{path}:{changed}'.encode()).hexdigest()[:12]}"
    spec = importlib.util.spec_from_file_location(name, path)
    if spec is None or spec.loader is None:
        raise UsageError(f"{path} is no Python file", "name a file that ends in .py")
    module = importlib.util.module_from_spec(spec)
    setattr(module, FILE, str(path))
    sys.modules[name] = module
    sys.path.insert(0, str(path.parent))
    _LOADING.append(path)
    try:
        spec.loader.exec_module(module)
    except BaseException:
        del sys.modules[name]
        raise
    finally:
        _LOADING.pop()
        sys.path.remove(str(path.parent))
    return module


def _no_function(where: str, name: str, holder: Any) -> UsageError:
    names = [n for n in dir(holder) if not n.startswith("_") and callable(getattr(holder, n))]
    near = get_close_matches(name, names, n=1)
    hint = f"did you mean {near[0]!r}? " if near else ""
    listed = ", ".join(names[:20]) or "none"
    return UsageError(f"{where} has no function {name!r}", f"{hint}it has: {listed}")
