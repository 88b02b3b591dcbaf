"""SQLite files of others: opened to read only, asked in plain queries, stopped when damaged."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator, Sequence
from contextlib import closing, contextmanager
from itertools import chain, islice
from operator import methodcaller
from types import NoneType
from typing import Any
from urllib.parse import quote

from lamina.traces.readers.base import Source

MAGIC = b"SQLite format 3\0"
_MOST = 1e15
_AT_ONCE = 1000
_STEPS = 2_000_000
"""Thousands of steps of SQLite's machine after which a file is taken for one that never ends."""


class Database:
    """The tables of a file."""

    def __init__(self, source: Source, connection: sqlite3.Connection) -> None:
        self.source = source
        self._connection = connection
        self._steps = 0
        connection.set_progress_handler(self._counted, 1000)

    def tables(self) -> dict[str, list[str]]:
        """Name of a table -> names of its columns."""
        names = self._all("SELECT name FROM sqlite_master WHERE type='table'")
        return {
            str(name): [str(row[1]) for row in self._all(f'PRAGMA table_info("{_bare(name)}")')]
            for name, *_ in names
        }

    def rows(self, table: str, columns: Sequence[str]) -> Iterator[tuple[Any, ...]]:
        """The rows of a table, in the order of the columns; those that it does not have are None.

        Raises:
            TraceError: the file is damaged, or there is no such table.
        """
        return chain.from_iterable(self._asked(self._query(table, columns)))

    def columns(self, table: str, columns: Sequence[str]) -> list[list[Any]]:
        """The same, column by column: a large table is read in half the time.

        Raises:
            TraceError: the file is damaged, or there is no such table.
        """
        found: list[list[Any]] = [[] for _ in columns]
        for rows in self._asked(self._query(table, columns)):
            for column, cells in zip(found, zip(*rows, strict=True), strict=True):
                column += cells
        return found

    def _query(self, table: str, columns: Sequence[str]) -> str:
        there = self.tables().get(table)
        if there is None:
            raise self.source.broken(f"the database has no table {table}")
        chosen = [f'"{name}"' if name in there else "NULL" for name in columns]
        return f'SELECT {", ".join(chosen)} FROM "{table}" ORDER BY rowid'

    def number(self, value: Any, key: str, table: str) -> float | None:
        """A cell as a number; None for an empty one."""
        if value is None or value == "":
            return None
        try:
            found = float(value)
        except (TypeError, ValueError, OverflowError):
            found = float("nan")
        if not -_MOST <= found <= _MOST:
            raise self.source.broken(f"table {table}: {key} is {str(value)[:40]!r}, not a number")
        return found

    def numbers(self, column: list[Any], key: str, table: str) -> list[float | None]:
        """The cells of a column as numbers."""
        kinds = set(map(type, column))
        if kinds <= {NoneType}:
            return column
        if kinds == {int} and -_MOST <= min(column) <= max(column) <= _MOST:
            return list(map(float, column))
        if kinds == {float} and -_MOST <= min(column) <= max(column) <= _MOST:
            return column
        return [self.number(value, key, table) for value in column]

    def wholes(self, column: list[Any], key: str, table: str) -> list[int | None]:
        """The same, as whole numbers."""
        kinds = set(map(type, column))
        if kinds <= {NoneType}:
            return column
        if kinds == {int} and -_MOST <= min(column) <= max(column) <= _MOST:
            return column
        return [self.whole(value, key, table) for value in column]

    def whole(self, value: Any, key: str, table: str) -> int | None:
        """The same, as a whole number."""
        if type(value) is int and -_MOST <= value <= _MOST:
            return value
        found = self.number(value, key, table)
        return None if found is None else int(found)

    def _all(self, query: str) -> list[tuple[Any, ...]]:
        return list(chain.from_iterable(self._asked(query)))

    def _asked(self, query: str) -> Iterator[list[tuple[Any, ...]]]:
        try:
            yield from self._fetched(query)
        except (sqlite3.Error, sqlite3.Warning, OverflowError, ValueError) as error:
            raise self.source.broken(f"the database is damaged: {error}") from error

    def _fetched(self, query: str) -> Iterator[list[tuple[Any, ...]]]:
        """The rows, many at once. SQLite itself makes texts of most bytes; where some are no UTF-8,
        they are escaped from there on, which takes longer."""
        done = 0
        try:
            rows = self._connection.execute(query)
            while found := rows.fetchmany(_AT_ONCE):
                yield found
                done += len(found)
        except sqlite3.OperationalError as error:
            if "decode" not in str(error):
                raise
            self._connection.text_factory = methodcaller("decode", "utf-8", "replace")
            yield list(islice(self._connection.execute(query), done, None))

    def _counted(self) -> int:
        self._steps += 1
        return int(self._steps > _STEPS)


@contextmanager
def database(source: Source) -> Iterator[Database]:
    """Opens a file; what lies in an archive is copied to a temporary one.

    Raises:
        TraceError: it cannot be opened.
    """
    with source.on_disk() as path:
        try:
            address = f"file:{quote(str(path.absolute()))}?mode=ro&immutable=1"
            connection = sqlite3.connect(address, uri=True)
        except sqlite3.Error as error:
            raise source.broken(f"the database cannot be opened: {error}") from error
        with closing(connection):
            yield Database(source, connection)


def _bare(name: Any) -> str:
    return str(name).replace('"', '""')
