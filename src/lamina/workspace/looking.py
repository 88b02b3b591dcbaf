"""`trace` and `diff`: runs read closely, recorded ones and traces of other systems."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from lamina.errors import StoreError, UsageError
from lamina.records.attempts import Attempt, attempts
from lamina.records.difference import Difference, Side, difference
from lamina.records.selection import FIELDS, SHOWN, USUAL, fields_of, filter_of, rows_of, values_of
from lamina.records.store import Store
from lamina.records.tables import csv_text, table_lines
from lamina.traces import verdicts
from lamina.traces.comparison import Comparison, compare
from lamina.workflow.log import PHASES
from lamina.workspace.figures import Seen, seen
from lamina.workspace.project import Project, project


def selected(
    target: str, fields: str, filters: Iterable[str], form: str, here: Project | None = None
) -> tuple[tuple[str, ...], list[Attempt]]:
    """Names of fields, and the attempts of a run that pass all filters.

    Args:
        target: RUN, RUN/TASK or the path of a trace.
        fields: as in `fields_of`.
        filters: as in `filter_of`.
        form: "table" for people, else for programs.
        here: the project; that of the current folder when None.

    Raises:
        LaminaError: no such run, task or field, or a filter that cannot be understood.
    """
    run = seen(target, here)
    names = fields_of(fields, _usual(run, form))
    tests = [filter_of(text) for text in filters]
    path = {(one.task, one.number) for one in run.trace.critical_path}
    marked = (
        replace(one, about={**one.about, "critical": "yes"})
        if (one.task, one.number) in path
        else one
        for one in run.attempts
    )
    return names, [one for one in marked if all(test(one) for test in tests)]


def _usual(run: Seen, form: str) -> tuple[str, ...]:
    """Fields that are told when nobody says: of another system's trace, those that it has."""
    if not run.foreign:
        return SHOWN if form == "table" else USUAL
    told = [
        name
        for name in _OF_TRACES
        if any(FIELDS[name].read(one) not in (None, "", 0) for one in run.attempts)
    ]
    return tuple(told)


_OF_TRACES = (
    "unit", "status", "host", "wait", *PHASES, "cpu", "staged_in", "staged_out", "cause",
)  # fmt: skip


def trace_text(
    names: Sequence[str], found: Sequence[Attempt], form: str, room: int | None = None
) -> str:
    """Attempts as a table for people, or as comma-separated values."""
    if form == "csv":
        read = [FIELDS[name].read for name in names]
        return csv_text([list(names), *([_cell(each(one)) for each in read] for one in found)])
    rows = rows_of(found, names)
    yielding = [place for place, name in reversed(list(enumerate(names))) if name in _LONG]
    return "\n".join(table_lines([[cell.upper() for cell in rows[0]], *rows[1:]], room, yielding))


_LONG = ("reason", "inputs", "outputs", "metrics", "cause", "folder", "unit", "task")
"""Fields whose texts may be cut to fit a terminal."""


def _cell(value: Any) -> Any:
    return "" if value is None else value


def trace_json(names: Sequence[str], found: Sequence[Attempt]) -> list[dict[str, Any]]:
    """Attempts as plain values by field."""
    return values_of(found, names)


@dataclass(frozen=True, eq=False)
class Compared:
    """Two runs side by side.

    Args:
        times: what took longer, and where.
        names: of the two runs.
        records: what differs in inputs, code and outputs; None where one is a trace of another
            system, which tells nothing of them.
    """

    times: Comparison
    names: tuple[str, str]
    records: Difference | None

    def to_json(self) -> dict[str, Any]:
        """As plain values: those of the records, and the times under "times"."""
        told = {} if self.records is None else self.records.to_json()
        return {**told, "times": verdicts.to_json(self.times, self.names)}

    def lines(self, room: int | None = None) -> list[str]:
        """For a terminal, with at most so many letters in a line where a number is given."""
        tables = verdicts.tables(self.times, room)
        if self.records is None:
            heads = verdicts.heads(self.times, self.names, room)
            return [*heads, *verdicts.said(self.times, room), *tables]
        head, *more = self.records.lines()
        called = (f"{self.names[0]} (A)", f"{self.names[1]} (B)")
        return [head, *verdicts.said(self.times, room, called), *more, *tables]


def compared(first: str, second: str, here: Project | None = None) -> Compared:
    """What differs between two runs, recorded or traces of other systems.

    Raises:
        LaminaError: no such run, or records or a trace that cannot be read.
    """
    one, two = seen(first, here), seen(second, here)
    for run in (one, two):
        if run.task:
            raise UsageError(
                f"{run.history.record.name}/{run.task} is a part of a run",
                "compare whole runs: what differs in their tasks is told one by one",
            )
    records = None
    if not (one.foreign or two.foreign):
        store = (here or project()).store
        records = difference(*(_side(store, run.history.record.id) for run in (one, two)))
    names = [run.history.record.name or run.history.record.id for run in (one, two)]
    return Compared(compare(one.trace, two.trace), (names[0], names[1]), records)


def _side(store: Store, run: str) -> Side:
    record = store.find(run)
    found = attempts(event for _, event in store.events(record.id))
    if not found:
        raise StoreError(f"run {record.name} holds no tasks yet", "wait for its first task")
    found = _with_recipes(store, found)
    recipes = store.recipes(sorted({one.recipe for one in found if one.recipe}))
    digest = str(found[-1].about.get("environment", ""))
    environment: Mapping[str, Any] = store.recipes([digest]).get(digest, {}) if digest else {}
    return Side(record, found, recipes, environment)


def _with_recipes(store: Store, found: Sequence[Attempt]) -> list[Attempt]:
    """Reused results with the recipe of the attempt that made them."""
    keys = [one.key for one in found if one.key and not one.recipe]
    known = store.results(keys)
    return [
        replace(one, recipe=known[one.key].recipe) if not one.recipe and one.key in known else one
        for one in found
    ]
