"""Reading a stream while it is written, or after."""

from __future__ import annotations

import os
import time
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any

from lamina.data.artifacts.frames import HEAD, MARK, Head, head_of, item_of, items_in
from lamina.data.artifacts.reference import Ref
from lamina.data.artifacts.store import Artifacts
from lamina.errors import ArtifactError, LaminaError
from lamina.execution.streams.posts import Post, waiting
from lamina.execution.streams.spool import LONG, SHORT, is_free

GRACE = 30.0
"""Seconds that a reader waits for a spool that is not there yet."""


class BrokenStreamError(LaminaError):
    """The writer of a stream was gone before its end."""

    exit_code = 1


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
        self._post: Post | None = None
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
        delay = SHORT
        with waiting(None):
            while True:
                with suppress(FileNotFoundError):
                    self._handle = os.open(self.path, os.O_RDONLY | os.O_CLOEXEC)
                    break
                if time.monotonic() > deadline:
                    raise _broken(self.path, "has not begun")
                time.sleep(delay)
                delay = min(delay * 1.5, LONG)
        if not is_free(self._handle):
            # The writer may finish meanwhile, and its posts go: then it waits for nobody any more.
            with suppress(FileNotFoundError):
                self._post = Post(self.path)
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
        delay = SHORT
        with waiting(self._post):
            while os.fstat(self._handle).st_size < size:
                # The writer may have finished between the two looks: then the size tells.
                if is_free(self._handle) and os.fstat(self._handle).st_size < size:
                    raise _broken(self.path, "was left by its writer before its end")
                time.sleep(delay)
                delay = min(delay * 1.5, LONG)


def opened(ref: Ref, artifacts: Artifacts) -> Iterator[Any]:
    """What a stream port gets: the items of a growing stream, a whole one, or a list.

    Raises:
        ArtifactError: it cannot be read; a growing stream says so when it is read.
    """
    if ref.codec == "stream" and not ref.digest:
        return StreamReader(Path(ref.origin))
    if ref.codec == "stream":
        return items_in(artifacts.objects.whole(ref.digest))
    return iter(artifacts.get(ref))


def _broken(path: Path, why: str) -> BrokenStreamError:
    return BrokenStreamError(
        f"the stream {path.name} {why}", "its producer runs again, and then this task"
    )
