"""WfFormat 1.4 and 1.5 of the WfCommons project, whether Lamina or others wrote it.

Its instances tell how long tasks ran, and seldom when. Where no start times are told a schedule is
made up (`lamina.traces.readers.scheduling`), and the trace says so.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import partial
from itertools import pairwise
from math import ceil, inf
from operator import attrgetter
from typing import Any, ClassVar

from lamina.records.history import Session
from lamina.traces.columns import trace_behind
from lamina.traces.readers.base import Reader, Source
from lamina.traces.readers.csv import kind_of
from lamina.traces.readers.documents import Document, moment
from lamina.traces.readers.scheduling import Work, schedule
from lamina.traces.reading import uncollected
from lamina.traces.trace import Attempt, Phase, Trace, made
from lamina.workflow.log import PHASES, STATUSES

_KEYS = (b'"schemaVersion"', b'"workflow"', b'"tasks"')
_PLANNED = re.compile(r"-\d{8}T\d{6}Z-\d+$")
"""What Pegasus puts behind the name of a workflow: when it was planned, and its number."""
_NUMBERED = re.compile(r"_\d+$")
_STATES = (*STATUSES, "running", "reused")
APART = 1.0
"""Seconds by which clocks of engine and workers may put one phase over another."""
_MOST_CORES = 1 << 20
_NAMED = frozenset(PHASES)
_made = partial(tuple.__new__, Phase)
"""A phase from its three values, without a call of Python's for each."""


class WfFormatReader(Reader):
    """An instance of WfCommons."""

    title: ClassVar[str] = "WfFormat 1.4 and 1.5"

    def detects(self, source: Source) -> bool:
        """By two keys of the document."""
        if not source.head.lstrip(b"\xef\xbb\xbf \t\r\n").startswith(b"{"):
            return False
        return all(key in source.data for key in _KEYS)

    def read(self, source: Source) -> Iterator[Trace]:
        """The one run."""
        with uncollected():
            found = trace_behind(source.data)
            if found is None:
                yield _Instance(source).trace()
            else:
                about = {"source": source.name, "system": "Lamina", "makespan_told": found.seconds}
                yield replace(found, about=about, origin="wfformat")


@dataclass(slots=True)
class _Task:
    """A task of either version: what it is, what it reads, how it ran."""

    name: str
    kind: str
    parents: list[str]
    seconds: float | None = None
    begin: float | None = None
    cores: int = 1
    host: str = ""
    usage: dict[str, float] = field(default_factory=dict)
    ours: Mapping[str, Any] = field(default_factory=dict)


