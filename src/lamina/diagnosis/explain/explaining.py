"""A run explained: what is not as usual, what it cost, why, and what the detector rests on."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace

import numpy as np

from lamina.diagnosis.explain.causes import CAUSES, advice, considered
from lamina.diagnosis.explain.explanation import (
    FAILED,
    LARGER,
    SLOWER,
    Considered,
    Explanation,
    Finding,
    level_text,
    names_text,
    seconds_text,
    span_text,
)
from lamina.diagnosis.explain.facts import Facts
from lamina.diagnosis.explain.findings import (
    TITLES,
)
from lamina.diagnosis.explain.making import Making
from lamina.diagnosis.explain.occlusion import (
    Judging,
    salient,
)
from lamina.diagnosis.explain.sharing import Cells, groups_of
from lamina.diagnosis.runs import NORMAL, Floats, Run
from lamina.diagnosis.usual import NEEDED, Usual, usual_of_itself
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
    made = Making(run, chosen, trace, judging)
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


def headline(made: Making, findings: Sequence[Finding], causes: Sequence[Considered]) -> str:
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
        told += f", level {level_text(verdict.severity)}"
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


def shared(made: Making, findings: Sequence[Finding]) -> str:
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


def _common(made: Making, cells: Cells, own: Floats) -> Iterator[str]:
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


def _notes(made: Making) -> Iterator[str]:
    verdict = made.judging.verdict if made.judging else None
    if verdict is not None and verdict.first != NORMAL and made.turned[2] is None:
        yield (
            f"played again with every phase as usual, the detector still says {verdict.first}: the "
            "phases do not show what its answer rests on; it may know runs of that time"
        )
    if made.trace is not None and made.trace.status == "running":
        yield "the run is still going: what is not done yet is not told"
    if made.simulated:
        yield "the trace tells no times: its schedule was made up, and waits in it mean nothing"
