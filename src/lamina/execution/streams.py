"""Streams: what a task yields goes to a growing file that another task reads meanwhile.

A stream is a file of frames, the spool, beside which each reader says how far it is. A writer
holds a lock on the spool and a reader one on its own file, so that each sees at once when the
other is gone: the kernel frees the locks of a process that is killed. Nobody waits for a dead one.
"""

from __future__ import annotations

import asyncio
import fcntl
import hashlib
import mmap
import os
import secrets
import shutil
import struct
import threading
import time
from collections.abc import AsyncIterator, Iterable, Iterator
from contextlib import suppress
from dataclasses import replace
from pathlib import Path
from typing import Any
from weakref import WeakSet

from lamina.data.artifacts.frames import (
    HEAD,
    MARK,
    Head,
    end_frame,
    framed,
    head_of,
    item_of,
    items_of,
)
from lamina.data.artifacts.reference import Ref
from lamina.data.artifacts.store import Artifacts
from lamina.errors import ArtifactError, LaminaError

AHEAD = 1024
"""Items that a writer may be ahead of a reader that is attached."""

AHEAD_BYTES = 64 * 2**20
"""Bytes that a writer may be ahead of a reader, if that is more than one item."""

GRACE = 30.0
"""Seconds that a reader waits for a spool that is not there yet."""

_SHORT, _LONG = 0.0005, 0.01
_STATE = struct.Struct("<QQB")


