"""The stampede database of pegasus-monitord: workflows, jobs, their states and invocations.

A workflow that a job of another ran stands in the trace of the outer one, its jobs named after
that job: "pegasus-plan_inner/findrange_ID0000002".
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from functools import lru_cache, partial
from operator import attrgetter
from typing import Any, ClassVar

from lamina.records.history import Session
from lamina.traces.readers.base import Reader, Source
from lamina.traces.readers.csv import kind_of
from lamina.traces.readers.databases import MAGIC, Database, database
from lamina.traces.readers.job_states import Known, States, attempts_of
from lamina.traces.trace import Attempt, Trace

_TABLES = frozenset({"workflow", "workflowstate", "job", "job_instance", "jobstate"})


_states = partial(tuple.__new__, States)


class StampedeReader(Reader):
    """A database with one workflow or many; each root workflow is a run."""

    title: ClassVar[str] = "stampede database of Pegasus"

    def detects(self, source: Source) -> bool:
        """By its tables."""
        return source.head.startswith(MAGIC) and tables_of(source) >= _TABLES

    def read(self, source: Source) -> Iterator[Trace]:
        """The runs, in the order of the database."""
        with database(source) as found:
            yield from _Stampede(found).traces()


def tables_of(source: Source) -> frozenset[str]:
    """Names of a database's tables."""
    with database(source) as found:
        return frozenset(found.tables())


@dataclass(slots=True)
class _Job:
    name: str
    workflow: int
    type: str = ""


@dataclass(slots=True)
class _Instance:
    job: _Job
    turn: int
    host: int | None
    site: str
    exit: int | None
    inner: int | None
    usage: dict[str, float] = field(default_factory=dict)
    kind: str = ""


@dataclass
class _Workflow:
    id: int
    root: int
    parent: int | None
    label: str
    dag: str
    starts: list[float] = field(default_factory=list)
    ends: list[tuple[float, int]] = field(default_factory=list)


