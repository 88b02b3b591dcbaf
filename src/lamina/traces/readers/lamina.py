"""Runs of Lamina's own: the records of a project, read as traces like those of any other."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import replace
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import ClassVar
from urllib.parse import quote

from sqlalchemy.exc import SQLAlchemyError

from lamina.errors import LaminaError, TraceError
from lamina.records.store import RunRecord, Store
from lamina.traces.plainly import PLAIN, plain_trace_of
from lamina.traces.readers.base import Reader, Source
from lamina.traces.readers.databases import MAGIC
from lamina.traces.readers.stampede import tables_of
from lamina.traces.reading import trace_of
from lamina.traces.trace import Trace

RECORDS = "records.sqlite"
_TABLES = frozenset({"runs", "events"})
_MOST = 1_000_000


class LaminaReader(Reader):
    """records.sqlite of a project; it lies in the folder .lamina."""

    title: ClassVar[str] = "records of Lamina"

    def detects(self, source: Source) -> bool:
        """By its tables."""
        return source.head.startswith(MAGIC) and tables_of(source) >= _TABLES

    def read(self, source: Source) -> Iterator[Trace]:
        """The runs, oldest first."""
        with copied(source) as path:
            store = Store(f"sqlite:///{path}")
            try:
                for record in reversed(store.runs(_MOST)):
                    yield replace(_trace(store, record), about={"source": source.name})
            except TraceError:
                raise
            except (LaminaError, SQLAlchemyError, ValueError, TypeError, KeyError) as error:
                reason = str(error).partition("\n")[0]
                raise source.broken(f"the records cannot be read: {reason}") from error
            finally:
                store.close()


def _trace(store: Store, record: RunRecord) -> Trace:
    """The trace of a run; most are read in a shorter way."""
    if not store.tells(record.id, PLAIN):
        trace = plain_trace_of(record, store.pages(record.id))
        if trace is not None:
            return trace
    return trace_of(record, (event for _, event in store.events(record.id)))


@contextmanager
def copied(source: Source) -> Iterator[Path]:
    """A copy of a database, with what an engine just writes: opening a store may bring its tables
    up to date, and reading a trace changes nothing.

    Raises:
        TraceError: the database is damaged.
    """
    with source.on_disk() as path, TemporaryDirectory(prefix="lamina-trace-") as folder:
        copy = Path(folder) / RECORDS
        try:
            address = f"file:{quote(str(path.absolute()))}?mode=ro"
            with (
                closing(sqlite3.connect(address, uri=True)) as whole,
                closing(sqlite3.connect(copy)) as other,
            ):
                whole.backup(other)
        except sqlite3.Error as error:
            raise source.broken(f"the database is damaged: {error}") from error
        yield copy
