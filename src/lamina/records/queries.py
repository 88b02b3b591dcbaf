"""The statements of the store; rows in, values out. Nothing here knows SQLite from PostgreSQL."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from functools import lru_cache
from typing import Any

import sqlalchemy as sa

from lamina.records.appending import known_passed_over, newest_wins
from lamina.records.live import Live
from lamina.records.rows import DamagedError, Result, RunRecord, entry_of
from lamina.records.schema import DOCUMENTS, EVENTS, LIVES, PRODUCTS, RESULTS, RUNS
from lamina.records.writing import to_json

PAGE = 2000
"""Events that are read at a time, so that no reader holds a snapshot for long."""

_SOME = 500
_MADE = ("document", "inputs", "options")


def add_run(connection: sa.Connection, run: RunRecord) -> None:
    """Adds a run."""
    row = {f"{name}_json" if name in _MADE else name: value for name, value in run.__dict__.items()}
    row.update({f"{name}_json": to_json(getattr(run, name)) for name in _MADE})
    connection.execute(RUNS.insert(), row)


def names_like(connection: sa.Connection, name: str) -> set[str]:
    """Names of runs that begin with a name; none is added until the transaction ends."""
    if connection.dialect.name == "postgresql":
        connection.exec_driver_sql("LOCK TABLE runs IN SHARE ROW EXCLUSIVE MODE")
    chosen = sa.select(RUNS.c.name).where(RUNS.c.name.startswith(name, autoescape=True))
    return set(connection.execute(chosen).scalars())


def book_entry(connection: sa.Connection, run: str) -> tuple[int, int] | None:
    """Number of a run, and of its last event."""
    number = connection.execute(sa.select(RUNS.c.number).where(RUNS.c.id == run)).scalar()
    if number is None:
        return None
    last = sa.select(sa.func.max(EVENTS.c.number)).where(EVENTS.c.run == number)
    return number, connection.execute(last).scalar() or 0


def open_keys(connection: sa.Connection, run: int, tasks: list[str]) -> dict[str, Any]:
    """Unit -> (attempt, key, recipe) of the newest attempts."""
    if not tasks:
        return {}
    chosen = (
        sa.select(EVENTS.c.task, EVENTS.c.attempt, EVENTS.c.body_json)
        .where(EVENTS.c.run == run, EVENTS.c.word == "attempt-started", EVENTS.c.task.in_(tasks))
        .order_by(EVENTS.c.number)
    )
    found = {}
    for task, attempt, text in connection.execute(chosen):
        body = entry_of(text)
        if body.get("key"):
            found[task] = (attempt, body["key"], body.get("recipe", ""))
    return found


def some_events(
    connection: sa.Connection, run: str, after: int, words: Sequence[str]
) -> list[tuple[int, float, str, str, int, str]]:
    """The next PAGE events: number, time, word, task, attempt, body."""
    e = EVENTS.c
    chosen = (
        sa.select(e.number, e.time, e.word, e.task, e.attempt, e.body_json)
        .where(e.run == sa.select(RUNS.c.number).where(RUNS.c.id == run).scalar_subquery())
        .where(e.number > after)
        .order_by(e.number)
        .limit(PAGE)
    )
    if words:
        chosen = chosen.where(e.word.in_(words))
    found = connection.execute(chosen)
    try:
        # The driver's own rows: those of SQLAlchemy know names, and take half as long again.
        return list(found.cursor.fetchall())
    except connection.dialect.loaded_dbapi.Error as error:
        raise sa.exc.DatabaseError(str(chosen), None, error) from error


def has_others(connection: sa.Connection, run: str, words: Sequence[str]) -> bool:
    """Whether a run has events of other kinds than some."""
    e = EVENTS.c
    chosen = (
        sa.select(e.number)
        .where(e.run == sa.select(RUNS.c.number).where(RUNS.c.id == run).scalar_subquery())
        .where(e.word.not_in(words))
        .limit(1)
    )
    return connection.execute(chosen).first() is not None


def newest(connection: sa.Connection, limit: int) -> list[RunRecord]:
    """The newest runs, newest first."""
    chosen = sa.select(RUNS).order_by(RUNS.c.created.desc(), RUNS.c.number.desc()).limit(limit)
    return [_run(row) for row in connection.execute(chosen)]


def matching(connection: sa.Connection, text: str) -> list[RunRecord]:
    """The run of an id or a name; else all whose id begins so; "last": the newest."""
    if text == "last":
        return newest(connection, 1)
    exact = sa.select(RUNS).where((RUNS.c.id == text) | (RUNS.c.name == text))
    found = [_run(row) for row in connection.execute(exact)]
    if found or not text:
        return found[:1]
    begins = sa.select(RUNS).where(RUNS.c.id.startswith(text.lower(), autoescape=True))
    return [_run(row) for row in connection.execute(begins.order_by(RUNS.c.number.desc()))]


def _run(row: Any) -> RunRecord:
    told = dict(row._mapping)
    del told["number"]
    for name in _MADE:
        told[name] = entry_of(told.pop(f"{name}_json"))
    return RunRecord(**told)


def lives(connection: sa.Connection, runs: Sequence[str]) -> dict[str, tuple[Live, int]]:
    """Where runs were after an event, and the number of that event."""
    found = {}
    columns = (RUNS.c.id, LIVES.c.live_json, LIVES.c.number)
    for some in _parts(runs):
        chosen = sa.select(*columns).where(RUNS.c.id.in_(some))
        for run, live, number in connection.execute(chosen.select_from(RUNS.outerjoin(LIVES))):
            found[run] = _live("{}" if live is None else live, number or 0)
    return found


def _live(text: str, number: int) -> tuple[Live, int]:
    """Where a run was; its beginning where that is damaged, since events tell the same."""
    try:
        return Live.from_json(entry_of(text)), number
    except (DamagedError, AttributeError, TypeError, ValueError):
        return Live(), 0


@lru_cache(maxsize=1)
def _results() -> sa.Select[Any]:
    """Made once: making it takes longer than asking it."""
    r, e = RESULTS.c, EVENTS.c
    joined = RESULTS.join(EVENTS, (r.run == e.run) & (r.number == e.number)).join(
        RUNS, RUNS.c.number == r.run
    )
    return (
        sa.select(r.key, RUNS.c.id, e.task, r.task, r.recipe, e.body_json, r.outputs_json)
        .select_from(joined)
        .where(r.key.in_(sa.bindparam("keys", expanding=True)))
    )


def results(connection: sa.Connection, keys: Sequence[str]) -> dict[str, Result]:
    """Results by their keys."""
    found = {}
    for some in _parts(keys):
        asked = connection.execute(_results(), {"keys": some}).all()  # faster than row by row
        for key, run, task, own, recipe, body, adopted in asked:
            outputs = entry_of(adopted) if adopted else entry_of(body).get("outputs", {})
            found[key] = Result(key, outputs, run, own or task, recipe, bool(adopted))
    return found


def adopt(connection: sa.Connection, taken: Sequence[Result]) -> None:
    """Adds results with outputs of their own; they stand at the first event of their run."""
    ids = {result.run for result in taken}
    chosen = sa.select(RUNS.c.id, RUNS.c.number).where(RUNS.c.id.in_(ids))
    numbers = {run: number for run, number in connection.execute(chosen)}
    upsert = newest_wins(RESULTS, connection.dialect.name)
    rows = [
        {"key": each.key, "run": numbers[each.run], "number": 1, "recipe": each.recipe}
        | {"outputs_json": to_json(each.outputs), "task": each.task}
        for each in taken
        if each.run in numbers
    ]
    if rows:
        connection.execute(upsert, rows)


def forget(connection: sa.Connection, keys: Sequence[str]) -> None:
    """Drops results."""
    for some in _parts(keys):
        connection.execute(RESULTS.delete().where(RESULTS.c.key.in_(some)))


def keep(connection: sa.Connection, bodies: Mapping[str, Mapping[str, Any]]) -> None:
    """Keeps documents by their digests."""
    rows = [{"digest": digest, "body_json": to_json(body)} for digest, body in bodies.items()]
    connection.execute(known_passed_over(DOCUMENTS, connection.dialect.name), rows)


def documents(connection: sa.Connection, digests: Sequence[str]) -> dict[str, Mapping[str, Any]]:
    """Documents by their digests."""
    found: dict[str, Mapping[str, Any]] = {}
    for some in _parts(digests):
        chosen = sa.select(DOCUMENTS).where(DOCUMENTS.c.digest.in_(some))
        found.update({digest: entry_of(body) for digest, body in connection.execute(chosen)})
    return found


def producers(
    connection: sa.Connection, digests: Sequence[str]
) -> dict[str, list[tuple[str, str, str]]]:
    """Digest -> (run, unit, port) of what made it, oldest first."""
    p, e = PRODUCTS.c, EVENTS.c
    joined = PRODUCTS.join(EVENTS, (p.run == e.run) & (p.number == e.number)).join(
        RUNS, RUNS.c.number == p.run
    )
    found: dict[str, list[tuple[str, str, str]]] = {}
    for some in _parts(digests):
        chosen = sa.select(p.digest, RUNS.c.id, e.task, p.port).select_from(joined)
        chosen = chosen.where(p.digest.in_(some)).order_by(p.run, p.number, p.port)
        for digest, run, task, port in connection.execute(chosen):
            found.setdefault(digest, []).append((run, task, port))
    return found


def consumers(connection: sa.Connection, digest: str) -> list[tuple[str, str, str]]:
    """(run, unit, port) of attempts that were given a digest, oldest first; a search of all."""
    chosen = (
        sa.select(RUNS.c.id, EVENTS.c.task, EVENTS.c.body_json)
        .join(RUNS, RUNS.c.number == EVENTS.c.run)
        .where(EVENTS.c.word.in_(("attempt-started", "attempt-ended")))
        .where(EVENTS.c.body_json.contains(digest, autoescape=True))
        .order_by(EVENTS.c.run, EVENTS.c.number)
    )
    found = []
    for run, task, body in connection.execute(chosen):
        for port, ref in entry_of(body).get("inputs", {}).items():
            if ref.get("digest") == digest:
                found.append((run, task, port))
    return list(dict.fromkeys(found))


def given(connection: sa.Connection, digest: str) -> list[tuple[RunRecord, str]]:
    """(run, input) of runs that were given a digest, oldest first."""
    chosen = sa.select(RUNS).where(RUNS.c.inputs_json.contains(digest, autoescape=True))
    records = [_run(row) for row in connection.execute(chosen.order_by(RUNS.c.number))]
    return [
        (record, port)
        for record in records
        for port, ref in record.inputs.items()
        if ref.get("digest") == digest
    ]


def digests(connection: sa.Connection, beginning: str) -> list[str]:
    """Digests of products and of runs' inputs that begin so."""
    begins = PRODUCTS.c.digest.startswith(beginning, autoescape=True)
    chosen = sa.select(PRODUCTS.c.digest).distinct().where(begins).limit(_SOME)
    found = dict.fromkeys(connection.execute(chosen).scalars())
    holding = RUNS.c.inputs_json.contains(f'"digest":"{beginning}', autoescape=True)
    for text in connection.execute(sa.select(RUNS.c.inputs_json).where(holding)).scalars():
        told = [str(ref.get("digest", "")) for ref in entry_of(text).values()]
        found.update(dict.fromkeys(digest for digest in told if digest.startswith(beginning)))
    return list(found)


def add_files(connection: sa.Connection, run: str, files: Mapping[str, str]) -> None:
    """Files of outputs stand at the event that ended their run."""
    number = connection.execute(sa.select(RUNS.c.number).where(RUNS.c.id == run)).scalar()
    last = sa.select(sa.func.max(EVENTS.c.number)).where(EVENTS.c.run == number)
    last = last.where(EVENTS.c.word == "run-finished")
    at = connection.execute(last).scalar()
    if at is not None:
        rows = [
            {"digest": digest, "run": number, "number": at, "port": port}
            for digest, port in files.items()
        ]
        connection.execute(known_passed_over(PRODUCTS, connection.dialect.name), rows)


def _parts(names: Sequence[str]) -> Iterator[Sequence[str]]:
    for start in range(0, len(names), _SOME):
        yield names[start : start + _SOME]
