"""Ctrl-C during a run: the first cancels cleanly, the second kills; SIGTERM and SIGHUP cancel."""

from __future__ import annotations

import signal
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from types import FrameType
from typing import Any, Protocol

Say = Callable[[str], None]

_CLEAN = tuple(
    getattr(signal, name) for name in ("SIGINT", "SIGTERM", "SIGHUP") if hasattr(signal, name)
)


class Ended(Protocol):
    """What can be cancelled and killed, from a signal handler too."""

    def cancel(self) -> None:
        """Starts nothing more and ends what runs."""

    def kill(self) -> None:
        """Ends everything at once."""


@contextmanager
def interruptible(control: Ended, say: Say | None) -> Iterator[list[int]]:
    """Hands signals to a run while it lasts; nothing outside of the main thread.

    Yields:
        the numbers of the signals that came.
    """
    asked: list[int] = []
    if threading.current_thread() is not threading.main_thread():
        yield asked
        return

    def handle(number: int, frame: FrameType | None) -> None:
        del frame
        asked.append(number)
        if len(asked) == 1:
            control.cancel()
            if say is not None:
                say("cancelling: what runs is being ended (once more to kill)")
        else:
            control.kill()

    before: dict[int, Any] = {number: signal.signal(number, handle) for number in _CLEAN}
    try:
        yield asked
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
