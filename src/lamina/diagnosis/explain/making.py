"""What an explanation is made of, each part worked out once; and the seconds that it names."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property

import numpy as np

from lamina.diagnosis.explain.checks import failures, lost_before, more_jobs, retries, waits
from lamina.diagnosis.explain.deviations import Deviations, deviations_of
from lamina.diagnosis.explain.explanation import (
    FOLLOWS,
    SLIGHT,
    Finding,
    seconds_text,
    span_text,
    times_text,
)
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
    above,
    needed,
    occluded,
    parts_of,
    replaced,
    together,
    turning,
)
from lamina.diagnosis.explain.replay import Schedule, schedule_of
from lamina.diagnosis.runs import NORMAL, Floats, Run
from lamina.diagnosis.usual import QUEUE, Usual
from lamina.traces.trace import Trace
from lamina.workflow.log import PHASES


@dataclass(frozen=True, eq=False)
class Making:
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
            waits = np.zeros_like(waits) if self.simulated else np.maximum(waits - lost, 0.0)
        own, size = found.own.copy(), found.size.copy()
        own[:, QUEUE] = waits
        if self.trace is not None:
            # A job that was not done cannot be compared with one that was.
            ended = {task for task, one in self.trace.last.items() if one.status != "succeeded"}
            rows = [row for row, task in enumerate(self.run.table.tasks) if task in ended]
            own[rows] = size[rows] = 0.0
        return replace(found, own=own, size=size)

    @property
    def simulated(self) -> bool:
        """Whether the times are a schedule that was made up, whose waits mean nothing."""
        return self.trace is not None and self.trace.simulated

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
        if not self.usual.known and not self.simulated:
            last += waits(self.schedule)
        return (*first, *(one.finding for one in self.found), *last)

    def asked(self) -> tuple[tuple[Finding, ...], dict[str, float]]:
        """What the detector says without the findings; where that is the same, what else the
        answer rests on."""
        parts, _, found = self.turned
        known = {(one.finding.phase, job) for one in self.found for job in one.finding.jobs}
        tasks = self.run.table.tasks
        told = []
        for part in parts:
            left = tuple(row for row in part.rows if (part.phase, tasks[row]) not in known)
            if left:
                told.append(_slight(replace(part, rows=left), self.deviations, part.rows))
        classes = self.judging.classes if self.judging and found is not None else ()
        without = {} if found is None else dict(zip(classes, found.tolist(), strict=True))
        return tuple(told), without

    @cached_property
    def unusual(self) -> Floats:
        """(n, phases) seconds of the findings; without what only follows from others."""
        cut = cut_of([one for one in self.found if one.finding.kind != FOLLOWS])
        return np.zeros((len(self.run.table), len(PHASES))) if cut is None else cut

    @cached_property
    def turned(self) -> tuple[list[Part], Floats, Floats | None]:
        """Parts beside the findings that the answer rests on, seconds of both, and the
        probabilities without them; None where the answer stays, or nothing is wrong.

        Without all of them the answer is another; with them, and everything else as usual, it
        stays, unless it rests on all there is.
        """
        start = self.unusual
        if self.judging is None or self.judging.verdict.first == NORMAL:
            return [], start, None
        told, cut, found = self._without(self.judging, start)
        if found is None:
            return told, cut, found
        more = needed(
            self.parts, self.run, self.schedule, self.judging, cut, above(self.deviations)
        )
        if not more:
            return told, cut, found
        whole = together(more, cut)
        again = self.judging.ask([replaced(self.run, self.schedule, whole)])[0]
        if self.judging.classes[int(again.argmax())] == self.judging.verdict.first:
            return told, cut, found
        known = {(one.kind, one.phase) for one in told}
        return (
            [*told, *(one for one in more if (one.kind, one.phase) not in known)], whole, again,
        )  # fmt: skip

    def _without(self, judging: Judging, start: Floats) -> tuple[list[Part], Floats, Floats | None]:
        """The same, of what it takes for another answer alone."""
        if start.any():
            found = judging.ask([replaced(self.run, self.schedule, start)])[0]
            if judging.classes[int(found.argmax())] != judging.verdict.first:
                return [], start, found
        turned = turning(self.parts, self.run, self.schedule, judging, start)
        return ([], start, None) if turned is None else turned


@dataclass(frozen=True, eq=False)
class Named:
    """What an explanation names as the reason of a detector's answer, and what it does not.

    Args:
        findings: (n, phases) seconds of unusual findings.
        all: those of slight ones as well.
        rest: all other seconds by which phases took longer than expected.
    """

    findings: Floats = field(repr=False)
    all: Floats = field(repr=False)
    rest: Floats = field(repr=False)


def named_in(run: Run, usual: Usual, judging: Judging) -> Named:
    """What the explanation of a run names."""
    made = Making(run, usual, None, judging)
    named = made.turned[1]
    return Named(made.unusual, named, np.where(named > 0, 0.0, above(made.deviations)))


def _slight(part: Part, deviations: Deviations, every: Sequence[int]) -> Finding:
    """A finding within the usual range; `every` are the rows with those that others tell."""
    rows, column = np.array(part.rows), PHASES.index(part.phase)
    spent, expected = deviations.cells[rows, column], deviations.expected[rows, column]
    low, usual, high = np.median(deviations.ranges[rows, column], axis=0).tolist()
    observed, below = float(np.median(spent)), float(np.nansum(expected))
    times = float(spent.sum()) / below if below > 0 else 0.0
    more = f"{times_text(times)} usual" if times else "longer than usual"
    text = f"{TITLES[part.phase]} {more} of {part.kind} ({_jobs(len(rows), len(every))}): "
    text += f"{seconds_text(observed)}, usually {seconds_text(usual)} "
    text += f"({span_text(low, high)} {deviations.usual.told}); "
    text += "within the usual range" if observed <= high else "little"
    text += ", but the detector's answer rests on it as well"
    jobs = tuple(deviations.table.tasks[row] for row in part.rows)
    return Finding(
        SLIGHT, text, part.phase, jobs, (part.kind,), (), None, observed, usual, low, high, times,
        float(part.cut[rows].sum()),
    )  # fmt: skip


def _jobs(count: int, every: int) -> str:
    name = "job" if count == 1 else "jobs"
    return f"{count} {name}" if count == every else f"{count} other {name}"
