"""The life of a worker process: it takes jobs, does them, and sends what came of them."""

from __future__ import annotations

import atexit
import errno
import os
import signal
import socket
import sys
import time
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any, TextIO

from lamina.execution.workers import processes
from lamina.execution.workers.chance import Chance
from lamina.execution.workers.jobs import Desk
from lamina.execution.workers.leftovers import Surroundings, children_are_left
from lamina.execution.workers.messages import LARGE, Inbox, packed

_GOODBYE = 10
"""Seconds that functions registered with `atexit` get."""
_NOT_OURS = (errno.EBADF, errno.ENOTSOCK, errno.ENOTCONN)
"""What a connection says that the task's code has closed, or put something else in its place."""


class Worker:
    """A worker before and after it is forked: what all have in common is made once.

    Args:
        settings: of the runtime: "directory" that functions run in, "artifacts" folder.
    """

    def __init__(self, settings: Mapping[str, Any]) -> None:
        with suppress(OSError):
            os.chdir(settings["directory"])
        self._desk = Desk(Path(settings["artifacts"]))
        self._inbox = Inbox()
        self._out, self._error = _text_to(1), _text_to(2)
        self._around, self._chance = Surroundings(), Chance()

    def learn(self, number: int, entry: dict[str, Any]) -> None:
        """Reads a recipe that those who are forked from now on need not read themselves."""
        with suppress(Exception):  # they will meet the same mistake, and say so
            self._desk.learn(number, entry)

    def close(self) -> None:
        """Lets go of what it holds, where its process goes on."""
        self._desk.close()

    def serve(self, engine: socket.socket, request: Mapping[str, Any]) -> None:
        """Does jobs until the engine closes its end, or says that one is the last.

        Args:
            engine: the socket that jobs come from.
            request: of this worker: "environment" variables to set, None for those to remove;
                "home", the folder that its tasks import their neighbours from.
        """
        _set_environment(request["environment"])
        if home := request.get("home"):
            sys.path.insert(0, home)
        self._own_streams()
        self._chance.begin()
        self._desk.begin(lambda message: engine.sendall(packed(message)), self._ready)
        self._callbacks = atexit._ncallbacks()
        own, missing = os.getpid(), [module for module in LARGE if module not in sys.modules]
        while data := engine.recv(1 << 16):
            for message in self._inbox.take(data):
                self._once = bool(message.get("last"))
                found = self._desk.do(message)
                if os.getpid() != own:  # a copy that the user's code made and let come back
                    os._exit(0)
                _flush()
                last = self._once
                if not last and not self._put_back():
                    found["stained"] = last = True
                if loaded := [module for module in missing if module in sys.modules]:
                    found["loaded"] = loaded
                    missing = [module for module in missing if module not in loaded]
                _send(engine, found)
                if last:
                    _say_goodbye(self._callbacks)
                    return
                self._chance.over()

    def _ready(self, file: str) -> None:
        """The function of a task is there, and about to run."""
        if not self._once:  # else nobody comes after it
            self._chance.imported(file)
            self._around.note()

    def _put_back(self) -> bool:
        """Makes the process as it was before a task; whether it can be used again."""
        self._own_streams()
        return self._around.restore() and not children_are_left()

    def _own_streams(self) -> None:
        """What is printed goes to the engine, whatever a task has made of it."""
        if self._out.closed:
            self._out = _text_to(1)
        if self._error.closed:
            self._error = _text_to(2)
        sys.stdout, sys.stderr = self._out, self._error


def _text_to(descriptor: int) -> TextIO:
    """Text whose lines go out at once, so that others can follow."""
    return open(descriptor, "w", 1, encoding="utf-8", errors="backslashreplace", closefd=False)


def _set_environment(changes: Mapping[str, str | None]) -> None:
    for name, value in changes.items():
        if value is None:
            os.environ.pop(name, None)
        else:
            os.environ[name] = value


def _flush() -> None:
    """What the task has printed reaches the engine before its result does."""
    for stream in (sys.stdout, sys.stderr):
        with suppress(Exception):  # the user's code may have closed or replaced it
            stream.flush()
    processes.flush_c()


def _send(engine: socket.socket, found: dict[str, Any]) -> None:
    """Tells what came of a job.

    Where the task's code has closed the connection, the engine sees it too, and knows of what: it
    is to end this worker, whose own exit code would otherwise stand as the only reason.
    """
    try:
        engine.sendall(packed(found))
    except OSError as error:
        if error.errno in _NOT_OURS:
            time.sleep(_GOODBYE)
        raise


def _say_goodbye(known: int) -> None:
    """Does what the task's code wanted done at the end of its process, within some seconds."""
    if atexit._ncallbacks() > known:
        signal.alarm(_GOODBYE)
        atexit._run_exitfuncs()
        _flush()
