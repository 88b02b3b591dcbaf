"""Two runs side by side as time: what took longer, where, by how much, and whether by chance.

Two runs are few: what is tested is whether the jobs of a type differ between these two beyond how
single jobs scatter. Jobs that became ready at one moment wait for the same thing, so that for
waiting they count once.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from math import log
from typing import Any

from lamina.traces.chance import FEWEST, beyond_chance, rank_sum, signed_rank
from lamina.traces.readers.collection import unstamped
from lamina.traces.statistics import has_graph, path_of, told
from lamina.traces.trace import WAITING, Attempt, Trace, worked
from lamina.workflow.log import PHASES

BEYOND, FEW, CHANCE, ALONE = "beyond chance", "too few to tell", "chance", "only in one"

_MATTERS = 0.01
"""Share of all seconds of the first run from which on a change is told."""
SHORTEST = 1.0
"""Seconds below which no change is told: starts of engines and processes differ by as much."""
_SHARED = frozenset({"submit", "queue"})
"""Phases in which jobs that were ready at one moment wait for the same thing."""
LITTLE = 0.05
"""Share of what it took before within which something took about as long."""
_LARGER = 1.1
"""Times the bytes from which on an input is another one."""
_SMALLEST = 1e5
"""Bytes of a job below which nobody waits for them."""
_READ = ("stage_in_bytes", "bytes_read", "input_bytes")


@dataclass(frozen=True)
class Change:
    """Something that both runs spent time on.

    Args:
        phase, type, host: what it is; empty where it is the sum over all.
        jobs: that did it, in each run.
        seconds: over all of them, in each run.
        times: how many times as long a job took; None where it took nothing before.
        chance: how often chance makes jobs differ by as much.
        verdict: BEYOND, FEW or CHANCE; ALONE where only one run has such jobs.
        path: seconds of it on the critical path, in each run; None where no graph is known.
        bytes: that a job of the type read, in each run; 0 where none are told.
        seen: how many observations the test had: jobs, or groups of them that waited together.
        along: how many times as long all jobs took in this phase, where this is beyond chance and
            goes the same way; None where not.
    """

    phase: str
    type: str
    host: str
    jobs: tuple[int, int]
    seconds: tuple[float, float]
    times: float | None
    chance: float
    verdict: str = CHANCE
    path: tuple[float, float] | None = None
    bytes: tuple[float, float] = (0.0, 0.0)
    seen: int = 0
    along: float | None = None

    @property
    def change(self) -> float:
        """Seconds more, over all jobs."""
        return self.seconds[1] - self.seconds[0]

    @property
    def cost(self) -> float:
        """Seconds more on the critical path; over all jobs where there is no path."""
        return self.change if self.path is None else self.path[1] - self.path[0]

    @property
    def input(self) -> float | None:
        """How many times as many bytes a job read; None where they are not told, or the same."""
        before, after = self.bytes
        if min(before, after) <= 0 or max(before, after) < _SMALLEST:
            return None
        if 1 / _LARGER < after / before < _LARGER:
            return None
        return after / before

    @property
    def by_input(self) -> bool:
        """Whether the bytes that were read changed by about as much as the seconds."""
        if self.input is None or not self.times:
            return False
        return abs(log(self.times) - log(self.input)) <= 0.5 * abs(log(self.times))

    def to_json(self) -> dict[str, Any]:
        """As plain values."""
        return {
            "phase": self.phase, "type": self.type, "host": self.host, "jobs": list(self.jobs),
            "seconds": list(self.seconds), "change": self.change, "times": self.times,
            "chance": self.chance, "verdict": self.verdict,
            "path": None if self.path is None else list(self.path),
            "input_times": self.input, "larger_input": self.by_input and (self.input or 0) > 1,
        }  # fmt: skip


@dataclass(frozen=True, eq=False)
class Comparison:
    """Two runs.

    Args:
        first, second: their traces.
        cells: phases of types of jobs, what costs most first.
        phases, types, hosts: the same, summed up.
        by_path: whether costs are those on the critical path, which both runs tell.
        bytes: that were read in all, in each run.
    """

    first: Trace
    second: Trace
    cells: tuple[Change, ...]
    phases: tuple[Change, ...]
    types: tuple[Change, ...]
    hosts: tuple[Change, ...]
    by_path: bool
    bytes: tuple[float, float]

    @property
    def seconds(self) -> float:
        """By which the second took longer."""
        return self.second.seconds - self.first.seconds


@dataclass
class _Jobs:
    """The jobs of one run: what each took, in each phase."""

    kinds: dict[str, str] = field(default_factory=dict)
    hosts: dict[str, str] = field(default_factory=dict)
    ready: dict[str, float] = field(default_factory=dict)
    took: dict[str, dict[str, float]] = field(default_factory=dict)
    held: dict[str, float] = field(default_factory=dict)
    read: dict[str, float] = field(default_factory=dict)

    def take(self, one: Attempt) -> None:
        """An attempt more: a job takes as long as all its tries together."""
        name = unstamped(one.task)
        self.kinds[name], self.hosts[name] = one.type, one.host
        self.ready.setdefault(name, one.ready)
        took = self.took.setdefault(name, {})
        for phase in told(one):
            took[phase.name] = took.get(phase.name, 0.0) + phase.seconds
        self.held[name] = self.held.get(name, 0.0) + worked(one)
        self.read[name] = max([self.read.get(name, 0.0), *(one.usage.get(k, 0.0) for k in _READ)])

    def of(self, type: str) -> list[str]:
        """The jobs of a type; all for the empty one."""
        return [name for name, kind in self.kinds.items() if kind == type or not type]

    def spent(self, name: str, phase: str) -> float:
        """Seconds of a job in a phase; all that it held a worker for the empty one."""
        return self.took[name].get(phase, 0.0) if phase else self.held[name]


def compare(first: Trace, second: Trace) -> Comparison:
    """What the second run spent more or less time on than the first."""
    runs = (_jobs(first), _jobs(second))
    kinds = list(dict.fromkeys(kind for run in runs for kind in run.kinds.values()))
    paths = _paths(first, second)
    cells = [
        one for kind in kinds for phase in PHASES
        if (one := _change(runs, phase, kind, paths)) is not None
    ]  # fmt: skip
    phases = [one for phase in PHASES if (one := _change(runs, phase, "", paths)) is not None]
    types = [one for kind in kinds if (one := _change(runs, "", kind, paths)) is not None]
    whole = sum(one.seconds[0] for one in phases)
    summed = _judged(phases, whole)
    return Comparison(
        first,
        second,
        _supported(_judged(cells, whole), summed),
        summed,
        _judged(types, whole),
        _judged(_hosts(runs), whole),
        by_path=paths is not None,
        bytes=(sum(runs[0].read.values()), sum(runs[1].read.values())),
    )


def _jobs(trace: Trace) -> _Jobs:
    found = _Jobs()
    for one in trace.attempts:
        if one.number:
            found.take(one)
    return found


Paths = tuple[dict[tuple[str, str], float], dict[tuple[str, str], float]]


def _paths(first: Trace, second: Trace) -> Paths | None:
    """(phase, type) -> seconds on the critical path, of both; None where one tells no graph."""
    if not (has_graph(first) and has_graph(second)):
        return None
    found: Paths = ({}, {})
    for trace, sums in zip((first, second), found, strict=True):
        for step in path_of(trace):
            for name, seconds in step.phases.items():
                phase = "queue" if name == WAITING else name
                for key in ((phase, step.attempt.type), (phase, ""), ("", step.attempt.type)):
                    sums[key] = sums.get(key, 0.0) + seconds
    return found


def _change(runs: tuple[_Jobs, _Jobs], phase: str, type: str, paths: Paths | None) -> Change | None:
    """A phase of a type; None where no run spent time on it."""
    names = (runs[0].of(type), runs[1].of(type))
    spent = [
        {name: run.spent(name, phase) for name in of} for run, of in zip(runs, names, strict=True)
    ]
    sums = (sum(spent[0].values()), sum(spent[1].values()))
    if not any(sums):
        return None
    means = [total / len(of) if of else 0.0 for total, of in zip(sums, names, strict=True)]
    both = [name for name in spent[0] if name in spent[1]]
    paired = 2 * len(both) >= max(map(len, names))
    few = FEWEST
    if paired:
        told = _observed(runs[0], spent, both, phase)
        chance, count = signed_rank(told), sum(one != 0 for one in told)
        few = FEWEST if any(told) else 0
    else:
        chance, count = rank_sum(*(list(of.values()) for of in spent)), min(map(len, names))
        few = 4  # of two groups of three, one order in ten is as far apart
    key = (phase, type)
    return Change(
        phase, type, "", (len(names[0]), len(names[1])), sums,
        means[1] / means[0] if means[0] > 0 and names[1] else None,
        chance, ALONE if not all(names) else FEW if count < few else CHANCE,
        None if paths is None else (paths[0].get(key, 0.0), paths[1].get(key, 0.0)),
        _mean_bytes(runs, names), count,
    )  # fmt: skip


def _observed(
    run: _Jobs, spent: Sequence[Mapping[str, float]], both: Iterable[str], phase: str
) -> list[float]:
    """Differences of jobs; of those that waited together, their mean."""
    together: dict[Any, list[float]] = {}
    for name in both:
        key = round(run.ready[name]) if phase in _SHARED else name
        together.setdefault(key, []).append(spent[1][name] - spent[0][name])
    return [sum(of) / len(of) for of in together.values()]


def _mean_bytes(
    runs: tuple[_Jobs, _Jobs], names: tuple[list[str], list[str]]
) -> tuple[float, float]:
    found = [
        sum(run.read[name] for name in of) / len(of) if of else 0.0
        for run, of in zip(runs, names, strict=True)
    ]
    return found[0], found[1]


def _hosts(runs: tuple[_Jobs, _Jobs]) -> list[Change]:
    """Hosts of both: like is compared with like, each job with those of its type in the first
    run."""
    usual = {
        kind: sum(runs[0].held[name] for name in of) / len(of)
        for kind in dict.fromkeys(runs[0].kinds.values())
        if (of := runs[0].of(kind))
    }
    found = []
    for host in dict.fromkeys(runs[0].hosts.values()):
        on = [[name for name in run.hosts if run.hosts[name] == host] for run in runs]
        if not host or not on[1]:
            continue
        shares = [
            [
                run.held[name] / usual[run.kinds[name]]
                for name in of
                if usual.get(run.kinds[name], 0.0) > 0
            ]
            for run, of in zip(runs, on, strict=True)
        ]
        sums = [sum(run.held[name] for name in of) for run, of in zip(runs, on, strict=True)]
        if not all(shares) or not sums[0]:
            continue
        means = [sum(of) / len(of) for of in shares]
        verdict = FEW if min(map(len, shares)) < 4 else CHANCE
        found.append(
            Change(
                "",
                "",
                host,
                (len(on[0]), len(on[1])),
                (sums[0], sums[1]),
                means[1] / means[0] if means[0] else None,
                rank_sum(*shares),
                verdict,
            )
        )
    return found


def _judged(found: Sequence[Change], whole: float) -> tuple[Change, ...]:
    """The verdicts, over all that were tested together; what costs most stands first."""
    tested = [one for one in found if one.verdict == CHANCE]
    holds = dict(zip(map(id, tested), beyond_chance([one.chance for one in tested]), strict=True))
    judged = []
    for one in found:
        if not _matters(one, whole):
            judged.append(replace(one, verdict=CHANCE))
        elif holds.get(id(one)):
            judged.append(replace(one, verdict=BEYOND))
        else:
            judged.append(one)
    return tuple(sorted(judged, key=lambda one: (-abs(one.cost), -abs(one.change))))


def _matters(one: Change, whole: float) -> bool:
    """Whether a change is large enough to be worth a line."""
    if one.times is not None and 1 - LITTLE < one.times < 1 + LITTLE:
        return False
    if one.host:
        return one.times is not None
    return max(abs(one.change), abs(one.cost)) >= max(_MATTERS * whole, SHORTEST)


def _supported(cells: Iterable[Change], phases: Sequence[Change]) -> tuple[Change, ...]:
    """What few jobs show is no chance where the same phase of all jobs shows it as well."""
    sure = {one.phase: one for one in phases if one.verdict == BEYOND}
    found = []
    for one in cells:
        of = sure.get(one.phase)
        same = of is not None and one.verdict == FEW and of.change * one.change > 0
        found.append(replace(one, along=of.times) if of is not None and same else one)
    return tuple(found)
