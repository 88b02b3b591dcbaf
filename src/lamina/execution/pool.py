"""Threads that run the units of a run and never keep the process alive."""

from __future__ import annotations

import threading
from collections.abc import Callable
from queue import SimpleQueue
from typing import Generic, NamedTuple, TypeVar

T = TypeVar("T")
V = TypeVar("V")


class Result(NamedTuple, Generic[T, V]):
    """How one piece of work ended: with a value or with an error."""

    work: T
    value: V | None
    error: BaseException | None


class Pool(Generic[T, V]):
    """Daemon threads, up to a number.

    A function that never ends cannot be stopped in Python; daemon threads at least let the
    program end without it.

    Args:
        threads: how many pieces of work run at once.
        do: what is done with each piece.
    """

    def __init__(self, threads: int, do: Callable[[T], V]) -> None:
        self._do = do
        self._waiting: SimpleQueue[T | None] = SimpleQueue()
        self.done: SimpleQueue[Result[T, V]] = SimpleQueue()
        self._most = threads
        self._started = 0

    def submit(self, work: T) -> None:
        """Hands a piece of work to the next free thread; threads start as work comes in."""
        if self._started < self._most:
            name = f"lamina-{self._started}"
            threading.Thread(target=self._work, name=name, daemon=True).start()
            self._started += 1
        self._waiting.put(work)

    def close(self) -> None:
        """Lets the threads end after what they do now."""
        for _ in range(self._started):
            self._waiting.put(None)

    def _work(self) -> None:
        while (work := self._waiting.get()) is not None:
            try:
                self.done.put(Result(work, self._do(work), None))
            except BaseException as error:  # a user's sys.exit() too must reach the run
                self.done.put(Result(work, None, error))
