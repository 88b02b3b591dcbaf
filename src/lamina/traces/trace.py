"""A run as time: its attempts with their phases, who ran them, and what the run waited for."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any, NamedTuple

from lamina.records.attempts import HELD
from lamina.records.dependencies import site_of
from lamina.records.filling import filler
from lamina.records.history import Driven, Notice, Session
from lamina.records.lanes import SLACK, lanes_of
from lamina.workflow.log import PHASES

WAITING = "waiting"
"""Time between two phases, or before the first: nobody worked on the attempt."""

GOOD = frozenset({"succeeded", "reused"})
"""Ends after which the readers of a unit may start."""

_PROMPT = 0.02
"""Seconds within which an engine sees that a unit is ready."""


class Phase(NamedTuple):
    """A span of an attempt, in seconds since 1970; `name` is one of `PHASES`."""

    name: str
    begin: float
    end: float

    @property
    def seconds(self) -> float:
        """How long it took."""
        return self.end - self.begin


@dataclass(frozen=True, slots=True)
class Attempt:
    """One try of a unit; or its result taken from an earlier run, which takes no time.

    Args:
        task: name of the unit.
        number: from 1; 0 for a reused result.
        status: one of `lamina.workflow.log.STATUSES`, "running" or "reused".
        ready: when its inputs were there.
        begin: when it was handed to a runtime.
        end: when it was over; for a running one, the time until which the run is known.
        phases: in order of time, none over another; those that did not happen are left out, and
            one that was interrupted by another stands there in pieces.
        worker, host, pid, gpus: where it ran.
        reason: why it ran.
        usage: cpu in seconds; memory_peak, bytes_read, bytes_written, stage_in_bytes,
            stage_out_bytes and others in bytes; programs, those of its programs that left a
            record.
        exit: exit code of a command, or minus a signal.
        error: cause, details, way_out, kind, last; empty unless it failed.
        folder: of its logs, relative to the run's.
        kind: type of job ("individuals"); where empty, the task that the unit is an item of.
        labels: what a collection says of it: site, class of job, anomaly.
    """

    task: str
    number: int
    status: str
    ready: float
    begin: float
    end: float
    phases: tuple[Phase, ...] = ()
    worker: str = ""
    host: str = ""
    pid: int = 0
    gpus: tuple[str, ...] = ()
    reason: str = ""
    usage: Mapping[str, float] = field(default_factory=dict)
    exit: int | None = None
    error: Mapping[str, Any] = field(default_factory=dict)
    folder: str = ""
    kind: str = ""
    labels: Mapping[str, str] = field(default_factory=dict)

    @property
    def type(self) -> str:
        """Its kind; that of the task that the unit is an item of, where no kind is told."""
        return self.kind or site_of(self.task)

    @property
    def seconds(self) -> float:
        """From being handed to a runtime to its end."""
        return self.end - self.begin

    @property
    def failed(self) -> bool:
        """Whether it ended badly."""
        return self.status not in (*GOOD, "running", "cancelled")

    def spent(self, phase: str) -> float:
        """Seconds of one phase; 0 where it did not happen."""
        return sum(one.seconds for one in self.phases if one.name == phase)


made = filler(Attempt)
"""An attempt, made quickly: for readers."""


@dataclass(frozen=True, eq=False)
class Trace(Driven):
    """A run, from its first event to its last.

    Args:
        run, name, workflow: id, name for people, name of the workflow.
        status: "running", "succeeded", "failed" or "cancelled".
        sessions: at least one.
        attempts: by the time they began.
        parents: unit -> units that it reads; asked for with `get`, since it may be lazy.
        skipped: unit -> why it did not run.
        notices: in order of time.
        metrics: (unit, attempt) -> (seconds since 1970, values) as they were told.
        planned: units known when the run began.
        about: host, versions, options and the like of the last session.
        outputs: workflow output -> reference (`Ref.to_json`); empty unless it succeeded.
        labels: what a labelled collection says of the run: "label", "batch".
        origin: name of the reader that made it (`lamina.traces.readers.READERS`).
        simulated: the times are a schedule that was made up, since none were recorded.
    """

    run: str
    name: str
    workflow: str
    status: str
    sessions: tuple[Session, ...]
    attempts: tuple[Attempt, ...] = ()
    parents: Mapping[str, Sequence[str]] = field(default_factory=dict)
    skipped: Mapping[str, str] = field(default_factory=dict)
    notices: tuple[Notice, ...] = ()
    metrics: Mapping[tuple[str, int], tuple[tuple[float, Mapping[str, Any]], ...]] = field(
        default_factory=dict
    )
    planned: int = 0
    about: Mapping[str, Any] = field(default_factory=dict)
    outputs: Mapping[str, Any] = field(default_factory=dict)
    labels: Mapping[str, str] = field(default_factory=dict)
    origin: str = "lamina"
    simulated: bool = False

    @cached_property
    def last(self) -> Mapping[str, Attempt]:
        """The last attempt of each unit, in order of their first."""
        found: dict[str, Attempt] = {}
        for attempt in self.attempts:
            known = found.get(attempt.task)
            if known is None or attempt.number >= known.number:
                found[attempt.task] = attempt
        return found

    @cached_property
    def counts(self) -> Mapping[str, int]:
        """How the units stand: status of their last attempt -> how many; "skipped" as well."""
        found: dict[str, int] = {}
        for attempt in self.last.values():
            found[attempt.status] = found.get(attempt.status, 0) + 1
        skipped = sum(unit not in self.last for unit in self.skipped)
        return {**found, **({"skipped": skipped} if skipped else {})}

    @cached_property
    def sites(self) -> Mapping[str, tuple[Attempt, ...]]:
        """Task -> all attempts of its items, in order of the tasks' first."""
        found: dict[str, list[Attempt]] = {}
        for attempt in self.attempts:
            found.setdefault(site_of(attempt.task), []).append(attempt)
        return {site: tuple(attempts) for site, attempts in found.items()}

    @cached_property
    def critical_path(self) -> tuple[Attempt, ...]:
        """The chain of attempts that the run's end waited for, first to last.

        From the attempt that ended last, step by step to what it waited for: the earlier attempt
        of the same unit, or else that of the units it reads which ended last before it was ready.
        Of units whose streams it read while they ran, it waited for their beginning.
        """
        ended = [one for one in self.attempts if one.status != "reused"]
        if not ended:
            return ()
        tries: dict[str, list[Attempt]] = {}
        for attempt in self.attempts:
            tries.setdefault(attempt.task, []).append(attempt)
        here: Attempt | None = max(ended, key=lambda one: one.end)
        path: list[Attempt] = []
        seen: set[int] = set()
        while here is not None and id(here) not in seen:
            path.append(here)
            seen.add(id(here))
            here = _waited_for(here, tries, self.parents.get(here.task, ()), self.sites)
        return tuple(reversed(path))

    @property
    def critical_seconds(self) -> float:
        """Seconds of the critical path; where a reader overlaps its writer, they count once."""
        seconds, until = 0.0, float("-inf")
        for attempt in self.critical_path:
            seconds += max(0.0, attempt.end - max(attempt.begin, until))
            until = max(until, attempt.end)
        return seconds

    @property
    def critical_wait(self) -> float:
        """Seconds in which attempts of the critical path were ready and had no place to run."""
        return sum(max(0.0, attempt.begin - attempt.ready) for attempt in self.critical_path)

    @cached_property
    def lanes(self) -> Mapping[int, tuple[str, int]]:
        """Index of an attempt -> (worker, row): no two attempts of one row overlap."""
        drawn = [n for n, one in enumerate(self.attempts) if one.status != "reused"]
        held = ((self.attempts[n].worker, *busy(self.attempts[n])) for n in drawn)
        rows = lanes_of(held)
        return {n: (self.attempts[n].worker, row) for n, row in zip(drawn, rows, strict=True)}

    @cached_property
    def totals(self) -> Mapping[str, float]:
        """Seconds of each phase over all attempts, in the order of PHASES; absent ones left out."""
        found = dict.fromkeys(PHASES, 0.0)
        for attempt in self.attempts:
            for phase in attempt.phases:
                found[phase.name] = found.get(phase.name, 0.0) + phase.seconds
        return {name: seconds for name, seconds in found.items() if seconds > 0}

    @property
    def parallelism(self) -> float:
        """Attempts that ran at the same time, on average over the makespan."""
        return sum(map(worked, self.attempts)) / self.seconds if self.seconds > 0 else 0.0

    def text(self, width: int = 100, *, plain: bool = False) -> str:
        """The Gantt chart as text."""
        from lamina.traces.gantt.text import gantt_text

        return gantt_text(self, width, plain=plain)

    def _repr_html_(self) -> str:
        """The Gantt chart for a notebook."""
        from lamina.traces.gantt.svg import gantt_svg

        return gantt_svg(self)

    def __str__(self) -> str:
        return self.text()

    def __repr__(self) -> str:
        return f"<Trace of {self.name or self.run}: {len(self.attempts)} attempts, {self.status}>"


