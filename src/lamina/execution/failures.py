"""What a failed task tells: one line of cause, a way out, and the user's part of the traceback."""

from __future__ import annotations

import traceback
from pathlib import Path
from types import TracebackType

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
    if isinstance(error, CommandFailed):
        found = TaskFailedError(task, str(error), error.way_out, error.details)
    elif isinstance(error, LaminaError):
        found = TaskFailedError(task, error.message, error.way_out, _trimmed(error))
    else:
        where = _where(error)
        cause = "".join(traceback.format_exception_only(error)).strip().splitlines()[-1]
        way_out = f"look at {where}, and run it again" if where else "look at its inputs"
        found = TaskFailedError(task, cause, way_out, _trimmed(error))
    found.__cause__ = error
    return found


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
