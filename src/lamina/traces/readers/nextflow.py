"""The trace file of Nextflow (`-with-trace`): a line for each task, fields parted by tabs.

Times are of the machine's own zone, which the file does not tell: they are taken for UTC.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import lru_cache
from math import isfinite
from operator import attrgetter
from typing import ClassVar

from lamina.records.history import Session
from lamina.traces.readers.base import Reader, Source
from lamina.traces.readers.documents import moment
from lamina.traces.reading import uncollected
from lamina.traces.trace import Attempt, Phase, Trace, made

_SPAN = re.compile(r"(\d+(?:\.\d+)?)(ms|d|h|m|s)")
_WORDS = re.compile(r"(\d)\s+(?=[a-z])")
"""What parts a number from its unit."""
_SECONDS = {"ms": 0.001, "s": 1.0, "m": 60.0, "h": 3600.0, "d": 86400.0}
_SIZE = re.compile(r"^(\d+(?:\.\d+)?)\s*([KMGTPE]?)i?B?$", re.IGNORECASE)
_POWERS = {letter: 1024.0**power for power, letter in enumerate(("", *"KMGTPE"))}
_USAGE = {"peak_rss": "memory_peak", "rchar": "bytes_read", "wchar": "bytes_written"}
_WHOLE = re.compile(r"-?\d{1,15}")
_NOTHING = frozenset({"", "-", "null"})
_STATUSES = {
    "COMPLETED": "succeeded", "CACHED": "reused", "FAILED": "failed", "ABORTED": "cancelled",
    "NEW": "running", "SUBMITTED": "running", "RUNNING": "running",
}  # fmt: skip


class NextflowReader(Reader):
    """One trace file, with whatever columns it was made to have."""

    title: ClassVar[str] = "Nextflow trace file"

    def detects(self, source: Source) -> bool:
        """By the names of the columns."""
        first = source.head.partition(b"\n")[0].decode("ascii", "replace")
        columns = _cells(first.strip("\ufeff\r"))
        return {"status", "submit"} <= set(columns) and bool({"task_id", "hash"} & set(columns))

    def read(self, source: Source) -> Iterator[Trace]:
        """The one run."""
        with uncollected():
            attempts = list(_Rows(source).attempts())
        ran = [one for one in attempts if one.status != "reused"]
        if not attempts:
            raise source.broken("it has no tasks", 1)
        begin = min(one.ready for one in ran or attempts)
        # What was taken from an earlier run took no time in this one.
        attempts = [one if one.status != "reused" else _moved(one, begin) for one in attempts]
        attempts.sort(key=attrgetter("begin"))
        last = {one.task: one for one in attempts}
        failed = any(one.failed or one.status == "cancelled" for one in last.values())
        open_ = any(one.status == "running" for one in last.values())
        yield Trace(
            run=source.stem,
            name="",
            workflow=_workflow(attempts) or source.stem,
            status="failed" if failed else "running" if open_ else "succeeded",
            sessions=(Session(begin, max(begin, *(one.end for one in attempts))),),
            attempts=tuple(attempts),
            planned=len(last),
            about={"source": source.name},
            origin="nextflow",
        )


@dataclass(slots=True)
class _Row:
    """A line: its number, and its fields by name; those that are not told are left out."""

    source: Source
    line: int
    told: Mapping[str, str]

    def wrong(self, key: str, what: str) -> Exception:
        """The error for a field."""
        return self.source.broken(f"column {key} is {self.told[key][:40]!r}, not {what}", self.line)

    def time(self, key: str) -> float | None:
        """A date, or milliseconds since 1970."""
        text = self.told.get(key)
        if text is None:
            return None
        found = float(text) / 1000 if text.isdecimal() and len(text) < 16 else moment(text)
        if found is None:
            raise self.wrong(key, "a time")
        return found

    def span(self, key: str) -> float | None:
        """ "1m 3s", or milliseconds."""
        text = self.told.get(key)
        if text is None:
            return None
        if text.isdecimal() and len(text) < 16:
            return float(text) / 1000
        told = _span(text)
        if told is None:
            raise self.wrong(key, "a duration")
        return told

    def size(self, key: str) -> float | None:
        """ "2.3 GB", or bytes."""
        text = self.told.get(key)
        if text is None:
            return None
        told = _size(text)
        if told is None:
            raise self.wrong(key, "a size")
        return told

    def share(self, key: str) -> float | None:
        """ "95.3%"."""
        text = self.told.get(key)
        if text is None:
            return None
        try:
            found = float(text.rstrip("%")) / 100
        except ValueError:
            found = float("nan")
        if not isfinite(found):
            raise self.wrong(key, "a percentage")
        return found

    def whole(self, key: str) -> int | None:
        """A whole number."""
        text = self.told.get(key)
        if text is None:
            return None
        if not _WHOLE.fullmatch(text):
            raise self.wrong(key, "a whole number")
        return int(text)


@lru_cache(maxsize=65536)
def _span(text: str) -> float | None:
    """Seconds of "1m 3s"; None where it is no duration."""
    found = 0.0
    for word in _WORDS.sub(r"\1", text).split():
        told = _SPAN.fullmatch(word)
        if told is None:
            return None
        found += float(told[1]) * _SECONDS[told[2]]
    return found if found <= 1e12 else None


@lru_cache(maxsize=65536)
def _size(text: str) -> float | None:
    """Bytes of "2.3 GB"; None where it is no size."""
    found = _SIZE.match(text) if len(text) <= 40 else None
    return None if found is None else float(found[1]) * _POWERS[found[2].upper()]


class _Rows:
    """The lines of one file."""

    def __init__(self, source: Source) -> None:
        self.source = source
        self.tries: dict[str, tuple[int, str]] = {}

    def attempts(self) -> Iterator[Attempt]:
        """A task for each line."""
        lines = self.source.text().split("\n")
        columns = _cells(lines[0].rstrip("\r"))
        parted = "\t" if "\t" in lines[0] else ","
        for number, line in enumerate(lines[1:], 2):
            if not line.strip():
                continue
            cells = [cell.strip(' "\r') for cell in line.split(parted)]
            if len(cells) != len(columns):
                raise self.source.broken(
                    f"it has {len(cells)} fields, the header has {len(columns)}", number
                )
            told = {
                name: cell
                for name, cell in zip(columns, cells, strict=True)
                if cell not in _NOTHING
            }
            yield self.attempt(_Row(self.source, number, told))

    def attempt(self, row: _Row) -> Attempt:
        """One task."""
        status = _STATUSES.get(row.told.get("status", ""))
        if status is None:
            raise self.source.broken(
                f"the status is {row.told.get('status', '')[:40]!r}, not one of "
                f"{', '.join(_STATUSES)}",
                row.line,
            )
        name = row.told.get("name") or row.told.get("task_id") or row.told.get("hash") or ""
        if not name:
            raise self.source.broken("the task has no name", row.line)
        process = row.told.get("process") or name.partition(" (")[0]
        task, number = self.named(name, status, row)
        real = row.span("realtime")
        phases, submit = _phases(row, real)
        code = row.whole("exit")
        bad = status in ("failed", "cancelled")
        said = f"exit code {code}" if code else "Nextflow tells no reason"
        host = row.told.get("hostname", "")
        return made(
            task, 0 if status == "reused" else number, status, submit, submit,
            phases[-1].end if phases else submit, phases, host, host,
            usage=_usage(row, real), exit=code,
            error={"cause": said} if bad else {}, folder=row.told.get("workdir", ""),
            kind=process.rpartition(":")[2],
        )  # fmt: skip

    def named(self, name: str, status: str, row: _Row) -> tuple[str, int]:
        """The unit and the number of the try: after a failure the same name is tried again."""
        before = self.tries.get(name)
        number = row.whole("attempt") or 1
        if before is not None:
            if before[1] == "failed" or number > 1:
                number = max(number, before[0] + 1)
            else:
                name = f"{name} #{row.told.get('task_id') or row.line}"
        self.tries[name] = (number, status)
        return name, number


def _phases(row: _Row, real: float | None) -> tuple[tuple[Phase, ...], float]:
    """Queue and run; the run ends when the task was complete, and lasts as long as it told."""
    submit = row.time("submit")
    start, complete = row.time("start"), row.time("complete")
    if submit is None:
        submit = start if start is not None else complete
    if submit is None:
        raise row.source.broken("the task tells neither submit nor start", row.line)
    if complete is None and (duration := row.span("duration")) is not None:
        complete = submit + duration
    if complete is None:
        return ((Phase("queue", submit, max(start, submit)),) if start else ()), submit
    complete = max(complete, submit)
    began = complete if real is None else max(complete - real, submit)
    if start is not None:
        began = min(max(start if real is None else began, start, submit), complete)
        queued = min(max(start, submit), began)
    else:
        queued = began
    return (Phase("queue", submit, queued), Phase("run", began, complete)), submit


def _usage(row: _Row, real: float | None) -> dict[str, float]:
    found: dict[str, float] = {}
    share = row.share("%cpu")
    if share is not None and real is not None:
        found["cpu"] = share * real
    for key, name in _USAGE.items():
        value = row.size(key)
        if value is not None:
            found[name] = value
    return found


def _moved(one: Attempt, time: float) -> Attempt:
    return made(
        one.task, 0, "reused", time, time, time, exit=one.exit, kind=one.kind, folder=one.folder
    )


def _workflow(attempts: list[Attempt]) -> str:
    """What all names begin with: "NFCORE_RNASEQ:RNASEQ:FASTQC" is of NFCORE_RNASEQ."""
    found = {one.task.partition(":")[0] for one in attempts if ":" in one.task.partition(" (")[0]}
    return found.pop() if len(found) == 1 else ""


def _cells(line: str) -> list[str]:
    return [cell.strip().strip('"') for cell in line.split("\t" if "\t" in line else ",")]
