"""Waiting for many sockets and pipes at once, until one of them has something or somebody wakes."""

from __future__ import annotations

import selectors
import socket
from collections.abc import Callable
from contextlib import suppress
from typing import Any


class Listener:
    """Calls what belongs to a socket or pipe when there is something to read; in one thread."""

    def __init__(self) -> None:
        self._selector = selectors.DefaultSelector()
        self._wake, self._woken = socket.socketpair()
        self._wake.setblocking(False)
        self._woken.setblocking(False)
        self.add(self._wake, self._awake)

    def add(self, source: Any, then: Callable[..., None]) -> None:
        """Listens to a source, from now on."""
        self._selector.register(source, selectors.EVENT_READ, [then])

    def remove(self, source: Any) -> None:
        """Listens to a source no more; one that it never listened to is all right."""
        with suppress(KeyError, ValueError):
            self._selector.unregister(source).data.clear()

    def wait(self, timeout: float) -> None:
        """Waits for the first source that has something, and calls what belongs to each."""
        for key, _ in self._selector.select(timeout):
            for then in list(key.data):  # empty for one that another has removed just now
                then()

    def wake(self) -> None:
        """Makes a `wait` return, from any thread."""
        with suppress(OSError):
            self._woken.send(b"w")

    def _awake(self) -> None:
        with suppress(BlockingIOError):
            self._wake.recv(4096)

    def close(self) -> None:
        """Listens to nothing any more."""
        self._selector.close()
        self._wake.close()
        self._woken.close()
