"""Traces of other systems: read, told in a line each, and summed up by label and batch."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from difflib import get_close_matches
from pathlib import Path
from statistics import median
from typing import Any

from lamina.errors import LaminaError, TraceError, UsageError
from lamina.records.exports.base import iso
from lamina.records.tables import table_lines
from lamina.traces.readers import READERS
from lamina.traces.readers.collecting import Other, traces_in
from lamina.traces.readers.sources import ending_of
from lamina.traces.statistics import SIMULATED
from lamina.traces.trace import Trace
from lamina.traces.writers import WRITERS
from lamina.workspace import timelines
from lamina.workspace.outputs import file_to_write, not_over

SHOWN = 20
"""Runs up to which each has a line of its own."""


NAMED = 6
"""Workflows that a summary names."""


@dataclass
class Reading:
    """What was found: a line for each run, what is broken, what is no trace."""

    traces: list[dict[str, Any]] = field(default_factory=list)
    broken: list[TraceError] = field(default_factory=list)
    others: list[str] = field(default_factory=list)

    @property
    def code(self) -> int:
        """Exit code: 1 where something is broken."""
        return 1 if self.broken else 0


def read_traces(paths: Iterable[str | Path]) -> Iterator[Trace]:
    """All runs in files, folders and archives, one after the other.

    Raises:
        TraceError: what is broken, or is no trace at all.
    """
    for path in paths:
        found = 0
        for one in _inside(str(path)):
            if isinstance(one, TraceError):
                raise one
            if isinstance(one, Trace):
                found += 1
                yield one
        if not found:
            raise _nothing(str(path))


def look(paths: Sequence[str]) -> Reading:
    """What there is to read in files, folders and archives; what is broken stops nothing.

    Raises:
        UsageError: there is no such path.
        TraceError: nothing there is a trace, and nothing is broken either.
    """
    found = Reading()
    for path in paths:
        before = len(found.traces) + len(found.broken)
        for one in _inside(path):
            if isinstance(one, Trace):
                found.traces.append(line_of(one))
            elif isinstance(one, TraceError):
                found.broken.append(one)
            else:
                found.others.append(one.name)
        if before == len(found.traces) + len(found.broken):
            raise _nothing(path)
    return found


def write(names: Sequence[str], target: Path, form: str = "") -> Path:
    """Writes runs, of this project or of other systems, to one file.

    Args:
        names: paths of traces; names or ids of runs where there is no such path.
        target: the file.
        form: name of a writer; that of the ending when empty.

    Raises:
        LaminaError: no such run or format, a broken trace, a file that cannot be written.
    """
    forms = {".parquet": "parquet", ".json": "wfformat"}
    suffix = target.suffix.lower()
    if not form and suffix not in forms:
        raise UsageError(
            f"a trace cannot be written as {suffix or 'a file without an ending'}",
            f"name a file that ends in {', '.join(forms)}, or the format: "
            f"--as {'|'.join(WRITERS.names())}",
        )
    writer = WRITERS.get(form or forms[suffix])()
    not_over(target, *names)
    writer.write(_named(names), file_to_write(target))
    return target


def _named(names: Iterable[str]) -> Iterator[Trace]:
    for name in names:
        if is_trace(name):
            yield from read_traces([name])
        else:
            yield timelines.trace(name)


def one_trace(path: str) -> Trace:
    """The only run of a path; ARCHIVE:MEMBER names one of an archive.

    Raises:
        TraceError: it is broken, or no trace.
        UsageError: there is no such path, or it holds several runs.
    """
    archive, member = _split(path)
    found, others = _named_so(archive, member)
    if not found and others:
        near = get_close_matches(member, others, 1, 0.0) or others[:1]
        raise TraceError(
            path,
            f"there is no trace of that name, but {len(others)} others",
            way_out=f"name one of them: {archive}:{near[0]}",
        )
    if not found:
        raise _nothing(path)
    if len(found) > 1:
        raise UsageError(
            f"{path} holds {len(found)} runs", f"name one of them: {found[0].about['source']}"
        )
    return found[0]


def _named_so(archive: str, member: str) -> tuple[list[Trace], list[str]]:
    """The runs that are meant, and the names of others that were met on the way."""
    found: list[Trace] = []
    others: list[str] = []
    for one in _inside(archive):
        if isinstance(one, Other):
            continue
        if member and _inner(one, archive) != member:
            others.append(_inner(one, archive))
            continue
        if isinstance(one, TraceError):
            raise one
        found.append(one)
        if member:
            break
    return found, others


def is_trace(path: str) -> bool:
    """Whether a text is the path of something that traces may be read from."""
    return Path(_split(path)[0]).exists()


def line_of(trace: Trace) -> dict[str, Any]:
    """What is told of one run, as plain values."""
    hosts = dict.fromkeys(one.host for one in trace.attempts if one.host)
    return {
        "file": trace.about.get("source", ""),
        "format": trace.origin,
        "run": trace.run,
        "name": trace.name,
        "workflow": trace.workflow,
        "status": trace.status,
        "simulated": trace.simulated,
        "labels": dict(trace.labels),
        "jobs": len(trace.last),
        "attempts": len(trace.attempts),
        "failed": sum(one.failed for one in trace.last.values()),
        "hosts": len(hosts),
        "begin": trace.begin,
        "makespan": trace.seconds,
        "phases": dict(trace.totals),
    }


def to_json(found: Reading) -> dict[str, Any]:
    """All that was found, summed up and run by run."""
    return {
        "runs": len(found.traces),
        "jobs": sum(one["jobs"] for one in found.traces),
        "makespan": _spread(found.traces),
        "labels": {name: _group(group) for name, group in _by(found.traces, "label").items()},
        "batches": {name: _group(group) for name, group in _by(found.traces, "batch").items()},
        "traces": found.traces,
        "broken": [
            {"file": one.file, "line": one.line or None, "reason": one.reason}
            for one in found.broken
        ],
        "others": found.others,
    }


def lines(found: Reading, *, every: bool = False) -> Iterator[str]:
    """The same for people."""
    if found.traces and (every or len(found.traces) <= SHOWN):
        yield from table_lines([_HEADER, *map(_row, found.traces)])
    if len(found.traces) > 1:
        yield from _summary(found.traces)
    if any(one["simulated"] for one in found.traces):
        yield SIMULATED


_HEADER = ["run", "format", "label", "status", "jobs", "hosts", "began", "makespan"]


def _row(one: dict[str, Any]) -> list[str]:
    began = "simulated" if one["simulated"] else iso(one["begin"], "seconds")[:19]
    failed = f" ({one['failed']} failed)" if one["failed"] else ""
    return [
        one["run"], one["format"], one["labels"].get("label", "-"), one["status"],
        f"{one['jobs']}{failed}", str(one["hosts"]), began, f"{one['makespan']:.1f} s",
    ]  # fmt: skip


def _summary(traces: Sequence[dict[str, Any]]) -> Iterator[str]:
    jobs = sorted(one["jobs"] for one in traces)
    each = f"{jobs[0]}" if jobs[0] == jobs[-1] else f"{jobs[0]} to {jobs[-1]}"
    names = list(dict.fromkeys(one["workflow"] for one in traces))
    more = f" and {len(names) - NAMED} more" if len(names) > NAMED else ""
    workflows = ", ".join(names[:NAMED]) + more
    yield f"{len(traces)} runs of {workflows}: {sum(jobs):,} jobs, {each} in a run"
    labels = _by(traces, "label")
    if labels:
        rows = [["label", "runs", "batches", "jobs", "makespan (median)", "least", "most"]]
        for name, group in sorted(labels.items()):
            told = _group(group)
            spread = (f"{told['makespan'][key]:.1f} s" for key in ("median", "least", "most"))
            rows.append([name, str(told["runs"]), str(told["batches"]), str(told["jobs"]), *spread])
        yield from table_lines(rows)
        bare = sum("label" not in one["labels"] for one in traces)
        if bare:
            yield f"{bare} without a label"


def _by(traces: Iterable[dict[str, Any]], label: str) -> dict[str, list[dict[str, Any]]]:
    found: dict[str, list[dict[str, Any]]] = {}
    for one in traces:
        if label in one["labels"]:
            found.setdefault(one["labels"][label], []).append(one)
    return found


def _group(traces: Sequence[dict[str, Any]]) -> dict[str, Any]:
    return {
        "runs": len(traces),
        "jobs": sum(one["jobs"] for one in traces),
        "batches": len(_by(traces, "batch")),
        "labels": sorted(_by(traces, "label")),
        "makespan": _spread(traces),
    }


def _spread(traces: Sequence[dict[str, Any]]) -> dict[str, float]:
    found = [one["makespan"] for one in traces]
    if not found:
        return {}
    mean = sum(found) / len(found)
    return {"least": min(found), "median": median(found), "mean": mean, "most": max(found)}


def _inside(path: str) -> Iterator[Trace | TraceError | Other]:
    archive, member = _split(path)
    if not Path(archive).exists():
        try:
            yield timelines.trace(path)
        except LaminaError as error:
            raise UsageError(
                f"there is no file {archive!r}, and no run of that name",
                "name a file, a folder, an archive or a run",
            ) from error
        return
    for one in traces_in(Path(archive), archive):
        if not member or _inner(one, archive) == member:
            yield one


def _split(path: str) -> tuple[str, str]:
    """ "runs.tar.xz:a/b.csv" -> the archive and its member."""
    archive, colon, member = path.partition(":")
    if colon and not Path(path).exists() and ending_of(Path(archive)):
        return archive, member
    return path, ""


def _inner(one: Trace | TraceError | Other, archive: str) -> str:
    match one:
        case Trace():
            name = str(one.about.get("source", ""))
        case TraceError():
            name = one.file
        case _:
            name = one.name
    return name.removeprefix(f"{archive}:")


def _nothing(path: str) -> TraceError:
    titles = "; ".join(READERS.get(name).title for name in READERS.names())
    return TraceError(path, "no trace was found", way_out=f"these can be read: {titles}")
