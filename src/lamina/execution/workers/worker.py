"""The life of a worker process: it takes jobs, does them, and sends what came of them."""

from __future__ import annotations

import atexit
import os
import signal
import socket
import sys
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any, TextIO

from lamina.execution.workers import processes
from lamina.execution.workers.jobs import Desk
from lamina.execution.workers.messages import LARGE, Inbox, packed

_GOODBYE = 10
"""Seconds that functions registered with `atexit` get."""

_TRACKERS = (b"resource_tracker", b"semaphore_tracker")


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
            request: of this worker: "environment" variables to set, None for those to remove.
        """
        _set_environment(request["environment"])
        sys.stdout, sys.stderr = self._out, self._error
        _new_random_numbers()
        self._desk.begin(lambda message: engine.sendall(packed(message)))
        self._callbacks = atexit._ncallbacks()
        own, missing = os.getpid(), [module for module in LARGE if module not in sys.modules]
        while data := engine.recv(1 << 16):
            for message in self._inbox.take(data):
                found = self._desk.do(message)
                if os.getpid() != own:  # a copy that the user's code made and let come back
                    os._exit(0)
                _flush()
                last = message.get("last")
                if not last and _left_behind():
                    found["stained"] = last = True
                if loaded := [module for module in missing if module in sys.modules]:
                    found["loaded"] = loaded
                    missing = [module for module in missing if module not in loaded]
                engine.sendall(packed(found))
                if last:
                    _say_goodbye(self._callbacks)
                    return


def _text_to(descriptor: int) -> TextIO:
    """Text whose lines go out at once, so that others can follow."""
    return open(descriptor, "w", 1, encoding="utf-8", errors="backslashreplace", closefd=False)


def _set_environment(changes: Mapping[str, str | None]) -> None:
    for name, value in changes.items():
        if value is None:
            os.environ.pop(name, None)
        else:
            os.environ[name] = value


def _new_random_numbers() -> None:
    """NumPy's old random state would be the same in every process that was forked from one."""
    if "numpy.random" in sys.modules:
        sys.modules["numpy.random"].seed()


def _flush() -> None:
    """What the task has printed reaches the engine before its result does."""
    for stream in (sys.stdout, sys.stderr):
        with suppress(Exception):  # the user's code may have closed or replaced it
            stream.flush()
    processes.flush_c()


def _say_goodbye(known: int) -> None:
    """Does what the task's code wanted done at the end of its process, within some seconds."""
    if atexit._ncallbacks() > known:
        signal.alarm(_GOODBYE)
        atexit._run_exitfuncs()
        _flush()


def _left_behind() -> bool:
    """Whether processes of a task are still there; then this worker is not used again."""
    try:
        while True:
            found = os.waitid(os.P_ALL, 0, os.WEXITED | os.WNOHANG)
            if found is None:
                break
    except ChildProcessError:
        return False
    return any(not _is_tracker(pid) for pid in processes.children(os.getpid()))


def _is_tracker(pid: int) -> bool:
    """Whether it is Python's own watcher of shared memory, which lives as long as its parent."""
    try:
        told = Path(f"/proc/{pid}/cmdline").read_bytes()
    except OSError:
        return True
    return any(word in told for word in _TRACKERS)
