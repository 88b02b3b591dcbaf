"""Batches into the tables: statements compiled once, handed to the driver as they are."""

from __future__ import annotations

from contextlib import nullcontext
from typing import Any

import sqlalchemy as sa

from lamina.records.connection import APPEND
from lamina.records.schema import EVENTS, LIVES, PRODUCTS, RESULTS, RUNS
from lamina.records.writing import Batch


def known_passed_over(table: sa.Table, dialect: str) -> Any:
    """An insertion that leaves rows alone that are there."""
    return _insert(table, dialect).on_conflict_do_nothing()


def newest_wins(table: sa.Table, dialect: str) -> Any:
    """An insertion that takes the place of a row with the same primary key."""
    statement = _insert(table, dialect)
    keys = [column.name for column in table.primary_key]
    new = {c.name: statement.excluded[c.name] for c in table.c if c.name not in keys}
    return statement.on_conflict_do_update(index_elements=keys, set_=new)


def _insert(table: sa.Table, dialect: str) -> Any:
    # Only the dialect in use: PostgreSQL's takes a tenth of the start of a command.
    if dialect == "sqlite":
        from sqlalchemy.dialects.sqlite import insert as insert_file

        return insert_file(table)
    from sqlalchemy.dialects.postgresql import insert as insert_server

    return insert_server(table)


class Appender:
    """One connection that batches go through.

    SQLAlchemy's way from a statement to the driver takes some 60 us each time; a task of a warm
    pool takes hundreds in all. So the statements are its own, and their way is short.

    Args:
        engine: of a store whose tables are there.
    """

    def __init__(self, engine: sa.Engine) -> None:
        name = engine.dialect.name
        self._driver: Any = engine.dialect.loaded_dbapi
        self._pooled = engine.raw_connection()
        self._connection: Any = self._pooled.driver_connection
        self._server = name != "sqlite"
        self._sql = {
            "events": _text(EVENTS.insert(), engine),
            "results": _text(newest_wins(RESULTS, name), engine),
            "products": _text(known_passed_over(PRODUCTS, name), engine),
            "lives": _text(newest_wins(LIVES, name), engine),
        }
        self._run: dict[tuple[str, ...], str] = {
            names: _text(RUNS.update().where(RUNS.c.number == sa.bindparam("which")), engine, names)
            for names in (_BEGUN, _OVER)
        }

    def add(self, batch: Batch) -> None:
        """Keeps a batch whole, or nothing of it.

        Raises:
            sqlalchemy.exc.DBAPIError: as SQLAlchemy would raise it.
        """
        try:
            self._add(batch)
        except self._driver.Error as error:
            raise self._wrapped(error) from error

    def _add(self, batch: Batch) -> None:
        try:
            # A server is told all statements of a batch before it is asked for the outcome of
            # the first: one way there and back instead of one for each.
            with self._connection.pipeline() if self._server else nullcontext():
                self._execute(batch)
            self._connection.commit()
        except BaseException:
            self._undo()
            raise

    def _execute(self, batch: Batch) -> None:
        cursor = self._connection.cursor()
        try:
            if not self._server:
                cursor.execute("BEGIN IMMEDIATE")
            for name, rows in batch.rows().items():
                cursor.executemany(self._sql[name], rows)
            if batch.run:
                row = {**batch.run, "which": batch.number}
                cursor.execute(self._run[tuple(batch.run)], row)
        finally:
            cursor.close()

    def _undo(self) -> None:
        try:
            self._connection.rollback()
        except self._driver.Error:
            self._pooled.invalidate()

    def _wrapped(self, error: Exception) -> BaseException:
        doubled = isinstance(error, self._driver.IntegrityError)
        kind = sa.exc.IntegrityError if doubled else sa.exc.OperationalError
        broken = bool(getattr(self._connection, "broken", False))
        return kind(APPEND, None, error, connection_invalidated=broken)

    def close(self) -> None:
        """Gives the connection back."""
        self._pooled.close()


_BEGUN = ("status", "ended", "sessions", "host", "pid")
_OVER = ("status", "ended")


def _text(statement: Any, engine: sa.Engine, names: tuple[str, ...] = ()) -> str:
    compiled = statement.compile(
        dialect=engine.dialect, column_keys=[*names, "which"] if names else None
    )
    return str(compiled)
