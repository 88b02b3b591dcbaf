"""Ending a run from outside of its engine: other threads, signals, other processes."""

from __future__ import annotations

import json
import time
from collections import deque
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from uuid import uuid4

REQUESTS = "requests"
"""Folder in a run's that other processes put their wishes into."""

_EVERY = 0.05
"""Seconds between two looks at it."""


class Control:
    """Ends a run, or units of it. May be called from any thread, and from signal handlers."""

    def __init__(self) -> None:
        self._wishes: deque[str] = deque()
        self._killed = False
        self._wake: Callable[[], None] | None = None

    def cancel(self) -> None:
        """Starts nothing any more and ends what runs, cleanly."""
        self.cancel_task("")

    def cancel_task(self, name: str) -> None:
        """Ends one unit, or all units of a task; what reads them does not run."""
        self._wishes.append(name)
        self._ring()

    def kill(self) -> None:
        """Ends what runs at once and waits for nothing."""
        self._killed = True
        self._ring()

    @property
    def killed(self) -> bool:
        """Whether `kill` was called."""
        return self._killed

    def taken(self) -> list[str]:
        """The names that were to be cancelled since the last call; "" for the run."""
        found = []
        with suppress(IndexError):
            while True:
                found.append(self._wishes.popleft())
        return found

    def attach(self, wake: Callable[[], None] | None) -> None:
        """What makes a waiting engine look; None when it is over."""
        self._wake = wake

    def _ring(self) -> None:
        wake = self._wake
        if wake is not None:
            wake()


class Requests:
    """Wishes that other processes put into a run's folder.

    Args:
        folder: of the run.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder / REQUESTS
        self._next = 0.0
        self._seen = -1

    def forget(self) -> None:
        """Drops what is left of an earlier session."""
        for path in self._folder.glob("*.json"):
            with suppress(OSError):
                path.unlink()

    def taken(self) -> list[str]:
        """Names to be cancelled, "" for the run; a look at the folder now and then."""
        now = time.monotonic()
        if now < self._next:
            return []
        self._next = now + _EVERY
        try:
            changed = self._folder.stat().st_mtime_ns
        except OSError:
            return []
        if changed == self._seen:
            return []
        self._seen = changed
        return [name for path in sorted(self._folder.glob("*.json")) for name in _read(path)]


def request_cancel(folder: Path, name: str = "") -> None:
    """Asks the engine of a run, in whatever process, to cancel it or a unit of it.

    Args:
        folder: of the run.
        name: a unit or a task; empty for the whole run.
    """
    requests = folder / REQUESTS
    requests.mkdir(parents=True, exist_ok=True)
    path = requests / f"{uuid4().hex}.json"
    part = path.with_suffix(".part")
    part.write_text(json.dumps({"do": "cancel", "task": name}))
    part.rename(path)


def _read(path: Path) -> list[str]:
    """The names in a request, which is gone then; nothing for what is none."""
    try:
        wish = json.loads(path.read_text())
        path.unlink()
    except (OSError, ValueError):
        return []
    if not isinstance(wish, dict) or wish.get("do") != "cancel":
        return []
    return [str(wish.get("task", ""))]
