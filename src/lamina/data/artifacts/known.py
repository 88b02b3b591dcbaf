"""Digests of files that stay where they are, remembered by size, times and inode."""

from __future__ import annotations

import json
import os
import time
from contextlib import suppress
from pathlib import Path

from lamina.data.artifacts.objects import digest_of_file
from lamina.errors import ArtifactError

_SETTLED = 2 * 10**9
_LONGEST = 50_000

State = tuple[int, int, int, int]


class Known:
    """What is remembered: lines of a file that processes only add to; the last one counts.

    A line is written at once, so that lines of several processes do not mix. A line that cannot
    be read is passed over: what is not remembered is read again.

    Args:
        path: of the file; made when there is something to remember.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        self._read = 0
        self._lines = 0
        self._entries: dict[str, tuple[State, str]] = {}

    def digest(self, path: Path) -> tuple[str, int]:
        """SHA-256 and size in bytes of a file.

        Raises:
            OSError: it cannot be read.
            ArtifactError: it was written to meanwhile.
        """
        found = path.stat()
        if (digest := self._recalled(str(path), _state(found))) is not None:
            return digest, found.st_size
        began = time.time_ns()
        digest, size = digest_of_file(path)
        if _state(path.stat()) != _state(found):
            raise ArtifactError(
                f"file {str(path)!r} changes while it is read", "wait until it is whole, run again"
            )
        # A change within a tick of the file system's clock would not show in the times.
        if began - max(found.st_mtime_ns, found.st_ctime_ns) > _SETTLED:
            self._learn(str(path), _state(found), digest)
        return digest, size

    def _recalled(self, path: str, state: State) -> str | None:
        entry = self._entries.get(path)
        if entry is None or entry[0] != state:
            self._refresh()
            entry = self._entries.get(path)
        return entry[1] if entry is not None and entry[0] == state else None

    def _learn(self, path: str, state: State, digest: str) -> None:
        self._entries[path] = (state, digest)
        line = json.dumps([path, list(state), digest]).encode() + b"\n"
        with suppress(OSError):  # a store that cannot be written says so where values are kept
            self._path.parent.mkdir(parents=True, exist_ok=True)
            handle = os.open(self._path, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o644)
            try:
                os.write(handle, line)
            finally:
                os.close(handle)
            if self._lines > _LONGEST and self._lines > 2 * len(self._entries):
                self._shorten()

    def _refresh(self) -> None:
        """Reads what has come since; all of it when another process has shortened the file."""
        try:
            with self._path.open("rb") as file:
                if os.fstat(file.fileno()).st_size < self._read:
                    self._read = self._lines = 0
                file.seek(self._read)
                data = file.read()
        except OSError:
            return
        end = data.rfind(b"\n") + 1
        self._read += end
        for line in data[:end].splitlines():
            self._lines += 1
            with suppress(ValueError, TypeError):
                path, state, digest = json.loads(line)
                inode, size, written, changed = map(int, state)
                self._entries[str(path)] = ((inode, size, written, changed), str(digest))

    def _shorten(self) -> None:
        part = self._path.with_name(f".{self._path.name}.{os.getpid()}")
        lines = [json.dumps([p, list(s), d]) for p, (s, d) in self._entries.items()]
        part.write_text("\n".join(lines) + "\n")
        part.replace(self._path)
        self._read = self._lines = 0


def _state(found: os.stat_result) -> State:
    return (found.st_ino, found.st_size, found.st_mtime_ns, found.st_ctime_ns)
