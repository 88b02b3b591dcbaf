"""What a failed task tells: one line of cause, a way out, and the user's part of the traceback."""

from __future__ import annotations

import builtins
import traceback
from collections.abc import Mapping
from pathlib import Path
from types import TracebackType
from typing import Any

import lamina
from lamina.errors import LaminaError, TaskFailedError

_OURS = str(Path(lamina.__file__).parent)


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
        return kind(text)
    except TypeError:  # a class that takes more than a text, such as UnicodeDecodeError
        return None


def told(error: BaseException) -> dict[str, Any]:
    """An error as plain texts: its cause in one line, details, the way out, its kind."""
    kind = type(error).__name__
    if isinstance(error, CommandFailed):
        cause, details, way_out = str(error), error.details, error.way_out
    elif isinstance(error, LaminaError):
        cause, details, way_out = error.message, _trimmed(error), error.way_out
    else:
        where = _where(error)
        cause = _cause(error)
        way_out = f"look at {where}, and run it again" if where else "look at its inputs"
        details = _trimmed(error)
    return {"cause": cause, "details": details, "way_out": way_out, "kind": kind}


def _cause(error: BaseException) -> str:
    try:
        return "".join(traceback.format_exception_only(error)).strip().splitlines()[-1]
    except Exception:  # an error of the user's whose own text cannot be made
        return type(error).__name__


def _users_part(trace: TracebackType | None) -> TracebackType | None:
    """The traceback from the first frame on that is not ours."""
    while trace is not None and trace.tb_frame.f_code.co_filename.startswith(_OURS):
        trace = trace.tb_next
    return trace


def _trimmed(error: BaseException) -> str:
    trace = _users_part(error.__traceback__)
    if trace is None:
        return ""
    return "".join(traceback.format_exception(type(error), error, trace)).rstrip()


def _where(error: BaseException) -> str:
    """The last place in the user's own files: "words.py:12 in count"."""
    frames = traceback.extract_tb(_users_part(error.__traceback__))
    own = [f for f in frames if "site-packages" not in f.filename and "<" not in f.filename]
    if not own:
        return ""
    return f"{Path(own[-1].filename).name}:{own[-1].lineno} in {own[-1].name}"
