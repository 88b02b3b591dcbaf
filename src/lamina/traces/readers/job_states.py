"""What DAGMan and HTCondor tell of jobs, state by state, put together to attempts.

The same states stand in jobstate.log and in the stampede database. Their times are of two
programs and of whole seconds, so that one may lie before another that it followed on.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from operator import attrgetter
from typing import NamedTuple

from lamina.traces.readers.csv import kind_of
from lamina.traces.trace import Attempt, Phase


class State(NamedTuple):
    """A line of the log.

    Args:
        time: seconds since 1970.
        job: name of the job.
        turn: number of the try, counted over all jobs.
        name: "SUBMIT", "EXECUTE", ...
        exit: exit code where the state tells one.
        reason: why, where it is told.
        site: where it was sent.
    """

    time: float
    job: str
    turn: int
    name: str
    exit: int | None = None
    reason: str = ""
    site: str = ""


class Known(NamedTuple):
    """What else is known of a try, from kickstart or a database."""

    host: str = ""
    kind: str = ""
    exit: int | None = None
    usage: Mapping[str, float] = {}
    cause: str = ""


_FAILED = frozenset(
    {"JOB_FAILURE", "POST_SCRIPT_FAILURE", "POST_SCRIPT_FAILED", "PRE_SCRIPT_FAILURE",
     "PRE_SCRIPT_FAILED", "SUBMIT_FAILED", "GRID_SUBMIT_FAILED", "GLOBUS_SUBMIT_FAILED"}
)  # fmt: skip
_GOOD = frozenset({"JOB_SUCCESS", "POST_SCRIPT_SUCCESS"})
_STOPPED = frozenset(
    {"JOB_TERMINATED", "JOB_ABORTED", "JOB_HELD", "JOB_EVICTED", "JOB_SUSPENDED", "JOB_SUCCESS",
     "JOB_FAILURE", "POST_SCRIPT_STARTED"}
)  # fmt: skip
_POST_ENDS = frozenset({"POST_SCRIPT_SUCCESS", "POST_SCRIPT_FAILURE", "POST_SCRIPT_FAILED"})
_OPENS = {
    "PRE_SCRIPT_STARTED": "pre_script", "SUBMIT": "queue", "EXECUTE": "run",
    "JOB_RELEASED": "queue", "JOB_UNSUSPENDED": "run", "POST_SCRIPT_STARTED": "post_script",
    "JOB_EVICTED": "queue", "JOB_HELD": "queue",
}  # fmt: skip
"""States after which a job is in a phase; a job that is held or was evicted waits again."""


def attempts_of(
    states: Iterable[State],
    parents: Mapping[str, Sequence[str]],
    begin: float,
    known: Mapping[tuple[str, int], Known],
) -> list[Attempt]:
    """The tries of all jobs, by the time they were ready.

    Args:
        states: in the order in which they were told.
        parents: job -> jobs that it waits for.
        begin: of the run, when jobs without parents are ready.
        known: (job, turn) -> what else is known.
    """
    tries: dict[tuple[str, int], _Try] = {}
    for state in states:
        key = (state.job, state.turn)
        tries.setdefault(key, _Try(state.job)).take(state)
    ends: dict[str, float] = {}
    for (job, _), one in tries.items():
        ends[job] = max(ends.get(job, one.at), one.at)
    found: list[Attempt] = []
    numbers: dict[str, int] = {}
    before: dict[str, float] = {}
    for (job, turn), one in sorted(tries.items(), key=lambda item: item[1].first):
        number = numbers[job] = numbers.get(job, 0) + 1
        told = max(
            (ends[parent] for parent in parents.get(job, ()) if parent in ends), default=begin
        )
        ready = min(before.get(job, told), one.first)
        before[job] = one.at
        found.append(one.attempt(number, ready, known.get((job, turn), Known())))
    return sorted(found, key=attrgetter("begin"))


@dataclass
class _Try:
    """One try of a job, as far as it was told."""

    job: str
    phases: list[Phase] = field(default_factory=list)
    open: str = ""
    since: float = 0.0
    at: float = 0.0
    first: float = -1.0
    status: str = "running"
    exit: int | None = None
    cause: str = ""
    site: str = ""

    def take(self, state: State) -> None:
        """A state more."""
        if self.first < 0:
            self.first = self.at = state.time
        now = max(state.time, self.at)
        name = state.name
        self.site = state.site or self.site
        if self.ends(name):
            self.close(now)
        if name in _OPENS and not self.open:
            self.open, self.since = _OPENS[name], now
        self.at = now
        self.judge(state)

    def ends(self, name: str) -> bool:
        """Whether a state ends the phase that the job is in."""
        match self.open:
            case "pre_script":
                return name.startswith("PRE_SCRIPT_") and name != "PRE_SCRIPT_STARTED"
            case "queue":
                return name in ("EXECUTE", "JOB_TERMINATED", "JOB_ABORTED", "POST_SCRIPT_STARTED")
            case "run":
                return name in _STOPPED
            case "post_script":
                return name in _POST_ENDS
        return False

    def close(self, now: float) -> None:
        """Ends the phase; one that only went on has one span."""
        last = self.phases[-1] if self.phases else None
        if last is not None and last.name == self.open and last.end == self.since:
            self.phases[-1] = Phase(self.open, last.begin, now)
        else:
            self.phases.append(Phase(self.open, self.since, now))
        self.open = ""

    def judge(self, state: State) -> None:
        """What the state says of the outcome."""
        name = state.name
        if name in _FAILED:
            self.status = "failed"
            if name == "JOB_FAILURE" or self.exit is None:
                self.exit = state.exit
            self.cause = self.cause or _cause(state)
        elif name in _GOOD and self.status != "failed":
            self.status = "succeeded"
            self.exit = 0 if state.exit is None else state.exit
        elif name == "JOB_ABORTED":
            self.status = "cancelled"
        elif name == "JOB_HELD":
            self.cause = f"held: {state.reason.strip() or 'no reason is told'}"

    def attempt(self, number: int, ready: float, known: Known) -> Attempt:
        """The try as it stands at the end of the log."""
        if self.open:
            self.close(self.at)
        phases = _with_submit(self.phases, ready)
        bad = self.status not in ("succeeded", "running")
        cause = (self.cause or known.cause) if bad else ""
        code = known.exit if known.exit is not None else self.exit
        return Attempt(
            self.job, number, self.status, ready, ready, max(self.at, ready), phases,
            known.host or self.site, known.host, usage=known.usage, exit=code,
            error={"cause": cause} if cause else {}, kind=known.kind or kind_of(self.job),
            labels={"site": self.site} if self.site else {},
        )  # fmt: skip


def _cause(state: State) -> str:
    if state.reason:
        return state.reason.strip()
    what = state.name.removesuffix("_FAILURE").removesuffix("_FAILED").lower().replace("_", " ")
    return f"{what} failed" + (f" with exit code {state.exit}" if state.exit is not None else "")


def _with_submit(phases: Sequence[Phase], ready: float) -> tuple[Phase, ...]:
    """The time until DAGMan handed it over stands before the queue, after the pre script."""
    place = next((n for n, phase in enumerate(phases) if phase.name == "queue"), -1)
    if place < 0:
        return tuple(phases)
    begin = phases[place].begin
    at = phases[place - 1].end if place else ready
    return (*phases[:place], Phase("submit", min(at, begin), begin), *phases[place:])
