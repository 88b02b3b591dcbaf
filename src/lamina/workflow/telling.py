"""What a running task may ask and tell: its folder for checkpoints, its live metrics."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping
from contextvars import ContextVar, Token
from pathlib import Path
from typing import Any


class Attempt(ABC):
    """The attempt that the calling code runs in; a worker makes one per attempt.

    Args:
        run: id of the run; empty outside of one.
        task: name of the unit: "sort", "count[3]", "inner/sort", "loop#2/step".
        number: of the attempt, from 1.
        threads: cores that the task was given, for libraries that must be told.
    """

    def __init__(self, run: str, task: str, number: int, threads: int) -> None:
        self.run = run
        self.task = task
        self.number = number
        self.threads = threads

    @abstractmethod
    def tell(self, values: Mapping[str, Any]) -> None:
        """Tells live metrics (plain values by name); never waits and never fails."""

    @abstractmethod
    def scratch(self) -> Path:
        """A folder that every attempt of this task finds again, resumed runs included."""

    def outlet(self, port: str) -> Callable[[Any], None] | None:
        """Where the items of a stream output go while the task runs; None where they cannot.

        Each call hands one item on, and waits while its readers are too far behind. Once it was
        asked for, the stream holds what went through it, and the port's returned value does not
        count. A task whose whole result is one stream yields its items instead.
        """
        del port
        return None


_CURRENT: ContextVar[Attempt | None] = ContextVar("attempt", default=None)


def current() -> Attempt | None:
    """The attempt that this code runs in; None outside of a run."""
    return _CURRENT.get()


def entered(attempt: Attempt | None) -> Token[Attempt | None]:
    """Makes an attempt the current one; give the token to `left`."""
    return _CURRENT.set(attempt)


def left(token: Token[Attempt | None]) -> None:
    """Undoes `entered`."""
    _CURRENT.reset(token)


def tell(**values: Any) -> None:
    """Tells live metrics of the task that calls: they reach `lamina status -w` and the records.

    Does nothing outside of a run.

    Args:
        values: plain values by name, say epoch=3, loss=0.25; lists of numbers for many at once.
    """
    attempt = _CURRENT.get()
    if attempt is not None:
        attempt.tell(values)
