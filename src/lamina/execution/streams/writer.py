"""Writing a stream: items go to a spool, which becomes an artifact at its end."""

from __future__ import annotations

import fcntl
import hashlib
import os
import secrets
import shutil
import time
from collections.abc import AsyncIterator, Iterable, Iterator
from contextlib import suppress
from dataclasses import replace
from pathlib import Path
from typing import Any

from lamina.data.artifacts.frames import MARK, end_frame, framed
from lamina.data.artifacts.reference import Ref
from lamina.data.artifacts.store import Artifacts
from lamina.errors import ArtifactError
from lamina.execution.streams.spool import LONG, SHORT, STATE, is_free, readers_of

AHEAD = 1024
"""Items that a writer may be ahead of a reader that is attached."""

AHEAD_BYTES = 64 * 2**20
"""Bytes that a writer may be ahead of a reader, if that is more than one item."""


class StreamWriter:
    """Writes a spool; in the process of the task that yields the items.

    Args:
        path: of the spool; it must not be there yet.
        ahead: items that it may be ahead of each attached reader; it waits then.
    """

    def __init__(self, path: Path, ahead: int = AHEAD) -> None:
        self.path = path
        self.count = 0
        self.size = len(MARK)
        self._ahead = ahead
        self._hash = hashlib.sha256(MARK)
        self._free_until = 0
        self._readers: dict[str, int] = {}
        path.parent.mkdir(parents=True, exist_ok=True)
        part = path.with_name(f".{path.name}.{secrets.token_hex(4)}")
        self._handle = os.open(part, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o644)
        fcntl.flock(self._handle, fcntl.LOCK_EX)
        os.write(self._handle, MARK)
        part.rename(path)  # readers see it only with its lock held

    def put(self, item: Any) -> None:
        """Adds an item; waits while an attached reader is too far behind.

        Raises:
            ArtifactError: the item cannot be kept, or the disk does not take it.
        """
        if self.count >= self._free_until:
            self._wait()
        self._write(framed(item, self.size))
        self.count += 1

    def finish(self) -> Ref:
        """Marks the end; the stream as an artifact of codec "stream" that lies at `path`."""
        self._write(end_frame(self.count))
        self.close()
        digest = self._hash.hexdigest()
        return Ref("stream", digest, self.size, count=self.count, origin=str(self.path))

    def close(self) -> None:
        """Lets go; readers of a stream that was not finished fail. May be called twice."""
        if self._handle >= 0:
            os.close(self._handle)
            self._handle = -1
        for name in list(self._readers):
            self._forget(name)

    def _write(self, pieces: list[bytes]) -> None:
        for piece in pieces:
            self._hash.update(piece)
            self.size += len(piece)
        try:
            _put(self._handle, pieces)
        except OSError as error:
            raise ArtifactError(
                f"the stream {str(self.path)!r} cannot be written: {error.strerror or error}",
                "free some space (lamina clean), then resume the run",
            ) from error

    def _wait(self) -> None:
        """Until no living reader is too far behind; looks again after a part of the lead."""
        delay = SHORT
        while True:
            self._look()
            lead = max(self._leads(), default=0)
            if lead < self._ahead:
                self._free_until = self.count + max(1, (self._ahead - lead) // 2)
                return
            time.sleep(delay)
            delay = min(delay * 1.5, LONG)

    def _leads(self) -> Iterator[int]:
        """Items that it is ahead of each reader; all that it may where bytes say so."""
        for name, handle in list(self._readers.items()):
            if is_free(handle):
                self._forget(name)
                (readers_of(self.path) / name).unlink(missing_ok=True)
                continue
            items, size, busy = STATE.unpack(os.pread(handle, STATE.size, 0))
            if not busy:
                lead = self.count - items
                heavy = lead > 1 and self.size - size > AHEAD_BYTES
                yield self._ahead if heavy else lead

    def _look(self) -> None:
        """Finds new readers."""
        with suppress(FileNotFoundError):
            for entry in os.scandir(readers_of(self.path)):
                if entry.name not in self._readers and not entry.name.startswith("."):
                    with suppress(FileNotFoundError):
                        self._readers[entry.name] = os.open(entry.path, os.O_RDWR | os.O_CLOEXEC)

    def _forget(self, name: str) -> None:
        os.close(self._readers.pop(name))


def fill(writer: StreamWriter, items: Iterable[Any] | AsyncIterator[Any]) -> Ref:
    """Writes everything that comes out of an iterator, a generator or a list, and ends the stream.

    An iterator that fails leaves the stream without an end, and its error goes on.
    """
    try:
        if isinstance(items, AsyncIterator):
            import asyncio  # as long to load as all the rest of a worker

            asyncio.run(_drained(writer, items))
        else:
            for item in items:
                writer.put(item)
        return writer.finish()
    finally:
        writer.close()


async def _drained(writer: StreamWriter, items: AsyncIterator[Any]) -> None:
    async for item in items:
        writer.put(item)


def kept(ref: Ref, artifacts: Artifacts) -> Ref:
    """A finished spool taken into the store, which its readers do not notice.

    Raises:
        ArtifactError: it cannot be kept.
    """
    found = artifacts.adopt(Path(ref.origin), "stream")
    shutil.rmtree(readers_of(Path(ref.origin)), ignore_errors=True)
    return replace(found, count=ref.count, name="")


def _put(handle: int, pieces: list[bytes]) -> None:
    """All pieces in one call where the system takes them so."""
    left = [memoryview(piece) for piece in pieces if piece]
    while left:
        done = os.writev(handle, left[:512])
        while left and done >= len(left[0]):
            done -= len(left.pop(0))
        if done:
            left[0] = left[0][done:]
