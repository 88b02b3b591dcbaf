"""DAGMan's own log, `*.dag.dagman.out`: what HTCondor told it of each job, and its scripts.

Its times are those of the machine that DAGMan ran on and name no zone; they are taken for UTC.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from datetime import UTC, datetime
from functools import lru_cache
from typing import Any, ClassVar

from lamina.traces.readers.base import Reader, Source
from lamina.traces.readers.logs import DAGMAN, Log, trace_of_log
from lamina.traces.trace import Trace

_BEGINS = re.compile(rb"\*\* \S+ \((?i:condor_dagman)\) STARTING UP")
_LINE = re.compile(r"(?P<time>\d\d/\d\d/\d\d \d\d:\d\d:\d\d)\S* (?:\([^)]*\) )*(?P<text>.*)")
_EVENT = re.compile(
    r"Event: ULOG_(?P<name>\w+) for (?:HTCondor |Condor )?(?:Node|Job) (?P<job>\S+)"
    r"(?: \([-\d.]+\))?(?: \{(?P<time>[^}]*)\})?"
)
_SCRIPT = re.compile(r"Running (?P<which>PRE|POST) script of (?i:node|job) (?P<job>\S+?)\.\.\.$")
_SCRIPTED = re.compile(
    r"(?P<which>PRE|POST) Script of (?i:node|job) (?P<job>\S+) "
    r"(?:(?P<good>completed successfully)|failed with (?P<how>status|signal) (?P<code>\d{1,9}))"
)
_ENDED = re.compile(
    r"Node (?P<job>\S+) job proc \([\d.]+\) "
    r"(?:(?P<good>completed successfully)|failed with (?P<how>status|signal) (?P<code>\d{1,9}))"
)
_EXIT = re.compile(r"\(condor_DAGMAN\) pid \d+ EXITING WITH STATUS (?P<code>\d{1,9})", re.I)
_HOLD = re.compile(r"\s*Hold reason: (?P<reason>.*)")
_NODES = re.compile(r"Of (?P<count>\d{1,9}) nodes total")
_NUMBER = re.compile(r"-\d+$")
_STATES = {
    "SUBMIT": "SUBMIT", "EXECUTE": "EXECUTE", "JOB_TERMINATED": "JOB_TERMINATED",
    "JOB_HELD": "JOB_HELD", "JOB_RELEASED": "JOB_RELEASED", "JOB_ABORTED": "JOB_ABORTED",
    "JOB_EVICTED": "JOB_EVICTED", "JOB_SUSPENDED": "JOB_SUSPENDED",
    "JOB_UNSUSPENDED": "JOB_UNSUSPENDED", "POST_SCRIPT_TERMINATED": "POST_SCRIPT_TERMINATED",
}  # fmt: skip
"""Events of HTCondor -> the states that monitord makes of them; others tell nothing of time."""


class DagmanReader(Reader):
    """A log of DAGMan's; where it lies in a submit directory, that is read as a whole."""

    title: ClassVar[str] = "log of DAGMan"

    def detects(self, source: Source) -> bool:
        """By the lines with which DAGMan begins it."""
        return _BEGINS.search(source.head) is not None

    def read(self, source: Source) -> Iterator[Trace]:
        """The run; what waits for what is not told."""
        name = source.parts[-1].removesuffix(DAGMAN) if source.parts else source.stem
        named = (name or source.stem, _NUMBER.sub("", name) or source.stem)
        yield trace_of_log(DagmanLog(source), named, {}, {}, "dagman")


class DagmanLog(Log):
    """The log, line by line."""

    def __init__(self, source: Source) -> None:
        super().__init__(source)
        self._cells: dict[tuple[str, int], list[Any]] = {}
        self._turns: dict[str, int] = {}
        self._count = 0
        self._held: tuple[str, int] | None = None
        self._reasons: dict[tuple[str, int], dict[int, str]] = {}
        lines = source.text().split("\n")
        whole = not lines[-1]
        for number, line in enumerate(lines, 1):
            found = _LINE.match(line)
            if found is None:
                continue  # a line of a message that has many
            at = self._time(found["time"], number)
            if whole or number < len(lines):
                self._take(found["text"], at, number)
            else:
                self.cut(at, number)
        self.keep(self._cells)
        for key, told in self._reasons.items():
            states = self.tries[key]
            reasons = tuple([told.get(place, "") for place in range(len(states.names))])
            self.tries[key] = states._replace(reasons=reasons)

    def _time(self, text: str, number: int) -> float:
        found = _seconds(text)
        if found is None:
            raise self.source.broken(f"{text[:40]!r} is no time", number)
        return found

    def _take(self, text: str, at: float, number: int) -> None:
        """A message."""
        held, self._held = self._held, None
        if text.startswith("Event: ULOG_"):
            self._event(text, at, number)
        elif held is not None and (found := _HOLD.match(text)) is not None:
            place = len(self._cells[held]) // 4 - 1
            self._reasons.setdefault(held, {})[place] = found["reason"]
        elif (found := _SCRIPT.match(text)) is not None:
            self._put(found["job"], f"{found['which']}_SCRIPT_STARTED", at)
        elif (found := _SCRIPTED.match(text)) is not None:
            self._end(found, f"{found['which']}_SCRIPT", at)
        elif (found := _ENDED.match(text)) is not None:
            self._end(found, "JOB", at)
        else:
            self._around(text, at)

    def _around(self, text: str, at: float) -> None:
        """A message of the run as a whole."""
        if text.endswith("STARTING UP") and text.startswith("** "):
            self.starts.append(at)
            self.cancelled = False
        elif (found := _EXIT.search(text)) is not None:
            self.ends.append((at, int(found["code"])))
        elif (found := _NODES.match(text)) is not None:
            self.planned = max(self.planned, int(found["count"]))
        elif text.startswith("Received SIGUSR1"):
            self.cancelled = True

    def _event(self, text: str, at: float, number: int) -> None:
        found = _EVENT.match(text)
        if found is None:
            raise self.source.broken(f"{text[:60]!r} names no job", number)
        # DAGMan looks every few seconds; the time in braces is that of the event itself.
        time = at if found["time"] is None else self._time(found["time"], number)
        if found["name"] in _STATES:
            self._put(found["job"], _STATES[found["name"]], time)
            if found["name"] == "JOB_HELD":
                self._held = (found["job"], self._turns[found["job"]])

    def _end(self, found: re.Match[str], what: str, at: float) -> None:
        """How a job or a script ended; when, HTCondor told just before."""
        code = 0 if found["good"] else int(found["code"])
        code = -code if found["how"] == "signal" else code
        cells = self._cells.get((found["job"], self._turns.get(found["job"], 0)))
        if cells is not None and cells[-4] == f"{what}_TERMINATED":
            at = cells[-3]
        self._put(found["job"], f"{what}_{'FAILURE' if code else 'SUCCESS'}", at, code)

    def _put(self, job: str, name: str, at: float, code: int | None = None) -> None:
        """A state of the last try of a job; some begin another."""
        before = self._cells.get((job, self._turns.get(job, 0)), ())
        again = name == "SUBMIT" and any(not one.startswith("PRE_") for one in before[::4])
        if not before or again or name == "PRE_SCRIPT_STARTED":
            self._count += 1
            self._turns[job] = self._count
        self._cells.setdefault((job, self._turns[job]), []).extend((name, at, code, ""))


@lru_cache(maxsize=4096)
def _seconds(text: str) -> float | None:
    try:
        return datetime.strptime(text, "%m/%d/%y %H:%M:%S").replace(tzinfo=UTC).timestamp()
    except ValueError:
        return None
