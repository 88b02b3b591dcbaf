"""Runs of Pegasus workflows as tables: one CSV file for each run, one row for each job.

The form in which the collections behind K. Lamb et al. (FlowGAD) and G. Papadimitriou et al.,
"Flow-Bench: A dataset for computational workflow anomaly detection" (2023), are published, with 16,
28 or 44 columns. The runtime of a row includes the stages. Only the form with 44 columns tells
when they began, by the clock of the worker; where that goes wrong, they are moved by as little as
brings them into the runtime. In the other forms they stand at its begin and at its end.
"""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from functools import lru_cache, partial
from math import inf
from operator import attrgetter, itemgetter
from typing import ClassVar

from lamina.records.history import Session
from lamina.traces.readers.base import Reader, Source
from lamina.traces.readers.collection import parents_of, place_of
from lamina.traces.reading import uncollected
from lamina.traces.trace import Attempt, Phase, Trace, made

_NEEDED = ("ready", "submit", "execute_start", "execute_end")
_COLUMNS = (
    *_NEEDED, "pre_script_start", "pre_script_end", "post_script_start", "post_script_end",
    "stage_in_delay", "stage_out_delay", "stage_in_start", "stage_in_end", "stage_out_start",
    "stage_out_end", "kickstart_hostname", "type", "kickstart_site", "anomaly_type",
    "kickstart_status", "kickstart_executables_exitcode", "kickstart_executables_cpu_time",
    "stage_in_bytes", "stage_out_bytes", "kickstart_online_bytes_read",
    "kickstart_online_bytes_written", "kickstart_online_iowait", "kickstart_transformations",
)  # fmt: skip
_TELLING = frozenset(_COLUMNS)
_ENOUGH = 4
"""Columns by which a table is known as one of jobs."""
_TIMES = slice(0, 14)
_USAGE = (
    "cpu", "stage_in_bytes", "stage_out_bytes", "bytes_read", "bytes_written", "io_wait",
)  # fmt: skip

_AUXILIARY = re.compile(
    r"^(create_dir|cleanup|clean_up|stage_in|stage_out|stage_inter|stage_worker|register)_"
)
_CLUSTERED = re.compile(r"^merge_(.+)_PID\d+$")


class CsvReader(Reader):
    """A table with the times of each job, as in the collections FlowGAD and Flow-Bench."""

    title: ClassVar[str] = "table of jobs (FlowGAD, Flow-Bench)"

    def detects(self, source: Source) -> bool:
        """By the names of the columns."""
        first = source.head.partition(b"\n")[0].decode("utf-8", "replace")
        # A table that lacks some of them is told so by its reader; strangers have hardly one.
        return len(_TELLING & {name.strip('"\r ') for name in first.split(",")}) >= _ENOUGH

    def read(self, source: Source) -> Iterator[Trace]:
        """The one run."""
        with uncollected():
            attempts = list(_Rows(source).attempts())
        if not attempts:
            raise source.broken("it has no rows: a run has at least one job", 1)
        place = place_of(source)
        attempts.sort(key=attrgetter("begin"))
        begin = min(one.ready for one in attempts)
        statuses = {one.task: one.status for one in attempts}
        yield Trace(
            run=source.stem,
            name="",
            workflow=place.workflow or source.stem,
            status="succeeded" if set(statuses.values()) == {"succeeded"} else "failed",
            sessions=(Session(begin, max(one.end for one in attempts)),),
            attempts=tuple(attempts),
            parents=parents_of(source, place.workflow, list(statuses)),
            planned=len(statuses),
            about={"source": source.name},
            labels=place.labels,
            origin="csv",
        )


