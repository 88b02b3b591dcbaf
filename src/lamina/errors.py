"""Every error a user can meet, as one tree; each says what is wrong and the way out.

LaminaError
├── UsageError            a command or call that cannot be understood
├── UnknownNameError      a name that no table knows
│   └── UnknownOutputError    an output that a run does not have; a KeyError too
├── MissingExtraError     a library that is not installed
├── WorkflowError         a workflow that is not valid (all its mistakes at once)
├── DocumentError         a document that cannot be read
├── NetworkError          a network whose layers do not fit (all mistakes at once)
├── ConversionError       something that has no counterpart on the other side
├── DataError             a table, column, label or source that cannot be used
│   ├── ChecksumError     bytes that are not the ones that were promised
│   └── TraceError        a trace that cannot be read: file, line and reason
├── PlanError             a problem, resource or schedule that is not valid
├── InfeasibleError       a deadline or budget that no plan can meet; says the least one
├── SettingsError         training settings that contradict each other or the data
├── TrainingError         training that started and could not go on
│   └── DivergedError     a loss that is not a number
├── CheckpointError       a checkpoint that is damaged or belongs to another training
├── BundleError           a model file that is damaged, foreign, or does not fit the data
├── ArtifactError         a kept value that is damaged, missing, or cannot be kept
├── StagingError          a file that could not be brought from or to its place
├── LostError             what did the work that went away: it may be done again
├── StoreError            the record of runs that cannot be read or written
│   └── RunBusyError      a run that another engine drives
├── TaskFailedError       a task of a run that failed, with its cause
└── RunCancelledError     a run that somebody ended
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from difflib import get_close_matches
from importlib import import_module
from typing import Any


class LaminaError(Exception):
    """Base of all errors that a user can cause and can mend.

    Args:
        message: what is wrong, naming the thing and the value.
        way_out: what to do about it; shown on a line of its own.
    """

    exit_code = 2

    def __init__(self, message: str, way_out: str = "") -> None:
        super().__init__(message)
        self.message = message
        self.way_out = way_out

    def __str__(self) -> str:
        return f"{self.message}\n  way out: {self.way_out}" if self.way_out else self.message

    def _render_traceback_(self) -> list[str]:
        """How IPython and notebooks show it, who look for this method."""
        lines: list[str] = import_module("lamina.workspace.cells").rendered(self)
        return lines

    def __reduce__(self) -> Any:
        # A pool of processes hands errors on; what belongs to this process stays here.
        state = {name: value for name, value in vars(self).items() if name != "run"}
        return _again, (type(self), self.args, state)


def _again(kind: type[LaminaError], args: tuple[Any, ...], state: dict[str, Any]) -> LaminaError:
    error = kind.__new__(kind, *args)
    error.args = args
    error.__dict__.update(state)
    return error


class ManyMistakesError(LaminaError):
    """An error that carries all mistakes found, not only the first."""

    def __init__(self, subject: str, mistakes: Sequence[str], way_out: str = "") -> None:
        count = len(mistakes)
        head = f"{subject}: {count} mistake{'s' if count != 1 else ''}"
        super().__init__("\n".join([head, *(f"  - {m}" for m in mistakes)]), way_out)
        self.mistakes = tuple(mistakes)


class UsageError(LaminaError):
    """A command or a call that cannot be understood."""


class UnknownNameError(LaminaError):
    """A name that no table knows; carries the known names."""

    def __init__(self, what: str, name: str, known: Iterable[str]) -> None:
        self.known = tuple(sorted(known))
        near = get_close_matches(name, self.known, n=1)
        hint = f"did you mean {near[0]!r}? " if near else ""
        super().__init__(
            f"unknown {what} {name!r}", f"{hint}known: {', '.join(self.known) or 'none'}"
        )


class UnknownOutputError(UnknownNameError, KeyError):
    """An output that a run does not have; carries those that it has."""


class MissingExtraError(LaminaError):
    """A library that is asked for and not installed."""

    def __init__(self, library: str, extra: str, purpose: str) -> None:
        super().__init__(
            f"{purpose} needs {library}, which is not installed",
            f"pip install 'lamina[{extra}]'",
        )


class WorkflowError(ManyMistakesError):
    """A workflow that is not valid."""


class DocumentError(ManyMistakesError):
    """A document that cannot be read."""


class NetworkError(ManyMistakesError):
    """A network whose layers do not fit together."""


class ConversionError(ManyMistakesError):
    """Something that has no counterpart in the other representation."""


class DataError(LaminaError):
    """A table, column, label or source that cannot be used as asked."""


class ChecksumError(DataError):
    """Bytes that are not the ones that were promised."""


def reason_of(error: Exception) -> str:
    """Why something could not be read, in words: no error numbers, and the file is not repeated."""
    if isinstance(error, UnicodeDecodeError):
        return f"it is no text in UTF-8 (byte {error.start})"
    return getattr(error, "strerror", None) or str(error) or type(error).__name__


def unreadable(file: object, error: Exception, way_out: str, what: str = "") -> DataError:
    """The error of a file that cannot be read.

    Args:
        file: its path.
        error: what was raised.
        way_out: which file is wanted.
        what: it should be, in a word or two.
    """
    told = f"{what} {str(file)!r}".strip()
    return DataError(f"{told} cannot be read: {reason_of(error)}", way_out)


class TraceError(DataError):
    """A trace that cannot be read, or not to its end.

    Args:
        file: as the user named it; a member of an archive follows after a colon.
        reason: what is wrong there.
        line: from 1; 0 where no line can be told.
        way_out: as in `LaminaError`.
    """

    def __init__(self, file: str, reason: str, line: int = 0, way_out: str = "") -> None:
        super().__init__(f"{file}{f', line {line}' if line else ''}: {reason}", way_out)
        self.file = file
        self.line = line
        self.reason = reason


class PlanError(ManyMistakesError):
    """A planning problem, a resource or a schedule that is not valid."""


class InfeasibleError(LaminaError):
    """A deadline or a budget that a planner cannot meet; `least` is the least that it can."""

    exit_code = 1

    def __init__(self, message: str, way_out: str = "", least: float = 0.0) -> None:
        super().__init__(message, way_out)
        self.least = least


class SettingsError(ManyMistakesError):
    """Training settings that contradict each other or the data."""


class TrainingError(LaminaError):
    """Training that started and could not go on."""

    exit_code = 1


class DivergedError(TrainingError):
    """A loss that is not a number any more."""


class CheckpointError(LaminaError):
    """A checkpoint that is damaged or belongs to another training."""


class BundleError(LaminaError):
    """A model file that is damaged, foreign, or does not fit the data."""


class TaskFailedError(LaminaError):
    """A task of a run that failed; `__cause__` holds the original exception.

    `details` holds the user's own part of the traceback, or the last lines of a command; `run`
    the run, if it was begun from Python.
    """

    exit_code = 1
    run: Any = None

    def __init__(self, task: str, cause: str, way_out: str = "", details: str = "") -> None:
        super().__init__(f"task {task!r} failed: {cause}", way_out)
        self.task = task
        self.cause = cause
        self.details = details


class ArtifactError(LaminaError):
    """A kept value that is damaged, missing, or cannot be kept; `digest` says which."""

    exit_code = 1

    def __init__(self, message: str, way_out: str = "", digest: str = "") -> None:
        super().__init__(message, way_out)
        self.digest = digest


class StagingError(LaminaError):
    """A file that could not be brought from or to its place."""

    exit_code = 1


class LostError(LaminaError):
    """What did some work went away; the work may be done again."""


class StoreError(LaminaError):
    """The record of runs cannot be read or written."""

    exit_code = 1


class RunBusyError(StoreError):
    """A run that another engine drives."""


class RunCancelledError(LaminaError):
    """A run that somebody ended before its end.

    Args:
        message, way_out: as in `LaminaError`.
        signal: number of the signal that ended it; the exit code is 128 more, 130 without one.
    """

    exit_code = 130

    def __init__(self, message: str, way_out: str = "", signal: int = 0) -> None:
        super().__init__(message, way_out)
        if signal:
            self.exit_code = 128 + signal
