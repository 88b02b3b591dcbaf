"""What readers of streams say of themselves, so that no writer waits for the wrong one."""

from __future__ import annotations

import fcntl
import mmap
import os
import secrets
import threading
from contextlib import suppress
from pathlib import Path
from weakref import WeakSet

from lamina.execution.streams.spool import STATE, readers_of


class Post:
    """Where a reader says how far it is: a small file, locked while the reader lives.

    Raises:
        FileNotFoundError: the stream was finished and kept meanwhile, its posts are gone.
    """

    def __init__(self, spool: Path) -> None:
        folder = readers_of(spool)
        folder.mkdir(exist_ok=True)
        name = f"{os.getpid()}-{secrets.token_hex(4)}"
        part = folder / f".{name}"
        self._path = folder / name
        self._handle = os.open(part, os.O_RDWR | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o644)
        fcntl.flock(self._handle, fcntl.LOCK_EX)
        os.write(self._handle, STATE.pack(0, 0, 0))
        self._map = mmap.mmap(self._handle, STATE.size)
        try:
            part.rename(self._path)
        except FileNotFoundError:
            self.close()
            raise
        _POSTS.add(self)

    def say(self, items: int, size: int) -> None:
        """How far the reader is."""
        STATE.pack_into(self._map, 0, items, size, 0)

    def busy(self, elsewhere: bool) -> None:
        """Whether the reader waits for another stream: the writer must not wait for it then."""
        self._map[STATE.size - 1] = int(elsewhere)

    def close(self) -> None:
        """The reader is gone."""
        _POSTS.discard(self)
        with suppress(FileNotFoundError):
            self._path.unlink()
        self._map.close()
        os.close(self._handle)


_POSTS: WeakSet[Post] = WeakSet()
_LOCK = threading.Lock()


class waiting:  # noqa: N801 - it reads as a word
    """While one stream is waited for, the writers of the others are not held up.

    Two streams of one writer would otherwise wait for each other: the reader for an item of the
    second, the writer for the reader to go on with the first.
    """

    def __init__(self, post: Post | None) -> None:
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
