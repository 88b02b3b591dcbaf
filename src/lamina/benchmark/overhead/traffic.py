"""Bytes that the engine's process exchanges with its workers."""

from __future__ import annotations

import socket
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

_WAYS = ("send", "sendall", "sendmsg", "recv", "recv_into")


@contextmanager
def counted() -> Iterator[Callable[[], dict[str, Any]]]:
    """Counts what this process's sockets send and receive; it talks to workers by nothing else.

    Sockets made meanwhile are of a class of ours that counts, so that the engine runs as it is.
    """
    count = {"bytes": 0}
    kept = socket.socket

    class Counting(kept):  # type: ignore[valid-type,misc]
        """A socket that adds up."""

    for name in _WAYS:
        setattr(Counting, name, _counting(getattr(kept, name), name, count))
    socket.socket = Counting  # type: ignore[misc]
    try:
        yield lambda: dict(count)
    finally:
        socket.socket = kept  # type: ignore[misc]


def _counting(way: Callable[..., Any], name: str, count: dict[str, int]) -> Callable[..., Any]:
    def counting(self: Any, *arguments: Any, **options: Any) -> Any:
        result = way(self, *arguments, **options)
        if name == "sendall":
            count["bytes"] += len(arguments[0])
        else:
            count["bytes"] += result if isinstance(result, int) else len(result)
        return result

    return counting