class _Rows:
    """The rows of one file."""

    def __init__(self, source: Source) -> None:
        self.source = source
        self.rows = csv.reader(io.StringIO(source.text(), newline=""), strict=True)
        self.tries: dict[str, int] = {}

    def attempts(self) -> Iterator[Attempt]:
        """An attempt for each row; a job that stands there twice was tried twice."""
        try:
            header = next(self.rows, [])
            get, width = self._columns(header)
            for row in self.rows:
                if len(row) != width:
                    if not row:
                        continue
                    raise self.wrong(f"it has {len(row)} fields, the header has {width}")
                row.append("")
                yield self.attempt(row[0], get(row))
        except csv.Error as error:
            raise self.wrong(f"it is no row of a CSV file: {error}") from error

    def wrong(self, reason: str) -> Exception:
        """The error for the line that was read last."""
        return self.source.broken(reason, max(self.rows.line_num, 1))

    def _columns(self, header: list[str]) -> tuple[Callable[[list[str]], Sequence[str]], int]:
        places = {name: place for place, name in enumerate(header)}
        missing = [name for name in _NEEDED if name not in places]
        if missing:
            raise self.wrong(f"there is no column {', '.join(missing)}")
        if header[0] in _TELLING:
            raise self.wrong(f"its first column is {header[0]!r}: the names of jobs stand there")
        # A column that the file does not have is the empty field that is put behind each row.
        return itemgetter(*(places.get(name, -1) for name in _COLUMNS)), len(header)

    def attempt(self, task: str, told: Sequence[str]) -> Attempt:
        """A row: its job's name, and its fields in the order of _COLUMNS."""
        if not task:
            raise self.wrong("the job has no name")
        try:
            times = [float(text) if text else None for text in told[_TIMES]]
            usage = {
                name: float(text)
                for name, text in zip(_USAGE, told[20:26], strict=True)
                if text and text[0] != "-"  # -1.0: kickstart left no record
            }
            if told[26]:
                # One entry for each program of the job whose record came back.
                usage["programs"] = 0.0 if told[20][:1] == "-" else told[26].count(";") + 1.0
            exit = int(float(told[19])) if told[19] else None
            status = float(told[18]) if told[18] else 0.0
            if not -inf < sum(usage.values(), status) < inf:
                raise ValueError
        except (ValueError, OverflowError):
            raise self.not_a_number(told) from None
        phases = _usual(times) or self.phases(times)
        number = self.tries[task] = self.tries.get(task, 0) + 1
        host = told[14]
        good = status == 0 and not exit and times[3] is not None
        ready = times[0] or 0.0
        return made(
            task, number, "succeeded" if good else "failed" if times[2] is not None else "lost",
            ready, ready, phases[-1].end if phases else ready, phases, host, host, usage=usage,
            exit=exit, kind=kind_of(task), labels=_labels(told[15], told[16], told[17]),
            error={} if good else _error(status, exit),
        )  # fmt: skip

    def phases(self, times: Sequence[float | None]) -> tuple[Phase, ...]:
        """The phases in order."""
        at = times[0]
        if at is None or not -inf < at < inf:
            raise self.wrong(f"column ready is {at or 'empty'}: when was the job ready?")
        found = _spans(at, times)
        for name, first, last in found:
            # Written so that it is true of what is not a number.
            if not at <= first <= last < inf:
                raise self.wrong(
                    f"{name} lasts from {first} to {last}, but follows on {at}: times go back"
                )
            at = last
        return tuple(map(_phase, found))

    def not_a_number(self, told: Sequence[str]) -> Exception:
        """The error that names the column."""
        for name, text in zip(_COLUMNS, told, strict=True):
            if name in _TEXTS:
                continue
            try:
                int(float(text or 0))
            except (ValueError, OverflowError):
                return self.wrong(f"column {name} is {text[:40]!r}, not a number")
        return self.wrong("a column is not a number")


_TEXTS = frozenset(
    {"kickstart_hostname", "type", "kickstart_site", "anomaly_type", "kickstart_transformations"}
)


Span = tuple[str, float, float]

_phase = partial(tuple.__new__, Phase)
"""A phase from its three values, without a call of Python's for each."""


