"""Bytes on their way into the store: hashed first where they stay in memory, then written.

A second thread that hashes while the first one writes was measured and is not faster: hashing
takes most of the time, and the cores have tasks to run. Hashing first makes a double cost no
writing.
"""

from __future__ import annotations

import hashlib
import mmap
import os
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

Buffer = bytes | bytearray | memoryview | mmap.mmap

CHUNK = 1 << 22
"""Bytes that are written at a time."""

_PIECE = 1 << 18
_FEW = 1 << 18


class Deposit:
    """A sink for the bytes of one artifact.

    Few bytes wait in memory for the end, and any number that stay where they are meanwhile; the
    others go to a temporary file at once.

    Args:
        begin: opens a new temporary file; gives it, and its path.
    """

    def __init__(self, begin: Callable[[], tuple[int, str]]) -> None:
        self.size = 0
        self._begin = begin
        self._state = hashlib.sha256()
        self._waiting: list[memoryview] = []
        self._handle = -1
        self._path = ""

    def write(self, data: Buffer) -> int:
        """Adds bytes. Raises OSError when the disk does not take them."""
        view = memoryview(data).cast("B")
        if self._handle < 0 and self.size + view.nbytes <= _FEW:
            return self.hold(bytes(view))
        self._spill()
        self.size += view.nbytes
        for start in range(0, view.nbytes, _PIECE):
            piece = view[start : start + _PIECE]
            self._state.update(piece)
            self._put(piece)
        return view.nbytes

    def hold(self, data: Buffer) -> int:
        """Adds bytes that stay as they are until this ends. Raises OSError as `write`."""
        view = memoryview(data).cast("B")
        if self._handle >= 0:
            return self.write(view)
        self.size += view.nbytes
        self._state.update(view)
        self._waiting.append(view)
        return view.nbytes

    def digest(self) -> str:
        """SHA-256 of all bytes so far, in hexadecimal."""
        return self._state.hexdigest()

    def part(self) -> str:
        """The path of a read-only file with all bytes, to be renamed by the caller."""
        self._spill()
        os.close(self._handle)
        self._handle = -1
        return self._path

    def moved(self) -> None:
        """Says that the temporary file has another name now."""
        self._path = ""

    def drop(self) -> None:
        """Ends it; what was not renamed is deleted."""
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
        self._handle, self._path = self._begin()
        for piece in self._waiting:
            self._put(piece)
        self._waiting.clear()

    def _put(self, view: memoryview) -> None:
        for start in range(0, view.nbytes, CHUNK):
            piece = view[start : start + CHUNK]
            while piece:
                piece = piece[os.write(self._handle, piece) :]
