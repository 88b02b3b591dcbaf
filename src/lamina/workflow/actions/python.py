"""A Python function as a task."""

from __future__ import annotations

import inspect
import sys
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, ClassVar

from lamina.errors import UsageError
from lamina.workflow.actions.base import Action, Place
from lamina.workflow.ports import Signature
from lamina.workflow.signature import signature_of
from lamina.workflow.source import signature_in_source

FILE = "__lamina_file__"
"""Attribute of modules that were loaded from a file, by a name that no other process knows."""


@dataclass(frozen=True)
class PythonAction(Action):
    """Calls a Python function.

    Args:
        function: "module:name", or "file.py:name" relative to `folder`.
        folder: what a relative file is relative to; the current folder when None.
        call: the function itself, where it is at hand; never written to documents.
    """

    function: str
    folder: Path | None = field(default=None, compare=False)
    call: Callable[..., Any] | None = field(default=None, compare=False, repr=False)
    kind: ClassVar[str] = "python"

    @classmethod
    def of(cls, call: Callable[..., Any]) -> PythonAction:
        """The action of a function at hand; functions of a script are named by its file."""
        module = getattr(call, "__module__", None) or "?"
        name = getattr(call, "__qualname__", None) or type(call).__qualname__
        home = sys.modules.get(module)
        script = getattr(home, "__file__" if module == "__main__" else FILE, None)
        if script and (module != "__main__" or _stands_in(call, script)):
            path = Path(script).resolve()
            return cls(f"{path.name}:{name}", path.parent, call)
        return cls(f"{module}:{name}", None, call)

    def signature(self) -> Signature:
        """Ports from the annotations; a function that is not at hand is read, never imported."""
        if self.call is not None:
            return signature_of(self.call)
        return signature_in_source(self.function, self.folder)

    @property
    def nameless(self) -> bool:
        """Whether no other process can find the function by its name."""
        return "<" in self.function or self.function.startswith(("__main__:", "?:"))

    def to_document(self) -> dict[str, Any]:
        """Raises UsageError for a function that has no name to find it by."""
        if self.nameless:
            raise UsageError(
                f"the function {self.function} exists only in this process",
                "define it at the top level of a module or of a file beside the document",
            )
        return {"do": "python", "function": self.function}

    @classmethod
    def from_document(cls, entry: dict[str, Any], place: Place) -> PythonAction:
        """Keeps the folder of the document for functions in files beside it."""
        return cls(entry["function"], place.folder)

    def summary(self) -> str:
        """The function's name."""
        return f"{self.function.rpartition(':')[2].rpartition('<locals>.')[2]}()"


def _stands_in(call: Callable[..., Any], script: str) -> bool:
    """Whether a function of `__main__` is one of this script, not one that travelled here."""
    code = getattr(inspect.unwrap(call), "__code__", None)
    return code is None or Path(code.co_filename).resolve() == Path(script).resolve()
