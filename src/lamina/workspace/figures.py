"""`stats`: figures of a recorded run, or of a trace of any system."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

from lamina.errors import LaminaError, UsageError
from lamina.records.attempts import Attempt
from lamina.records.history import History, history_of
from lamina.records.statistics import FORMS as RECORDED
from lamina.records.statistics import Story
from lamina.records.statistics import figures as recorded_figures
from lamina.records.tables import duration, line, table_lines
from lamina.traces import statistics as timed
from lamina.traces.reading import trace_of_history, uncollected
from lamina.traces.trace import Trace
from lamina.traces.writers.base import history_of_trace
from lamina.workspace.logs import chosen, placed
from lamina.workspace.project import Project, project
from lamina.workspace.timelines import absent, document_reader, means_trace

Rows = list[list[str]]

FORMS = ("summary", "tasks", "runtimes", "phases", "types", "hosts", "path", "transfer",
         "integrity")  # fmt: skip

_OURS = "lamina"
_WORDS = ("summary", "integrity")
"""Forms of names and texts, without heads."""
_UNTOLD = {"CPU time": "cpu", "memory peak": "memory_peak", "notices": "notices"}
"""Rows of a summary that traces often do not tell, and the figure that is 0 then."""


@dataclass(frozen=True, eq=False)
class Seen:
    """A run that figures are made of.

    Args:
        history: as records tell it; made from the trace where another system ran it.
        trace: the same as time.
        task: of the run, where only its attempts are meant.
        kept: the attempts that are meant; None for all.
        foreign: whether it was read from a file, and not from the records of this project.
    """

    history: History
    trace: Trace
    task: str = ""
    kept: tuple[Attempt, ...] | None = None
    foreign: bool = False

    @property
    def attempts(self) -> tuple[Attempt, ...]:
        """Those that are meant."""
        return self.history.attempts if self.kept is None else self.kept

    @property
    def story(self) -> Story:
        """The run as the forms of records take it."""
        return Story.of(self.history, self.kept)

    @property
    def drawn(self) -> Trace:
        """The trace, with those attempts only that are meant."""
        if self.kept is None:
            return self.trace
        keys = {(one.task, one.number) for one in self.kept}
        return replace(
            self.trace,
            attempts=tuple(one for one in self.trace.attempts if (one.task, one.number) in keys),
        )


def seen(target: str = "last", here: Project | None = None) -> Seen:
    """A run with all that happened in it.

    Args:
        target: RUN, RUN/TASK, a task of the newest run, or the path of a trace.
        here: the project; that of the current folder when None.

    Raises:
        LaminaError: no such run or task, or records or a trace that cannot be read.
    """
    if means_trace(target, here):
        from lamina.workspace.traces import one_trace

        trace = one_trace(target)
        with uncollected():
            return Seen(history_of_trace(trace), trace, foreign=True)
    store = (here or project()).store
    try:
        record, task = placed(store, target)
    except LaminaError as error:
        raise absent(target, error) from error
    with uncollected():
        events = (event for _, event in store.events(record.id))
        history = history_of(record, events, None, document_reader(record))
        kept = tuple(chosen(list(history.attempts), task, record)) if task else None
        return Seen(history, trace_of_history(history), task, kept)


def rows(found: Seen, form: str) -> Rows:
    """One of FORMS as a table.

    Raises:
        UsageError: a form that such a run does not have.
    """
    if form == "path" and found.task:
        raise UsageError(
            "a critical path is that of a whole run", f"leave /{found.task} out of the name"
        )
    if form == "integrity" and found.foreign:
        raise UsageError(
            "a trace does not tell what was verified", "choose another of -s, or a recorded run"
        )
    if form in RECORDED and not (form == "transfer" and found.foreign):
        return _summary(found) if form == "summary" else RECORDED[form](found.story)
    return timed.FORMS[form](found.drawn)


def _summary(found: Seen) -> Rows:
    """What a person asks first: figures of the records, and of the run as time."""
    told, trace = recorded_figures(found.story), found.drawn
    named = {row[0]: row[1] for row in RECORDED["summary"](found.story)}
    if found.foreign:
        named = {name: text for name, text in named.items() if told.get(_UNTOLD.get(name, ""), 1)}
        named |= _of_file(trace)
    more = {"critical path": "" if found.task else timed.path_line(trace)}
    most = timed.most_at_once(trace)
    if most:
        mean = f"{trace.parallelism:.2f}"
        more["at the same time"] = f"{mean} tasks on average, {most} at most"
    more["moved"] = timed.moved_line(trace)
    for name, text in more.items():
        if text or name in named:
            named[name] = text or named[name]
    order = ["makespan", "critical path", *(name for name in named if name != "makespan")]
    return [[name, named[name]] for name in dict.fromkeys(order) if name in named]


def _of_file(trace: Trace) -> dict[str, str]:
    """What a person would look up in the logs of the other system."""
    told = {"makespan": duration(trace.seconds)} if len(trace.sessions) == 1 else {}
    bad = [one for one in trace.last.values() if one.failed]
    if bad:
        more = f", and {len(bad) - 1} more" if len(bad) > 1 else ""
        told["failed"] = f"{bad[0].task}: {line(bad[0].error.get('cause', ''))}{more}"
    if trace.notices:
        told["notices"] = "; ".join(f"{one.what}: {line(one.text)}" for one in trace.notices[:3])
    return told


def lines(found: Seen, form: str, room: int | None = None) -> list[str]:
    """Figures as lines, with names cut where there is too little room."""
    made = rows(found, form)
    if form == "summary":
        return [*_head(found), *table_lines([["", ""], *made])[1:], *_tables(found, room)]
    if form in _WORDS:
        return table_lines([["", ""], *made])[1:]
    if len(made) == 1:
        return [f"no {form} are told" if form == "hosts" else f"no {form} is told"]
    table = _brief(made) if form == "tasks" else made
    return table_lines(table, room, (0, len(table[0]) - 1))


def _head(found: Seen) -> list[str]:
    """What trace it is; runs of this project are known by the name that was given."""
    if not found.foreign:
        return []
    trace = found.trace
    label = trace.labels.get("label", "")
    parts = [trace.workflow, trace.name or trace.run, label, trace.status, trace.origin]
    lines = ["  ·  ".join(part for part in parts if part)]
    return [*lines, timed.SIMULATED] if trace.simulated else lines


def _tables(found: Seen, room: int | None) -> list[str]:
    """Phases, types of jobs and hosts below a summary, the largest of them."""
    trace = found.drawn
    told = []
    for form, make in (("phases", timed.phases_table), ("types", None), ("hosts", None)):
        made = make(trace) if make else timed.FORMS[form](trace)
        if len(made) < 2:
            continue
        shown = made[: 1 + timed.SHOWN]
        told += ["", *table_lines(shown, room, (0, len(made[0]) - 1))]
        if len(made) > len(shown):
            told.append(f"and {len(made) - len(shown)} more: -s {form} tells all")
    return told


def to_json(found: Seen, form: str) -> dict[str, Any]:
    """Figures as plain values.

    The key of the form holds figures by their names, for `summary` those of the records with
    `lamina.traces.statistics.overview`; else a list of rows by their heads.
    """
    record = found.history.record
    about: dict[str, Any] = {
        "run": record.id, "name": record.name, "workflow": record.workflow,
        "origin": found.trace.origin, "labels": dict(found.trace.labels),
    }  # fmt: skip
    return {**about, form: _plain_values(found, form)}


def _plain_values(found: Seen, form: str) -> Any:
    if form == "summary":
        told = timed.overview(found.drawn)
        if found.task:
            del told["critical_path"]
        return {**recorded_figures(found.story), **told}
    made = rows(found, form)
    if form == "transfer" and found.foreign:
        return timed.transfers_by_type(found.drawn)
    if form in _PLAIN:
        told = timed.overview(found.drawn)
        return told["critical_path"]["attempts"] if form == "path" else told[form]
    if form in _WORDS:
        return {row[0].strip(): row[1] for row in made}
    heads = [head.lower().replace(" ", "_") for head in made[0]]
    return [{head: _plain(cell) for head, cell in zip(heads, row, strict=True)} for row in made[1:]]


_PLAIN = ("phases", "types", "hosts", "path")


def _plain(cell: str) -> str | float | None:
    if cell in ("-", ""):
        return None
    try:
        return float(cell) if "." in cell else int(cell)
    except ValueError:
        return cell


def _brief(made: Sequence[Sequence[str]]) -> Rows:
    """Attempts by their names, with the phases that some of them had, under short heads; what
    they waited is the sum of the first ones."""
    named = [["ATTEMPT", made[0][2], *made[0][4:]]]
    for unit, number, status, _, *phases in made[1:]:
        named.append([f"{unit}~{number}" if number != "0" else unit, status, *phases])
    empty = {
        place
        for place, column in enumerate(zip(*named, strict=True))
        if place > 1 and all(cell == "-" for cell in column[1:])
    }
    kept = [[cell for place, cell in enumerate(row) if place not in empty] for row in named]
    return [[_HEADS.get(head, head) for head in kept[0]], *kept[1:]]


_HEADS = {"PRE_SCRIPT": "PRE", "STAGE_IN": "IN", "STAGE_OUT": "OUT", "POST_SCRIPT": "POST"}
