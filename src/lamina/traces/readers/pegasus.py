"""Submit directories of Pegasus: jobstate.log, the .dag, braindump, kickstart, the database.

Where monitord's database is there it is read: it knows hosts, sub-workflows and why a job was
held. Else jobstate.log, or without it DAGMan's own log, tells the times, the .dag what waits for
what, and kickstart's outputs where jobs ran.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import replace
from typing import Any, ClassVar

from lamina.errors import TraceError
from lamina.records.history import Notice, Session
from lamina.traces.readers.base import Reader, Source
from lamina.traces.readers.dagman import DagmanLog
from lamina.traces.readers.documents import Document
from lamina.traces.readers.invocations import Invocation, invocations, is_kickstart
from lamina.traces.readers.job_states import Known, Tries, states_of
from lamina.traces.readers.kickstart import kind_of_program
from lamina.traces.readers.logs import DAGMAN, Log, trace_of_log
from lamina.traces.readers.stampede import StampedeReader, status_of
from lamina.traces.trace import Trace

LOG = "jobstate.log"
_DATABASE = ".stampede.db"
_ENDS = ("_SUCCESS", "_FAILURE")
_CODE = re.compile(r"-?\d{1,9}")
_LATEST = 1e12
_DIGITS = 12
_FIELD = re.compile(r"^(\w+):\s*\"?(.*?)\"?\s*$|^(\w+) (.*)$")
_OUTPUT = re.compile(r"(?:^|/)(?P<job>[^/]+)\.out\.(?P<number>\d{3})$")


class PegasusReader(Reader):
    """A folder that Pegasus planned a workflow into and ran it from."""

    title: ClassVar[str] = "Pegasus submit directory"
    folders: ClassVar[bool] = True

    def detects(self, source: Source) -> bool:
        """By jobstate.log, or by the database or DAGMan's log beside a braindump."""
        names = source.top
        if LOG in names:
            return True
        has_plan = any(name.startswith("braindump.") for name in names)
        return has_plan and any(name.endswith((_DATABASE, DAGMAN)) for name in names)

    def read(self, source: Source) -> Iterator[Trace]:
        """The run, with all its sub-workflows where the database tells of them."""
        about = _braindump(source)
        for name in source.top:
            if name.endswith(_DATABASE) and (trace := self._from_database(source, name)):
                trace = replace(
                    trace,
                    about={**about, "source": source.name},
                    workflow=about.get("dax_label") or trace.workflow,
                    origin="pegasus",
                )
                break
        else:
            trace = _from_log(source, about)
        yield _ended(source, trace) if trace.status == "running" else trace

    def _from_database(self, source: Source, name: str) -> Trace | None:
        """The run as the database tells it; None where it tells less than the log could."""
        file = source.files[name]
        try:
            if not StampedeReader().detects(file):
                raise file.broken("the database lacks tables of Pegasus")
            found = list(StampedeReader().read(file))
        except TraceError:
            if LOG in source.files or any(name.endswith(DAGMAN) for name in source.top):
                return None
            raise
        return found[0] if found else None


def _from_log(source: Source, about: Mapping[str, str]) -> Trace:
    log = _log(source)
    named = (about.get("pegasus_wf_name") or source.stem, about.get("dax_label") or source.stem)
    trace = trace_of_log(log, named, _edges(source), _known(source, log.tries), "pegasus")
    return replace(trace, about={**about, "source": source.name})


def _log(source: Source) -> Log:
    """monitord's log; else that of DAGMan."""
    if LOG in source.files:
        return _JobStates(source.files[LOG])
    name = next((name for name in source.top if name.endswith(DAGMAN)), "")
    if not name:
        raise source.broken(f"there is neither {LOG} nor a database that can be read")
    return DagmanLog(source.files[name])


def _ended(source: Source, trace: Trace) -> Trace:
    """A run whose log was cut: DAGMan's own figures tell how it ended, if it did."""
    name = next((name for name in source.top if name.endswith(".dag.metrics")), "")
    if not name:
        return trace
    told = Document(source.files[name])
    code, end = told.number(told.root, "exitcode", least=-1e9), told.number(told.root, "end_time")
    if code is None or end is None or end < trace.end - 1:
        return trace
    notice = Notice(trace.end, "cut", "", f"{LOG} and the database end before the run did")
    begin = trace.sessions[-1].begin
    return replace(
        trace,
        status=status_of(int(code)),
        sessions=(*trace.sessions[:-1], Session(begin, max(end, trace.end))),
        notices=(*trace.notices, notice),
    )