class _Instance:
    """One document."""

    def __init__(self, source: Source) -> None:
        self.document = Document(source)
        root = self.document.root
        self.body = self.document.mapping(root.get("workflow"), "workflow")
        execution = self.body.get("execution")
        specification = self.body.get("specification")
        self.split = specification is not None
        self.described = (
            self.document.mapping(specification, "specification") if self.split else self.body
        )
        self.ran = self.document.mapping(execution or {}, "execution") if self.split else self.body
        self.alias: dict[str, str] = {}
        self.tasks = self._tasks()
        self.hosts = self._hosts()

    def trace(self) -> Trace:
        """The run."""
        began = moment(self.document.text(self.ran, "executedAt")) or 0.0
        if any(one.ours for one in self.tasks.values()):
            attempts, made_up = list(self._recorded()), False
        elif all(one.begin is not None for one in self.tasks.values()):
            attempts, made_up = list(self._told()), False
        else:
            attempts, made_up = list(self._simulated(began)), True
        attempts.sort(key=attrgetter("begin"))
        root, source = self.document.root, self.document.source
        ours = self.document.mapping(root.get("lamina") or {}, "lamina")
        system = self.document.mapping(
            root.get("runtimeSystem") or root.get("wms") or {}, "runtimeSystem"
        )
        begin = min(began or attempts[0].ready, min(one.ready for one in attempts))
        last = {one.task: one.failed for one in attempts}
        told = self.document.number(self.ran, "makespanInSeconds")
        sessions = self._sessions(ours) or (
            Session(begin, max(begin, *(one.end for one in attempts))),
        )
        return Trace(
            run=self.document.text(ours, "run") or source.stem,
            name=self.document.text(ours or self.body, "name" if ours else "runName"),
            workflow=_PLANNED.sub("", self.document.text(root, "name")) or source.stem,
            status=self.document.text(ours, "status")
            or ("failed" if any(last.values()) else "succeeded"),
            sessions=_around(sessions, attempts),
            attempts=tuple(attempts),
            parents={name: one.parents for name, one in self.tasks.items()},
            planned=len(self.tasks),
            about={"source": source.name, "system": system.get("name"), "makespan_told": told},
            labels=_texts(self.document.mapping(ours.get("labels") or {}, "labels")),
            origin="wfformat",
            simulated=made_up or ours.get("simulated") is True,
        )

    def _sessions(self, ours: dict[str, Any]) -> tuple[Session, ...]:
        """Those that Lamina's own writer keeps, one after the other."""
        found: list[Session] = []
        for row in self.document.listed(ours.get("sessions"), "sessions"):
            times = dict(enumerate(self.document.listed(row, "a session")))
            ends = [
                self.document.number({"session": times.get(place)}, "session", least=float("-inf"))
                for place in (0, 1)
            ]
            if ends[0] is None or ends[1] is None or ends[1] < ends[0]:
                raise self.document.wrong(f"a session is {str(row)[:60]}, not [begin, end]")
            if found and ends[0] < found[-1].end:
                raise self.document.wrong("a session begins before the one before it ended")
            found.append(Session(ends[0], ends[1]))
        return tuple(found)

    def _tasks(self) -> dict[str, _Task]:
        told = self.document
        found: dict[str, _Task] = {}
        for row in told.rows(self.described.get("tasks"), "tasks"):
            one = self._described(row)
            if one.name in found:
                raise told.wrong("it stands there twice", one.name)
            found[one.name] = one
        if not found:
            raise told.wrong("it has no tasks")
        alias = self.alias
        for one in found.values():
            one.parents = [alias[str(name)] for name in one.parents if str(name) in alias]
        for row in told.rows(self.ran.get("tasks"), "tasks of the execution") if self.split else ():
            unit = told.text(row, "id")
            if unit not in found:
                raise told.wrong("it ran, but the specification has no such task", unit)
            self._ran(found[unit], row)
        return found

    def _described(self, row: dict[str, Any]) -> _Task:
        """A task as it is specified; version 1.4 tells how it ran in the same place."""
        told = self.document
        id, name = told.text(row, "id"), told.text(row, "name")
        unit = (id or name) if self.split else (name or id)
        if not unit:
            raise told.wrong("a task has neither name nor id")
        parents = told.listed(row.get("parents"), "parents", unit)
        found = _Task(unit, _kind(unit, name, told.text(row, "category")), parents)
        self.alias.setdefault(id, unit)
        if name != id:
            self.alias.setdefault(name, unit)
        if not self.split:
            self._ran(found, row)
        return found

    def _ran(self, task: _Task, row: dict[str, Any]) -> None:
        """What the execution tells of a task."""
        told, unit = self.document, task.name
        seconds = told.number(row, "runtimeInSeconds", unit)
        task.seconds = told.number(row, "runtime", unit) if seconds is None else seconds
        executed = told.text(row, "executedAt", unit)
        task.begin = moment(executed) if executed else None
        key = "coreCount" if row.get("coreCount") else "cores"
        if row.get(key):
            task.cores = min(ceil(told.number(row, key, unit) or 1), _MOST_CORES)
        machines = told.listed(row.get("machines"), "machines", unit)
        task.host = str(machines[0]) if machines else told.text(row, "machine", unit)
        cpu = told.number(row, "avgCPU", unit)
        if cpu is not None and task.seconds is not None:
            task.usage["cpu"] = cpu / 100 * task.seconds
        for key in row:
            if key in _USAGE and (value := told.number(row, key, unit)) is not None:
                task.usage[_USAGE[key]] = value
        if row.get("lamina") is not None:
            task.ours = told.mapping(row["lamina"], "lamina", unit)

    def _hosts(self) -> dict[str, int]:
        told, found = self.document, {}
        for row in told.rows(self.ran.get("machines"), "machines"):
            cpu = told.mapping(row.get("cpu") or {}, "cpu")
            name = told.text(row, "nodeName")
            cores = told.number(cpu, "coreCount", name) or told.number(cpu, "count", name) or 1
            if name:
                found[name] = min(ceil(cores), _MOST_CORES)
        return found

    def _simulated(self, began: float) -> Iterator[Attempt]:
        work = {
            name: Work(self._seconds(one), one.cores, one.host, one.parents)
            for name, one in self.tasks.items()
        }
        try:
            found = schedule(work, self.hosts)
        except ValueError as error:
            raise self.document.wrong("it waits for itself, in a circle", str(error)) from error
        for name, (ready, begin, end, host) in found.items():
            ready, begin = began + ready, began + begin
            phases = (_made(("queue", ready, begin)), _made(("run", begin, began + end)))
            yield _attempt(self.tasks[name], ready, phases, host)

    def _told(self) -> Iterator[Attempt]:
        """Start times of the document itself; a task is ready when those that it reads ended."""
        ends = {n: (one.begin or 0.0) + self._seconds(one) for n, one in self.tasks.items()}
        for one in self.tasks.values():
            begin = one.begin or 0.0
            ready = min(max((ends[name] for name in one.parents), default=begin), begin)
            phases = (Phase("queue", ready, begin), Phase("run", begin, ends[one.name]))
            yield _attempt(one, ready, phases, one.host)

    def _recorded(self) -> Iterator[Attempt]:
        """What Lamina's own writer keeps under "lamina": every attempt with its phases."""
        told = self.document
        seen: set[tuple[str, int]] = set()
        for task in self.tasks.values():
            unit = str(task.ours.get("unit") or task.name)
            for row in told.rows(task.ours.get("attempts"), "attempts", task.name):
                one = self._one(task, unit, row)
                if (unit, one.number) in seen:
                    raise told.wrong(f"attempt {one.number} stands there twice", task.name)
                seen.add((unit, one.number))
                yield one
        if not seen:
            raise told.wrong("no attempt is told: did it run?", next(iter(self.tasks)))
        named = {name: str(one.ours.get("unit") or name) for name, one in self.tasks.items()}
        self.tasks = {
            named[name]: _Task(named[name], one.kind, [named[two] for two in one.parents])
            for name, one in self.tasks.items()
        }

    def _one(self, task: _Task, unit: str, row: dict[str, Any]) -> Attempt:
        told, near = self.document, task.name
        begin = told.number(row, "begin", near, least=float("-inf"))
        if begin is None:
            raise told.wrong("an attempt has no begin", near)
        ready = told.number(row, "ready", near, least=float("-inf"))
        end = told.number(row, "ended" if "ended" in row else "end", near, least=float("-inf"))
        spans = told.mapping(row.get("phases") or {}, "phases", near)
        phases = tuple(sorted([self._phase(near, *one) for one in spans.items()], key=_in_time))
        for before, after in pairwise(phases):
            if after.begin < before.end - APART:
                raise told.wrong(f"phase {after.name} begins in {before.name}", near)
        last = max([begin, begin if end is None else end, *[one[2] for one in phases]])
        ready = min([begin, begin if ready is None else ready, *[one[1] for one in phases]])
        status = told.text(row, "status", near)
        if status not in _STATES:
            raise told.wrong(f"the status is {status!r}, not one of {', '.join(_STATES)}", near)
        bad = status not in ("succeeded", "reused", "running")
        code = told.number(row, "exit", near, least=float("-inf"))
        return made(
            unit, int(told.number(row, "number", near) or 0), status,
            ready, begin, last, phases, told.text(row, "worker", near),
            told.text(row, "host", near) or ("" if "ended" in row else task.host),
            error={"cause": told.text(row, "error", near) or status} if bad else {},
            usage=self._used(task, row), exit=None if code is None else int(code),
            kind=told.text(row, "kind", near) or _site_kind(task, unit),
            labels=_texts(told.mapping(row.get("labels") or {}, "labels", near)),
        )  # fmt: skip

    def _used(self, task: _Task, row: dict[str, Any]) -> Mapping[str, float]:
        """What the attempt itself used, where it is told; else the figures of the task."""
        if "ended" not in row:
            return task.usage
        told = self.document.mapping(row.get("usage") or {}, "usage", task.name)
        found = {key: self.document.number(told, key, task.name) for key in told}
        return {key: value for key, value in found.items() if value is not None}

    def _phase(self, near: str, name: str, span: Any) -> Phase:
        if name in _NAMED and type(span) is list and len(span) == 2:
            first, last = span
            if type(first) is type(last) is float and -inf < first <= last < inf:
                return _made((name, first, last))
        times = self.document.listed(span, f"phase {name}", near)
        row = dict(enumerate(times))
        known = name.partition("~")[0]
        ends = [
            self.document.number({name: row.get(place)}, name, near, least=float("-inf"))
            for place in (0, 1)
        ]
        if ends[0] is None or ends[1] is None or ends[1] < ends[0] or known not in PHASES:
            raise self.document.wrong(f"phase {name} is {str(span)[:60]}, not [begin, end]", near)
        return Phase(known, ends[0], ends[1])

    def _seconds(self, one: _Task) -> float:
        if one.seconds is None:
            raise self.document.wrong("no runtimeInSeconds is told: did it run?", one.name)
        return one.seconds


