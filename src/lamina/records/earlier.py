"""What became of units in earlier runs of a workflow: newest attempts, and how long they took."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from typing import Any

import sqlalchemy as sa

from lamina.execution.cache.recalled import Earlier
from lamina.records.schema import EVENTS, RUNS
from lamina.workflow.units import task_of

MOST_RUNS = 30
"""How far back to look for a unit."""

_MOST_ROWS = 500_000
_MOST_TIMES = 2000
_SOME = 400
_WORDS = ("attempt-started", "attempt-ended", "task-reused")

Reading = Callable[[], AbstractContextManager[sa.Connection | None]]


@dataclass(slots=True)
class _Trail:
    """Numbers of a unit's events in one run: its newest attempt, and its reuse; 0 for none."""

    started: int = 0
    attempt: int = 0
    ended: int = 0
    reused: int = 0

    def take(self, number: int, word: str, attempt: int) -> None:
        """One more event, a newer one."""
        if word == "attempt-started":
            self.started, self.attempt, self.ended = number, attempt, 0
        elif word == "task-reused":
            self.reused = number
        elif attempt == self.attempt:
            self.ended = number


@dataclass(frozen=True)
class _Run:
    """A run, and where its units' events are."""

    number: int
    id: str
    trails: dict[str, _Trail]


@dataclass
class _Search:
    """Units without an answer, and what is known of them so far.

    Args:
        wanted: in the order of the question.
        keys: unit -> (key, run) of a result that stood in for it; its attempt lies further back.
        found: unit -> its newest attempt.
        others: as `found`, of attempts with another key than the one that is looked for.
    """

    wanted: dict[str, None]
    keys: dict[str, tuple[str, str]] = field(default_factory=dict)
    found: dict[str, Earlier] = field(default_factory=dict)
    others: dict[str, Earlier] = field(default_factory=dict)

    def take(self, run: str, unit: str, trail: _Trail, bodies: dict[int, Any]) -> None:
        """What one run knows of a unit."""
        if trail.reused > trail.started and unit not in self.keys:
            body = bodies[trail.reused]
            self.keys[unit] = (body.get("key", ""), body.get("source", ""))
        if not trail.started:
            return
        body = bodies[trail.started]
        key, recipe, inputs = (
            body.get(n, e) for n, e in (("key", ""), ("recipe", ""), ("inputs", {}))
        )
        status = bodies[trail.ended].get("status", "") if trail.ended else ""
        sought = self.keys.get(unit)
        if sought is None or sought[0] == key:
            self.found[unit] = Earlier(run, key, recipe, inputs, "reused" if sought else status)
            del self.wanted[unit]
        else:
            self.others.setdefault(unit, Earlier(run, key, recipe, inputs, status))


class Attempts:
    """Finds the newest attempts of units; reads where they are once, and bodies when asked.

    Args:
        reading: gives a connection to the store.
        workflow: name of the workflow whose runs count.
        before: id of a run; only older ones are looked at.
    """

    def __init__(self, reading: Reading, workflow: str, before: str = "") -> None:
        self._reading = reading
        self._workflow = workflow
        self._before = before
        self._runs: list[_Run] = []
        self._left: list[tuple[int, str]] | None = None
        self._rows = 0

    def __call__(self, units: Iterable[str]) -> dict[str, Earlier]:
        """Unit -> its newest attempt, of those that have one."""
        search = _Search(dict.fromkeys(units))
        with self._reading() as connection:
            if connection is None:
                return {}
            for run in self._known(connection):
                if not search.wanted:
                    break
                _look(connection, run, search)
            for unit in [unit for unit in search.wanted if unit in search.keys]:
                # The result came from a run of another workflow.
                foreign = _foreign(connection, search.keys[unit][1], unit)
                if foreign is not None:
                    _look(connection, foreign, search)
        return {**search.others, **search.found}

    def _known(self, connection: sa.Connection) -> Iterator[_Run]:
        """The runs, newest first, each read when it is reached."""
        yield from list(self._runs)
        if self._left is None:
            self._left = _runs(connection, self._workflow, self._before)
        while self._left and self._rows < _MOST_ROWS:
            number, name = self._left.pop(0)
            run = _Run(number, name, _trails(connection, number))
            self._rows += len(run.trails)
            self._runs.append(run)
            yield run


def _look(connection: sa.Connection, run: _Run, search: _Search) -> None:
    here = {unit: run.trails[unit] for unit in search.wanted if unit in run.trails}
    numbers = {n for t in here.values() for n in (t.started, t.ended, t.reused) if n}
    bodies = _bodies(connection, run.number, sorted(numbers))
    for unit, trail in here.items():
        search.take(run.id, unit, trail, bodies)


def _foreign(connection: sa.Connection, run: str, unit: str) -> _Run | None:
    number = connection.execute(sa.select(RUNS.c.number).where(RUNS.c.id == run)).scalar()
    return None if number is None else _Run(number, run, _trails(connection, number, unit))


def _runs(connection: sa.Connection, workflow: str, before: str) -> list[tuple[int, str]]:
    chosen = sa.select(RUNS.c.number, RUNS.c.id).where(RUNS.c.workflow == workflow)
    if before:
        limit = sa.select(RUNS.c.number).where(RUNS.c.id == before).scalar_subquery()
        chosen = chosen.where(RUNS.c.number < limit)
    rows = connection.execute(chosen.order_by(RUNS.c.number.desc()).limit(MOST_RUNS))
    return [(number, run) for number, run in rows]


def _trails(connection: sa.Connection, run: int, unit: str = "") -> dict[str, _Trail]:
    e = EVENTS.c
    chosen = sa.select(e.task, e.number, e.word, e.attempt).where(e.run == run)
    chosen = chosen.where(e.word.in_(_WORDS)).order_by(e.number)
    if unit:
        chosen = chosen.where(e.task == unit)
    found: dict[str, _Trail] = {}
    for task, number, word, attempt in connection.execute(chosen):
        found.setdefault(task, _Trail()).take(number, word, attempt)
    return found


def _bodies(connection: sa.Connection, run: int, numbers: Sequence[int]) -> dict[int, Any]:
    e = EVENTS.c
    found = {}
    for start in range(0, len(numbers), _SOME):
        some = numbers[start : start + _SOME]
        chosen = sa.select(e.number, e.body_json).where(e.run == run, e.number.in_(some))
        found.update({number: json.loads(text) for number, text in connection.execute(chosen)})
    return found


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
