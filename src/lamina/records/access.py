"""The way to the store: opened when it is first needed, brought up to this version, closed."""

from __future__ import annotations

import weakref
from collections.abc import Iterator
from contextlib import contextmanager
from threading import RLock
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import sqlalchemy as sa


class Access:
    """Connections to one store; no file is made before something is written.

    Args:
        url: of the store.

    `reading` and `writing` raise StoreError when the store cannot be read or written, also for
    what goes wrong inside of their `with`.
    """

    def __init__(self, url: str) -> None:
        self.url = url
        self.lock = RLock()
        """Held while something is written."""
        self._engine: sa.Engine | None = None
        self._writes = False

    @contextmanager
    def writing(self) -> Iterator[sa.Connection]:
        """A connection in a transaction that writes."""
        from lamina.records.connection import parsed, worded

        with (
            self.lock,
            worded(parsed(self.url), "written"),
            self.writable_engine().begin() as connection,
        ):
            yield connection

    def writable_engine(self) -> sa.Engine:
        """Connections that write, to tables that are there and of this version."""
        from lamina.records.connection import parsed, writable
        from lamina.records.migrations import prepare, version_of
        from lamina.records.schema import VERSION

        if self._engine is None or not self._writes:
            self.close()
            engine = writable(parsed(self.url))
            weakref.finalize(self, engine.dispose)
            # A look needs no writer's turn, so that readers never wait for one.
            with engine.connect().execution_options(reads=True) as connection:
                found = version_of(connection)
            if found != VERSION:
                with engine.begin() as connection:
                    prepare(connection)
            self._engine, self._writes = engine, True
        return self._engine

    @contextmanager
    def reading(self) -> Iterator[sa.Connection | None]:
        """A connection for reading; None where there is nothing yet."""
        from lamina.records.connection import parsed, worded

        url = parsed(self.url)
        with worded(url, "read"):
            engine = self._engine or self._readable_engine(url)
            if engine is None:
                yield None
                return
            with engine.connect().execution_options(reads=True) as connection:
                yield connection

    def _readable_engine(self, url: Any) -> sa.Engine | None:
        import sqlalchemy as sa

        from lamina.records.connection import file_of, readable
        from lamina.records.migrations import version_of
        from lamina.records.schema import OLDEST_READ

        file = file_of(url)
        if file is not None and not file.exists():
            return None
        with self.lock:
            try:
                return self.writable_engine()
            except sa.exc.OperationalError:
                engine = readable(url)
                weakref.finalize(self, engine.dispose)
                with engine.connect() as connection:
                    if version_of(connection) < OLDEST_READ:
                        raise
                self._engine = engine
            return engine

    def close(self) -> None:
        """Gives connections back."""
        with self.lock:
            if self._engine is not None:
                self._engine.dispose()
            self._engine, self._writes = None, False
