"""What became of units in earlier runs of a workflow: newest attempts, and how long they took."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass, field, replace
from typing import Any

from lamina.estimates.observations import Observation, Tried
from lamina.execution.cache.recalled import EXPANDED, Earlier
from lamina.records.rows import entry_of
from lamina.workflow.units import task_of

MOST_RUNS = 30
"""How far back to look for a unit."""

_MOST_ROWS = 500_000
_MOST_TIMES = 4000
_SOME = 400
_CUT_OFF = ("timeout", "cancelled")
"""How attempts end that would have gone on."""
_WORDS = "('attempt-started', 'attempt-ended', 'task-reused')"

Rows = Callable[[str, Mapping[str, Any]], Iterable[Any]]
"""Runs a statement with named values, `:name`. Statements are plain texts, so that a dry run can
read them without loading SQLAlchemy."""

Reading = Callable[[], AbstractContextManager[Rows | None]]


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
        status = _status(bodies[trail.ended]) if trail.ended else ""
        sought = self.keys.get(unit)
        if sought is None or sought[0] == key:
            self.found[unit] = Earlier(run, key, recipe, inputs, "reused" if sought else status)
            del self.wanted[unit]
        else:
            self.others.setdefault(unit, Earlier(run, key, recipe, inputs, status))


def _status(end: Mapping[str, Any]) -> str:
    return EXPANDED if end.get("expansion") else str(end.get("status", ""))


class Attempts:
    """Finds the newest attempts of units; reads where they are once, and bodies when asked.

    Args:
        reading: gives a way to the store; None where there is none.
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
        with self._reading() as rows:
            if rows is None:
                return {}
            for run in self._known(rows):
                if not search.wanted:
                    break
                _look(rows, run, search)
            for unit in [unit for unit in search.wanted if unit in search.keys]:
                # The result came from a run of another workflow.
                foreign = _foreign(rows, search.keys[unit][1], unit)
                if foreign is not None:
                    _look(rows, foreign, search)
            _touched(rows, search)
        return {**search.others, **search.found}

    def _known(self, rows: Rows) -> Iterator[_Run]:
        """The runs, newest first, each read when it is reached."""
        yield from list(self._runs)
        if self._left is None:
            self._left = _runs(rows, self._workflow, self._before)
        while self._left and self._rows < _MOST_ROWS:
            number, name = self._left.pop(0)
            run = _Run(number, name, _trails(rows, number))
            self._rows += len(run.trails)
            self._runs.append(run)
            yield run


def _look(rows: Rows, run: _Run, search: _Search) -> None:
    here = {unit: run.trails[unit] for unit in search.wanted if unit in run.trails}
    numbers = {n for t in here.values() for n in (t.started, t.ended, t.reused) if n}
    bodies = _bodies(rows, run.number, sorted(numbers))
    for unit, trail in here.items():
        search.take(run.id, unit, trail, bodies)


def _touched(rows: Rows, search: _Search) -> None:
    """Outputs that somebody accepted for new code: the code counts, not that of their attempt."""
    left = {search.keys[unit][0]: unit for unit in search.wanted if unit in search.keys}
    keys = sorted(left)
    for start in range(0, len(keys), _SOME):
        names, values = listed(keys[start : start + _SOME])
        statement = f"SELECT key, recipe FROM results WHERE key IN ({names})"
        for key, recipe in rows(statement, values):
            known = search.others.get(left[key])
            if known is not None:
                search.found[left[key]] = replace(known, key=key, recipe=recipe, status="reused")


def _foreign(rows: Rows, run: str, unit: str) -> _Run | None:
    found = list(rows("SELECT number FROM runs WHERE id = :run", {"run": run}))
    return _Run(found[0][0], run, _trails(rows, found[0][0], unit)) if found else None


def _runs(rows: Rows, workflow: str, before: str) -> list[tuple[int, str]]:
    older = "AND number < (SELECT number FROM runs WHERE id = :before)" if before else ""
    statement = (
        f"SELECT number, id FROM runs WHERE workflow = :workflow {older} "
        "ORDER BY number DESC LIMIT :most"
    )
    values = {"workflow": workflow, "before": before, "most": MOST_RUNS}
    if not before:
        del values["before"]
    return [(number, run) for number, run in rows(statement, values)]