_USAGE = {
    "readBytes": "bytes_read", "bytesRead": "bytes_read", "writtenBytes": "bytes_written",
    "bytesWritten": "bytes_written", "memoryInBytes": "memory_peak",
}  # fmt: skip


def _attempt(task: _Task, ready: float, phases: tuple[Phase, ...], host: str) -> Attempt:
    return made(
        task.name, 1, "succeeded", ready, ready, phases[-1][2], phases, host, host, 0, (), "",
        task.usage, None, {}, "", task.kind,
    )  # fmt: skip


def _kind(unit: str, name: str, category: str) -> str:
    """The type of a task: what the document calls it, or its name without the number."""
    if category:
        return category
    if name and name != unit:
        return kind_of(name)
    kind = kind_of(unit)
    return kind if kind != unit else _NUMBERED.sub("", unit)


def _around(sessions: tuple[Session, ...], attempts: Sequence[Attempt]) -> tuple[Session, ...]:
    """The sessions, the first and the last long enough for all attempts."""
    begin = min(sessions[0].begin, *(one.ready for one in attempts))
    end = max(sessions[-1].end, *(one.end for one in attempts))
    if len(sessions) == 1:
        return (Session(begin, end),)
    return (
        Session(begin, sessions[0].end), *sessions[1:-1], Session(sessions[-1].begin, end),
    )  # fmt: skip


def _texts(told: Mapping[str, Any]) -> dict[str, str]:
    return {str(name): str(value) for name, value in told.items()}


def _site_kind(task: _Task, unit: str) -> str:
    """Nothing where Lamina wrote it: the unit tells it itself."""
    return "" if task.ours or task.name != unit else task.kind


_PLACES = {name: place for place, name in enumerate(PHASES)}


def _in_time(phase: Phase) -> tuple[float, int]:
    return phase[1], _PLACES[phase[0]]