class _JobStates(Log):
    """jobstate.log: `time job state condor-id site - turn`, and what monitord says of itself."""

    def __init__(self, source: Source) -> None:
        super().__init__(source)
        self.cells: dict[tuple[str, int], list[Any]] = {}
        self.at = 0.0
        lines = source.text().split("\n")
        whole = lines.pop()
        try:
            self.quickly(lines)
        except (ValueError, TraceError):
            self.__dict__.update(tries={}, starts=[], ends=[])
            for number, line in enumerate(lines, 1):
                if line.strip():
                    self.take(line.split(), number)
        if whole.strip():
            self.last(whole, len(lines) + 1)
        self.keep(self.cells)

    def last(self, line: str, number: int) -> None:
        """A line without an end: a log that is being written, or was cut."""
        try:
            self.take(line.split(), number)
        except TraceError:
            self.cut(self.at, number)

    def quickly(self, lines: list[str]) -> None:
        """The lines as most are; what is wrong with others is said by `take`, which takes longer.

        Raises:
            ValueError: a line that is of another form.
            TraceError: the same.
        """
        tries: dict[str, list[Any]] = {}
        names: dict[str, tuple[str, bool]] = {}
        sites = {"-": ""}
        for words in map(str.split, lines):
            if len(words) != 7 or words[1] == "INTERNAL":
                if words:
                    self.internal(self.time(words[0], 0), _of_dagman(words), 0)
                continue
            at, job, name, code, site, _, turn = words
            time = float(at)
            known = tries.get(turn)
            if known is None:
                known = tries[turn] = [job]
            # Turns count over all jobs.
            if known[0] != job or not 0 <= time < _LATEST:
                raise ValueError
            told = names.get(name)
            if told is None:
                told = names[name] = (name, name.endswith(_ENDS))
            exit = int(code) if told[1] and code != "-" else None
            known += (told[0], time, exit, sites.setdefault(site, site))
        self.kept(tries)

    def kept(self, tries: dict[str, list[Any]]) -> None:
        """The job and the cells of each try, by its turn. Raises ValueError for odd turns."""
        if not all(turn.isdecimal() and len(turn) <= _DIGITS for turn in tries):
            raise ValueError
        for turn, (job, *cells) in tries.items():
            self.tries[job, int(turn)] = states_of(cells)
        if len(self.tries) < len(tries):
            raise ValueError
        self.at = max((one.times[-1] for one in self.tries.values()), default=0.0)

    def take(self, words: list[str], number: int) -> None:
        """A line."""
        time = self.time(words[0], number)
        if words[1:2] == ["INTERNAL"]:
            self.internal(time, words[2:], number)
            return
        if len(words) < 5:
            raise self.source.broken(
                f"{' '.join(words)[:60]!r} has {len(words)} words; "
                "a state has time, job, name, number, site",
                number,
            )
        _, job, name, code, site, *more = words
        turn = more[1] if len(more) > 1 else "1"
        if not turn.isdecimal() or len(turn) > _DIGITS:
            raise self.source.broken(f"the turn is {turn[:40]!r}, not a number", number)
        exit = None
        if name.endswith(_ENDS) and _CODE.fullmatch(code):
            exit = int(code)
        key = (job, int(turn))
        self.at = time
        self.cells.setdefault(key, []).extend((name, time, exit, "" if site == "-" else site))

    def time(self, word: str, number: int) -> float:
        """The first word."""
        try:
            found = float(word)
        except ValueError:
            found = float("nan")
        if not 0 <= found < _LATEST:
            raise self.source.broken(f"{word[:40]!r} is no time since 1970", number)
        return found

    def internal(self, time: float, words: list[str], number: int) -> None:
        """`*** DAGMAN_STARTED 7.0 ***`, `*** DAGMAN_FINISHED 0 ***`."""
        if "DAGMAN_STARTED" in words:
            self.starts.append(time)
        elif "DAGMAN_FINISHED" in words:
            code = words[words.index("DAGMAN_FINISHED") + 1 :][:1]
            if not code or not re.fullmatch(r"-?\d{1,9}", code[0]):
                raise self.source.broken("DAGMAN_FINISHED tells no exit code", number)
            self.ends.append((time, int(code[0])))


