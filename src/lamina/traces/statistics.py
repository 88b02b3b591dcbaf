"""Figures of a run seen as time: phases, types of jobs, hosts, the critical path, transfers."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import chain
from statistics import median
from typing import Any

from lamina.records.tables import duration, size
from lamina.traces.gantt.axis import Axis
from lamina.traces.trace import WAITING, Attempt, Phase, Trace, busy, spans, worked
from lamina.workflow.log import PHASES

Rows = list[list[str]]

SHOWN = 12
"""Types, and hosts, that a summary tells; all of them have a table of their own."""

SIMULATED = "simulated: the file tells no times; the schedule was made up by list scheduling"

_MOVES = {"stage_in": "stage_in_bytes", "stage_out": "stage_out_bytes"}
"""Phase -> what of the usage it moves."""
_TOUCHED = ("bytes_read", "bytes_written")
_NOBODY = "(not told)"


@dataclass
class Group:
    """What attempts of one type, or on one host, took together.

    Args:
        name: of the type, or the host.
        phases: phase -> seconds over all attempts; WAITING for what lies between.
        held: seconds from stage in to stage out, of each attempt.
        jobs: names of the units.
    """

    name: str
    attempts: int = 0
    failed: int = 0
    queued: float = 0.0
    phases: dict[str, float] = field(default_factory=lambda: dict.fromkeys(PHASES, 0.0))
    held: list[float] = field(default_factory=list)
    jobs: set[str] = field(default_factory=set)

    def take(self, one: Attempt) -> None:
        """An attempt more."""
        self.jobs.add(one.task)
        self.attempts += 1
        self.failed += one.failed
        self.held.append(worked(one))
        self.queued += queued(one)
        for phase in told(one):
            self.phases[phase.name] = self.phases.get(phase.name, 0.0) + phase.seconds

    @property
    def retries(self) -> int:
        """Attempts that repeat an earlier one of the same unit."""
        return self.attempts - len(self.jobs)

    def to_json(self) -> dict[str, Any]:
        """As plain values; seconds."""
        return {
            "name": self.name, "jobs": len(self.jobs), "attempts": self.attempts,
            "retries": self.retries, "failed": self.failed, "queued": self.queued,
            "phases": {name: seconds for name, seconds in self.phases.items() if seconds > 0},
            "held": sum(self.held), "median": median(self.held), "most": max(self.held),
        }  # fmt: skip


def told(one: Attempt) -> tuple[Phase, ...]:
    """The phases; an attempt that tells none ran from its begin to its end."""
    return one.phases or (Phase("run", one.begin, one.end),)


def queued(one: Attempt) -> float:
    """Seconds from its inputs being there until a worker had it, without its script before."""
    before = sum(phase.seconds for phase in one.phases if phase.name == "pre_script")
    return max(0.0, busy(one)[0] - one.ready - before)


def groups(attempts: Iterable[Attempt], key: Callable[[Attempt], str]) -> list[Group]:
    """The attempts put together by a key, what took most first; reused results took no time."""
    found: dict[str, Group] = {}
    for one in attempts:
        if one.number:
            name = key(one) or _NOBODY
            found.setdefault(name, Group(name)).take(one)
    return sorted(found.values(), key=lambda group: (-sum(group.phases.values()), group.name))


def by_type(trace: Trace) -> list[Group]:
    """A group for each type of job."""
    return groups(trace.attempts, lambda one: one.type)


def by_host(trace: Trace) -> list[Group]:
    """A group for each host; nothing where no host is told."""
    found = groups(trace.attempts, lambda one: one.host)
    return [] if [one.name for one in found] == [_NOBODY] else found


def phases_of(trace: Trace) -> dict[str, dict[str, Any]]:
    """Phase -> seconds over all attempts, how many had it, mean, most, and which took most."""
    found: dict[str, dict[str, Any]] = {}
    for one in trace.attempts:
        if not one.number:
            continue
        sums: dict[str, float] = {}
        for phase in told(one):
            sums[phase.name] = sums.get(phase.name, 0.0) + phase.seconds
        for name, seconds in sums.items():
            here = found.setdefault(
                name, {"seconds": 0.0, "attempts": 0, "mean": 0.0, "most": 0.0, "longest": ""}
            )
            here["seconds"] += seconds
            here["attempts"] += 1
            if seconds > here["most"]:
                here["most"], here["longest"] = seconds, one.task
    for here in found.values():
        here["mean"] = here["seconds"] / here["attempts"]
    return {name: found[name] for name in PHASES if name in found and found[name]["seconds"] > 0}


def transfers(attempts: Iterable[Attempt]) -> dict[str, dict[str, float]]:
    """Stage in and stage out -> bytes, seconds, bytes per second of those that tell both; and
    bytes that were read and written."""
    found: dict[str, dict[str, float]] = {}
    for one in attempts:
        for phase, key in _MOVES.items():
            if key in one.usage:
                here = found.setdefault(phase, {"bytes": 0.0, "seconds": 0.0, "attempts": 0})
                here["bytes"] += one.usage[key]
                here["seconds"] += one.spent(phase)
                here["attempts"] += 1
        for key in _TOUCHED:
            if one.usage.get(key):
                name = key.removeprefix("bytes_")
                here = found.setdefault(name, {"bytes": 0.0, "attempts": 0})
                here["bytes"] += one.usage[key]
                here["attempts"] += 1
    for here in found.values():
        if here.get("seconds"):
            here["rate"] = here["bytes"] / here["seconds"]
    return {name: found[name] for name in ("stage_in", "stage_out", "read", "written")
            if name in found and found[name]["bytes"]}  # fmt: skip


def most_at_once(trace: Trace) -> int:
    """Attempts that held a worker at the same time, at most."""
    steps: list[tuple[float, int]] = []
    for one in trace.attempts:
        begin, end = busy(one)
        if one.number and end > begin:
            steps += [(begin, 1), (end, -1)]
    here = most = 0
    for _, step in sorted(steps):  # what ends at a moment does so before what begins
        here += step
        most = max(most, here)
    return most


@dataclass(frozen=True)
class Step:
    """An attempt of the critical path, with the seconds of the makespan that passed in it.

    Args:
        attempt: which.
        phases: phase -> seconds; WAITING for what lies between phases, and before it was ready.
    """

    attempt: Attempt
    phases: Mapping[str, float]

    @property
    def seconds(self) -> float:
        """All of them."""
        return sum(self.phases.values())


def path_of(trace: Trace) -> list[Step]:
    """The critical path: every second of the makespan from its begin to its end, once.

    Time before an attempt is that attempt's: the run queued for it.
    """
    axis = Axis(trace.sessions)
    at = 0.0
    steps = []
    for one in trace.critical_path:
        found: dict[str, float] = {}
        for phase in chain([Phase(WAITING, trace.begin, one.ready)], spans(one)):
            end = axis.at(phase.end)
            if end > at:
                begin = max(axis.at(phase.begin), at)
                found[WAITING] = found.get(WAITING, 0.0) + begin - at
                found[phase.name] = found.get(phase.name, 0.0) + end - begin
                at = end
        steps.append(Step(one, {name: seconds for name, seconds in found.items() if seconds > 0}))
    return steps


def has_graph(trace: Trace) -> bool:
    """Whether a trace tells what reads what, so that its critical path is one."""
    return len(trace.last) < 2 or any(trace.parents.get(unit) for unit in trace.last)


def told_path(trace: Trace) -> tuple[Attempt, ...]:
    """The critical path; nothing where the trace does not tell what reads what, so that it would
    be the attempt that ended last and no more."""
    return trace.critical_path if has_graph(trace) else ()


def overview(trace: Trace) -> dict[str, Any]:
    """All figures as plain values; seconds and bytes."""
    path = path_of(trace)
    return {
        "makespan": trace.seconds,
        "simulated": trace.simulated,
        "critical_path": {
            "known": has_graph(trace),
            "seconds": sum(step.seconds for step in path),
            "phases": _summed(step.phases for step in path),
            "attempts": [
                {
                    "unit": step.attempt.task, "attempt": step.attempt.number,
                    "type": step.attempt.type, "host": step.attempt.host,
                    "seconds": step.seconds, "phases": dict(step.phases),
                }
                for step in path
            ],
        },
        "parallelism": {"mean": trace.parallelism, "most": most_at_once(trace)},
        "queued": sum(queued(one) for one in trace.attempts if one.number),
        "phases": phases_of(trace),
        "types": [group.to_json() for group in by_type(trace)],
        "hosts": [group.to_json() for group in by_host(trace)],
        "transfers": transfers(trace.attempts),
    }  # fmt: skip


def _summed(parts: Iterable[Mapping[str, float]]) -> dict[str, float]:
    found: dict[str, float] = {}
    for part in parts:
        for name, seconds in part.items():
            found[name] = found.get(name, 0.0) + seconds
    return found


def phases_table(trace: Trace) -> Rows:
    """A phase per line."""
    found = phases_of(trace)
    whole = sum(one["seconds"] for one in found.values()) or 1.0
    rows = [["PHASE", "ATTEMPTS", "SECONDS", "SHARE", "MEAN", "MOST", "LONGEST"]]
    for name, one in found.items():
        times = (seconds(trace, one[key]) for key in ("seconds", "mean", "most"))
        total, mean, most = times
        share = f"{100 * one['seconds'] / whole:.0f}%"
        rows.append([name, str(one["attempts"]), total, share, mean, most, one["longest"]])
    return rows


def groups_table(trace: Trace, found: Sequence[Group], head: str) -> Rows:
    """A type, or a host, per line: seconds of each phase over all its attempts."""
    named = [name for name in PHASES if any(group.phases.get(name, 0.0) > 0 for group in found)]
    rows = [[head, "JOBS", "RETRIES", *(_HEADS.get(one, one.upper()) for one in named), "MEDIAN",
             "MOST"]]  # fmt: skip
    for group in found:
        cells = [seconds(trace, group.phases.get(name, 0.0)) for name in named]
        spread = [seconds(trace, median(group.held)), seconds(trace, max(group.held))]
        rows.append([group.name, str(len(group.jobs)), str(group.retries), *cells, *spread])
    return rows


_HEADS = {
    "pre_script": "PRE", "stage_in": "STAGE IN", "stage_out": "STAGE OUT", "post_script": "POST",
}  # fmt: skip


def path_table(trace: Trace) -> Rows:
    """An attempt of the critical path per line, with the seconds of the makespan that it took."""
    steps = path_of(trace)
    named = [name for name in (WAITING, *PHASES) if any(name in step.phases for step in steps)]
    rows = [["CRITICAL PATH", "HOST", *(_HEADS.get(one, one.upper()) for one in named), "SECONDS"]]
    for step in steps:
        one = step.attempt
        cells = [seconds(trace, step.phases.get(name, 0.0)) for name in named]
        name = one.task if one.number < 2 else f"{one.task}~{one.number}"
        rows.append([name, one.host or "-", *cells, seconds(trace, step.seconds)])
    return rows


def transfers_by_type(trace: Trace) -> dict[str, dict[str, dict[str, float]]]:
    """Type of job -> what `transfers` tells of its attempts; types that tell nothing left out."""
    kinds: dict[str, list[Attempt]] = {}
    for one in trace.attempts:
        if one.number:
            kinds.setdefault(one.type, []).append(one)
    found = {name: transfers(attempts) for name, attempts in kinds.items()}
    return {name: told for name, told in found.items() if told}


def transfers_table(trace: Trace) -> Rows:
    """A type of job per line: bytes, seconds and rate of what was staged; read and written."""
    rows = [["TYPE", "STAGE IN", "IN", "RATE IN", "STAGE OUT", "OUT", "RATE OUT", "READ",
             "WRITTEN"]]  # fmt: skip
    for name, found in transfers_by_type(trace).items():
        row = [name]
        for phase in _MOVES:
            here = found.get(phase, {})
            row += [seconds(trace, here.get("seconds", 0.0)), size(here.get("bytes"))]
            row.append(rate(here.get("rate")))
        rows.append([*row, *(size(found.get(key, {}).get("bytes")) for key in ("read", "written"))])
    return rows


FORMS: Mapping[str, Callable[[Trace], Rows]] = {
    "phases": phases_table,
    "types": lambda trace: groups_table(trace, by_type(trace), "TYPE"),
    "hosts": lambda trace: groups_table(trace, by_host(trace), "HOST"),
    "path": path_table,
    "transfer": transfers_table,
}
"""What `stats -s` tells of traces -> the function that makes it."""


def path_line(trace: Trace) -> str:
    """The critical path in a line."""
    steps = path_of(trace)
    whole = sum(step.seconds for step in steps)
    parts = _summed(step.phases for step in steps)
    most = sorted(((value, name) for name, value in parts.items()), reverse=True)[:3]
    told = ", ".join(f"{duration(value)} {name.replace('_', ' ')}" for value, name in most)
    if not has_graph(trace):
        return "not known: the trace does not tell what waits for what"
    count = "1 attempt" if len(steps) == 1 else f"{len(steps)} attempts"
    return f"{count}, {duration(whole)}: {told}" if told else count


def moved_line(trace: Trace) -> str:
    """What was staged, in a line; empty where no bytes are told."""
    words = {"stage_in": "in", "stage_out": "out", "read": "read", "written": "written"}
    told = []
    for name, one in transfers(trace.attempts).items():
        speed = f" at {rate(one['rate'])}" if "rate" in one else ""
        told.append(f"{size(one['bytes'])} {words[name]}{speed}")
    return ", ".join(told)


def seconds(trace: Trace, value: float) -> str:
    """Seconds, with as many digits as the run needs; "-" for none."""
    if value <= 0:
        return "-"
    return f"{value:.3f}" if trace.seconds < 10 else f"{value:,.1f}"


def rate(value: float | None) -> str:
    """Bytes per second."""
    return "-" if value is None else f"{size(value)}/s"
