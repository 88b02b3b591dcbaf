"""A file on its way here: the bytes that came, and a note of which, so that it can go on."""

from __future__ import annotations

import fcntl
import hashlib
import json
import os
from contextlib import suppress
from pathlib import Path
from threading import Lock

Range = tuple[int, int]

_BOOT = Path("/proc/sys/kernel/random/boot_id")


class Partial:
    """A partial file beside its target; one process at a time has it.

    The note has one line for what the file is, then one per range of bytes that came. It says
    what was written before this machine was last started is worth nothing: the disk may not have
    it. Raises OSError where files cannot be written.

    Args:
        target: where the whole file will be.
        identity: of the source; another one begins anew.
        size: bytes of the whole, None when the other side does not say.
    """

    def __init__(self, target: Path, identity: str, size: int | None) -> None:
        self.target = target
        self.size = size
        self.path = target.with_name(f".{target.name}.part")
        self._note = target.with_name(f".{target.name}.note")
        self._lock = Lock()
        self._head = json.dumps([identity, size, _boot()])
        target.parent.mkdir(parents=True, exist_ok=True)
        self._handle = self._claimed()
        self._ranges = self._recalled()
        self.resumed = sum(end - start for start, end in self._ranges)
        if not self._ranges:
            self._note.write_text(self._head + "\n")
            os.ftruncate(self._handle, 0)

    def missing(self, block: int) -> list[Range]:
        """Ranges (begin, end) that have not come, none longer than `block`."""
        found: list[Range] = []
        place = 0
        for start, end in [*merged(self._ranges), (self.size or 0, self.size or 0)]:
            found += [(at, min(at + block, start)) for at in range(place, start, block)]
            place = max(place, end)
        return found

    def write(self, place: int, data: bytes | memoryview) -> None:
        """Puts bytes where they belong."""
        view = memoryview(data)
        while view:
            count = os.pwrite(self._handle, view, place)
            place += count
            view = view[count:]

    def came(self, start: int, end: int) -> None:
        """Notes that a range is there."""
        if end <= start:
            return
        with self._lock:
            self._ranges.append((start, end))
            with self._note.open("a") as file:
                file.write(f"{start} {end}\n")

    def anew(self) -> None:
        """Forgets all that came."""
        with self._lock:
            self._ranges.clear()
            self._note.write_text(self._head + "\n")
            os.ftruncate(self._handle, 0)

    def digest(self) -> str:
        """SHA-256 of the bytes that came, in hexadecimal."""
        with self.path.open("rb", buffering=0) as file:
            return hashlib.file_digest(file, "sha256").hexdigest()

    def finish(self) -> int:
        """Makes it the target; gives its size."""
        size = os.fstat(self._handle).st_size
        self.path.replace(self.target)
        self._note.unlink(missing_ok=True)
        return size

    def close(self, keep: bool = True) -> None:
        """Gives it free for others; what came stays if `keep`."""
        if not keep:
            with suppress(OSError):
                self._note.unlink(missing_ok=True)
                self.path.unlink(missing_ok=True)
        os.close(self._handle)

    def _claimed(self) -> int:
        """The file, locked; opened again where another process has finished it meanwhile."""
        while True:
            handle = os.open(self.path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o644)
            fcntl.flock(handle, fcntl.LOCK_EX)
            with suppress(FileNotFoundError):
                if os.path.samestat(os.fstat(handle), self.path.stat()):
                    return handle
            os.close(handle)

    def _recalled(self) -> list[Range]:
        length = os.fstat(self._handle).st_size
        try:
            head, *lines = self._note.read_text().splitlines()
            if head != self._head or self.size is None:
                return []
            found = [(int(start), int(end)) for start, end in map(str.split, lines)]
        except (OSError, ValueError):
            return []
        return found if all(0 <= start < end <= length for start, end in found) else []


def merged(ranges: list[Range]) -> list[Range]:
    """Ranges in order, those that touch made one."""
    found: list[Range] = []
    for start, end in sorted(ranges):
        if found and start <= found[-1][1]:
            found[-1] = (found[-1][0], max(end, found[-1][1]))
        else:
            found.append((start, end))
    return found


def _boot() -> str:
    try:
        return _BOOT.read_text().strip()
    except OSError:
        return ""
