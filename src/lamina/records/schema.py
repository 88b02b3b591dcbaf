"""The tables of the store, the same for SQLite and PostgreSQL; texts in JSON end in _json."""

from __future__ import annotations

from typing import Any

import sqlalchemy as sa

VERSION = 3
"""Of the tables below; `lamina.records.migrations` brings older stores up to it."""

OLDEST_READ = 2
"""The oldest version that can be read as it is, where nothing can be brought up to date."""

METADATA = sa.MetaData()

SCHEMA = sa.Table("schema_version", METADATA, sa.Column("version", sa.Integer, nullable=False))

RUNS = sa.Table(
    "runs",
    METADATA,
    sa.Column("number", sa.Integer, primary_key=True),
    sa.Column("id", sa.Text, nullable=False, unique=True),
    sa.Column("name", sa.Text, nullable=False, unique=True),
    sa.Column("workflow", sa.Text, nullable=False),
    sa.Column("document_json", sa.Text, nullable=False),
    sa.Column("folder", sa.Text, nullable=False),
    sa.Column("inputs_json", sa.Text, nullable=False),
    sa.Column("options_json", sa.Text, nullable=False),
    sa.Column("created", sa.Double, nullable=False, index=True),
    sa.Column("status", sa.Text, nullable=False),
    sa.Column("ended", sa.Double),
    sa.Column("sessions", sa.Integer, nullable=False),
    sa.Column("host", sa.Text, nullable=False),
    sa.Column("pid", sa.Integer, nullable=False),
)

# Where a run is, folded from its events up to a number, so that a look at a run of 100,000 tasks
# reads one row and the few events after it. Not in RUNS, whose rows can be megabytes.
LIVES = sa.Table(
    "lives",
    METADATA,
    sa.Column("run", sa.Integer, sa.ForeignKey("runs.number"), primary_key=True),
    sa.Column("number", sa.Integer, nullable=False),
    sa.Column("live_json", sa.Text, nullable=False),
)

EVENTS = sa.Table(
    "events",
    METADATA,
    sa.Column("run", sa.Integer, sa.ForeignKey("runs.number"), primary_key=True),
    # Counted per run by whoever writes it: a second writer of the same run collides, and a batch
    # that is delivered twice is known by its numbers.
    sa.Column("number", sa.Integer, primary_key=True, autoincrement=False),
    sa.Column("time", sa.Double, nullable=False),
    sa.Column("word", sa.Text, nullable=False),
    sa.Column("task", sa.Text, nullable=False),
    sa.Column("attempt", sa.Integer, nullable=False),
    sa.Column("body_json", sa.Text, nullable=False),
)

_KEPT = "events are kept as they were written"
_APPENDING = {
    "sqlite": tuple(
        f"CREATE TRIGGER events_kept_{word.lower()} BEFORE {word} ON events "
        f"BEGIN SELECT RAISE(ABORT, '{_KEPT}'); END"
        for word in ("UPDATE", "DELETE")
    ),
    "postgresql": (
        "CREATE OR REPLACE FUNCTION events_kept() RETURNS trigger LANGUAGE plpgsql AS "
        f"$$ BEGIN RAISE EXCEPTION '{_KEPT}'; END $$",
        "CREATE TRIGGER events_kept BEFORE UPDATE OR DELETE OR TRUNCATE ON events "
        "FOR EACH STATEMENT EXECUTE FUNCTION events_kept()",
    ),
}


def only_append(connection: sa.Connection) -> None:
    """Lets the database refuse to change or delete events, whoever asks."""
    for statement in _APPENDING[connection.dialect.name]:
        connection.exec_driver_sql(statement)


@sa.event.listens_for(EVENTS, "after_create")
def _created(_table: sa.Table, connection: sa.Connection, **_told: Any) -> None:
    only_append(connection)


RESULTS = sa.Table(
    "results",
    METADATA,
    sa.Column("key", sa.Text, primary_key=True),
    sa.Column("run", sa.Integer, sa.ForeignKey("runs.number"), nullable=False),
    sa.Column("number", sa.Integer, nullable=False),
    sa.Column("recipe", sa.Text, nullable=False),
    # Empty: the outputs are those of the event (run, number). A result that was adopted holds
    # outputs of its own.
    sa.Column("outputs_json", sa.Text, nullable=False, server_default=""),
    sa.Column("task", sa.Text, nullable=False, server_default=""),
    sqlite_with_rowid=False,  # or SQLite keeps each key twice
)

DOCUMENTS = sa.Table(
    "documents",
    METADATA,
    sa.Column("digest", sa.Text, primary_key=True),
    sa.Column("body_json", sa.Text, nullable=False),
)

PRODUCTS = sa.Table(
    "products",
    METADATA,
    sa.Column("digest", sa.Text, primary_key=True),
    sa.Column("run", sa.Integer, sa.ForeignKey("runs.number"), primary_key=True),
    sa.Column("number", sa.Integer, primary_key=True, autoincrement=False),
    sa.Column("port", sa.Text, primary_key=True),
    sqlite_with_rowid=False,
)
