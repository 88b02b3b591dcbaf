"""What DAGMan and HTCondor tell of jobs, state by state, put together to attempts.

The same states stand in jobstate.log and in the stampede database. Their times are of two
programs and of whole seconds, so that one may lie before another that it followed on.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import lru_cache, partial
from itertools import accumulate, repeat
from operator import attrgetter, itemgetter
from typing import Any, NamedTuple

from lamina.traces.readers.csv import kind_of
from lamina.traces.trace import Attempt, Phase, made


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
_HELD = "held: "
_POST_ENDS = frozenset({"POST_SCRIPT_SUCCESS", "POST_SCRIPT_FAILURE", "POST_SCRIPT_FAILED"})
_OPENS = {
    "PRE_SCRIPT_STARTED": "pre_script", "SUBMIT": "queue", "EXECUTE": "run",
    "JOB_RELEASED": "queue", "JOB_UNSUSPENDED": "run", "POST_SCRIPT_STARTED": "post_script",
    "JOB_EVICTED": "queue", "JOB_HELD": "queue",
}  # fmt: skip
"""States after which a job is in a phase; a job that is held or was evicted waits again."""


class States(NamedTuple):
    """The states of a try as they were told, a column for each of their fields."""

    names: tuple[str, ...]
    times: Sequence[float]
    exits: Sequence[int | None]
    reasons: Sequence[str]
    sites: Sequence[str]

    def behind(self, other: States) -> States:
        """These behind others."""
        return States(
            (*other.names, *self.names), [*other.times, *self.times],
            [*other.exits, *self.exits], [*other.reasons, *self.reasons],
            [*other.sites, *self.sites],
        )  # fmt: skip


def states_of(cells: Sequence[Any]) -> States:
    """The states of a try whose cells follow one on the other: name, time, exit code, site."""
    names = tuple(cells[::4])
    return _states((names, cells[1::4], cells[2::4], ("",) * len(names), cells[3::4]))


Tries = Mapping[tuple[str, int], States]
"""Name of a job and number of its try, counted over all jobs -> its states, as they were told."""


def attempts_of(
    tries: Tries,
    parents: Mapping[str, Sequence[str]],
    begin: float,
    known: Mapping[tuple[str, int], Known],
) -> list[Attempt]:
    """The tries of all jobs, by the time they were ready.

    Args:
        tries: the states of each.
        parents: job -> jobs that it waits for.
        begin: of the run, when jobs without parents are ready.
        known: (job, turn) -> what else is known.
    """
    ends: dict[str, float] = {}
    inside = []
    for key, states in tries.items():
        times = states[1]
        first = times[0]
        if times != sorted(times):
            times = list(accumulate(times, max))
        inside.append((first, key, states, times))
        job, last = key[0], times[-1]
        if job not in ends or ends[job] < last:
            ends[job] = last
    inside.sort(key=_FIRST)
    turns = _turns(inside, parents, ends, begin)
    rows: dict[tuple[str, ...], list[_Row]] = {}
    for place, ((_, key, states, times), turn) in enumerate(zip(inside, turns, strict=True)):
        row: _Row = (place, key[0], turn, times, states, known.get(key, _NOTHING))
        names = states[0]
        if names in rows:
            rows[names].append(row)
        else:
            rows[names] = [row]
    found: list[Any] = [None] * len(inside)
    for names, alike in rows.items():
        plan = _plan(names)
        made_of = map(_one, alike) if plan is None else plan.attempts(alike)
        for row, attempt in zip(alike, made_of, strict=True):
            found[row[0]] = attempt
    found.sort(key=attrgetter("begin"))
    return found


_Inside = tuple[float, tuple[str, int], "States", Sequence[float]]
"""A try: when it was first told of, its key, its states, its times, none before another."""


def _turns(
    inside: Sequence[_Inside],
    parents: Mapping[str, Sequence[str]],
    ends: Mapping[str, float],
    begin: float,
) -> Iterator[tuple[int, float]]:
    """Of tries by time: its number among those of its job, and when it was ready."""
    numbers: dict[str, int] = {}
    before: dict[str, float] = {}
    again = len(ends) < len(inside)
    for first, (job, _), _, times in inside:
        number = 1
        if again and job in before:
            number = numbers[job] = numbers.get(job, 1) + 1
            told = before[job]
        else:
            told = _latest(parents.get(job, ()), ends, begin)
        if again:
            before[job] = times[-1]
        yield number, told if told < first else first


def _latest(jobs: Sequence[str], ends: Mapping[str, float], begin: float) -> float:
    """When the last of some jobs ended; the begin of the run where none is known."""
    if len(jobs) == 1:
        return ends.get(jobs[0], begin)
    return max([ends[job] for job in jobs if job in ends], default=begin)


_NOTHING = Known()
NO_ERROR: Mapping[str, Any] = {}
"""Of all attempts that succeeded; nobody writes into it."""
_FIRST = itemgetter(0)
_states = partial(tuple.__new__, States)
_phase = partial(tuple.__new__, Phase)
"""A phase from its three values, without a call of Python's for each."""

