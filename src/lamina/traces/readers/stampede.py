"""The stampede database of pegasus-monitord: workflows, jobs, their states and invocations.

A workflow that a job of another ran stands in the trace of the outer one, its jobs named after
that job: "pegasus-plan_inner/findrange_ID0000002".
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from functools import lru_cache, partial
from operator import attrgetter
from typing import Any, ClassVar, NamedTuple

from lamina.records.history import Session
from lamina.traces.readers.base import Reader, Source
from lamina.traces.readers.csv import kind_of
from lamina.traces.readers.databases import MAGIC, Database, changed, database, texts_of
from lamina.traces.readers.job_states import Known, States, attempts_of
from lamina.traces.readers.stampede_states import told_by
from lamina.traces.trace import Attempt, Trace

_TABLES = frozenset({"workflow", "workflowstate", "job", "job_instance", "jobstate"})
_as_states, _as_known = partial(tuple.__new__, States), partial(tuple.__new__, Known)


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


class _Job(NamedTuple):
    name: str
    workflow: int
    type: str


class _Try(NamedTuple):
    workflow: int
    key: tuple[str, int]
    """Name of the job and number of the try."""
    exit: int | None
    site: str


class _Ran(NamedTuple):
    """What the programs of a try tell, put together."""

    exit: int | None
    kind: str
    usage: dict[str, float]


_job: Callable[[Iterable[Any]], _Job] = partial(tuple.__new__, _Job)
_try: Callable[[Iterable[Any]], _Try] = partial(tuple.__new__, _Try)
_ran: Callable[[Iterable[Any]], _Ran] = partial(tuple.__new__, _Ran)
_NOTHING = _Ran(None, "", {})


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
        self.jobs = self._jobs()
        self.planned = Counter(one.workflow for one in self.jobs.values())
        self.hosts = {
            self.database.id(id, "host_id", "host"): str(name or "")
            for id, name in self._rows("host", "host_id", "hostname")
        }
        self.known: dict[int, dict[tuple[str, int], Known]] = {key: {} for key in self.workflows}
        self.inner: dict[int, dict[str, int]] = {}
        self.tries = self._tries(self._invocations())
        self.states: dict[int, dict[tuple[str, int], States]] = {key: {} for key in self.workflows}
        self._states()
        self.parents = self._edges()

    def traces(self) -> Iterator[Trace]:
        """A trace for each workflow that no other ran."""
        inside = {id for inner in self.inner.values() for id in inner.values()}
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
            planned=self.planned[workflow.id],
            about={"source": source},
            origin="stampede",
        )

    def _attempts(
        self, workflow: _Workflow, above: str, parents: dict[str, list[str]], seen: set[int]
    ) -> Iterator[Attempt]:
        """The attempts of a workflow and of those that its jobs ran."""
        seen.add(workflow.id)
        states = self.states.get(workflow.id, {})
        first = (min(told.times) for told in states.values())
        begin = min([*workflow.starts, *first], default=0.0)
        edges = self.parents.get(workflow.id, {})
        for attempt in attempts_of(states, edges, begin, self.known.get(workflow.id, {})):
            yield replace(attempt, task=above + attempt.task) if above else attempt
        for job, of in edges.items():
            parents[above + job] = [above + one for one in of] if above else of
        for outer, id in self.inner.get(workflow.id, {}).items():
            if id not in seen and id in self.workflows:
                yield from self._attempts(self.workflows[id], f"{above}{outer}/", parents, seen)

    def _rows(self, table: str, *columns: str) -> Iterator[tuple[Any, ...]]:
        return self.database.rows(table, columns)

    def _workflows(self) -> Iterator[_Workflow]:
        table = "workflow"
        columns = ("wf_id", "root_wf_id", "parent_wf_id", "dax_label", "dag_file_name")
        for key, above, outer, named, file in self._rows(table, *columns):
            id = self.database.id(key, "wf_id", table)
            label, dag = str(named or ""), str(file or "")
            root = self.database.whole(above, "root_wf_id", table) or id
            parent = self.database.whole(outer, "parent_wf_id", table)
            yield _Workflow(id, root, parent, label or dag or "workflow", dag or label)

    def _times(self) -> None:
        table = "workflowstate"
        for key, state, at, status in self._rows(table, "wf_id", "state", "timestamp", "status"):
            workflow = self.workflows.get(self.database.id(key, "wf_id", table))
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

    def _jobs(self) -> dict[int, _Job]:
        columns = ("job_id", "wf_id", "exec_job_id", "type_desc")
        keys, workflows, names, types = self.database.columns("job", columns)
        keys = self.database.ids(keys, "job_id", "job")
        workflows = self.database.ids(workflows, "wf_id", "job")
        if not all(names):
            raise self.database.source.broken("table job: a job has no name")
        jobs = map(_job, zip(texts_of(names), workflows, texts_of(types), strict=True))
        found = dict(zip(keys, jobs, strict=True))
        if self.workflows.keys() >= set(workflows):
            return found
        return {key: one for key, one in found.items() if one.workflow in self.workflows}

    def _tries(self, ran: Mapping[int, _Ran]) -> dict[int, _Try]:
        """The tries of all jobs; what is known of them, and which of them ran workflows."""
        found = {}
        for id, job, turn, host, site, code, inner in self._instances():
            if job not in self.jobs:
                continue
            name, workflow, type = self.jobs[job]
            told, kind, usage = ran.get(id, _NOTHING)
            key = (name, turn)
            code = told or code  # that of the job is what DAGMan made of it
            known = _as_known((host, kind if type == "compute" else "", code, usage, ""))
            self.known[workflow][key] = known
            found[id] = _try((workflow, key, code, site))
            if inner is not None:
                self.inner.setdefault(workflow, {})[name] = inner
        return found

    def _instances(self) -> Iterator[tuple[Any, ...]]:
        table, wholes, ids = "job_instance", self.database.wholes, self.database.ids
        names = (
            "job_instance_id", "job_id", "job_submit_seq", "host_id", "site", "exitcode",
            "subwf_id",
        )  # fmt: skip
        keys, of, turns, hosts, sites, codes, inner = self.database.columns(table, names)
        keys, of, turns = (
            ids(column, name, table) for column, name in zip((keys, of, turns), names, strict=False)
        )
        hosts = changed(wholes(hosts, "host_id", table), self._host)
        codes = changed(wholes(codes, "exitcode", table), exit_of)
        inner = wholes(inner, "subwf_id", table)
        return zip(keys, of, turns, hosts, texts_of(sites), codes, inner, strict=True)

    def _host(self, id: int | None) -> str:
        return "" if id is None else self.hosts.get(id, "")

    def _invocations(self) -> dict[int, _Ran]:
        table, wholes, numbers = "invocation", self.database.wholes, self.database.numbers
        names = (
            "job_instance_id", "task_submit_seq", "exitcode", "remote_cpu_time", "maxrss",
            "transformation",
        )  # fmt: skip
        keys, places, codes, cpus, peaks, programs = self.database.columns(table, names)
        keys, places = self.database.ids(keys, names[0], table), wholes(places, names[1], table)
        codes = changed(wholes(codes, names[2], table), exit_of)
        cpus, peaks = numbers(cpus, names[3], table), numbers(peaks, names[4], table)
        programs = changed(texts_of(programs), program_of)
        found: dict[int, _Ran] = {}
        for key, place, code, cpu, peak, program in zip(
            keys, places, codes, cpus, peaks, programs, strict=True
        ):
            # Negative numbers are those of DAGMan's scripts.
            if place is not None and place < 0:
                continue
            before = found.get(key)
            usage = {} if before is None else before.usage
            if cpu is not None:
                usage["cpu"] = usage.get("cpu", 0.0) + cpu
            if peak is not None:
                usage["memory_peak"] = max(usage.get("memory_peak", 0.0), peak * 1024)
            if before is None:
                found[key] = _ran((code, program, usage))
            else:
                found[key] = _ran((code or before.exit, before.kind or program, usage))
        return found

    def _states(self) -> None:
        for key, names, times, reasons in told_by(self.database):
            if key not in self.tries:
                continue
            workflow, of, code, site = self.tries[key]
            count = len(names)
            states = _as_states((names, times, (code,) * count, reasons, (site,) * count))
            told = self.states[workflow]
            told[of] = states.behind(told[of]) if of in told else states

    def _edges(self) -> Mapping[int, dict[str, list[str]]]:
        found: dict[int, dict[str, list[str]]] = {}
        columns = ("wf_id", "parent_exec_job_id", "child_exec_job_id")
        keys, parents, children = self.database.columns("job_edge", columns)
        keys = self.database.ids(keys, "wf_id", "job_edge")
        for key in dict.fromkeys(keys):
            found[key] = {}
        for key, parent, child in zip(keys, map(str, parents), map(str, children), strict=True):
            of = found[key]
            if parent not in of:
                of[parent] = []
            above = of.get(child)
            if above is None:
                of[child] = [parent]
            else:
                above.append(parent)
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
def program_of(name: str) -> str:
    """The kind of a job by the program that it ran: "pegasus::merge:4.0" -> "merge"."""
    return kind_of(name.rpartition("::")[2].partition(":")[0])
