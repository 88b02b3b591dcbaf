"""What a pod serves of workflows: one function, and which code that is."""

from __future__ import annotations

import json
from hashlib import sha256
from pathlib import Path

from lamina.workflow.actions.base import Action
from lamina.workflow.actions.python import PythonAction


def function_told(action: Action) -> str:
    """The function of an action by a name that is the same wherever it is told; empty for none.

    A file stands there with its whole path, a module by its name.
    """
    if not isinstance(action, PythonAction) or action.nameless:
        return ""
    return resolved(action.function, action.folder)


def resolved(function: str, folder: Path | None) -> str:
    """ "file.py:name" with the whole path of the file; "module:name" as it is."""
    where, _, name = function.rpartition(":")
    if not where.endswith(".py"):
        return function
    return f"{((folder or Path()) / where).resolve()}:{name}"


def code_of(function: str, folder: Path | None) -> str:
    """A digest of a function's text and of all of the project that it uses; nothing is imported.

    Raises:
        UsageError: no such file, module or function.
    """
    from lamina.execution.cache.code import Analysis

    found = Analysis(folder).function(function, folder)
    text = json.dumps(found.names, sort_keys=True)
    return sha256(text.encode("utf-8")).hexdigest()[:20]
