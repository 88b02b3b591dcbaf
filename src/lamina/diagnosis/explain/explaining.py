"""A run explained: what is not as usual, what it cost, why, and what the detector rests on."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property

import numpy as np

from lamina.diagnosis.explain.causes import CAUSES, advice, considered
from lamina.diagnosis.explain.checks import failures, lost_before, more_jobs, retries, waits
from lamina.diagnosis.explain.deviations import Deviations, deviations_of
from lamina.diagnosis.explain.explanation import (
    FAILED,
    FOLLOWS,
    LARGER,
    SLIGHT,
    SLOWER,
    Considered,
    Explanation,
    Finding,
    names_text,
    seconds_text,
    span_text,
    times_text,
)
from lamina.diagnosis.explain.facts import Facts
from lamina.diagnosis.explain.findings import (
    TITLES,
    Excess,
    Found,
    costs_of,
    cut_of,
    excess_of,
    found_in,
)
from lamina.diagnosis.explain.occlusion import (
    Judging,
    Part,
    occluded,
    parts_of,
    replaced,
    salient,
    turning,
)
from lamina.diagnosis.explain.replay import Schedule, schedule_of
from lamina.diagnosis.explain.sharing import Cells, groups_of
from lamina.diagnosis.runs import NORMAL, Floats, Run
from lamina.diagnosis.usual import NEEDED, QUEUE, Usual, usual_of_itself
from lamina.diagnosis.verdict import UNSURE, Verdict
from lamina.traces.trace import Trace
from lamina.workflow.log import PHASES

KNOWN = 0.5
"""Part of the jobs of a run that what is usual has to know, to be compared with."""

_MAIN = 0.8
"""Part of the seconds lost that phases have to make up to be named as what is shared."""


def explain(
    run: Run,
    usual: Usual | None = None,
    *,
    trace: Trace | None = None,
    judging: Judging | None = None,
    given: int = 0,
) -> Explanation:
    """Why a run took as long as it did.

    Args:
        run: the run.
        usual: from good runs of the workflow; the run is compared with itself where it is None,
            or knows too few of the run's types of jobs.
        trace: of the run, for failures and retries.
        judging: a detector beside the run; None for plain checks only.
        given: good runs that were given, were they too few to know what is usual.
    """
    chosen, notes = _chosen(run, usual, given)
    run, note = _with_graph(run, chosen)
    notes += [note] if note else []
    made = _Making(run, chosen, trace, judging)
    findings = made.findings()
    facts = Facts(made.deviations, made.excess, made.costs, findings)
    verdict = judging.verdict if judging else None
    causes = considered(facts, verdict)
    slight, without = made.asked()
    found = (*findings, *slight)
    return Explanation(
        run.name, run.workflow,
        headline(made, found, causes),
        verdict,
        _compared(chosen),
        chosen.known, run.table.seconds,
        _triple(chosen) if chosen.known else None,
        found,
        {name: cost for name, cost in made.costs.items() if cost > 0},
        shared(made, found),
        tuple(causes), advice(facts, causes),
        salient(made.parts, run), without,
        (*notes, *_notes(made)),
    )  # fmt: skip


def _chosen(run: Run, usual: Usual | None, given: int) -> tuple[Usual, list[str]]:
    """What the run is compared with, and why it is not more."""
    if usual is not None and len(run.table):
        known = ~np.isnan(usual.rows(run.table)[:, 0, 1])
        if known.mean() >= KNOWN:
            missing = sorted({run.table.kinds[row] for row in np.flatnonzero(~known).tolist()})
            note = f"{names_text(missing)}: no usual run has such jobs" if missing else ""
            return usual, [note] if note else []
        notes = ["most of its jobs are of types that the usual runs do not have: plain checks only"]
    elif given:
        notes = [f"{given} of {NEEDED} runs needed to know what is usual: plain checks only"]
    else:
        notes = [
            "plain checks only, against jobs of the same type in this run: what slows all of them "
            f"alike is not seen; name {NEEDED} good runs or more with --against"
        ]
    return usual_of_itself(run.table), notes


def _with_graph(run: Run, usual: Usual) -> tuple[Run, str]:
    """The run with what reads what, by good runs where its own trace does not tell; and a note."""
    table = run.table
    if any(table.parents.get(task) for task in table.tasks) or len(table) < 2:
        return run, ""
    if not any(usual.parents.get(task) for task in table.tasks):
        return run, "the trace does not tell what reads what: costs are an estimate from the times"
    graph = replace(run, table=replace(table, parents=usual.parents))
    return graph, "the trace does not tell what reads what: that is taken from good runs"


def _compared(usual: Usual) -> str:
    if not usual.known:
        return "with jobs of the same type in this run"
    learnt = " that the detector learnt from" if usual.origin == "training" else ""
    return f"with {usual.runs} good runs{learnt}"


def _triple(usual: Usual) -> tuple[float, float, float]:
    low, middle, high = usual.seconds.tolist()
    return middle, low, high


@dataclass(frozen=True, eq=False)
class _Making:
    """An explanation while it is made: each part once, when it is asked for."""

    run: Run
    usual: Usual
    trace: Trace | None
    judging: Judging | None = field(repr=False)

    @cached_property
    def deviations(self) -> Deviations:
        return deviations_of(self.run.table, self.usual)

    @cached_property
    def schedule(self) -> Schedule:
        return schedule_of(self.run.table)

    @cached_property
    def excess(self) -> Excess:
        found = excess_of(self.deviations, self.schedule)
        waits = found.own[:, QUEUE].copy()
        if not self.usual.known:
            # Waits for a place are told apart, with what more places would bring.
            waits[self.schedule.contended] = 0.0
        if self.trace is not None:
            # What an attempt before lost is told as a retry, not as waiting.
            last = self.trace.last
            earlier = [one for one in self.trace.attempts if one.number < last[one.task].number]
            lost = lost_before(self.trace, self.schedule, earlier)
            waits = np.maximum(waits - lost, 0.0)
        own, size = found.own.copy(), found.size.copy()
        own[:, QUEUE] = waits
        if self.trace is not None:
            # A job that was not done cannot be compared with one that was.
            ended = {task for task, one in self.trace.last.items() if one.status != "succeeded"}
            rows = [row for row, task in enumerate(self.run.table.tasks) if task in ended]
            own[rows] = size[rows] = 0.0
        return replace(found, own=own, size=size)

    @cached_property
    def found(self) -> list[Found]:
        return found_in(self.deviations, self.excess, self.schedule)

    @cached_property
    def costs(self) -> dict[str, float]:
        return dict(costs_of(self.excess, self.schedule))

    @cached_property
    def parts(self) -> list[Part]:
        """What the answer rests on; nothing without a detector."""
        if self.judging is None:
            return []
        return occluded(parts_of(self.deviations), self.run, self.schedule, self.judging)

    def findings(self) -> tuple[Finding, ...]:
        """Failures and retries first, then what took longer, the dearest first."""
        first: list[Finding] = []
        if self.trace is not None:
            first = [*failures(self.trace), *retries(self.trace, self.schedule)]
        last = [*more_jobs(self.schedule, self.usual)]
        if not self.usual.known:
            last += waits(self.schedule)
        return (*first, *(one.finding for one in self.found), *last)

    def asked(self) -> tuple[tuple[Finding, ...], dict[str, float]]:
        """What the detector says without the findings; where that is the same, what else the
        answer rests on."""
        parts, _, found = self.turned
        known = {(one.finding.phase, job) for one in self.found for job in one.finding.jobs}
        tasks = self.run.table.tasks
        told = [
            part for part in parts
            if not any((part.phase, tasks[row]) in known for row in part.rows)
        ]  # fmt: skip
        classes = self.judging.classes if self.judging and found is not None else ()
        without = {} if found is None else dict(zip(classes, found.tolist(), strict=True))
        return tuple(_slight(part, self.deviations) for part in told), without

    @cached_property
    def unusual(self) -> Floats:
        """(n, phases) seconds of the findings; without what only follows from others."""
        cut = cut_of([one for one in self.found if one.finding.kind != FOLLOWS])
        return np.zeros((len(self.run.table), len(PHASES))) if cut is None else cut

    @cached_property
    def turned(self) -> tuple[list[Part], Floats, Floats | None]:
        """Parts beside the findings without which the answer is another, seconds of both, and the
        probabilities without them; None where the answer stays, or nothing is wrong."""
        start = self.unusual
        if self.judging is None or self.judging.verdict.first == NORMAL:
            return [], start, None
        if start.any():
            found = self.judging.ask([replaced(self.run, self.schedule, start)])[0]
            if self.judging.classes[int(found.argmax())] != self.judging.verdict.first:
                return [], start, found
        turned = turning(self.parts, self.run, self.schedule, self.judging, start)
        return ([], start, None) if turned is None else turned


def named_seconds(run: Run, usual: Usual, judging: Judging) -> tuple[Floats, Floats]:
    """(n, phases) the seconds that an explanation names as the reason of a detector's answer: those
    of unusual findings, and those of slight ones as well."""
    made = _Making(run, usual, None, judging)
    return made.unusual, made.turned[1]


def _slight(part: Part, deviations: Deviations) -> Finding:
    """A finding within the usual range."""
    rows, column = np.array(part.rows), PHASES.index(part.phase)
    spent, expected = deviations.cells[rows, column], deviations.expected[rows, column]
    low, usual, high = np.median(deviations.ranges[rows, column], axis=0).tolist()
    observed, below = float(np.median(spent)), float(np.nansum(expected))
    times = float(spent.sum()) / below if below > 0 else 0.0
    more = f"{times_text(times)} usual" if times else "longer than usual"
    text = f"{TITLES[part.phase]} {more} of {part.kind} ({_jobs(len(rows))}): "
    text += f"{seconds_text(observed)}, usually {seconds_text(usual)} "
    text += f"({span_text(low, high)} {deviations.usual.told}); "
    text += "within the usual range" if observed <= high else "little"
    text += ", but the detector's answer rests on it as well"
    jobs = tuple(deviations.table.tasks[row] for row in part.rows)
    return Finding(
        SLIGHT, text, part.phase, jobs, (part.kind,), (), None, observed, usual, low, high, times,
        float(part.cut.sum()),
    )  # fmt: skip


def _jobs(count: int) -> str:
    return f"{count} job" if count == 1 else f"{count} jobs"


def headline(made: _Making, findings: Sequence[Finding], causes: Sequence[Considered]) -> str:
    """The answer in one line."""
    verdict = made.judging.verdict if made.judging else None
    bad = [one for one in findings if one.kind == FAILED]
    found = [bad[0].text] if bad else []
    if len(bad) > 1:
        found.append(f"{sum(len(one.jobs) for one in bad[1:])} other jobs failed")
    answer = _answer(verdict, findings, causes)
    if not (bad and answer == _NOTHING):
        found.append(answer)
    return "; ".join([*found, makespan_text(made.run.table.seconds, made.usual)])


def _answer(
    verdict: Verdict | None, findings: Sequence[Finding], causes: Sequence[Considered]
) -> str:
    if verdict is None:
        return _plain_answer(findings, causes)
    first = verdict.first
    told = f"{first} ({verdict.probabilities[first]:.2f})"
    if verdict.severity is not None:
        level = verdict.severity
        told += f", level {level.level:.3g} ({level.low:.3g} to {level.high:.3g})"
    if verdict.answer == UNSURE:
        order = sorted(verdict.probabilities.items(), key=lambda item: -item[1])
        return f"unsure: {', '.join(f'{name} {value:.2f}' for name, value in order[:3])}"
    if first in CAUSES:
        return f"{told}: {CAUSES[first].title}"
    likely = [one.title for one in causes if one.likely]
    if first == NORMAL and any(one.kind == LARGER for one in findings):
        return f"{told}: there was more to do than usual"
    if first == NORMAL and likely:
        return f"{told} to the detector, but likely {names_text(likely)}"
    return told


def _plain_answer(findings: Sequence[Finding], causes: Sequence[Considered]) -> str:
    likely = [one.title for one in causes if one.likely and one.cause != "failures"]
    slower = [one for one in findings if one.kind == SLOWER]
    if likely:
        return f"likely {names_text(likely)}"
    if slower:
        return f"{len(slower)} finding{'s' if len(slower) > 1 else ''}, no clear cause"
    return _NOTHING


_NOTHING = "nothing took longer than usual"


def makespan_text(seconds: float, usual: Usual) -> str:
    """The makespan beside what is usual."""
    if not usual.known:
        return f"took {seconds_text(seconds)}"
    middle, low, high = _triple(usual)
    told = f"took {seconds_text(seconds)}, usually {seconds_text(middle)} "
    return f"{told}({span_text(low, high)} {usual.told})"


def shared(made: _Making, findings: Sequence[Finding]) -> str:
    """What the jobs that took longer have in common."""
    own = made.excess.own
    if not any(one.kind == SLOWER for one in findings) or own.sum() <= 0:
        return ""
    table = made.run.table
    weight = own.sum(axis=1)
    cells = Cells(
        np.array(table.kinds, dtype=object), np.array(table.hosts, dtype=object),
        made.schedule.start, made.schedule.end, weight, np.ones(len(table), dtype=np.bool_),
    )  # fmt: skip
    return "; ".join(_common(made, cells, own))


def _common(made: _Making, cells: Cells, own: Floats) -> Iterator[str]:
    phases = _main(own.sum(axis=0))
    yield f"phase {names_text([TITLES[PHASES[column]] for column in phases])}"
    group = groups_of(cells)[0]
    weight, slow = cells.weight, cells.slow
    if group.members <= 1:
        rows = np.flatnonzero(slow)
        names = [made.run.table.tasks[row] for row in rows[np.argsort(-weight[rows])].tolist()]
        yield (
            f"{len(names)} jobs that share little else ({names_text(names)})"
            if len(names) > 1
            else f"one job ({names[0]})"
        )
        return
    part = float(weight[group.rows].sum() / weight.sum())
    parts = [f"jobs of {names_text(group.kinds)}" if group.kinds else "all types of jobs"]
    around = sorted(set(cells.hosts[np.isin(cells.kinds, list(set(cells.kinds[slow])))]) - {""})
    if group.hosts:
        parts.append(f"on {names_text(group.hosts)} only")
    elif len(around) > 1:
        there = sorted(set(cells.hosts[slow]) - {""})
        parts.append(f"on {len(there)} of the {len(around)} hosts that run such jobs")
    if group.window is not None:
        parts.append(f"between {seconds_text(group.window[0])} and {seconds_text(group.window[1])}")
    count = f"{len(group.rows)} of {group.members} such jobs"
    yield f"{', '.join(parts)}: {count}, {part:.0%} of the seconds lost"


def _main(seconds: Floats) -> list[int]:
    """The fewest phases that make up most of the seconds."""
    order = np.argsort(-seconds)
    count = int(np.searchsorted(np.cumsum(seconds[order]), _MAIN * seconds.sum())) + 1
    return [int(column) for column in order[:count]]


def _notes(made: _Making) -> Iterator[str]:
    verdict = made.judging.verdict if made.judging else None
    if verdict is not None and verdict.first != NORMAL and made.turned[2] is None:
        yield (
            f"played again with every phase as usual, the detector still says {verdict.first}: the "
            "phases do not show what its answer rests on; it may know runs of that time"
        )
    if made.trace is not None and made.trace.simulated:
        yield "the trace tells no times: its schedule was made up, and waits in it mean nothing"
