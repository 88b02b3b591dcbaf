"""A link that can be cut: it passes bytes on, until it does not any more and says nothing."""

from __future__ import annotations

import select
import socket
import threading
from contextlib import suppress
from urllib.parse import urlsplit


class Link:
    """Passes connections on to a pod.

    Args:
        address: of the pod: "http://127.0.0.1:8000".
    """

    def __init__(self, address: str) -> None:
        parts = urlsplit(address)
        self._behind = (parts.hostname or "127.0.0.1", parts.port or 80)
        self._door = socket.create_server(("127.0.0.1", 0))
        self.address = f"http://127.0.0.1:{self._door.getsockname()[1]}"
        self._lost = 0
        self._silent = threading.Event()
        self._closed = threading.Event()
        threading.Thread(target=self._serve, daemon=True).start()

    def cut(self) -> None:
        """From now on nothing comes through; connections stay open, as with a cable that is cut."""
        self._silent.set()

    def drop_next(self, answers: int) -> None:
        """The next answers are lost: connections end instead, as those who asked see it."""
        self._lost = answers

    def close(self) -> None:
        """Ends it, and what goes through it."""
        self._closed.set()
        with suppress(OSError):
            self._door.shutdown(socket.SHUT_RDWR)
        self._door.close()

    def _serve(self) -> None:
        with suppress(OSError):
            while True:
                near, _ = self._door.accept()
                near.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
                threading.Thread(target=self._pass, args=(near,), daemon=True).start()

    def _pass(self, near: socket.socket) -> None:
        with near, suppress(OSError), socket.create_connection(self._behind) as far:
            far.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            other = {near: far, far: near}
            while not self._closed.is_set():
                for ready in select.select([near, far], [], [], 0.2)[0]:
                    if self._silent.is_set():
                        self._closed.wait()
                        return
                    data = ready.recv(65536)
                    if not data:
                        return
                    if ready is far and self._lost:
                        self._lost -= 1
                        return
                    other[ready].sendall(data)
