"""The stampede database of pegasus-monitord: workflows, jobs, their states and invocations.

A workflow that a job of another ran stands in the trace of the outer one, its jobs named after
that job: "pegasus-plan_inner/findrange_ID0000002".
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from operator import attrgetter
from typing import Any, ClassVar

from lamina.records.history import Session
from lamina.traces.readers.base import Reader, Source
from lamina.traces.readers.csv import kind_of
from lamina.traces.readers.databases import MAGIC, Database, database
from lamina.traces.readers.job_states import Known, State, attempts_of
from lamina.traces.trace import Attempt, Trace

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
            self._id(row, "host_id", "host"): str(row["hostname"] or "")
            for row in self._rows("host", "host_id", "hostname")
        }
        self._invocations()
        self.states: dict[int, list[State]] = {}
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
        known = {}
        inner: dict[str, int] = {}
        for one in self.instances.values():
            if one.job.workflow == workflow.id:
                host = self.hosts.get(one.host, "") if one.host is not None else ""
                kind = one.kind if one.job.type == "compute" else ""
                known[one.job.name, one.turn] = Known(host, kind, one.exit, one.usage)
                if one.inner is not None:
                    inner[one.job.name] = one.inner
        states = self.states.get(workflow.id, [])
        begin = min([*workflow.starts, *(state.time for state in states)], default=0.0)
        edges = self.parents.get(workflow.id, {})
        for attempt in attempts_of(states, edges, begin, known):
            yield replace(attempt, task=above + attempt.task) if above else attempt
        for job, ones in edges.items():
            parents[above + job] = [above + one for one in ones]
        for job, id in inner.items():
            if id not in seen and id in self.workflows:
                yield from self._attempts(self.workflows[id], f"{above}{job}/", parents, seen)

    def _rows(self, table: str, *columns: str) -> Iterator[dict[str, Any]]:
        yield from self.database.rows(table, columns)

    def _id(self, row: dict[str, Any], key: str, table: str) -> int:
        found = self.database.number(row, key, table)
        if found is None:
            raise self.database.source.broken(f"table {table}: {key} is empty")
        return int(found)

    def _maybe(self, row: dict[str, Any], key: str, table: str) -> int | None:
        found = self.database.number(row, key, table)
        return None if found is None else int(found)

    def _workflows(self) -> Iterator[_Workflow]:
        columns = ("wf_id", "root_wf_id", "parent_wf_id", "dax_label", "dag_file_name")
        for row in self._rows("workflow", *columns):
            id = self._id(row, "wf_id", "workflow")
            label, dag = str(row["dax_label"] or ""), str(row["dag_file_name"] or "")
            root = self._maybe(row, "root_wf_id", "workflow") or id
            parent = self._maybe(row, "parent_wf_id", "workflow")
            yield _Workflow(id, root, parent, label or dag or "workflow", dag or label)

    def _times(self) -> None:
        for row in self._rows("workflowstate", "wf_id", "state", "timestamp", "status"):
            workflow = self.workflows.get(self._id(row, "wf_id", "workflowstate"))
            time = self.database.number(row, "timestamp", "workflowstate")
            if workflow is None or time is None:
                continue
            if row["state"] == "WORKFLOW_STARTED":
                workflow.starts.append(time)
            else:
                code = self._maybe(row, "status", "workflowstate")
                workflow.ends.append((time, -1 if code is None else code))
        for one in self.workflows.values():
            one.starts.sort()
            one.ends.sort()

    def _jobs(self) -> Iterator[tuple[int, _Job]]:
        for row in self._rows("job", "job_id", "wf_id", "exec_job_id", "type_desc"):
            name = str(row["exec_job_id"] or "")
            if not name:
                raise self.database.source.broken("table job: a job has no name")
            workflow = self._id(row, "wf_id", "job")
            yield self._id(row, "job_id", "job"), _Job(name, workflow, str(row["type_desc"] or ""))

    def _instances(self) -> Iterator[tuple[int, _Instance]]:
        table = "job_instance"
        columns = (
            "job_instance_id", "job_id", "host_id", "job_submit_seq", "site", "exitcode",
            "subwf_id",
        )  # fmt: skip
        for row in self._rows(table, *columns):
            job = self.jobs.get(self._id(row, "job_id", table))
            if job is None:
                continue
            yield self._id(row, "job_instance_id", table), _Instance(
                job, self._id(row, "job_submit_seq", table), self._maybe(row, "host_id", table),
                str(row["site"] or ""), exit_of(self._maybe(row, "exitcode", table)),
                self._maybe(row, "subwf_id", table),
            )  # fmt: skip

    def _invocations(self) -> None:
        table = "invocation"
        columns = (
            "job_instance_id",
            "task_submit_seq",
            "remote_cpu_time",
            "exitcode",
            "maxrss",
            "transformation",
        )
        for row in self._rows(table, *columns):
            one = self.instances.get(self._id(row, "job_instance_id", table))
            # Negative numbers are those of DAGMan's scripts.
            if one is None or (self._maybe(row, "task_submit_seq", table) or 0) < 0:
                continue
            cpu = self.database.number(row, "remote_cpu_time", table)
            peak = self.database.number(row, "maxrss", table)
            if cpu is not None:
                one.usage["cpu"] = one.usage.get("cpu", 0.0) + cpu
            if peak is not None:
                one.usage["memory_peak"] = max(one.usage.get("memory_peak", 0.0), peak * 1024)
            # That of the job is what DAGMan made of it.
            one.exit = exit_of(self._maybe(row, "exitcode", table)) or one.exit
            one.kind = one.kind or _program(str(row["transformation"] or ""))

    def _states(self) -> None:
        table = "jobstate"
        columns = ("job_instance_id", "state", "timestamp", "jobstate_submit_seq", "reason")
        found: dict[int, list[tuple[int, State]]] = {}
        for row in self._rows(table, *columns):
            one = self.instances.get(self._id(row, "job_instance_id", table))
            time = self.database.number(row, "timestamp", table)
            if one is None or time is None:
                continue
            state = State(
                time, one.job.name, one.turn, str(row["state"] or ""), one.exit,
                str(row["reason"] or ""), one.site,
            )  # fmt: skip
            place = self._maybe(row, "jobstate_submit_seq", table) or 0
            found.setdefault(one.job.workflow, []).append((place, state))
        for workflow, states in found.items():
            # Numbers of states count within a try.
            states.sort(key=lambda told: (told[1].turn, told[0]))
            self.states[workflow] = [state for _, state in states]

    def _edges(self) -> Mapping[int, dict[str, list[str]]]:
        found: dict[int, dict[str, list[str]]] = {}
        for row in self._rows("job_edge", "wf_id", "parent_exec_job_id", "child_exec_job_id"):
            of = found.setdefault(self._id(row, "wf_id", "job_edge"), {})
            parent, child = str(row["parent_exec_job_id"]), str(row["child_exec_job_id"])
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


def _program(name: str) -> str:
    return kind_of(name.rpartition("::")[2].partition(":")[0])
