"""The process in which a served function runs: it takes chunks of items and gives their results.

It is a child of the pod's server, apart from it, so that the server answers while the function
computes, and so that what hangs can be ended.
"""

from __future__ import annotations

import json
import os
import select
import socket
import sys
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from lamina.errors import LaminaError
from lamina.execution.failures import cause_of
from lamina.execution.functions import function_of
from lamina.execution.workers.processes import adopt_orphans, call_itself, die_with_parent
from lamina.workflow.actions.python import PythonAction

Items = Sequence[Mapping[str, Any]]
"""Each {"id", "path"} of a file that is here, or {"id", "value"}."""


class Channel:
    """Objects both ways over a socket, as lines of JSON."""

    def __init__(self, door: socket.socket) -> None:
        self._door = door
        self._rest = b""

    def send(self, message: Mapping[str, Any]) -> None:
        """Raises OSError when the other side has gone."""
        self._door.sendall(json.dumps(message, separators=(",", ":")).encode() + b"\n")

    def take(self, seconds: float | None = None) -> dict[str, Any] | None:
        """The next message; None when none came in time.

        Raises:
            EOFError: the other side has gone.
        """
        until = None if seconds is None else time.monotonic() + seconds
        while b"\n" not in self._rest:
            left = None if until is None else max(until - time.monotonic(), 0.0)
            if not select.select([self._door], [], [], left)[0]:
                return None
            try:
                data = self._door.recv(1 << 20)
            except ConnectionError:
                data = b""
            if not data:
                raise EOFError("the other side has gone")
            self._rest += data
        line, _, self._rest = self._rest.partition(b"\n")
        message: dict[str, Any] = json.loads(line)
        return message

    def close(self) -> None:
        """Ends it."""
        self._door.close()


class Caller:
    """Calls the function.

    Args:
        name: "module:function" or "file.py:function".
        channel: to the server.
    """

    def __init__(self, name: str, channel: Channel) -> None:
        self._name = name
        self._function: Callable[..., Any] = function_of(PythonAction(name, Path.cwd()))
        self._channel = channel
        self._arguments: dict[str, Any] | None = None
        self._begun = 0.0
        self._stopped = False

    def serve(self) -> None:
        """Until the server goes."""
        while True:
            message = self._channel.take()
            assert message is not None
            if message["do"] == "begin":
                self._begin(message["arguments"])
            elif message["do"] == "chunk":
                self._chunk(message["items"], message["first"])
            elif message["do"] == "task":
                self._task(message["order"])

    def _begin(self, arguments: dict[str, Any]) -> None:
        """Warms up, unless it is warm for these arguments."""
        began = time.monotonic()
        try:
            if arguments != self._arguments:
                warm = warm_of(self._function)
                if warm is not None:
                    warm(**arguments)
            self._arguments = arguments
        except Exception as error:
            self._channel.send({"did": "failed", "error": f"warm-up: {cause_of(error)}"})
            return
        self._channel.send({"did": "begun", "seconds": time.monotonic() - began})

    def _chunk(self, items: Items, first: bool) -> None:
        """Results as they come; after an error item by item, so that one costs no others."""
        self._stopped = False
        if first:
            self._begun = time.monotonic()
        done = 0
        try:
            for value in self._called(items):
                self._tell(items[done], {"value": value})
                done += 1
                if self._stops():
                    break
        except Exception as error:
            self._apart(items[done:], error, len(items) == 1)
        self._channel.send({"did": "chunk"})

    def _task(self, order: Mapping[str, Any]) -> None:
        """A task of a workflow: its function is called with the values of its ports."""
        from lamina.execution.placing.tasks import do_task

        self._begun = time.monotonic()
        found = do_task(self._name, order, lambda told: self._send_told(dict(told)))
        self._tell({"id": "task"}, {"value": found})
        self._channel.send({"did": "chunk"})

    def _send_told(self, values: dict[str, Any]) -> None:
        self._channel.send({"did": "told", "told": values})

    def _called(self, items: Items) -> Iterator[Any]:
        found = self._function([_given(one) for one in items], **(self._arguments or {}))
        count = 0
        for value in found:
            if count == len(items):
                raise ValueError(f"more results came than items were given ({len(items)})")
            json.dumps(value)  # raises before it is sent
            yield value
            count += 1
        if count < len(items):
            raise ValueError(f"{count} results for {len(items)} items")

    def _apart(self, items: Items, error: Exception, alone: bool) -> None:
        """One by one; what raised when it was alone is not tried again."""
        for one in items:
            if self._stops():
                return
            if not alone:
                try:
                    (value,) = self._called([one])
                except Exception as own:
                    self._tell(one, {"error": cause_of(own)})
                else:
                    self._tell(one, {"value": value})
            else:
                self._tell(one, {"error": cause_of(error)})

    def _tell(self, item: Mapping[str, Any], what: Mapping[str, Any]) -> None:
        at = time.monotonic() - self._begun
        self._channel.send({"did": "item", "id": item["id"], "at": at, **what})

    def _stops(self) -> bool:
        """Whether the rest of the chunk is wanted no more."""
        if not self._stopped:
            self._stopped = self._channel.take(0.0) is not None
        return self._stopped


def warm_of(function: Callable[..., Any]) -> Callable[..., Any] | None:
    """What warms a function up: an attribute of its own, or a function of its module."""
    own = getattr(function, "warm", None)
    module = sys.modules.get(function.__module__)
    return own if own is not None else getattr(module, "warm", None)


def _given(item: Mapping[str, Any]) -> Any:
    return Path(item["path"]) if "path" in item else item.get("value")


def main(name: str, number: str, parent: str) -> None:
    """Serves until the server goes.

    Args:
        name: of the function.
        number: of the socket that was handed down.
        parent: process number of the server.
    """
    die_with_parent(int(parent))
    adopt_orphans()
    call_itself("lamina-function")
    channel = Channel(socket.socket(fileno=int(number)))
    try:
        caller = Caller(name, channel)
    except LaminaError as error:
        channel.send({"did": "failed", "error": error.message, "way_out": error.way_out})
        return
    channel.send({"did": "loaded", "pid": os.getpid()})
    try:
        caller.serve()
    except (EOFError, OSError):
        return  # the server has gone


if __name__ == "__main__":
    main(*sys.argv[1:])