_Row = tuple[int, str, tuple[int, float], Sequence[float], States, Known]
"""A try: its place among all, its job, its number and when it was ready, its times, none before
the one that it followed on, its states as they were told, and what else is known."""


def _one(row: _Row) -> Attempt:
    """A try on its own, state by state."""
    _, job, (number, ready), times, states, more = row
    one = _Try(job)
    for name, time, exit, reason, site in zip(
        states.names, times, states.exits, states.reasons, states.sites, strict=True
    ):
        one.take(State(time, job, number, name, exit, reason, site))
    return one.attempt(number, ready, more)


class _Plan(NamedTuple):
    """What becomes of a try that succeeded, by the names of its states alone: most go the same
    way, so that it is found out once, and their attempts are made column by column.

    Args:
        before: whether the time until it was handed over stands first: nothing was before it.
        phases: name, and numbers of the states that begin and end it.
        exit: number of the state that tells the exit code.
    """

    before: bool
    phases: tuple[tuple[str, int, int], ...]
    exit: int

    def attempts(self, rows: Sequence[_Row]) -> Iterator[Attempt]:
        """The tries that have such states."""
        readies = [row[2][1] for row in rows]
        columns: list[Sequence[float]] = list(zip(*[row[3] for row in rows], strict=True))
        spans = [(name, columns[one], columns[two]) for name, one, two in self.phases]
        if self.before:
            spans.insert(0, ("submit", readies, spans[0][1]))
        parts = [
            map(_phase, zip(repeat(name, len(rows)), begins, ends, strict=True))
            for name, begins, ends in spans
        ]
        every = zip(*parts, strict=True) if parts else repeat((), len(rows))
        lasts = map(max, columns[-1], readies)
        at: dict[str, Mapping[str, str]] = {"": {}}
        for row, phases, last in zip(rows, every, lasts, strict=True):
            _, job, (number, ready), _, states, (host, kind, code, usage, _) = row
            sites = states[4]
            site = sites[-1] or next((one for one in reversed(sites) if one), "")
            if site not in at:
                at[site] = {"site": site}
            yield made(
                job, number, "succeeded", ready, ready, last, phases, host or site, host, 0, (),
                "", usage, states[2][self.exit] or 0 if code is None else code, NO_ERROR, "",
                kind or kind_of(job), at[site],
            )  # fmt: skip


@lru_cache(maxsize=4096)
def _plan(names: tuple[str, ...]) -> _Plan | None:
    """The plan of a try with such states; None where times decide, or it did not just succeed."""
    one = _Try("")
    for place, name in enumerate(names):
        one.take(State(float(place), "", 0, name, place))
    kinds = [phase.name for phase in one.phases]
    plain = one.status == "succeeded" and not one.open and len(set(kinds)) == len(kinds)
    if not plain or ("queue" in kinds and kinds[0] != "queue"):
        return None
    phases = tuple((name, int(begin), int(end)) for name, begin, end in one.phases)
    return _Plan(kinds[:1] == ["queue"], phases, one.exit or 0)


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
            self.cause = f"{_HELD}{state.reason.strip() or 'no reason is told'}"
        elif name == "JOB_RELEASED" and self.cause.startswith(_HELD):
            self.cause = ""  # what comes now has another

    def attempt(self, number: int, ready: float, known: Known) -> Attempt:
        """The try as it stands at the end of the log."""
        if self.open:
            self.close(self.at)
        phases = _with_submit(self.phases, ready)
        bad = self.status not in ("succeeded", "running")
        cause = (self.cause or known.cause) if bad else ""
        code = known.exit if known.exit is not None else self.exit
        return made(
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