def _trails(rows: Rows, run: int, unit: str = "") -> dict[str, _Trail]:
    one = "AND task = :unit" if unit else ""
    statement = (
        "SELECT task, number, word, attempt FROM events "
        f"WHERE run = :run AND word IN {_WORDS} {one} ORDER BY number"
    )
    found: dict[str, _Trail] = {}
    for task, number, word, attempt in rows(
        statement, {"run": run, **({"unit": unit} if unit else {})}
    ):
        found.setdefault(task, _Trail()).take(number, word, attempt)
    return found


def _bodies(rows: Rows, run: int, numbers: Sequence[int]) -> dict[int, Any]:
    found = {}
    for start in range(0, len(numbers), _SOME):
        names, values = listed(numbers[start : start + _SOME])
        statement = f"SELECT number, body_json FROM events WHERE run = :run AND number IN ({names})"
        for number, text in rows(statement, {"run": run, **values}):
            found[number] = entry_of(text)
    return found


def listed(values: Sequence[Any]) -> tuple[str, dict[str, Any]]:
    """Names of values for a list in a statement, and the values by these names."""
    named = {f"v{place}": value for place, value in enumerate(values)}
    return ", ".join(f":{name}" for name in named), named


def observations(rows: Rows, workflow: str) -> list[Observation]:
    """How long attempts of tasks ran, in runs of a workflow, the newest first.

    Those that failed by themselves or were lost say nothing of how long the task takes; those
    that were ended say that it takes longer.
    """
    found: list[Observation] = []
    left = _MOST_TIMES
    statement = (
        "SELECT task, attempt, word, body_json FROM events WHERE run = :run "
        "AND word IN ('attempt-started', 'attempt-ended') ORDER BY number DESC LIMIT :most"
    )
    for number, _ in _runs(rows, workflow, ""):
        ended: dict[tuple[str, int], dict[str, Any]] = {}
        for task, attempt, word, text in rows(statement, {"run": number, "most": left}):
            left -= 1
            body = entry_of(text)
            if word == "attempt-ended":
                ended[task, attempt] = body
            elif (task, attempt) in ended:
                found += _observed(task_of(task), body, ended.pop((task, attempt)))
        if left <= 0:
            break
    return found


def _observed(
    task: str, started: Mapping[str, Any], ended: Mapping[str, Any]
) -> Iterator[Observation]:
    span = ended.get("phases", {}).get("run")
    status = ended.get("status")
    if not span or (status != "succeeded" and status not in _CUT_OFF):
        return
    inputs = {**started.get("inputs", {}), **ended.get("inputs", {})}
    size = sum(ref.get("size", 0) for ref in inputs.values() if isinstance(ref, dict))
    code = ended.get("recipe") or started.get("recipe", "")
    yield Observation(task, code, float(size), span[1] - span[0], status in _CUT_OFF)


def tried(rows: Rows, workflow: str) -> list[Tried]:
    """What placed attempts of tasks took where, in runs of a workflow, the newest first."""
    found: list[Tried] = []
    statement = (
        "SELECT task, body_json FROM events WHERE run = :run AND word = 'attempt-placed' "
        "ORDER BY number DESC LIMIT :most"
    )
    for number, _ in _runs(rows, workflow, ""):
        most = _MOST_TIMES - len(found)
        if most <= 0:
            break
        for task, text in rows(statement, {"run": number, "most": most}):
            for runtime, stages in entry_of(text).get("stages", {}).items():
                count = stages.get("items", 1.0)
                own = {stage: took for stage, took in stages.items() if stage != "items"}
                found += [Tried(task_of(task), runtime, s, count, took) for s, took in own.items()]
    return found


def durations(rows: Rows, workflow: str) -> dict[str, list[float]]:
    """Task -> seconds that its newest successful attempts ran, in runs of a workflow."""
    found: dict[str, list[float]] = {}
    for one in observations(rows, workflow):
        if not one.censored:
            found.setdefault(one.task, []).append(one.seconds)
    return found
