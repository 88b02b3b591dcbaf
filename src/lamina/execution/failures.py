"""What a failed task tells: one line of cause, a way out, and the user's part of the traceback."""

from __future__ import annotations

import ast
import builtins
import sys
import sysconfig
import traceback
from collections.abc import Mapping
from pathlib import Path
from types import TracebackType
from typing import Any

import lamina
from lamina.errors import LaminaError, TaskFailedError
from lamina.workflow.actions.python import FILE

LONGEST = 2000
"""Characters of a cause."""

MOST = 40_000
"""Characters of details, half of them from the beginning and half from the end."""

_OURS = str(Path(lamina.__file__).parent)
_PYTHONS = sysconfig.get_path("stdlib")
_IMPORTS = "<frozen importlib"


class CommandFailed(Exception):  # noqa: N818 - worded into TaskFailedError, never met by a user
    """A program that did not do what it should; carries its last lines."""

    def __init__(self, problem: str, details: str, way_out: str) -> None:
        super().__init__(problem)
        self.details = details
        self.way_out = way_out


def failure(task: str, error: BaseException) -> TaskFailedError:
    """The error of a run whose task raised `error`."""
    found = failure_told(task, told(error))
    found.__cause__ = error
    return found


def failure_told(task: str, entry: Mapping[str, Any]) -> TaskFailedError:
    """The error of a run whose task failed in another process, from what was told of it."""
    return TaskFailedError(
        task,
        entry.get("cause", "it failed"),
        entry.get("way_out", ""),
        entry.get("details") or "\n".join(entry.get("last", ())),
    )


def failure_of(
    task: str, entry: Mapping[str, Any], exception: BaseException | None = None
) -> TaskFailedError:
    """The error of a run whose task failed, wherever it ran.

    Args:
        task: name of the unit.
        entry: as in `lamina.workflow.log.AttemptEnded`.
        exception: what it raised, if that was in this process; else one of the same built-in
            class with the same text becomes the cause, where there is such a class.
    """
    found = failure_told(task, entry)
    found.__cause__ = exception if exception is not None else _rebuilt(entry)
    return found


def _rebuilt(entry: Mapping[str, Any]) -> BaseException | None:
    kind = getattr(builtins, str(entry.get("kind", "")), None)
    if not (isinstance(kind, type) and issubclass(kind, BaseException)):
        return None
    text = str(entry.get("cause", "")).removeprefix(f"{kind.__name__}: ")
    try:
        return kind(_keyed(text)) if issubclass(kind, KeyError) else kind(text)
    except TypeError:  # a class that takes more than a text, such as UnicodeDecodeError
        return None


def _keyed(text: str) -> Any:
    """The key that a KeyError told in its Python form; the text, where it is none of Python's."""
    try:
        return ast.literal_eval(text)
    except (ValueError, SyntaxError, MemoryError, RecursionError):
        return text


def told(error: BaseException) -> dict[str, Any]:
    """An error as plain texts: its cause in one line, details, the way out, its kind.

    A message may be of any length; what is told is not.
    """
    kind = type(error).__name__
    if isinstance(error, CommandFailed):
        cause, details, way_out = str(error), error.details, error.way_out
    elif isinstance(error, LaminaError):
        cause, details, way_out = error.message, _details(error), error.way_out
    else:
        where = where_of(error)
        cause = cause_of(error)
        way_out = f"look at {where}, and run it again" if where else "look at its inputs"
        details = _trimmed(error)
    return {
        "cause": _shortened(cause, LONGEST),
        "details": _shortened(details, MOST),
        "way_out": way_out,
        "kind": kind,
    }


def cause_of(error: BaseException) -> str:
    """The class and the first line of what an error says."""
    try:
        # The place of a mistake in the syntax, and its line, come before, and are indented.
        parts = [p for p in traceback.format_exception_only(error) if not p.startswith(" ")]
        first, *more = parts[0].strip().splitlines()
    except Exception:  # an error of the user's whose own text cannot be made
        return type(error).__name__
    if first.rstrip().endswith(":") and more:
        first = f"{first.rstrip()} {more[0].strip()}"
    return first.replace(*_names(error))


def where_of(error: BaseException) -> str:
    """The last place in the user's own files: "words.py:12 in count"."""
    own = [f for f in traceback.extract_tb(error.__traceback__) if _is_own(f.filename)]
    if not own:
        return ""
    return f"{Path(own[-1].filename).name}:{own[-1].lineno} in {own[-1].name}"


def _is_own(file: str) -> bool:
    """Whether a file is neither ours nor Python's nor an installed package's."""
    if file.startswith((_OURS, "<")) or "site-packages" in file:
        return False
    return not file.startswith(_PYTHONS)


def _shortened(text: str, most: int) -> str:
    if len(text) <= most:
        return text
    half = most // 2
    left_out = len(text) - 2 * half
    return f"{text[:half]} ... {left_out:,} characters are left out ... {text[-half:]}"


def _names(error: BaseException) -> tuple[str, str]:
    """How Python calls an error's class of a file that a task names, and how people do."""
    module = sys.modules.get(type(error).__module__)
    file = getattr(module, FILE, "")
    if module is None or not file:
        return "", ""
    return f"{module.__name__}.", f"{Path(file).stem}."


def _users_part(trace: TracebackType | None) -> TracebackType | None:
    """The traceback from the first frame on that is neither ours nor of an import."""
    while trace is not None and trace.tb_frame.f_code.co_filename.startswith((_OURS, _IMPORTS)):
        trace = trace.tb_next
    return trace


def _details(error: LaminaError) -> str:
    """The user's part of the traceback of ours, or of what it was made of.

    Nothing where none of the user's code took part: what we do in threads, say, is our own.
    """
    if where_of(error):
        return _trimmed(error)
    cause = error.__cause__
    return _trimmed(cause) if cause is not None and where_of(cause) else ""


def _trimmed(error: BaseException) -> str:
    trace = _users_part(error.__traceback__)
    if trace is None:
        return ""
    found = traceback.TracebackException(type(error), error, trace)
    part: traceback.TracebackException | None = found
    while part is not None:
        frames = [frame for frame in part.stack if not frame.filename.startswith(_IMPORTS)]
        part.stack = traceback.StackSummary.from_list(frames)
        part = part.__cause__ or part.__context__
    return "".join(found.format()).rstrip().replace(*_names(error))
