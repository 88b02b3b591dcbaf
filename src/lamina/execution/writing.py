"""Events on their way to the record: in batches, and again when the record refuses for a while."""

from __future__ import annotations

import time
from collections.abc import Callable

from lamina.errors import LaminaError, StoreError
from lamina.workflow.log import Event, Noticed, Sink

PATIENCE = 10.0
"""Seconds that a record may refuse before the run ends."""

_PAUSES = (0.02, 0.05, 0.1, 0.2, 0.5)


class Writer:
    """Hands events on; what it returns from is written.

    Args:
        sink: keeps a batch, all of it or nothing.
        now: the run's clock.
        given_up: whether nobody wants to wait any more.
    """

    def __init__(self, sink: Sink, now: Callable[[], float], given_up: Callable[[], bool]) -> None:
        self._sink = sink
        self._now = now
        self._given_up = given_up

    def write(self, events: list[Event]) -> None:
        """Writes a batch, and says in it what went wrong before it could be written.

        Raises:
            StoreError: the record refused for PATIENCE seconds.
        """
        if not events:
            return
        began, tries = time.monotonic(), 0
        batch = events
        while True:
            try:
                self._sink(batch)
                return
            except (LaminaError, OSError) as error:
                waited = time.monotonic() - began
                if waited > PATIENCE or self._given_up():
                    raise _refused(error) from error
                problem = " ".join(str(error).split())
            time.sleep(_PAUSES[min(tries, len(_PAUSES) - 1)])
            tries += 1
            what = "disk full" if _is_full(problem) else "record refused"
            text = f"the record could not be written and then could: {problem:.300}"
            batch = [*events, Noticed(self._now(), what, "", text)]


def _refused(error: Exception) -> StoreError:
    if isinstance(error, StoreError):
        return error
    text = error.message if isinstance(error, LaminaError) else str(error)
    return StoreError(
        f"the record of the run cannot be written: {text}",
        "make room and check the rights of the folder, then: lamina resume",
    )


def _is_full(problem: str) -> bool:
    return "No space left" in problem or "full" in problem
