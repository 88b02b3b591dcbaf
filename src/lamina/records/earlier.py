"""What became of units in earlier runs of a workflow: newest attempts, and how long they took."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any

import sqlalchemy as sa

from lamina.execution.cache.recalled import Earlier
from lamina.records.schema import EVENTS, RUNS
from lamina.workflow.units import task_of

MOST_RUNS = 30
"""How far back to look for a unit."""

_MOST_TIMES = 2000
_SOME = 400
_WORDS = ("attempt-started", "attempt-ended", "task-reused")


@dataclass
class _Search:
    """Units that are looked for, newest runs first.

    Args:
        wanted: units without an answer.
        keys: unit -> key that an earlier result stood in for; its attempt lies further back.
        found: unit -> its newest attempt.
        fallback: as `found`, of attempts with another key than the one that is looked for.
    """

    wanted: set[str]
    keys: dict[str, tuple[str, str]] = field(default_factory=dict)
    found: dict[str, Earlier] = field(default_factory=dict)
    fallback: dict[str, Earlier] = field(default_factory=dict)

    def take(self, run: str, rows: Iterator[tuple[str, str, int, str]]) -> None:
        """The events of one run, newest first."""
        ends: dict[tuple[str, int], str] = {}
        for task, word, attempt, text in rows:
            if task not in self.wanted:
                continue
            if word == "attempt-ended":
                ends[task, attempt] = text
            elif word == "task-reused":
                if task not in self.keys:
                    body = json.loads(text)
                    self.keys[task] = (body.get("key", ""), body.get("source", ""))
            else:
                self._started(run, task, json.loads(text), ends.get((task, attempt), ""))

    def _started(self, run: str, task: str, body: dict[str, Any], end: str) -> None:
        status = json.loads(end).get("status", "") if end else ""
        key = body.get("key", "")
        one = Earlier(run, key, body.get("recipe", ""), body.get("inputs", {}), status)
        sought = self.keys.get(task)
        if sought is None or sought[0] == key:
            self.found[task] = one if sought is None else _reused(one)
            self.wanted.discard(task)
        else:
            self.fallback.setdefault(task, one)


def _reused(one: Earlier) -> Earlier:
    return Earlier(one.run, one.key, one.recipe, one.inputs, "reused")


def earlier(
    connection: sa.Connection, workflow: str, units: Sequence[str], before: str = ""
) -> dict[str, Earlier]:
    """Unit -> its newest attempt in runs of a workflow.

    Args:
        connection: to the store.
        workflow: its name.
        units: names of units.
        before: id of a run; only older ones are looked at.
    """
    search = _Search(set(units))
    for number, run in _runs(connection, workflow, before):
        if not search.wanted:
            break
        search.take(run, _events(connection, number, search.wanted))
    for task in sorted(search.wanted & search.keys.keys()):
        # The result came from a run of another workflow.
        _, source = search.keys[task]
        at = connection.execute(sa.select(RUNS.c.number).where(RUNS.c.id == source)).scalar()
        if at is not None:
            search.take(source, _events(connection, at, {task}))
    return {**search.fallback, **search.found}


def _runs(connection: sa.Connection, workflow: str, before: str) -> list[tuple[int, str]]:
    chosen = sa.select(RUNS.c.number, RUNS.c.id).where(RUNS.c.workflow == workflow)
    if before:
        limit = sa.select(RUNS.c.number).where(RUNS.c.id == before).scalar_subquery()
        chosen = chosen.where(RUNS.c.number < limit)
    rows = connection.execute(chosen.order_by(RUNS.c.number.desc()).limit(MOST_RUNS))
    return [(number, run) for number, run in rows]


def _events(
    connection: sa.Connection, run: int, units: set[str]
) -> Iterator[tuple[str, str, int, str]]:
    """Unit, word, attempt and body of events, newest first."""
    e = EVENTS.c
    chosen = sa.select(e.task, e.word, e.attempt, e.body_json).where(e.run == run)
    chosen = chosen.where(e.word.in_(_WORDS)).order_by(e.number.desc())
    if len(units) <= _SOME:
        chosen = chosen.where(e.task.in_(sorted(units)))
    yield from ((row[0], row[1], row[2], row[3]) for row in connection.execute(chosen))


def durations(connection: sa.Connection, workflow: str) -> dict[str, list[float]]:
    """Task -> seconds that its newest successful attempts ran, in runs of a workflow."""
    e = EVENTS.c
    found: dict[str, list[float]] = {}
    left = _MOST_TIMES
    for number, _ in _runs(connection, workflow, ""):
        chosen = sa.select(e.task, e.body_json).where(e.run == number, e.word == "attempt-ended")
        for task, text in connection.execute(chosen.order_by(e.number.desc()).limit(left)):
            body = json.loads(text)
            span = body.get("phases", {}).get("run")
            if body.get("status") == "succeeded" and span:
                found.setdefault(task_of(task), []).append(span[1] - span[0])
            left -= 1
        if left <= 0:
            break
    return found
