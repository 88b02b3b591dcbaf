"""Streams of events of Pegasus, `*.bp`: what monitord tells while a run goes on, line by line.

`ts=2026-01-02T03:04:05.000000Z event=stampede.job_inst.main.start job.id=grind_ID1 ...`. What
stands in the stampede database was made of such a stream.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping
from functools import partial
from math import isfinite
from typing import Any, ClassVar

from lamina.errors import TraceError
from lamina.traces.readers.base import Reader, Source
from lamina.traces.readers.documents import moment
from lamina.traces.readers.job_states import Known
from lamina.traces.readers.logs import Log, trace_of_log
from lamina.traces.readers.stampede import exit_of, program_of
from lamina.traces.trace import Trace

_BEGINS = re.compile(rb"\A\s*ts=\S+ event=stampede\.")
_FIELD = re.compile(r'([\w.]+)=("(?:[^"\\]|\\.)*"|\S*)')
_HEAD = re.compile(r"ts=(?P<time>\S+) event=stampede\.(?P<event>[\w.]+)(?: |$)")
_LATEST = 1e12
_STATES = {
    "pre.start": "PRE_SCRIPT_STARTED", "pre.term": "PRE_SCRIPT_TERMINATED",
    "submit.start": "SUBMIT", "main.start": "EXECUTE", "main.term": "JOB_TERMINATED",
    "held.start": "JOB_HELD", "held.end": "JOB_RELEASED", "abort.info": "JOB_ABORTED",
    "post.start": "POST_SCRIPT_STARTED", "post.term": "POST_SCRIPT_TERMINATED",
}  # fmt: skip
"""Events of a try -> the states of the database."""
_ENDS = {"pre.end": "PRE_SCRIPT", "main.end": "JOB", "post.end": "POST_SCRIPT"}
"""Those that tell how something ended."""


class BpReader(Reader):
    """A stream; each workflow that it tells of is a run."""

    title: ClassVar[str] = "event stream of Pegasus"

    def detects(self, source: Source) -> bool:
        """By the first event."""
        return _BEGINS.match(source.head) is not None

    def read(self, source: Source) -> Iterator[Trace]:
        """The runs, in the order in which they are told of."""
        runs = _runs(source)
        ran = [run for run in runs.values() if run.cells]
        if not ran:
            raise source.broken("it tells of no job that was submitted")
        for run in ran:
            yield run.trace(source.stem)


class _Run(Log):
    """A workflow, as far as it was told."""

    def __init__(self, source: Source) -> None:
        super().__init__(source)
        self.label = ""
        self.dag = ""
        self.types: dict[str, str] = {}
        self.parents: dict[str, list[str]] = {}
        self.cells: dict[tuple[str, int], list[tuple[int, tuple[Any, ...]]]] = {}
        self.sites: dict[tuple[str, int], str] = {}
        self.hosts: dict[tuple[str, int], str] = {}
        self.exits: dict[tuple[str, int], int] = {}
        self.kinds: dict[tuple[str, int], str] = {}
        self.usage: dict[tuple[str, int], dict[str, float]] = {}

    def trace(self, stem: str) -> Trace:
        """The run; its name where it has none is that of the file."""
        for key, told in self.cells.items():
            told.sort(key=lambda one: one[0])
            site = self.sites.get(key, "")
            self.keep({key: [cell for _, cells in told for cell in (*cells, site)]})
        known = {
            key: Known(
                self.hosts.get(key, ""),
                self.kinds.get(key, "") if self.types.get(key[0]) == "compute" else "",
                self.exits.get(key),
                self.usage.get(key, {}),
            )
            for key in self.tries
        }
        parents = {**{job: [] for job in self.types}, **self.parents}
        named = (self.dag.removesuffix(".dag") or stem, self.label or stem)
        return trace_of_log(self, named, parents, known, "bp")

    def take(self, event: str, at: float, told: _Told) -> None:
        """An event."""
        if event.startswith("job_inst."):
            self.state(event.removeprefix("job_inst."), at, told)
        elif event in _AROUND:
            _AROUND[event](self, at, told)

    def state(self, name: str, at: float, told: _Told) -> None:
        """An event of a try."""
        if name not in _STATES and name not in _ENDS and name != "host.info":
            return
        key = told.key()
        if told.get("site"):
            self.sites[key] = told["site"]
        if name == "host.info":
            self.hosts[key] = told.get("hostname", "")
            return
        code = None
        state = _STATES.get(name, "")
        if not state:
            code = exit_of(told.whole("exitcode", told.whole("status", 0)))
            state = f"{_ENDS[name]}_{'FAILURE' if code else 'SUCCESS'}"
        place = told.whole("js.id", len(self.cells.get(key, ())))
        self.cells.setdefault(key, []).append((place, (state, at, code)))

    def planned_as(self, at: float, told: _Told) -> None:
        """The planner's names."""
        self.label, self.dag = told.get("dax.label", ""), told.get("dag.file.name", "")

    def job(self, at: float, told: _Told) -> None:
        """A job that was planned."""
        self.types[told.text("job.id")] = told.get("type_desc", "")

    def edge(self, at: float, told: _Told) -> None:
        """A job that waits for another."""
        child, parent = told.text("child.job.id"), told.text("parent.job.id")
        if child == parent:
            raise told.wrong("a job waits for itself")
        self.parents.setdefault(parent, [])
        self.parents.setdefault(child, []).append(parent)

    def invoked(self, at: float, told: _Told) -> None:
        """A program that a job ran; those with negative numbers are DAGMan's scripts."""
        if told.whole("inv.id", 1) < 0:
            return
        key, usage = told.key(), self.usage.setdefault(told.key(), {})
        cpu, peak = told.number("remote_cpu_time"), told.number("maxrss")
        if cpu is not None:
            usage["cpu"] = usage.get("cpu", 0.0) + cpu
        if peak is not None:
            usage["memory_peak"] = max(usage.get("memory_peak", 0.0), peak * 1024)
        code = exit_of(told.whole("exitcode", 0)) or 0
        self.exits[key] = code or self.exits.get(key, 0)
        self.kinds[key] = self.kinds.get(key) or program_of(told.get("transformation", ""))

    def began(self, at: float, told: _Told) -> None:
        """DAGMan started."""
        self.starts.append(at)

    def ended(self, at: float, told: _Told) -> None:
        """DAGMan ended."""
        self.ends.append((at, told.whole("status", 0)))


