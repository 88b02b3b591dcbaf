"""The attempt as the running code sees it: live metrics that never flood, a folder to keep."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from lamina.workflow.telling import Attempt

_PAUSE = 0.05
"""Seconds between two messages; what is told meanwhile travels together."""

_MOST = 1000
"""Values per name in one message; of more that were told one by one, every second one is left out,
again and again. Of lists nothing is left out: they go in messages of their own."""

_LONGEST = 1000
"""Characters of a text."""


class WorkerAttempt(Attempt):
    """Sends what is told, at most some twenty times a second.

    Args:
        job: the engine's message: run, name, attempt, threads, scratch folder.
        send: takes {name: values} and never waits long.
        outlet: gives what takes the items of a stream output.
    """

    def __init__(
        self,
        job: Mapping[str, Any],
        send: Callable[[dict[str, Any]], None],
        outlet: Callable[[str], Callable[[Any], None] | None],
    ) -> None:
        super().__init__(job["run"], job["name"], job["attempt"], job["threads"])
        self._send = send
        self._outlet = outlet
        self._scratch = str(job["scratch"])
        self._lock = threading.Lock()
        self._waiting: dict[frozenset[str], _Moments] = {}
        self._sent = 0.0
        self._timer: threading.Timer | None = None
        self._over = False

    def tell(self, values: Mapping[str, Any]) -> None:
        """Sends the values now, or with the next ones where the last were sent just now."""
        plain = {str(name): _plain(value) for name, value in values.items()}
        with self._lock:
            if self._over or not plain:
                return
            names = frozenset(plain)
            waiting = self._waiting.get(names)
            if waiting is not None and not waiting.has_room(plain):
                self._flush()
            self._waiting.setdefault(names, _Moments()).add(plain)
            if time.monotonic() - self._sent >= _PAUSE:
                self._flush()
            elif self._timer is None:
                self._timer = threading.Timer(_PAUSE, self._later)
                self._timer.daemon = True
                self._timer.start()

    def scratch(self) -> Path:
        """The unit's folder, which all its attempts share."""
        folder = Path(self._scratch)
        folder.mkdir(parents=True, exist_ok=True)
        return folder

    def outlet(self, port: str) -> Callable[[Any], None] | None:
        """Where the items of a stream output go while the task runs."""
        return self._outlet(port)

    def end(self) -> None:
        """Sends what is left; nothing is sent afterwards."""
        with self._lock:
            self._over = True
            self._flush()

    def _later(self) -> None:
        with self._lock:
            if not self._over:
                self._flush()

    def _flush(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        if self._waiting:
            waiting, self._waiting = self._waiting, {}
            self._sent = time.monotonic()
            for moments in waiting.values():
                self._send(moments.together())


class _Moments:
    """Tellings of the same names, name by name; the values at one place were told together."""

    def __init__(self) -> None:
        self._first: Mapping[str, Any] = {}
        self._tellings = 0
        self._values: dict[str, list[Any]] = {}

    def has_room(self, plain: Mapping[str, Any]) -> bool:
        """Whether lists fit in; there is always room for what is told one by one."""
        waiting = max(map(len, self._values.values()), default=0)
        return not _lists(plain) or waiting + _length(plain) <= _MOST

    def add(self, plain: Mapping[str, Any]) -> None:
        """Takes a telling; what stands beside lists holds for each of their places."""
        if not self._tellings:
            self._first = plain
        self._tellings += 1
        length = _length(plain)
        for name, value in plain.items():
            listed = value if isinstance(value, list) else [value] * length
            found = self._values.setdefault(name, [])
            found += listed + [None] * (length - len(listed))
            while len(found) > _MOST:
                del found[-2::-2]  # from the last but one: the newest value stays

    def together(self) -> dict[str, Any]:
        """All of them as one message."""
        return dict(self._first) if self._tellings == 1 else self._values


def _lists(plain: Mapping[str, Any]) -> list[list[Any]]:
    return [value for value in plain.values() if isinstance(value, list)]


def _length(plain: Mapping[str, Any]) -> int:
    """Moments that are told at once."""
    return max(map(len, _lists(plain)), default=1)


def _plain(value: Any) -> Any:
    """The value as JSON can hold it; never fails."""
    if value is None or isinstance(value, (bool, int, float)):
        return value
    if isinstance(value, str):
        return value[:_LONGEST]
    if isinstance(value, (list, tuple)):
        return [_plain(item) for item in value[-_MOST:]]
    if isinstance(value, Mapping):
        return {str(key): _plain(item) for key, item in list(value.items())[:_MOST]}
    try:
        item = getattr(value, "tolist", None) or value.item
        found = item()
        return _plain(found) if type(found) is not type(value) else str(value)[:_LONGEST]
    except Exception:  # whatever it is, telling must not fail the task
        return f"a {type(value).__name__}"