def busy(attempt: Attempt) -> tuple[float, float]:
    """When an attempt held a worker: from stage in to stage out; all of it where none is told."""
    held = [one for one in attempt.phases if one.name in HELD]
    if not held:
        return (attempt.begin, attempt.end)
    return (held[0].begin, held[-1].end)


def worked(attempt: Attempt) -> float:
    """Seconds for which an attempt held a worker."""
    begin, end = busy(attempt)
    return end - begin


def spans(attempt: Attempt) -> tuple[Phase, ...]:
    """The phases with the gaps between them as WAITING, from ready to end without a hole."""
    found: list[Phase] = []
    at = min(attempt.ready, attempt.begin)
    for phase in attempt.phases:
        if phase.begin > at:
            found.append(Phase(WAITING, at, phase.begin))
        found.append(phase)
        at = max(at, phase.end)
    if not attempt.phases:
        if attempt.begin > at:
            found.append(Phase(WAITING, at, attempt.begin))
        return (*found, Phase("run", attempt.begin, attempt.end))
    if attempt.end > at + SLACK:
        found.append(Phase("run" if attempt.status == "running" else WAITING, at, attempt.end))
    return tuple(found)


def pieces(attempt: Attempt) -> dict[str, tuple[float, float]]:
    """Phase -> (begin, end), in order of time. Of one in pieces, the longest has the name itself,
    the others are told apart by a number: "run~2"."""
    once = {name: (begin, end) for name, begin, end in attempt.phases}
    if len(once) == len(attempt.phases):
        return once
    found: dict[str, list[Phase]] = {}
    for phase in attempt.phases:
        found.setdefault(phase.name, []).append(phase)
    named: dict[int, str] = {}
    for name, parts in found.items():
        for number, part in enumerate(sorted(parts, key=lambda one: -one.seconds), 1):
            named[id(part)] = name if number == 1 else f"{name}~{number}"
    return {named[id(phase)]: (phase.begin, phase.end) for phase in attempt.phases}


def _waited_for(
    attempt: Attempt,
    tries: Mapping[str, list[Attempt]],
    parents: Iterable[str],
    sites: Mapping[str, tuple[Attempt, ...]],
) -> Attempt | None:
    earlier = [one for one in tries[attempt.task] if one.number < attempt.number]
    if earlier and earlier[-1].end <= attempt.begin + SLACK:
        return earlier[-1]
    names = list(parents)
    read = (one for name in names for one in tries.get(name, ()))
    live = [one for one in read if one.begin <= attempt.begin < one.end - SLACK]
    if live:
        return max(live, key=lambda one: one.begin)
    best = _latest((one for name in names for one in tries.get(name, ())), attempt.begin)
    if best is None or attempt.ready - best.end <= _PROMPT:
        return best
    # It was ready later than its own item: the engine waited for the others of the list as well.
    around = dict.fromkeys(map(site_of, names))
    return _latest((one for site in around for one in sites.get(site, ())), attempt.begin)


def _latest(attempts: Iterable[Attempt], before: float) -> Attempt | None:
    """The attempt that ended last, but not after a time."""
    ended = (one for one in attempts if one.end <= before + SLACK and one.status != "running")
    return max(ended, key=lambda one: one.end, default=None)