def _of_dagman(words: list[str]) -> list[str]:
    """The words of a line of monitord itself. Raises ValueError for others."""
    if words[1:2] != ["INTERNAL"]:
        raise ValueError
    return words[2:]


def _edges(source: Source) -> dict[str, list[str]]:
    """Job -> jobs that it waits for, of the .dag; every job of it is there."""
    found: dict[str, list[str]] = {}
    for name in source.top:
        if name.endswith(".dag"):
            _dag(source.files[name], found)
    return found


def _dag(file: Source, found: dict[str, list[str]]) -> None:
    for number, line in enumerate(file.text().split("\n"), 1):
        words = line.split()
        if (
            len(words) == 4
            and words[0] == "PARENT"
            and words[2] == "CHILD"
            and words[1] != words[3]
        ):
            known = found.get(words[3])
            if known is None:
                found[words[3]] = [words[1]]
            else:
                known.append(words[1])
            continue
        first = words[0].upper() if words else ""
        if first in ("JOB", "DATA", "FINAL") and len(words) > 1:
            if words[1] not in found:
                found[words[1]] = []
        elif first == "SUBDAG" and len(words) > 2 and words[1].upper() == "EXTERNAL":
            found.setdefault(words[2], [])
        elif first == "PARENT":
            _edge(file, words, number, found)


def _edge(file: Source, words: list[str], number: int, found: dict[str, list[str]]) -> None:
    """`PARENT a b CHILD c d`."""
    place = next((n for n, word in enumerate(words) if word.upper() == "CHILD"), 0)
    if not place:
        raise file.broken("PARENT has no CHILD", number)
    above = words[1:place]
    for child in words[place + 1 :]:
        if child in above:
            raise file.broken("a job stands before and behind CHILD", number)
        known = found.get(child)
        if known is None:
            found[child] = list(above)
        else:
            known += above


def _braindump(source: Source) -> dict[str, str]:
    """What the planner notes of the run: `key: "value"`, or `key value` before version 5."""
    found: dict[str, str] = {}
    for name in source.top:
        if name in ("braindump.yml", "braindump.txt"):
            for line in source.files[name].text().split("\n"):
                told = _FIELD.match(line)
                if told is not None:
                    key, value = (told[1], told[2]) if told[1] else (told[3], told[4])
                    if key in _NOTED:
                        found[key] = value
    return found


_NOTED = frozenset(
    {"dax_label", "pegasus_wf_name", "wf_uuid", "planner_version", "submit_hostname", "timestamp"}
)


def _known(source: Source, tries: Tries) -> dict[tuple[str, int], Known]:
    """What kickstart tells of the tries: the first output of a job is that of its first try."""
    outputs = [
        (told, file) for name, file in source.files.items() if (told := _OUTPUT.search(name))
    ]
    turns: dict[str, list[int]] = {}
    for (job, turn), states in tries.items() if outputs else ():
        if set(states.names) != {"PRE_SCRIPT_STARTED"}:
            turns.setdefault(job, []).append(turn)
    found: dict[tuple[str, int], Known] = {}
    for told, file in outputs:
        if told["job"] not in turns:
            continue
        number = int(told["number"])
        if number < len(turns[told["job"]]):
            known = _of_output(file)
            if known is not None:
                found[told["job"], turns[told["job"]][number]] = known
    return found


def _of_output(file: Source) -> Known | None:
    """The last program of an output decides; what cannot be read tells nothing."""
    try:
        found: list[Invocation] = list(invocations(file)) if is_kickstart(file.data) else []
    except TraceError:
        return None
    if not found:
        return None
    usage: dict[str, float] = {}
    for one in found:
        usage["cpu"] = usage.get("cpu", 0.0) + one.usage.get("cpu", 0.0)
        peak = max(usage.get("memory_peak", 0.0), one.usage.get("memory_peak", 0.0))
        usage["memory_peak"] = peak
    last = found[-1]
    bad = next((one for one in found if one.exit), last)
    program = kind_of_program(last) if len(found) == 1 and "derivation" in last.told else ""
    kind = "" if last.told.get("derivation", "null") == "null" else program
    return Known(last.told.get("hostname", ""), kind, bad.exit, usage, bad.cause)
