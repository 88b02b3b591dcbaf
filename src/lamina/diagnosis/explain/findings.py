"""Findings: groups of jobs of which a phase took longer than usual, and what each cost the run."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace

import numpy as np
from numpy.typing import NDArray

from lamina.diagnosis.explain.deviations import Deviations, edge_of
from lamina.diagnosis.explain.explanation import (
    FOLLOWS,
    LARGER,
    SLOWER,
    Finding,
    names_text,
    seconds_text,
    span_text,
    times_text,
)
from lamina.diagnosis.explain.replay import Schedule
from lamina.diagnosis.explain.sharing import Cells, Group, groups_of
from lamina.diagnosis.usual import QUEUE, Floats, measured
from lamina.workflow.log import PHASES

Numbers = NDArray[np.int64]

TITLES = {
    "pre_script": "pre script", "submit": "submission", "queue": "queue", "stage_in": "stage in",
    "run": "run", "stage_out": "stage out", "post_script": "post script",
}  # fmt: skip
"""Phases in words."""

MOST = 12
"""Findings that are told."""

_FEW = 3
"""Jobs of one phase that are named one by one; others together."""

SURELY = 1.0
"""Seconds that have to be lost for something to be told of a run that is compared with itself:
a process that starts for the first time takes less."""
_LEAST = 0.005
"""Part of the makespan that a finding costs, or that its jobs lose, at least."""


@dataclass(frozen=True, eq=False)
class Excess:
    """Seconds above what is usual, told apart by where they come from; (n, phases) each.

    Args:
        own: a reason of their own.
        size: that go with a larger input or more computing.
        follows: waits that are gone once the others are.
    """

    own: Floats
    size: Floats
    follows: Floats

    @property
    def all(self) -> Floats:
        """All that may be taken away; what follows goes with what it follows from."""
        return np.asarray(self.own + self.size)


@dataclass(frozen=True, eq=False)
class Found:
    """A finding, and the seconds that it is about.

    Args:
        finding: it.
        cut: (n, phases) seconds above what is usual.
    """

    finding: Finding
    cut: Floats = field(repr=False)


def excess_of(deviations: Deviations, schedule: Schedule) -> Excess:
    """The excess of a run, with waits that follow from other excess told apart.

    Jobs wait for places that others hold for too long: where the wait is as usual once the run is
    played without the other excess, it has no reason of its own.
    """
    own, size = deviations.excess.copy(), deviations.larger.copy()
    waits, others = own[:, QUEUE].copy(), own + size
    others[:, QUEUE] = 0.0
    follows = np.zeros_like(own)
    if not waits.any() or not others.any():
        return Excess(own, size, follows)
    again = measured(schedule.without(others).table)[:, QUEUE]
    edge = edge_of(deviations.usual, deviations.table, deviations.ranges)[:, QUEUE]
    still = np.maximum(again - deviations.expected[:, QUEUE], 0.0)
    gone = (waits > 0) & ((again <= edge) | (still < waits / 2))
    follows[gone, QUEUE] = waits[gone]
    own[gone, QUEUE] = 0.0
    return Excess(own, size, follows)


def found_in(deviations: Deviations, excess: Excess, schedule: Schedule) -> list[Found]:
    """The findings of a run, the dearest first."""
    total = longer(deviations, excess, schedule)
    parts = ((SLOWER, excess.own), (LARGER, excess.size), (FOLLOWS, excess.follows))
    found = [
        one
        for kind, seconds in parts
        for one in _of_kind(_Telling(deviations, schedule, kind, total), seconds)
    ]
    least = _LEAST * deviations.table.seconds
    lost = max(4 * least, 0.05 * excess.all.sum())
    worth = [one for one in found if one.finding.cost >= least or one.finding.excess >= lost]
    if not deviations.usual.known:
        worth = [one for one in worth if one.finding.excess >= SURELY]
    worth.sort(
        key=lambda one: (one.finding.kind == FOLLOWS, -one.finding.cost, -one.finding.excess)
    )
    return worth[:MOST]


def longer(deviations: Deviations, excess: Excess, schedule: Schedule) -> float:
    """Seconds by which the run took longer than usual; where the usual makespan is not known, by
    which it would have been shorter without the excess."""
    usual = deviations.usual
    if usual.known:
        return float(deviations.table.seconds - usual.seconds[1])
    return deviations.table.seconds - schedule.without(excess.all).seconds


def costs_of(excess: Excess, schedule: Schedule) -> Mapping[str, float]:
    """Phase -> seconds by which the run took longer for its excess."""
    found = {}
    for column, name in enumerate(PHASES):
        cut = np.zeros_like(excess.all)
        cut[:, column] = excess.all[:, column]
        found[name] = _cost(schedule, cut) if cut.any() else 0.0
    return found


def _cost(schedule: Schedule, cut: Floats) -> float:
    return max(schedule.table.seconds - schedule.without(cut).seconds, 0.0)


@dataclass(frozen=True, eq=False)
class _Telling:
    """What a finding is told from."""

    deviations: Deviations
    schedule: Schedule
    kind: str
    total: float


def _of_kind(telling: _Telling, seconds: Floats) -> Iterator[Found]:
    for column in np.flatnonzero((seconds > 0).any(axis=0)).tolist():
        cells = _cells(telling.deviations, seconds[:, column], column)
        singles: list[Group] = []
        for group in groups_of(cells):
            if group.members > 1:
                for part in _parts(telling, group, column):
                    yield _told(telling, part, seconds, column)
            else:
                singles.append(group)
        for group in singles[:_FEW]:
            yield _told(telling, group, seconds, column)
        if len(singles) > _FEW:
            rows = np.concatenate([group.rows for group in singles[_FEW:]])
            yield _told(telling, Group(rows), seconds, column)


def _cells(deviations: Deviations, weight: Floats, column: int) -> Cells:
    table = deviations.table
    spent, expected = deviations.cells[:, column], deviations.expected[:, column]
    member = ~np.isnan(expected) & ((spent > 0) | (expected > 0))
    begin = np.where(
        np.isnan(table.phase_begin[:, column]), table.ready, table.phase_begin[:, column]
    )
    return Cells(
        np.array(table.kinds, dtype=object), np.array(table.hosts, dtype=object),
        begin, begin + spent, weight, member,
    )  # fmt: skip


def _parts(telling: _Telling, group: Group, column: int) -> Iterator[Group]:
    """A group by types of job, whose times cannot be compared; on few hosts, what is shared is the
    host, and it stays together."""
    kinds = _kinds(telling, group.rows)
    if group.hosts or len(kinds) == 1:
        yield group
        return
    own = np.array(telling.deviations.table.kinds, dtype=object)
    member = telling.deviations.cells[:, column] > 0
    for kind in kinds:
        rows = group.rows[own[group.rows] == kind]
        yield Group(rows, (kind,), (), group.window, int((member & (own == kind)).sum()))


def _kinds(telling: _Telling, rows: Numbers) -> tuple[str, ...]:
    return tuple(sorted({telling.deviations.table.kinds[row] for row in rows.tolist()}))


def _told(telling: _Telling, group: Group, seconds: Floats, column: int) -> Found:
    deviations, rows = telling.deviations, group.rows
    cut = np.zeros_like(seconds)
    cut[rows, column] = seconds[rows, column]
    cost = 0.0 if telling.kind == FOLLOWS else _cost(telling.schedule, cut)
    spent, expected = deviations.cells[rows, column], deviations.expected[rows, column]
    low, usual, high = np.median(deviations.ranges[rows, column], axis=0).tolist()
    above = float(expected.sum())
    finding = Finding(
        telling.kind, "", PHASES[column],
        tuple(deviations.table.tasks[row] for row in rows.tolist()),
        group.kinds, group.hosts, group.window,
        float(np.median(spent)), usual, low, high,
        float(spent.sum()) / above if above > 0 else 0.0,
        float(cut.sum()), cost,
    )  # fmt: skip
    return Found(_worded(finding, telling, group, column), cut)


def _worded(finding: Finding, telling: _Telling, group: Group, column: int) -> Finding:
    usual = telling.deviations.usual
    beyond = not finding.times or finding.usual < 0.01 * finding.observed
    more = "longer than usual" if beyond else f"{times_text(finding.times)} usual"
    head = f"{TITLES[finding.phase]} {more} {where_text(finding, group.members)}: "
    head += f"{seconds_text(finding.observed)}, usually {seconds_text(finding.usual)}"
    head += f" ({span_text(finding.low, finding.high)} {usual.told})"
    return replace(finding, text=head + _why(finding, telling, group, column))


def _why(finding: Finding, telling: _Telling, group: Group, column: int) -> str:
    """What it cost, and of what it follows."""
    if finding.kind == FOLLOWS:
        return "; follows from the others, which held the workers longer"
    more = ""
    if finding.kind == LARGER:
        more = f"; {size_text(telling.deviations, group.rows, column)}"
    return more + cost_text(finding.cost, telling.total)


def cost_text(cost: float, total: float) -> str:
    """What a finding cost the run: ", costs +20 s of the run's +23 s"."""
    if cost < 0.005:
        return ", costs the run nothing"
    told, whole = seconds_text(cost), seconds_text(total)
    if total >= cost or told == whole:
        return f", costs +{told} of the run's +{whole}"
    return f", costs +{told}" + (f", more than the run's +{whole}" if total > 0.8 * cost else "")


def size_text(deviations: Deviations, rows: Numbers, column: int) -> str:
    """What is larger: "its input is 4.0x usual"."""
    out = PHASES[column] == "stage_out"
    names = ["stage_out_bytes"] if out else ["stage_in_bytes", "bytes_read"]
    for name, what in (*((name, "bytes") for name in names), ("cpu", "computing")):
        used, usual = deviations.used(name)
        known = ~np.isnan(used[rows]) & (usual[rows] > 0)
        ratio = float(used[rows][known].sum() / usual[rows][known].sum()) if known.any() else 1.0
        if ratio > 1.2:
            return f"it had {times_text(ratio)} the usual {what} to do"
    return "it had more to do than usual"


def where_text(finding: Finding, members: int) -> str:
    """Which jobs, in words: "of individuals on worker-3 (4 of 5 jobs)"."""
    if len(finding.jobs) == 1 and members == 1:
        host = f" on {finding.hosts[0]}" if finding.hosts else ""
        return f"of {finding.jobs[0]}{host}"
    if not members:
        return f"of {len(finding.jobs)} other jobs here and there"
    parts = [f"of {names_text(finding.kinds)}"] if finding.kinds else []
    if finding.hosts:
        parts.append(f"on {names_text(finding.hosts)}")
    if not parts and finding.window is None:
        parts.append("of all types of jobs")
    if finding.window is not None:
        first, last = (seconds_text(at) for at in finding.window)
        parts.append(f"between {first} and {last}")
    count = len(finding.jobs)
    jobs = f"{count} of {members} jobs" if count < members else f"{count} jobs"
    return f"{' '.join(parts)} ({jobs})"


def cut_of(found: Sequence[Found]) -> Floats | None:
    """All seconds that findings are about; None for no finding."""
    cuts = [one.cut for one in found]
    return np.asarray(np.maximum.reduce(cuts)) if cuts else None
