"""The stampede database of pegasus-monitord: workflows, jobs, their states and invocations.

A workflow that a job of another ran stands in the trace of the outer one, its jobs named after
that job: "pegasus-plan_inner/findrange_ID0000002".
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from functools import lru_cache, partial
from operator import attrgetter, itemgetter
from typing import Any, ClassVar

from lamina.records.history import Session
from lamina.traces.readers.base import Reader, Source
from lamina.traces.readers.csv import kind_of
from lamina.traces.readers.databases import MAGIC, Database, database
from lamina.traces.readers.job_states import Known, State, attempts_of
from lamina.traces.trace import Attempt, Trace

_PLACE = itemgetter(0)
_state = partial(tuple.__new__, State)
"""A state from its seven values, without a call of Python's for each."""
_TABLES = frozenset({"workflow", "workflowstate", "job", "job_instance", "jobstate"})


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


@dataclass
class _Job:
    name: str
    workflow: int
    type: str = ""


@dataclass
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
        self.states: dict[int, dict[tuple[str, int], list[State]]] = {}
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
        first = (state[0] for told in states.values() for state in told)
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
        for key, of, name, type in self._rows("job", "job_id", "wf_id", "exec_job_id", "type_desc"):
            if not name:
                raise self.database.source.broken("table job: a job has no name")
            workflow = self._id(of, "wf_id", "job")
            yield self._id(key, "job_id", "job"), _Job(str(name), workflow, str(type or ""))

    def _instances(self) -> Iterator[tuple[int, _Instance]]:
        table, whole = "job_instance", self.database.whole
        columns = (
            "job_instance_id", "job_id", "host_id", "job_submit_seq", "site", "exitcode",
            "subwf_id",
        )  # fmt: skip
        for key, of, host, turn, site, code, inner in self._rows(table, *columns):
            job = self.jobs.get(self._id(of, "job_id", table))
            if job is None:
                continue
            yield self._id(key, "job_instance_id", table), _Instance(
                job, self._id(turn, "job_submit_seq", table), whole(host, "host_id", table),
                str(site or ""), exit_of(whole(code, "exitcode", table)),
                whole(inner, "subwf_id", table),
            )  # fmt: skip

    def _invocations(self) -> None:
        table, whole, number = "invocation", self.database.whole, self.database.number
        columns = (
            "job_instance_id", "task_submit_seq", "remote_cpu_time", "exitcode", "maxrss",
            "transformation",
        )  # fmt: skip
        for key, place, spent, code, memory, program in self._rows(table, *columns):
            one = self.instances.get(self._id(key, "job_instance_id", table))
            # Negative numbers are those of DAGMan's scripts.
            if one is None or (whole(place, "task_submit_seq", table) or 0) < 0:
                continue
            cpu, peak = number(spent, "remote_cpu_time", table), number(memory, "maxrss", table)
            if cpu is not None:
                one.usage["cpu"] = one.usage.get("cpu", 0.0) + cpu
            if peak is not None:
                one.usage["memory_peak"] = max(one.usage.get("memory_peak", 0.0), peak * 1024)
            # That of the job is what DAGMan made of it.
            one.exit = exit_of(whole(code, "exitcode", table)) or one.exit
            one.kind = one.kind or _program(str(program or ""))

    def _states(self) -> None:
        table = "jobstate"
        columns = ("job_instance_id", "state", "timestamp", "jobstate_submit_seq", "reason")
        found: dict[int, list[tuple[int, State]]] = {}
        names: dict[Any, str] = {}
        instances, number = self.instances, self.database.number
        for key, name, at, place, reason in self._rows(table, *columns):
            id = key if type(key) is int else self._id(key, "job_instance_id", table)
            one = instances.get(id)
            time = at if type(at) is float else number(at, "timestamp", table)
            if one is None or time is None:
                continue
            if name not in names:
                names[name] = str(name or "")
            state = _state(
                (time, one.job.name, one.turn, names[name], one.exit, reason or "", one.site)
            )
            if type(place) is not int:
                place = self.database.whole(place, "jobstate_submit_seq", table) or 0
            known = found.get(id)
            if known is None:
                found[id] = [(place, state)]
            else:
                known.append((place, state))
        for id, states in found.items():
            # Numbers of states count within a try.
            states.sort(key=_PLACE)
            one = self.instances[id]
            of = self.states.setdefault(one.job.workflow, {})
            of.setdefault((one.job.name, one.turn), []).extend([state for _, state in states])

    def _edges(self) -> Mapping[int, dict[str, list[str]]]:
        found: dict[int, dict[str, list[str]]] = {}
        columns = ("wf_id", "parent_exec_job_id", "child_exec_job_id")
        for key, before, after in self._rows("job_edge", *columns):
            of = found.setdefault(self._id(key, "wf_id", "job_edge"), {})
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
