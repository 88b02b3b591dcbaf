"""Plain checks that need no other run: failures, retries, jobs that were held, waits for places."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace
from itertools import islice

import numpy as np

from lamina.diagnosis.explain.explanation import (
    FAILED,
    MORE,
    RETRIED,
    WAITED,
    Finding,
    names_text,
    seconds_text,
    times_text,
)
from lamina.diagnosis.explain.findings import MOST, cost_text
from lamina.diagnosis.explain.replay import Schedule
from lamina.diagnosis.usual import QUEUE, Floats, Usual, measured
from lamina.traces.trace import Attempt, Trace

_WAITING = 0.1
"""Part of the makespan that waits for a place cost at least, to be told."""

_MANY = 1.2
"""Times as many jobs of a type as usual from which on it is told."""

_LONGEST = 120


def failures(trace: Trace) -> list[Finding]:
    """Units that failed in the end, those of one type with one cause together."""
    bad = [one for one in trace.last.values() if one.failed]
    return [_about(Finding(FAILED, _failed(found)), found) for found in _alike(bad)]


def retries(trace: Trace, schedule: Schedule) -> list[Finding]:
    """Attempts that failed before one that did not, and what they cost the run."""
    earlier = [
        one for one in trace.attempts
        if one.failed and one.number and one.number < trace.last[one.task].number
        and not trace.last[one.task].failed
    ]  # fmt: skip
    total = schedule.table.seconds - _without(schedule, trace, earlier)
    found = []
    for group in islice(_alike(earlier), MOST):
        cost = max(schedule.table.seconds - _without(schedule, trace, group), 0.0)
        lost = sum(one.seconds for one in group)
        units = len({one.task for one in group})
        jobs = f"{group[0].task}" if units == 1 else f"{units} jobs of {group[0].type}"
        tries = "an attempt" if len(group) == 1 else f"{len(group)} attempts"
        text = f"{tries} of {jobs} failed before one succeeded{_where(group)}: {_cause(group[0])}"
        text += f"; {seconds_text(lost)} lost{cost_text(cost, total)}"
        found.append(_about(Finding(RETRIED, text, excess=lost, cost=cost), group))
    return sorted(found, key=lambda one: (-one.cost, -one.excess))


def lost_before(trace: Trace, schedule: Schedule, attempts: Iterable[Attempt]) -> Floats:
    """(n,) seconds by which each job would have been handed over sooner without attempts."""
    place = {task: row for row, task in enumerate(schedule.table.tasks)}
    found = np.zeros(len(place))
    first: dict[str, float] = {}
    for one in attempts:
        first[one.task] = min(first.get(one.task, one.begin), one.begin)
    for task, begin in first.items():
        if task in place:
            found[place[task]] = max(trace.last[task].begin - begin, 0.0)
    return found


def waits(schedule: Schedule) -> list[Finding]:
    """Jobs that waited for a place, where more places would have made the run clearly shorter."""
    table = schedule.table
    if not schedule.contended.any():
        return []
    lead = schedule.start - schedule.ready
    cut = np.zeros((len(table), 7))
    queued = measured(table)[:, QUEUE]
    cut[:, QUEUE] = np.where(schedule.contended, np.minimum(lead - schedule.least, queued), 0.0)
    cost = max(table.seconds - schedule.without(cut).seconds, 0.0)
    if cost < _WAITING * table.seconds:
        return []
    rows = np.flatnonzero(cut[:, QUEUE] > 0).tolist()
    kinds = tuple(dict.fromkeys(table.kinds[row] for row in rows))
    places = max(schedule.places)
    jobs = tuple(table.tasks[row] for row in rows)
    many = f"{len(rows)} jobs of {names_text(kinds)}" if len(rows) > 1 else jobs[0]
    text = f"{many} waited {seconds_text(float(cut.sum()))} in all "
    text += f"for one of {places} places: with enough of them the run would take "
    text += f"{seconds_text(cost)} less"
    return [Finding(WAITED, text, "queue", jobs, kinds, excess=float(cut.sum()), cost=cost)]


def more_jobs(schedule: Schedule, usual: Usual) -> list[Finding]:
    """Types of which there are more jobs than usual."""
    if not usual.known:
        return []
    found = []
    for place, kind in enumerate(usual.kinds):
        jobs = tuple(
            task for task, own in zip(schedule.table.tasks, schedule.table.kinds, strict=True)
            if own == kind
        )  # fmt: skip
        low, middle, high = usual.counts[place].tolist()
        if len(jobs) > high and len(jobs) >= _MANY * middle > 0:
            ratio = times_text(len(jobs) / middle)
            span = f"{low:.0f}" if low == high else f"{low:.0f}-{high:.0f}"
            text = f"{len(jobs)} jobs of {kind}, usually {middle:.0f} ({span} {usual.told}): "
            text += f"{ratio} usual, so there was more to do"
            found.append(Finding(MORE, text, jobs=jobs, kinds=(kind,), times=len(jobs) / middle))
    return found


def _without(schedule: Schedule, trace: Trace, attempts: Sequence[Attempt]) -> float:
    sooner = lost_before(trace, schedule, attempts)
    return schedule.without(np.zeros((len(schedule.table), 7)), sooner).seconds


def _alike(attempts: Sequence[Attempt]) -> Iterator[list[Attempt]]:
    """Attempts of one type with one cause, whatever numbers stand in it; most first."""
    groups: dict[tuple[str, str], list[Attempt]] = {}
    for one in attempts:
        groups.setdefault((one.type, re.sub(r"\d+", "0", _cause(one))), []).append(one)
    yield from sorted(groups.values(), key=len, reverse=True)


def _failed(found: Sequence[Attempt]) -> str:
    one = found[0]
    head = f"{one.task} failed" if len(found) == 1 else f"{len(found)} jobs of {one.type} failed"
    return f"{head}{_where(found)}: {_cause(one)}"


def _where(found: Sequence[Attempt]) -> str:
    """The host, where all of them ran on one."""
    hosts = {one.host for one in found} - {""}
    if len(hosts) != 1:
        return ""
    return f" on {hosts.pop()}" if len(found) == 1 else f", all on {hosts.pop()}"


def _cause(one: Attempt) -> str:
    told = str(one.error.get("cause") or one.error.get("details") or "").strip()
    if not told and one.exit is not None:
        told = f"killed by signal {-one.exit}" if one.exit < 0 else f"exit code {one.exit}"
    first = (told or one.status).splitlines()[0]
    return first if len(first) <= _LONGEST else f"{first[: _LONGEST - 3]}..."


def _about(finding: Finding, found: Sequence[Attempt]) -> Finding:
    hosts = tuple(dict.fromkeys(one.host for one in found if one.host))
    return replace(
        finding,
        jobs=tuple(dict.fromkeys(one.task for one in found)),
        kinds=(found[0].type,),
        hosts=hosts if len(hosts) == 1 else (),
    )
