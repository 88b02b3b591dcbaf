"""SQLite files of others: opened to read only, asked in plain queries, stopped when damaged."""

from __future__ import annotations

import json
import sqlite3
import warnings
from collections.abc import Callable, Hashable, Iterator, Sequence
from contextlib import closing, contextmanager
from itertools import chain, islice
from operator import methodcaller
from types import NoneType
from typing import Any, TypeVar
from urllib.parse import quote

import numpy as np
from numpy.typing import NDArray

from lamina.traces.readers.base import Source

Value = TypeVar("Value", bound=Hashable)
Made = TypeVar("Made")

MAGIC = b"SQLite format 3\0"
MOST = 1e15
"""Numbers beyond are taken for damage."""

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
        chosen = self._chosen(table, columns)
        found = self._as_json(table, chosen)
        if found is None:
            return self._fetched_as(table, chosen)
        inexact = [n for n, column in enumerate(found) if float in set(map(type, column))]
        if inexact:
            exact = self._fetched_as(table, [chosen[n] for n in inexact])
            found = [
                exact[inexact.index(n)] if n in inexact else one for n, one in enumerate(found)
            ]
        return found

    def joined(self, table: str, columns: Sequence[str]) -> tuple[int, list[str]] | None:
        """The number of rows; and each column as one text, its cells divided by commas, the empty
        ones left out: quicker still. None where the file is damaged.

        Raises:
            TraceError: there is no such table.
        """
        texts = ", ".join(f"group_concat({one})" for one in self._chosen(table, columns))
        query = f'SELECT count(*), {texts} FROM "{table}" NOT INDEXED'
        try:
            count, *found = self._connection.execute(query).fetchone()
        except (sqlite3.Error, OverflowError, ValueError, TypeError):
            return None
        return count, [text or "" for text in found]

    def _as_json(self, table: str, chosen: Sequence[str]) -> list[list[Any]] | None:
        """Columns, each as one text: SQLite and Python hand over a long text in less time than
        its many cells. None where JSON does not hold them, or the file is damaged."""
        texts = ", ".join(f"json_group_array({one})" for one in chosen)
        try:
            told = self._connection.execute(f'SELECT {texts} FROM "{table}" NOT INDEXED')
            return list(map(json.loads, told.fetchone()))
        except (sqlite3.Error, ValueError, OverflowError, TypeError):
            return None

    def _fetched_as(self, table: str, chosen: Sequence[str]) -> list[list[Any]]:
        found: list[list[Any]] = [[] for _ in chosen]
        for rows in self._asked(f'SELECT {", ".join(chosen)} FROM "{table}" ORDER BY rowid'):
            for column, cells in zip(found, zip(*rows, strict=True), strict=True):
                column += cells
        return found

    def _query(self, table: str, columns: Sequence[str]) -> str:
        return f'SELECT {", ".join(self._chosen(table, columns))} FROM "{table}" ORDER BY rowid'

    def _chosen(self, table: str, columns: Sequence[str]) -> list[str]:
        """The columns as SQL; NULL for those that are not there."""
        there = self.tables().get(table)
        if there is None:
            raise self.source.broken(f"the database has no table {table}")
        return [f'"{name}"' if name in there else "NULL" for name in columns]

    def number(self, value: Any, key: str, table: str) -> float | None:
        """A cell as a number; None for an empty one."""
        if value is None or value == "":
            return None
        try:
            found = float(value)
        except (TypeError, ValueError, OverflowError):
            found = float("nan")
        if not -MOST <= found <= MOST:
            raise self.source.broken(f"table {table}: {key} is {str(value)[:40]!r}, not a number")
        return found

    def numbers(self, column: list[Any], key: str, table: str) -> list[float | None]:
        """The cells of a column as numbers."""
        kinds = set(map(type, column))
        if kinds <= {NoneType}:
            return column
        if kinds == {int} and -MOST <= min(column) <= max(column) <= MOST:
            return list(map(float, column))
        if kinds == {float} and -MOST <= min(column) <= max(column) <= MOST:
            return column
        return [self.number(value, key, table) for value in column]

    def wholes(self, column: list[Any], key: str, table: str) -> list[int | None]:
        """The same, as whole numbers."""
        kinds = set(map(type, column))
        if kinds <= {NoneType}:
            return column
        if kinds == {int} and -MOST <= min(column) <= max(column) <= MOST:
            return column
        return [self.whole(value, key, table) for value in column]

    def whole(self, value: Any, key: str, table: str) -> int | None:
        """The same, as a whole number."""
        if type(value) is int and -MOST <= value <= MOST:
            return value
        found = self.number(value, key, table)
        return None if found is None else int(found)

    def id(self, value: Any, key: str, table: str) -> int:
        """The same, of one that must not be empty."""
        if type(value) is int:
            return value
        found = self.whole(value, key, table)
        if found is None:
            raise self.source.broken(f"table {table}: {key} is empty")
        return found

    def ids(self, column: list[Any], key: str, table: str) -> list[int]:
        """The cells of a column as whole numbers, none of them empty."""
        if set(map(type, column)) <= {int}:
            return column
        return [self.id(value, key, table) for value in column]

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


def texts_of(column: list[Any]) -> list[str]:
    """The cells of a column as texts; an empty one for those that tell nothing."""
    if set(map(type, column)) <= {str}:
        return column
    return [str(cell or "") for cell in column]


def wholes_of(text: str, count: int) -> NDArray[np.int64] | None:
    """So many whole numbers in a text; None where it holds others."""
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("error", DeprecationWarning)
            found = np.fromstring(text, np.int64, sep=",")
    except (DeprecationWarning, ValueError):
        return None
    inside = -MOST <= found.min(initial=0) <= found.max(initial=0) <= MOST
    return found if len(found) == count and inside else None


def changed(column: list[Value], into: Callable[[Value], Made]) -> list[Made]:
    """What is made of the cells of a column, once of each that recurs."""
    made = {value: into(value) for value in set(column)}
    return list(map(made.__getitem__, column))


def grouped(
    keys: NDArray[Any], places: NDArray[Any]
) -> tuple[NDArray[np.intp] | None, Iterator[tuple[int, int, int]]]:
    """Rows that belong together: the order of all rows in which they stand side by side, by their
    places, None where they do already; then each key with the begin and end of its rows, in the
    order in which the keys were first told. There is at least one row."""
    order, same = None, keys[1:] == keys[:-1]
    if not np.all((keys[1:] > keys[:-1]) | (same & (places[1:] >= places[:-1]))):
        order = np.lexsort((places, keys))
        keys = keys[order]
        same = keys[1:] == keys[:-1]
    begins = np.concatenate(([0], np.flatnonzero(~same) + 1))
    ends = np.append(begins[1:], len(keys))
    if order is not None:
        first = np.argsort(np.minimum.reduceat(order, begins))
        begins, ends = begins[first], ends[first]
    return order, zip(keys[begins].tolist(), begins.tolist(), ends.tolist(), strict=True)


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
