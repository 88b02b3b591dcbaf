"""The engine's side of a zygote: it is started, asked for workers, and listened to."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
import tempfile
from collections.abc import Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any

import lamina
from lamina.execution.workers import processes
from lamina.execution.workers.messages import Inbox, packed
from lamina.execution.workers.recipes import KNOWN

_CODE = (
    "import sys; sys.path.append({home!r}); "
    "from lamina.execution.workers.zygote import main; main({descriptor})"
)
_PATIENCE = 3.0
"""Seconds that a zygote gets to end its workers before it is ended itself."""

MARK = "LAMINA_WORKERS"
"""Environment variable that every process of a runtime inherits."""


def remember(known: dict[int, None], number: int) -> None:
    """Adds a recipe to those that a process knows; it forgets the oldest, and so does this."""
    while len(known) >= KNOWN:
        del known[next(iter(known))]
    known[number] = None


class ZygoteProcess:
    """A running zygote.

    Args:
        settings: what all its workers are told: "directory", "artifacts", "path".
        environment: variables beside those of this process.
    """

    def __init__(self, settings: Mapping[str, Any], environment: Mapping[str, str | None]) -> None:
        self.socket, theirs = socket.socketpair()
        self.known: dict[int, None] = {}
        self._shared: set[str] = set()
        self._asked = False
        self._inbox = Inbox()
        self._words = tempfile.TemporaryFile()  # noqa: SIM115 - as long as it
        own = {n: v for n, v in {**os.environ, **environment}.items() if v is not None}
        descriptor = theirs.fileno()
        code = _CODE.format(home=str(Path(lamina.__file__).parent.parent), descriptor=descriptor)
        try:
            self.process = subprocess.Popen(
                [sys.executable, "-P", "-c", code],
                stdin=subprocess.DEVNULL,
                stdout=subprocess.DEVNULL,
                stderr=self._words,
                env=own,
                pass_fds=[descriptor],
                start_new_session=True,
            )
        finally:
            theirs.close()
        self.socket.settimeout(_PATIENCE)
        self.send({"do": "begin", **settings})

    def send(self, message: dict[str, Any]) -> None:
        """Asks for something; a zygote that has ended is noticed when it is read from."""
        try:
            self.socket.sendall(packed(message))
        except TimeoutError:
            self.kill()  # it hangs, and half a message lies before it
        except OSError:
            pass

    def fork(
        self, number: int, environment: Mapping[str, Any], home: str, given: list[int]
    ) -> bool:
        """Asks for a worker with three descriptors: its socket, its two outputs.

        Returns:
            False when it is not there any more.
        """
        self._asked = True
        message = packed(
            {"do": "fork", "id": number, "environment": dict(environment), "home": home}
        )
        try:
            return socket.send_fds(self.socket, [message], given) == len(message)
        except OSError:
            return False

    def teach(self, number: int, entry: Mapping[str, Any]) -> None:
        """Has it read a recipe, so that those whom it forks from now on know it."""
        remember(self.known, number)
        self.send({"do": "learn", "task": number, "recipe": entry})

    def share(self, modules: Sequence[str]) -> None:
        """Has it import what one of its workers had to import."""
        for module in modules:
            if module not in self._shared:
                self._shared.add(module)
                self.send({"do": "share", "module": module})

    def read(self) -> list[dict[str, Any]] | None:
        """What it has told; None when it has ended."""
        try:
            data = os.read(self.socket.fileno(), 1 << 16)
        except (BlockingIOError, InterruptedError):
            return []
        except OSError:
            return None
        try:
            return self._inbox.take(data) if data else None
        except ValueError:
            return None

    def last_words(self) -> str:
        """The last line of what it said when it failed."""
        with suppress(OSError, ValueError):
            self._words.seek(0)
            lines = self._words.read()[-10_000:].decode("utf-8", "replace").splitlines()
            return lines[-1] if lines else ""
        return ""

    def kill(self) -> None:
        """Ends it at once, whatever it does."""
        with suppress(ProcessLookupError):
            os.kill(self.process.pid, signal.SIGKILL)

    def close(self) -> bool:
        """Ends it, and so all its workers; whether it did so by itself."""
        self.socket.close()
        if not self._asked:
            self.kill()  # it has no workers, and may still be loading what they would need
        well = self._ended()
        if not well:
            self.kill()
            self._ended()
        self._words.close()
        return well and (self.process.returncode == 0 or not self._asked)

    def _ended(self) -> bool:
        """Waits for its end, some seconds; whether it came."""
        if self.process.poll() is None:
            # `Popen.wait` would look every 50 ms only.
            with suppress(ChildProcessError), processes.ending_of(self.process.pid) as ended:
                ended(_PATIENCE)
        return self.process.poll() is not None