class _Stampede:
    """The tables, as far as a trace needs them."""

    def __init__(self, database: Database) -> None:
        self.database = database
        self.workflows = {one.id: one for one in self._workflows()}
        self._times()
        self.jobs = {key: one for key, one in self._jobs() if one.workflow in self.workflows}
        self.instances = dict(self._instances())
        self.hosts = {
            self._id(id, "host_id", "host"): str(name or "")
            for id, name in self._rows("host", "host_id", "hostname")
        }
        self._invocations()
        self.known: dict[tuple[Any, ...], tuple[str, ...]] = {}
        self.states: dict[int, dict[tuple[str, int], States]] = {}
        self._states()
        self.parents = self._edges()

    def traces(self) -> Iterator[Trace]:
        """A trace for each workflow that no other ran."""
        inside = {one.inner: one for one in self.instances.values() if one.inner is not None}
        for workflow in self.workflows.values():
            if workflow.id not in inside and self.states.get(workflow.id):
                yield self._trace(workflow)
        if not any(self.states.values()):
            raise self.database.source.broken("the database tells of no job that ran")

    def _trace(self, workflow: _Workflow) -> Trace:
        parents: dict[str, list[str]] = {}
        attempts = sorted(self._attempts(workflow, "", parents, set()), key=attrgetter("begin"))
        begin = min([*workflow.starts, *(one.ready for one in attempts)])
        last = max([time for time, _ in workflow.ends] + [one.end for one in attempts])
        source = self.database.source.name
        many = len([one for one in self.workflows.values() if one.parent is None]) > 1
        return Trace(
            run=f"{workflow.dag.removesuffix('.dag')}" + (f"-wf{workflow.id}" if many else ""),
            name="",
            workflow=workflow.label,
            status=status_of(workflow.ends[-1][1] if workflow.ends else None),
            sessions=_sessions(workflow, begin, last),
            attempts=tuple(attempts),
            parents=parents,
            planned=sum(job.workflow == workflow.id for job in self.jobs.values()),
            about={"source": source},
            origin="stampede",
        )

    def _attempts(
        self, workflow: _Workflow, above: str, parents: dict[str, list[str]], seen: set[int]
    ) -> Iterator[Attempt]:
        """The attempts of a workflow and of those that its jobs ran."""
        seen.add(workflow.id)
        known, inner = self._known(workflow)
        states = self.states.get(workflow.id, {})
        first = (min(told.times) for told in states.values())
        begin = min([*workflow.starts, *first], default=0.0)
        edges = self.parents.get(workflow.id, {})
        for attempt in attempts_of(states, edges, begin, known):
            yield replace(attempt, task=above + attempt.task) if above else attempt
        parents |= {above + job: [above + one for one in of] for job, of in edges.items()}
        for outer, id in inner.items():
            if id not in seen and id in self.workflows:
                yield from self._attempts(self.workflows[id], f"{above}{outer}/", parents, seen)

    def _known(self, workflow: _Workflow) -> tuple[dict[tuple[str, int], Known], dict[str, int]]:
        """What is known of the tries of a workflow; job -> id of the workflow that it ran."""
        known: dict[tuple[str, int], Known] = {}
        inner: dict[str, int] = {}
        for one in self.instances.values():
            job = one.job
            if job.workflow != workflow.id:
                continue
            host = self.hosts.get(one.host, "") if one.host is not None else ""
            kind = one.kind if job.type == "compute" else ""
            known[job.name, one.turn] = Known(host, kind, one.exit, one.usage)
            if one.inner is not None:
                inner[job.name] = one.inner
        return known, inner

    def _rows(self, table: str, *columns: str) -> Iterator[tuple[Any, ...]]:
        return self.database.rows(table, columns)

    def _id(self, value: Any, key: str, table: str) -> int:
        if type(value) is int:
            return value
        found = self.database.whole(value, key, table)
        if found is None:
            raise self.database.source.broken(f"table {table}: {key} is empty")
        return found

    def _ids(self, column: list[Any], key: str, table: str) -> list[int]:
        if set(map(type, column)) <= {int}:
            return column
        return [self._id(value, key, table) for value in column]

    def _workflows(self) -> Iterator[_Workflow]:
        table = "workflow"
        columns = ("wf_id", "root_wf_id", "parent_wf_id", "dax_label", "dag_file_name")
        for key, above, outer, named, file in self._rows(table, *columns):
            id = self._id(key, "wf_id", table)
            label, dag = str(named or ""), str(file or "")
            root = self.database.whole(above, "root_wf_id", table) or id
            parent = self.database.whole(outer, "parent_wf_id", table)
            yield _Workflow(id, root, parent, label or dag or "workflow", dag or label)

    def _times(self) -> None:
        table = "workflowstate"
        for key, state, at, status in self._rows(table, "wf_id", "state", "timestamp", "status"):
            workflow = self.workflows.get(self._id(key, "wf_id", table))
            time = self.database.number(at, "timestamp", table)
            if workflow is None or time is None:
                continue
            if state == "WORKFLOW_STARTED":
                workflow.starts.append(time)
            else:
                code = self.database.whole(status, "status", table)
                workflow.ends.append((time, -1 if code is None else code))
        for one in self.workflows.values():
            one.starts.sort()
            one.ends.sort()

    def _jobs(self) -> Iterator[tuple[int, _Job]]:
        columns = ("job_id", "wf_id", "exec_job_id", "type_desc")
        keys, workflows, names, types = self.database.columns("job", columns)
        keys = self._ids(keys, "job_id", "job")
        workflows = self._ids(workflows, "wf_id", "job")
        for key, name, workflow, type in zip(keys, names, workflows, types, strict=True):
            if not name:
                raise self.database.source.broken("table job: a job has no name")
            yield key, _Job(str(name), workflow, str(type or ""))

    def _instances(self) -> Iterator[tuple[int, _Instance]]:
        table, wholes = "job_instance", self.database.wholes
        names = (
            "job_instance_id", "job_id", "host_id", "job_submit_seq", "site", "exitcode",
            "subwf_id",
        )  # fmt: skip
        columns = dict(zip(names, self.database.columns(table, names), strict=True))
        for name in ("job_instance_id", "job_id", "job_submit_seq"):
            columns[name] = self._ids(columns[name], name, table)
        for name in ("host_id", "exitcode", "subwf_id"):
            columns[name] = wholes(columns[name], name, table)
        for key, of, host, turn, site, code, inner in zip(*columns.values(), strict=True):
            job = self.jobs.get(of)
            if job is not None:
                yield key, _Instance(job, turn, host, str(site or ""), exit_of(code), inner, {})

    def _invocations(self) -> None:
        table, wholes, numbers = "invocation", self.database.wholes, self.database.numbers
        names = (
            "job_instance_id", "task_submit_seq", "exitcode", "remote_cpu_time", "maxrss",
            "transformation",
        )  # fmt: skip
        columns = dict(zip(names, self.database.columns(table, names), strict=True))
        columns[names[0]] = self._ids(columns[names[0]], names[0], table)
        for name in names[1:3]:
            columns[name] = wholes(columns[name], name, table)
        for name in names[3:5]:
            columns[name] = numbers(columns[name], name, table)
        for key, place, code, cpu, peak, program in zip(*columns.values(), strict=True):
            one = self.instances.get(key)
            # Negative numbers are those of DAGMan's scripts.
            if one is None or (place or 0) < 0:
                continue
            usage = one.usage
            if cpu is not None:
                usage["cpu"] = usage.get("cpu", 0.0) + cpu
            if peak is not None:
                usage["memory_peak"] = max(usage.get("memory_peak", 0.0), peak * 1024)
            # That of the job is what DAGMan made of it.
            one.exit = exit_of(code) or one.exit
            one.kind = one.kind or _program(str(program or ""))

    def _states(self) -> None:
        columns = ("job_instance_id", "jobstate_submit_seq", "state", "timestamp", "reason")
        found: dict[Any, list[Any]] = {}
        known = found.get
        for key, place, state, at, reason in self._rows("jobstate", *columns):
            cells = known(key)
            if cells is None:
                found[key] = [place, state, at, reason]
            else:
                cells += (place, state, at, reason)
        for key, cells in found.items():
            one = self.instances.get(self._id(key, "job_instance_id", "jobstate"))
            states = None if one is None else self._told(cells, one)
            if one is None or states is None:
                continue
            of = self.states.setdefault(one.job.workflow, {})
            before = of.get((one.job.name, one.turn))
            of[one.job.name, one.turn] = states if before is None else states.behind(before)

    def _told(self, told: list[Any], one: _Instance) -> States | None:
        """The states of a try, whose cells stand in a row: place, name, time and reason."""
        table, database = "jobstate", self.database
        places = [place or 0 for place in database.wholes(told[::4], "jobstate_submit_seq", table)]
        names, reasons = told[1::4], told[3::4]
        ats = database.numbers(told[2::4], "timestamp", table)
        # Numbers of states count within a try; a state without a time tells nothing.
        if None in ats or places != sorted(places):
            order = [n for n, time in enumerate(ats) if time is not None]
            order.sort(key=places.__getitem__)
            names, reasons, ats = ([column[n] for n in order] for column in (names, reasons, ats))
        times = [time for time in ats if time is not None]
        if not times:
            return None
        count = len(names)
        texts, causes = self._texts(tuple(names)), self._texts(tuple(reasons))
        return _states((texts, times, (one.exit,) * count, causes, (one.site,) * count))

    def _texts(self, cells: tuple[Any, ...]) -> tuple[str, ...]:
        """Cells as texts; most tries have the same."""
        found = self.known.get(cells)
        if found is None:
            found = self.known[cells] = tuple([str(cell or "") for cell in cells])
        return found

    def _edges(self) -> Mapping[int, dict[str, list[str]]]:
        found: dict[int, dict[str, list[str]]] = {}
        columns = ("wf_id", "parent_exec_job_id", "child_exec_job_id")
        keys, parents, children = self.database.columns("job_edge", columns)
        keys = self._ids(keys, "wf_id", "job_edge")
        for key, before, after in zip(keys, parents, children, strict=True):
            of = found.setdefault(key, {})
            parent, child = str(before), str(after)
            of.setdefault(parent, [])
            of.setdefault(child, []).append(parent)
        return found


def exit_of(raw: int | None) -> int | None:
    """A status of wait(2), as monitord keeps it -> an exit code, or minus a signal."""
    if raw is None:
        return None
    if raw > 0xFF:
        return (raw >> 8) & 0xFF
    return raw


def status_of(code: int | None) -> str:
    """How a workflow stands; without an end it runs."""
    if code is None:
        return "running"
    return "succeeded" if code == 0 else "failed"


def _sessions(workflow: _Workflow, begin: float, last: float) -> tuple[Session, ...]:
    """A restart of a workflow begins a session; none lies over another, all attempts are in."""
    starts: list[float] = sorted({begin, *workflow.starts[1:]})
    ends = [time for time, _ in workflow.ends]
    found = []
    for start, following in zip(starts, [*starts[1:], None], strict=True):
        end = max(
            (time for time in ends if start <= time and (following is None or time <= following)),
            default=None,
        )
        if following is None:
            end = max(last, start)
        found.append(
            Session(start, following if end is None and following is not None else end or start)
        )
    return tuple(found)


@lru_cache(maxsize=4096)
def _program(name: str) -> str:
    return kind_of(name.rpartition("::")[2].partition(":")[0])
