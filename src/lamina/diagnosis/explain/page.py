"""A diagnosis as one HTML file: the answer above the chart, the findings marked on it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import cache
from importlib.resources import files
from typing import Any

from lamina.diagnosis.explain.beside import SURE, Beside
from lamina.diagnosis.explain.explanation import Explanation
from lamina.diagnosis.usual import HELD, Floats, Usual
from lamina.traces.gantt.palette import LOOKS
from lamina.traces.report.page import Added, report_html
from lamina.traces.trace import WAITING, Attempt, Trace
from lamina.traces.usual import Norms
from lamina.traces.usual import Usual as Norm
from lamina.workflow.log import PHASES

_PLACE = {name: place for place, name in enumerate(LOOKS)}


def explanation_html(
    trace: Trace,
    told: Explanation,
    others: Sequence[Trace] = (),
    usual: Usual | None = None,
    name: str = "",
    beside: Beside | None = None,
) -> str:
    """The page; it needs no network, and its policy forbids it.

    Args:
        trace: of the run.
        told: its explanation.
        others: good runs, for how long jobs usually take.
        usual: the same, where that is known already.
        name: how the run is called on a command line.
        beside: what is said of the run besides.
    """
    data = {**told.to_json(), "marks": marks_of(trace, told), "name": name, "sure": SURE}
    data |= (beside or Beside()).to_json()
    norms, count = (None, 0) if usual is None or not usual.known else (norms_of(usual), usual.runs)
    added = Added(
        data, _asset("diagnosis.js") + _asset("beside.js"), _asset("diagnosis.css"), norms, count
    )
    return report_html(trace, None, others, added)


def marks_of(trace: Trace, told: Explanation) -> dict[str, list[tuple[int, int, float]]]:
    """Index of an attempt -> phase, number of its finding or 0, weight in the answer (0 to 1)."""
    last = {one.task: n for n, one in enumerate(trace.attempts) if trace.last[one.task] is one}
    numbers: dict[tuple[int, int], int] = {}
    for number, finding in enumerate(told.findings, 1):
        for job in finding.jobs:
            if job in last:
                place = _place(trace.attempts[last[job]], finding.phase)
                numbers.setdefault((last[job], place), number)
    weights: dict[tuple[int, int], float] = {}
    most = max((one.odds for one in told.saliency), default=0.0)
    for one in told.saliency:
        for job in one.jobs if one.odds > 0 else ():
            if job in last:
                weights[last[job], _PLACE[one.phase]] = round(one.odds / most, 3)
    marks: dict[str, list[tuple[int, int, float]]] = {}
    for key in sorted({*numbers, *weights}):
        told_of = (key[1], numbers.get(key, 0), weights.get(key, 0.0))
        marks.setdefault(str(key[0]), []).append(told_of)
    return marks


def _place(attempt: Attempt, phase: str) -> int:
    """The phase of a chart that a finding is about: waiting where nobody recorded a queue, the run
    where it is about no phase."""
    names = {one.name for one in attempt.phases}
    return _PLACE[WAITING if phase == "queue" and phase not in names else phase or "run"]


def norms_of(usual: Usual) -> Norms:
    """What is usual, as charts draw it."""
    count = usual.runs
    return Norms(
        {task: _norm(usual.of_tasks[n], count) for n, task in enumerate(usual.tasks)},
        {kind: _norm(usual.of_kinds[n], count) for n, kind in enumerate(usual.kinds)},
    )


def _norm(ranges: Floats, count: int) -> Norm:
    middles: Mapping[str, float] = dict(zip(PHASES, ranges[: len(PHASES), 1].tolist(), strict=True))
    held: Any = ranges[HELD, 1].sum()
    return Norm(float(held), middles, count)


@cache
def _asset(name: str) -> str:
    return (files("lamina.diagnosis.explain") / "assets" / name).read_text("utf-8")