def _usual(times: Sequence[float | None]) -> tuple[Phase, ...]:
    """The phases of a row as most are: times in order, no script before, stages without a time of
    their own. Empty for others; they take three times as long."""
    ready, submit, begin, end, pre, _, post, after, into, out, into_at, _, out_at, _ = times
    if not (pre is into_at is out_at is None):
        return ()
    try:
        first, last = begin + into, end - out  # type: ignore[operator]
        if not -inf < ready <= submit <= begin <= first <= last <= end <= post <= after < inf:  # type: ignore[operator]
            return ()
    except TypeError:
        return ()
    return (
        _phase(("submit", ready, submit)), _phase(("queue", submit, begin)),
        _phase(("stage_in", begin, first)), _phase(("run", first, last)),
        _phase(("stage_out", last, end)), _phase(("post_script", post, after)),
    )  # fmt: skip


def _spans(ready: float, times: Sequence[float | None]) -> list[Span]:
    """Name, begin and end of each phase; the run is the runtime without the stages."""
    _, submit, begin, end, pre, pre_end, post, post_end = times[:8]
    found: list[Span] = []
    if pre is not None and pre_end is not None:
        found.append(("pre_script", pre, pre_end))
        ready = pre_end
    if submit is not None:
        found.append(("submit", ready, submit))
        if begin is not None:
            found.append(("queue", submit, begin))
            if end is not None:
                found += held(begin, end, times[8:]) if end >= begin else [("run", begin, end)]
    if post is not None and post_end is not None:
        found.append(("post_script", post, post_end))
    return found


def held(begin: float, end: float, times: Sequence[float | None]) -> list[Span]:
    """Stages and run between begin and end of the runtime.

    Args:
        begin, end: of the runtime.
        times: seconds of stage in and stage out, begin and end of the one, of the other.
    """
    into, out, in_begin, in_end, out_begin, out_end = times
    if in_begin is None and out_begin is None:
        middle = begin if into is None else begin + into
        last = end if out is None else end - out
        if begin <= middle <= last <= end:
            found = [] if into is None else [("stage_in", begin, middle)]
            found.append(("run", middle, last))
            return found if out is None else [*found, ("stage_out", last, end)]
    if in_begin is None or in_end is None:
        in_begin, in_end = (None, None) if into is None else (begin, begin + into)
    if out_begin is None or out_end is None:
        out_begin, out_end = (None, None) if out is None else (end - out, end)
    stages = [
        (name, first, last)
        for name, first, last in (("stage_in", in_begin, in_end), ("stage_out", out_begin, out_end))
        if first is not None and last is not None
    ]
    return list(_filled(begin, end, stages)) if stages else [("run", begin, end)]


def _filled(begin: float, end: float, stages: Sequence[Span]) -> Iterator[Span]:
    """The stages, moved into the runtime; the run is all that lies between them."""
    first, last = stages[0][1], stages[-1][2]
    moved = max(min(0.0, end - last), begin - first)
    at = begin
    for name, one, two in stages:
        start = min(max(one + moved, at), end)
        stop = min(max(two + moved, start), end)
        if start > at:
            yield ("run", at, start)
        yield (name, start, stop)
        at = stop
    if at < end:
        yield ("run", at, end)


def kind_of(job: str) -> str:
    """Type of a Pegasus job by its name: "individuals_ID0000002" is one of "individuals"."""
    named, _, number = job.rpartition("_ID")
    return _kind_of(named if number.isdigit() and named else job)


@lru_cache(maxsize=4096)
def _kind_of(name: str) -> str:
    found = _AUXILIARY.match(name) or _CLUSTERED.match(name)
    return name if found is None else found[1]


@lru_cache(maxsize=4096)
def _labels(type_: str, site: str, anomaly: str) -> Mapping[str, str]:
    told = {"type": type_, "site": site, "anomaly": anomaly}
    return {name: value for name, value in told.items() if value}


def _error(status: float, exit: int | None) -> Mapping[str, str]:
    if exit:
        return {"cause": f"exit code {exit}"}
    return {"cause": f"kickstart told the status {status:g}" if status else "it has no end"}
