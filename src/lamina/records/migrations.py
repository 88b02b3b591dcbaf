"""Stores of earlier versions brought up to today's, step by step, each in one transaction."""

from __future__ import annotations

from collections.abc import Callable

import sqlalchemy as sa

from lamina.errors import StoreError
from lamina.records.connection import SCHEMA as SERVER_SCHEMA
from lamina.records.connection import named
from lamina.records.rows import entry_of
from lamina.records.schema import LIVES, METADATA, PRODUCTS, SCHEMA, VERSION, only_append
from lamina.records.writing import products_of


def version_of(connection: sa.Connection) -> int:
    """The version of a store's tables; 0 for a store without any.

    Raises:
        StoreError: the store was written by a later Lamina.
    """
    if not sa.inspect(connection).has_table(SCHEMA.name):
        return 0
    found = connection.execute(sa.select(sa.func.max(SCHEMA.c.version))).scalar() or 0
    if found > VERSION:
        raise StoreError(
            f"the record of runs {named(connection.engine.url)} has version {found}; this Lamina "
            f"reads up to {VERSION}",
            "install the Lamina that wrote it, or a later one",
        )
    return int(found)


def prepare(connection: sa.Connection) -> None:
    """Makes the tables, or brings them up to today's version; in a writer's transaction."""
    if connection.dialect.name == "postgresql":
        # Many processes may come to an empty database at once.
        connection.exec_driver_sql("SELECT pg_advisory_xact_lock(7226142)")
        connection.exec_driver_sql(f"CREATE SCHEMA IF NOT EXISTS {SERVER_SCHEMA}")
    found = version_of(connection)
    if found == VERSION:
        return
    if found == 0:
        METADATA.create_all(connection)
    else:
        for step in STEPS[found - 1 :]:
            step(connection)
    connection.execute(SCHEMA.delete())
    connection.execute(SCHEMA.insert().values(version=VERSION))


def _second(connection: sa.Connection) -> None:
    """Version 2: where a run is now; which attempt made an artifact; adopted results."""
    for change in (
        "ALTER TABLE results ADD COLUMN outputs_json TEXT NOT NULL DEFAULT ''",
        "ALTER TABLE results ADD COLUMN task TEXT NOT NULL DEFAULT ''",
    ):
        connection.exec_driver_sql(change)
    PRODUCTS.create(connection)
    LIVES.create(connection)
    ended = sa.text(
        "SELECT run, number, body_json FROM events WHERE word = 'attempt-ended'"
    ).columns(run=sa.Integer, number=sa.Integer, body_json=sa.Text)
    for run, number, body in connection.execute(ended).all():
        rows = list(products_of(run, number, entry_of(body).get("outputs", {})))
        if rows:
            connection.execute(PRODUCTS.insert(), rows)


STEPS: tuple[Callable[[sa.Connection], None], ...] = (_second, only_append)
"""STEPS[n] brings version n + 1 to n + 2."""