class BrokenStreamError(LaminaError):
    """The writer of a stream was gone before its end."""

    exit_code = 1


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
        delay = _SHORT
        while True:
            self._look()
            lead = max(self._leads(), default=0)
            if lead < self._ahead:
                self._free_until = self.count + max(1, (self._ahead - lead) // 2)
                return
            time.sleep(delay)
            delay = min(delay * 1.5, _LONG)

    def _leads(self) -> Iterator[int]:
        """Items that it is ahead of each reader; all that it may where bytes say so."""
        for name, handle in list(self._readers.items()):
            if _free(handle):
                self._forget(name)
                (_readers(self.path) / name).unlink(missing_ok=True)
                continue
            items, size, busy = _STATE.unpack(os.pread(handle, _STATE.size, 0))
            if not busy:
                lead = self.count - items
                heavy = lead > 1 and self.size - size > AHEAD_BYTES
                yield self._ahead if heavy else lead

    def _look(self) -> None:
        """Finds new readers."""
        with suppress(FileNotFoundError):
            for entry in os.scandir(_readers(self.path)):
                if entry.name not in self._readers and not entry.name.startswith("."):
                    with suppress(FileNotFoundError):
                        self._readers[entry.name] = os.open(entry.path, os.O_RDWR | os.O_CLOEXEC)

    def _forget(self, name: str) -> None:
        os.close(self._readers.pop(name))


class StreamReader(Iterator[Any]):
    """Reads a spool while it grows: an iterator that waits for what has not come yet.

    Args:
        path: of the spool; waited for if it is not there.
        grace: seconds to wait for it.
    """

    def __init__(self, path: Path, grace: float = GRACE) -> None:
        self.path = path
        self.count = 0
        self._grace = grace
        self._at = len(MARK)
        self._handle = -1
        self._post: _Post | None = None
        self._over = False

    def __next__(self) -> Any:
        """The next item; waits for it.

        Raises:
            BrokenStreamError: the writer was gone before the end.
            ArtifactError: the spool is damaged.
        """
        if self._over:
            raise StopIteration
        if self._handle < 0:
            self._open()
        head = head_of(self._bytes(self._at, HEAD.size))
        more, item = self._item(head)
        if not more:
            if item != self.count:
                raise ArtifactError(f"{self.path.name} has {self.count} items and says {item}")
            self.close()
            raise StopIteration
        self._at += HEAD.size + head.rest
        self.count += 1
        if self._post is not None:
            self._post.say(self.count, self._at)
        return item

    def close(self) -> None:
        """Lets go: the writer waits for this reader no more. May be called twice."""
        self._over = True
        if self._post is not None:
            self._post.close()
            self._post = None
        if self._handle >= 0:
            os.close(self._handle)
            self._handle = -1

    def __enter__(self) -> StreamReader:
        return self

    def __exit__(self, *error: object) -> None:
        self.close()

    def __del__(self) -> None:
        with suppress(Exception):
            self.close()

    def _open(self) -> None:
        """Attaches now, not when it is made: one that is never read holds nobody up."""
        deadline = time.monotonic() + self._grace
        delay = _SHORT
        with waiting(None):
            while True:
                with suppress(FileNotFoundError):
                    self._handle = os.open(self.path, os.O_RDONLY | os.O_CLOEXEC)
                    break
                if time.monotonic() > deadline:
                    raise _broken(self.path, "has not begun")
                time.sleep(delay)
                delay = min(delay * 1.5, _LONG)
        if not _free(self._handle):
            self._post = _Post(self.path)
        if self._bytes(0, len(MARK)) != MARK:
            raise ArtifactError(f"{self.path.name} is no stream", "run again")

    def _item(self, head: Head) -> tuple[bool, Any]:
        return item_of(head, self._bytes(self._at + HEAD.size, head.rest))

    def _bytes(self, at: int, size: int) -> bytearray:
        """Bytes of the spool, once they are there."""
        if os.fstat(self._handle).st_size < at + size:
            self._await(at + size)
        found = bytearray(size)
        view, have = memoryview(found), 0
        while have < size:
            have += os.preadv(self._handle, [view[have:]], at + have)
        return found

    def _await(self, size: int) -> None:
        delay = _SHORT
        with waiting(self._post):
            while os.fstat(self._handle).st_size < size:
                # The writer may have finished between the two looks: then the size tells.
                if _free(self._handle) and os.fstat(self._handle).st_size < size:
                    raise _broken(self.path, "was left by its writer before its end")
                time.sleep(delay)
                delay = min(delay * 1.5, _LONG)


class _Post:
    """Where a reader says how far it is: a small file, locked while the reader lives."""

    def __init__(self, spool: Path) -> None:
        folder = _readers(spool)
        folder.mkdir(exist_ok=True)
        name = f"{os.getpid()}-{secrets.token_hex(4)}"
        part = folder / f".{name}"
        self._path = folder / name
        self._handle = os.open(part, os.O_RDWR | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o644)
        fcntl.flock(self._handle, fcntl.LOCK_EX)
        os.write(self._handle, _STATE.pack(0, 0, 0))
        self._map = mmap.mmap(self._handle, _STATE.size)
        part.rename(self._path)
        _POSTS.add(self)

    def say(self, items: int, size: int) -> None:
        """How far the reader is."""
        _STATE.pack_into(self._map, 0, items, size, 0)

    def busy(self, elsewhere: bool) -> None:
        """Whether the reader waits for another stream: the writer must not wait for it then."""
        self._map[_STATE.size - 1] = int(elsewhere)

    def close(self) -> None:
        """The reader is gone."""
        _POSTS.discard(self)
        with suppress(FileNotFoundError):
            self._path.unlink()
        self._map.close()
        os.close(self._handle)


_POSTS: WeakSet[_Post] = WeakSet()
_LOCK = threading.Lock()


class waiting:  # noqa: N801 - it reads as a word
    """While one stream is waited for, the writers of the others are not held up.

    Two streams of one writer would otherwise wait for each other: the reader for an item of the
    second, the writer for the reader to go on with the first.
    """

    def __init__(self, post: _Post | None) -> None:
        self._others = [other for other in list(_POSTS) if other is not post]

    def __enter__(self) -> None:
        self._say(True)

    def __exit__(self, *error: object) -> None:
        self._say(False)

    def _say(self, elsewhere: bool) -> None:
        with _LOCK:
            for post in self._others:
                with suppress(ValueError):
                    post.busy(elsewhere)


def opened(ref: Ref, artifacts: Artifacts) -> Iterator[Any]:
    """What a stream port gets: the items of a growing stream, a whole one, or a list.

    Raises:
        ArtifactError: it cannot be read; a growing stream says so when it is read.
    """
    if ref.codec == "stream" and not ref.digest:
        return StreamReader(Path(ref.origin))
    if ref.codec == "stream":
        return items_of(artifacts.objects.read(ref.digest, ref.size))
    return iter(artifacts.get(ref))


def kept(ref: Ref, artifacts: Artifacts) -> Ref:
    """A finished spool taken into the store, which its readers do not notice.

    Raises:
        ArtifactError: it cannot be kept.
    """
    found = artifacts.adopt(Path(ref.origin), "stream")
    shutil.rmtree(_readers(Path(ref.origin)), ignore_errors=True)
    return replace(found, count=ref.count, name="")


def fill(writer: StreamWriter, items: Iterable[Any] | AsyncIterator[Any]) -> Ref:
    """Writes everything that comes out of an iterator, a generator or a list, and ends the stream.

    An iterator that fails leaves the stream without an end, and its error goes on.
    """
    try:
        if isinstance(items, AsyncIterator):
            asyncio.run(_drained(writer, items))
        else:
            for item in items:
                writer.put(item)
        return writer.finish()
    finally:
        writer.close()


def finished(path: Path) -> Ref:
    """A finished spool as an artifact; reads it whole.

    Raises:
        BrokenStreamError: it has no end.
        ArtifactError: it is damaged.
    """
    with StreamReader(path, grace=0.0) as reader:
        for _ in reader:
            pass
        count = reader.count
    with path.open("rb") as file:
        digest = hashlib.file_digest(file, "sha256").hexdigest()
        size = file.tell()
    return Ref("stream", digest, size, count=count, origin=str(path))


async def _drained(writer: StreamWriter, items: AsyncIterator[Any]) -> None:
    async for item in items:
        writer.put(item)


def _readers(spool: Path) -> Path:
    return spool.with_name(f"{spool.name}.readers")


def _free(handle: int) -> bool:
    """Whether nobody holds the lock of a file: its owner is gone."""
    try:
        fcntl.flock(handle, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    fcntl.flock(handle, fcntl.LOCK_UN)
    return True


def _put(handle: int, pieces: list[bytes]) -> None:
    """All pieces in one call where the system takes them so."""
    left = [memoryview(piece) for piece in pieces if piece]
    while left:
        done = os.writev(handle, left[:512])
        while left and done >= len(left[0]):
            done -= len(left.pop(0))
        if done:
            left[0] = left[0][done:]


def _broken(path: Path, why: str) -> BrokenStreamError:
    return BrokenStreamError(
        f"the stream {path.name} {why}", "its producer runs again, and then this task"
    )
