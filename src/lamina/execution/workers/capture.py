"""What an attempt prints, kept in its folder: the beginning and the end of it, without secrets."""

from __future__ import annotations

import re
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

_AROUND = 2048
"""Bytes on both sides of a cut in a long line in which secrets are looked for."""

_SHOWN = 16 * 1024

_OPEN_KEY = re.compile(rb"-----BEGIN [A-Z ]{0,40}PRIVATE KEY-----[ \r]*\n(?!(?s:.)*?-----END )")
"""A private key of which the end has not been printed yet: it is waited for, since its lines are
no secrets by their look."""


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
        key = _OPEN_KEY.search(data)
        if key is not None:
            end = data.rfind(b"\n", 0, key.start()) + 1
        if len(data) - end > _LINE:
            end = self._cut(data)
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
        shown = self._shown + data
        if len(shown) > _SHOWN:  # from a whole line on: what is cut off hides what it belongs to
            shown = shown[-_SHOWN:]
            shown = shown[shown.find(b"\n", 0, len(shown) - 1) + 1 :]
        self._shown = shown
        if self._written < HEAD and not self._tail:
            self._write(self._masked(data))
        else:
            self._tail.append(data)
            self._tail_size += len(data)
            while self._tail_size - len(self._tail[0]) >= TAIL:
                gone = len(self._tail.popleft())
                self._tail_size -= gone
                self._left_out += gone

    def _cut(self, data: bytes) -> int:
        """Where a line that is too long may be cut: in no secret."""
        end = len(data) - _AROUND
        for place in range(end, end - _AROUND, -_AROUND // 16):
            before = data[max(0, place - _AROUND) : place]
            after = data[place : place + _AROUND]
            if self._masked(before + after) == self._masked(before) + self._masked(after):
                return place
        return end

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
