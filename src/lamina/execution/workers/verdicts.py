"""How an attempt ended, from what it raised: its own error, or one worth repeating it for."""

from __future__ import annotations

import errno
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from lamina.errors import ArtifactError, LostError, StagingError
from lamina.execution.failures import told

_FULL = (errno.ENOSPC, errno.EDQUOT)
_NO_MEMORY = ("OutOfMemoryError",)
"""Errors of libraries, by name: torch's for a full device."""


class Signalled(Exception):  # noqa: N818 - an ending, worded where it is raised
    """A program that a signal or its own mistake ended.

    Args:
        problem: one line without the last words, which the engine adds from the log.
        way_out: what to do.
        code: exit code, or minus the signal.
    """

    def __init__(self, problem: str, way_out: str, code: int | None = None) -> None:
        super().__init__(problem)
        self.problem = problem
        self.way_out = way_out
        self.code = code


@dataclass(frozen=True)
class Verdict:
    """The status of an attempt with what goes with it; see `lamina.execution.runtimes.base`."""

    status: str
    error: Mapping[str, Any] = field(default_factory=dict)
    exit: int | None = None
    notices: Sequence[tuple[str, str]] = ()


def judged(error: BaseException, phase: str) -> Verdict:
    """The verdict on an attempt that raised something.

    Args:
        error: what it raised.
        phase: stage_in, run or stage_out; empty before them.
    """
    if isinstance(error, Signalled):
        return _of_program(error)
    entry = told(error)
    if isinstance(error, ArtifactError) and error.digest and phase == "stage_in":
        return Verdict("lost", entry, notices=[("artifact damaged", error.digest)])
    if isinstance(error, StagingError):
        return Verdict("lost", entry, notices=[("staging failed", error.message)])
    if isinstance(error, LostError):
        return Verdict("lost", entry)
    if _lacks_memory(error):
        return Verdict("memory", entry)
    cause = error.__cause__ if isinstance(error, ArtifactError) else error
    if isinstance(cause, OSError) and cause.errno in _FULL:
        # Keeping values is our part, and space may be made; in the task's own code it decides.
        status = "failed" if phase == "run" else "lost"
        return Verdict(status, entry, notices=[("disk full", str(error))])
    if isinstance(error, KeyboardInterrupt):
        return Verdict("lost", {**entry, "cause": "it was interrupted"})
    return Verdict("failed", entry)


def _lacks_memory(error: BaseException) -> bool:
    if isinstance(error, MemoryError):
        return True
    if isinstance(error, OSError) and error.errno == errno.ENOMEM:
        return True
    return type(error).__name__ in _NO_MEMORY


def _of_program(error: Signalled) -> Verdict:
    entry = {"cause": error.problem, "way_out": error.way_out, "kind": "CommandFailed"}
    # Nothing ends itself by SIGKILL: somebody else did, as one would a worker.
    return Verdict("lost" if error.code == -9 else "failed", entry, error.code)
