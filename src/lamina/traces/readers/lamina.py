"""Runs of Lamina's own: the records of a project, read as traces like those of any other."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from typing import ClassVar

from sqlalchemy.exc import SQLAlchemyError

from lamina.errors import LaminaError, TraceError
from lamina.records.store import Store
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
        with source.on_disk() as path:
            store = Store(f"sqlite:///{path.absolute()}")
            try:
                for record in reversed(store.runs(_MOST)):
                    events = (event for _, event in store.events(record.id))
                    yield replace(trace_of(record, events), about={"source": source.name})
            except TraceError:
                raise
            except (LaminaError, SQLAlchemyError, ValueError, TypeError, KeyError) as error:
                reason = str(error).partition("\n")[0]
                raise source.broken(f"the records cannot be read: {reason}") from error
            finally:
                store.close()
