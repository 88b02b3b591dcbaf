"""Who waits for pods of services: a thread for each attempt, which tells what came of it."""

from __future__ import annotations

import threading
import time
from collections import deque
from collections.abc import Callable

from lamina.errors import LaminaError, reason_of
from lamina.execution.placed.lanes import Lane
from lamina.planning.placement.words import (
    Crashed,
    Deployed,
    Event,
    Probed,
    Uploaded,
    Warmed,
)


class Looks:
    """Looks for pods that are ready.

    Args:
        wake: is called from a thread once there is news.
    """

    def __init__(self, wake: Callable[[], None]) -> None:
        self._wake = wake
        self._news: deque[Event] = deque()
        self._over: dict[int, threading.Event] = {}

    def begin(self, number: int, lane: Lane) -> None:
        """Looks for a pod for an attempt; for 0, only how long it takes."""
        over = threading.Event()
        if number:
            self.end(number)
            self._over[number] = over
        name = f"lamina-look-{lane.runtime.name}"
        args = (number, lane, over)
        threading.Thread(target=self._look, args=args, name=name, daemon=True).start()

    def end(self, number: int) -> None:
        """Nobody wants the pod of an attempt any more."""
        over = self._over.pop(number, None)
        if over is not None:
            over.set()

    def close(self) -> None:
        """Nobody wants any."""
        for number in list(self._over):
            self.end(number)

    def taken(self) -> Event | None:
        """The next thing that was seen; None for nothing."""
        return self._news.popleft() if self._news else None

    def _look(self, number: int, lane: Lane, over: threading.Event) -> None:
        service, began = lane.service, time.monotonic()
        assert service is not None
        try:
            service.look(over)
            seconds: float | None = time.monotonic() - began
            trouble = ""
        except LaminaError as error:
            seconds, trouble = None, "; ".join(filter(None, (error.message, error.way_out)))
        except OSError as error:
            seconds, trouble = None, reason_of(error)
        if over.is_set():
            return
        if not number:
            self._news.append(Probed(lane.runtime.name, seconds))
        elif seconds is None:
            self._news.append(Crashed(number, trouble))
        else:
            if not lane.runtime.standby:
                self._news += [Uploaded(number, 0.0), Deployed(number, seconds)]
            self._news.append(Warmed(number, 0.0))
        self._wake()
