"""`stats`, `trace` and `diff`: recorded runs read closely."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from lamina.errors import StoreError
from lamina.records.attempts import Attempt, attempts
from lamina.records.difference import Difference, Side, difference
from lamina.records.selection import FIELDS, SHOWN, USUAL, fields_of, filter_of, rows_of, values_of
from lamina.records.statistics import FORMS, Story, Teller, figures
from lamina.records.store import RunRecord, Store
from lamina.records.tables import csv_text, table_lines
from lamina.workspace.logs import chosen, placed
from lamina.workspace.project import Project, project


def story(target: str = "last", here: Project | None = None) -> tuple[RunRecord, Story]:
    """A run with all that happened in it.

    Args:
        target: RUN, RUN/TASK, or a task of the newest run.
        here: the project; that of the current folder when None.

    Raises:
        LaminaError: no such run or task, or records that cannot be read.
    """
    store = (here or project()).store
    (record, task), teller = placed(store, target), Teller()
    found = attempts(teller.heard(event for _, event in store.events(record.id)))
    kept = chosen(found, task, record)
    known = teller.tasks if not task else len({one.task for one in kept})
    return record, Story(tuple(kept), tuple(teller.sessions), tuple(teller.notices), known)


def statistics(
    target: str, form: str, here: Project | None = None
) -> tuple[RunRecord, list[list[str]], dict[str, Any]]:
    """Figures of a run: the run, a table, and its summary as plain values.

    Args:
        target: RUN or RUN/TASK.
        form: one of `lamina.records.statistics.FORMS`.
        here: the project; that of the current folder when None.
    """
    record, found = story(target, here)
    return record, FORMS[form](found), figures(found)


def statistics_lines(
    rows: Sequence[Sequence[str]], form: str, room: int | None = None
) -> list[str]:
    """Figures as lines, with names cut where there is too little room."""
    if form in ("summary", "integrity"):
        return table_lines([["", ""], *rows])[1:]
    return table_lines(_brief(rows) if form == "tasks" else rows, room, (0,))


def _brief(rows: Sequence[Sequence[str]]) -> list[list[str]]:
    """Attempts by their names, with the phases that some of them had, under short heads; what
    they waited is the sum of the first ones."""
    named = [["ATTEMPT", rows[0][2], *rows[0][4:]]]
    for unit, number, status, _, *phases in rows[1:]:
        named.append([f"{unit}~{number}" if number != "0" else unit, status, *phases])
    empty = {
        place
        for place, column in enumerate(zip(*named, strict=True))
        if place > 1 and all(cell == "-" for cell in column[1:])
    }
    kept = [[cell for place, cell in enumerate(row) if place not in empty] for row in named]
    return [[_HEADS.get(head, head) for head in kept[0]], *kept[1:]]


_HEADS = {"PRE_SCRIPT": "PRE", "STAGE_IN": "IN", "STAGE_OUT": "OUT", "POST_SCRIPT": "POST"}


def statistics_json(rows: Sequence[Sequence[str]], form: str) -> Any:
    """Figures as plain values: a list of rows by their heads, or texts by their names."""
    if form in ("summary", "integrity"):
        return {row[0].strip(): row[1] for row in rows}
    heads = [head.lower().replace(" ", "_") for head in rows[0]]
    return [{head: _plain(cell) for head, cell in zip(heads, row, strict=True)} for row in rows[1:]]


def _plain(cell: str) -> str | float | None:
    if cell in ("-", ""):
        return None
    try:
        return float(cell) if "." in cell else int(cell)
    except ValueError:
        return cell


def selected(
    target: str, fields: str, filters: Iterable[str], form: str, here: Project | None = None
) -> tuple[tuple[str, ...], list[Attempt]]:
    """Names of fields, and the attempts of a run that pass all filters.

    Args:
        target: RUN or RUN/TASK.
        fields: as in `fields_of`.
        filters: as in `filter_of`.
        form: "table" for people, else for programs.
        here: the project; that of the current folder when None.

    Raises:
        LaminaError: no such run, task or field, or a filter that cannot be understood.
    """
    names = fields_of(fields, SHOWN if form == "table" else USUAL)
    tests = [filter_of(text) for text in filters]
    _, found = story(target, here)
    return names, [one for one in found.attempts if all(test(one) for test in tests)]


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


def compared(first: str, second: str, here: Project | None = None) -> Difference:
    """What differs between two runs.

    Raises:
        LaminaError: no such run, or records that cannot be read.
    """
    store = (here or project()).store
    return difference(_side(store, first), _side(store, second))


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
    from dataclasses import replace

    keys = [one.key for one in found if one.key and not one.recipe]
    known = store.results(keys)
    return [
        replace(one, recipe=known[one.key].recipe) if not one.recipe and one.key in known else one
        for one in found
    ]