_AROUND: Mapping[str, Callable[[_Run, float, Any], None]] = {
    "wf.plan": _Run.planned_as, "job.info": _Run.job, "job.edge": _Run.edge,
    "inv.end": _Run.invoked, "xwf.start": _Run.began, "xwf.end": _Run.ended,
}  # fmt: skip


class _Told(dict[str, str]):
    """The fields of an event."""

    def __init__(self, line: str, wrong: Callable[[str], TraceError]) -> None:
        super().__init__(_FIELD.findall(line))
        self.wrong = wrong

    def text(self, name: str) -> str:
        """A field that must be there."""
        found = self.get(name, "").strip('"')
        if not found:
            raise self.wrong(f"the event tells no {name}")
        return found

    def number(self, name: str) -> float | None:
        """A number; None where it is not told."""
        text = self.get(name, "").strip('"')
        if not text:
            return None
        try:
            found = float(text)
        except ValueError:
            found = float("nan")
        if not isfinite(found) or abs(found) > _LATEST:
            raise self.wrong(f"{name} is {text[:40]!r}, not a number")
        return found

    def whole(self, name: str, otherwise: int) -> int:
        """A whole number."""
        found = self.number(name)
        return otherwise if found is None else int(found)

    def key(self) -> tuple[str, int]:
        """The job and the number of its try."""
        return (self.text("job.id"), self.whole("job_inst.id", 1))


def _runs(source: Source) -> dict[str, _Run]:
    """Id of a workflow -> what is told of it."""
    found: dict[str, _Run] = {}
    lines = source.text().split("\n")
    last, at = lines.pop(), 0.0
    for number, line in enumerate(lines, 1):
        if line.strip():
            at = _take(found, source, line, number)
    if last.strip():
        try:
            _take(found, source, last, len(lines) + 1)
        except TraceError:
            for run in found.values():
                run.cut(at, len(lines) + 1)
    return found


def _take(found: dict[str, _Run], source: Source, line: str, number: int) -> float:
    """A line; gives its time."""
    wrong = partial(source.broken, line=number)
    head = _HEAD.match(line)
    if head is None:
        raise wrong(f"{line[:60]!r} is no event: ts=TIME event=stampede.NAME ...")
    at = _time(head["time"])
    if at is None:
        raise wrong(f"{head['time'][:40]!r} is no time")
    told = _Told(line[head.end() :], wrong)
    workflow = told.get("xwf.id")
    if workflow is not None:
        if workflow not in found:
            found[workflow] = _Run(source)
        found[workflow].take(head["event"], at, told)
    return at


def _time(text: str) -> float | None:
    """A date, or seconds since 1970."""
    try:
        found: float | None = float(text)
    except ValueError:
        found = moment(text)
    return found if found is not None and 0 <= found < _LATEST else None
