"""Bytes on their way into the store: hashed while they are written; few ones wait in memory."""

from __future__ import annotations

import hashlib
import mmap
import os
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from concurrent.futures import Future, ThreadPoolExecutor

Buffer = bytes | bytearray | memoryview | mmap.mmap

CHUNK = 1 << 22
"""Bytes that are hashed and written at a time."""

_FEW = 1 << 18
_OVERLAP = 1 << 21


class Deposit:
    """A sink for the bytes of one artifact.

    Few bytes wait in memory for the end. More go to a temporary file at once, and large pieces
    are hashed by a second thread meanwhile: hashing and writing both leave Python's lock.

    Args:
        name: gives the path of a new temporary file.
    """

    closed = False

    def __init__(self, name: Callable[[], str]) -> None:
        self.size = 0
        self._name = name
        self._state = hashlib.sha256()
        self._waiting: list[bytes] = []
        self._handle = -1
        self._path = ""
        self._hashing: ThreadPoolExecutor | None = None

    def write(self, data: Buffer) -> int:
        """Adds bytes. Raises OSError when the disk does not take them."""
        view = memoryview(data).cast("B")
        self.size += view.nbytes
        if self._handle < 0 and self.size <= _FEW:
            self._state.update(view)
            self._waiting.append(bytes(view))
            return view.nbytes
        self._spill()
        if view.nbytes < _OVERLAP:
            self._state.update(view)
            self._put(view)
        else:
            hashed = self._hash(view)
            self._put(view)
            hashed.result()
        return view.nbytes

    def flush(self) -> None:
        """Nothing: a file-like object has it."""

    def close(self) -> None:
        """Nothing, as `flush`: the store ends a deposit."""

    def digest(self) -> str:
        """SHA-256 of all bytes so far, in hexadecimal."""
        return self._state.hexdigest()

    def part(self) -> str:
        """The path of a read-only file with all bytes, to be renamed by the caller."""
        self._spill()
        os.close(self._handle)
        self._handle = -1
        return self._path

    def drop(self) -> None:
        """Ends it; what was not renamed is deleted."""
        if self._hashing is not None:
            self._hashing.shutdown()
            self._hashing = None
        if self._handle >= 0:
            os.close(self._handle)
            self._handle = -1
        if self._path:
            with suppress(OSError):
                Path(self._path).unlink(missing_ok=True)
            self._path = ""

    def _spill(self) -> None:
        if self._handle >= 0:
            return
        path = self._name()
        self._handle = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o444)
        self._path = path
        for piece in self._waiting:
            self._put(memoryview(piece))
        self._waiting.clear()

    def _put(self, view: memoryview) -> None:
        for start in range(0, view.nbytes, CHUNK):
            piece = view[start : start + CHUNK]
            while piece:
                piece = piece[os.write(self._handle, piece) :]

    def _hash(self, view: memoryview) -> Future[None]:
        from concurrent.futures import ThreadPoolExecutor

        if self._hashing is None:
            self._hashing = ThreadPoolExecutor(1, "lamina-hash")
        return self._hashing.submit(self._state.update, view)
