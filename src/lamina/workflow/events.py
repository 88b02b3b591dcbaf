"""The words of a run: small frozen values that a run tells whoever listens."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass


@dataclass(frozen=True)
class Event:
    """Something that happened in a run.

    Args:
        time: seconds since the run began.
    """

    time: float


@dataclass(frozen=True)
class RunStarted(Event):
    """The run begins. tasks: how many it has, without those inside sub-workflows."""

    workflow: str
    tasks: int


@dataclass(frozen=True)
class TaskStarted(Event):
    """A task begins: "sort", "count[3]" in a scatter, "inner/sort" in a sub-workflow."""

    task: str


@dataclass(frozen=True)
class TaskFinished(Event):
    """A task ended well. seconds: how long it took."""

    task: str
    seconds: float


@dataclass(frozen=True)
class TaskFailed(Event):
    """A task ended with an error. cause: one line."""

    task: str
    seconds: float
    cause: str


@dataclass(frozen=True)
class TaskCancelled(Event):
    """A task was stopped, or its result dropped, because the run ended."""

    task: str
    seconds: float


@dataclass(frozen=True)
class RunFinished(Event):
    """The run is over. status: "succeeded", "failed" or "cancelled"."""

    status: str


Listener = Callable[[Event], None]
"""What a run calls for each event, one at a time, from the thread that called it."""
