"""What an attempt prints, kept in its folder: the beginning and the end of it, without secrets."""

from __future__ import annotations

from collections import deque
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path
from typing import BinaryIO

from lamina.workflow.masking import mask

HEAD = 8 * 1024 * 1024
"""Bytes that are kept from the beginning of a stream."""

TAIL = 1024 * 1024
"""Bytes that are kept from its end."""

LAST = 20
"""Lines that an error message shows."""

_LINE = 64 * 1024
"""Bytes of a line after which it is kept without waiting for its end."""

_SHOWN = 16 * 1024


class Capture:
    """One stream of one attempt. The file is made when there is something to write.

    Args:
        folder: where the file will lie.
        name: of the file.
        secrets: values that it may not show.
    """

    def __init__(self, folder: Path, name: str, secrets: Sequence[str] = ()) -> None:
        self._folder = folder
        self._name = name
        self._secrets = tuple(secrets)
        self._line = b""
        self._file: BinaryIO | None = None
        self._written = 0
        self._tail: deque[bytes] = deque()
        self._tail_size = 0
        self._left_out = 0
        self._shown = b""
        self.problem = ""

    @property
    def used(self) -> bool:
        """Whether anything was printed."""
        return bool(self._written or self._line or self._tail_size)

    def take(self, data: bytes) -> None:
        """Adds what was printed; whole lines are written at once, so that others can follow."""
        data = self._line + data
        end = data.rfind(b"\n") + 1
        if len(data) - end > _LINE:
            end = len(data)
        self._line = data[end:]
        if end:
            self._keep(data[:end])

    def end(self) -> None:
        """Writes what is left, and closes the file."""
        if self._line:
            self._keep(self._line)
            self._line = b""
        if self._left_out:
            self._write(f"\n... {self._left_out:,} bytes are left out here ...\n".encode())
        for piece in self._tail:
            self._write(self._masked(piece))
        self._tail.clear()
        if self._file is not None:
            with suppress(OSError):
                self._file.close()
            self._file = None

    def last(self) -> list[str]:
        """The last lines so far, for a message."""
        text = self._masked(self._shown + self._line).decode("utf-8", "replace")
        return text.splitlines()[-LAST:]

    def _keep(self, data: bytes) -> None:
        self._shown = (self._shown + data)[-_SHOWN:] if len(data) < _SHOWN else data[-_SHOWN:]
        room = HEAD - self._written
        if room > 0 and not self._tail:
            self._write(self._masked(data[:room]))
            data = data[room:]
        if data:
            self._tail.append(data)
            self._tail_size += len(data)
            while self._tail_size - len(self._tail[0]) >= TAIL:
                gone = len(self._tail.popleft())
                self._tail_size -= gone
                self._left_out += gone

    def _masked(self, data: bytes) -> bytes:
        return mask(data.decode("utf-8", "surrogateescape"), self._secrets).encode(
            "utf-8", "surrogateescape"
        )

    def _write(self, data: bytes) -> None:
        """Writes; a disk that is full loses the log, not the task."""
        self._written += len(data)
        if self.problem:
            return
        try:
            if self._file is None:
                self._folder.mkdir(parents=True, exist_ok=True)
                self._file = (self._folder / self._name).open("wb", buffering=0)
            view = memoryview(data)
            while view:
                view = view[self._file.write(view) or 0 :]
        except OSError as error:
            self.problem = f"{self._folder / self._name}: {error.strerror or error}"
