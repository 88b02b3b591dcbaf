"""What a report's page is given: a trace as columns of small numbers, so that many tasks fit."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from lamina.traces.gantt.axis import Axis
from lamina.traces.gantt.palette import BAD, LOOKS, MARKS
from lamina.traces.statistics import told_path
from lamina.traces.trace import Attempt, Trace
from lamina.traces.usual import Norms, norms_of

TICKS = 10_000
"""Ticks per second of the page's times, which are whole numbers."""

CURVES = 24
"""Attempts whose told metrics are drawn; those of later ones are left out."""

POINTS = 400
"""Points of a drawn curve."""

_LAST = 40
"""Lines of a failed attempt's log."""


def columns_of(
    trace: Trace, others: Sequence[Trace] = (), norms: Norms | None = None
) -> dict[str, Any]:
    """The trace as plain values, for JSON; times are ticks of working time since the begin.

    Args:
        trace: of a run.
        others: runs that say how long its jobs usually take; the run itself where there are none.
        norms: what is usual for each job, where that is known already.
    """
    axis = Axis.of(trace)
    attempts = trace.attempts
    tasks, sites = _Words(), _Words()
    workers, reasons, statuses = _Words(), _Words(), _Words()
    place = {id(one): index for index, one in enumerate(attempts)}
    lanes = trace.lanes
    types = {one.task: one.type for one in attempts}
    numbers, usual = _usual(attempts, norms or norms_of(trace, others))
    return {
        "ticks": TICKS,
        "length": _ticks(axis.length),
        "sessions": [[one.begin, _ticks(axis.at(one.begin))] for one in trace.sessions],
        "phases": [[name, look.title, look.colour, look.dark] for name, look in LOOKS.items()],
        "bad": [BAD.colour, BAD.dark],
        "words": {status: mark.word for status, mark in MARKS.items()},
        "attempts": {
            "task": [tasks.number(one.task) for one in attempts],
            "number": [one.number for one in attempts],
            "status": [statuses.number(one.status) for one in attempts],
            "worker": [workers.number(one.worker) for one in attempts],
            "lane": [lanes[i][1] if i in lanes else -1 for i in range(len(attempts))],
            "reason": [reasons.number(one.reason) for one in attempts],
            "usual": numbers,
            **_times(attempts, axis),
            **{name: _usage(attempts, key) for name, key in _USAGE.items()},
        },
        "more": {str(i): told for i, one in enumerate(attempts) if (told := _more(one))},
        "tasks": tasks.found(),
        "site": [sites.number(types[task]) for task in tasks.found()],
        "sites": sites.found(),
        "workers": workers.found(),
        "statuses": statuses.found(),
        "reasons": reasons.found(),
        "usual": usual,
        "simulated": trace.simulated,
        "critical": [place[id(one)] for one in told_path(trace)],
        "skipped": [[task, why] for task, why in trace.skipped.items() if task not in trace.last],
        "notices": [
            [_ticks(axis.at(one.time)), one.what, one.task, one.text] for one in trace.notices
        ],
        "curves": _curves(trace),
        "curves_left_out": max(len(trace.metrics) - CURVES, 0),
    }


_USAGE = {"cpu": "cpu", "memory": "memory_peak", "read": "bytes_read", "written": "bytes_written"}


class _Words:
    """Texts by number, each kept once."""

    def __init__(self) -> None:
        self._numbers: dict[str, int] = {}

    def number(self, text: str) -> int:
        return self._numbers.setdefault(text, len(self._numbers))

    def found(self) -> list[str]:
        return list(self._numbers)


def _usual(attempts: Iterable[Attempt], norms: Norms) -> tuple[list[int], list[list[int]]]:
    """Of each attempt which of the norms is its, or -1; and the norms: ticks from stage in to
    stage out, those of each phase in the order of LOOKS, and of how many attempts they are."""
    numbers: dict[int, int] = {}
    told: list[list[int]] = []
    found = []
    for one in attempts:
        usual = norms.of(one)
        if usual is None:
            found.append(-1)
            continue
        if id(usual) not in numbers:
            numbers[id(usual)] = len(told)
            phases = [_ticks(usual.phases.get(name, 0.0)) for name in LOOKS]
            told.append([_ticks(usual.seconds), *phases, usual.count])
        found.append(numbers[id(usual)])
    return found, told


def _ticks(seconds: float) -> int:
    return round(seconds * TICKS)


def _times(attempts: Iterable[Attempt], axis: Axis) -> dict[str, list[int]]:
    """Ready, begin and end of each attempt, and its phases: how many, and a flat list of them.

    A phase is three numbers: which, the ticks since the one before it ended (since ready, for
    the first), and how many it took.
    """
    order = {name: number for number, name in enumerate(LOOKS)}
    found: dict[str, list[int]] = {"ready": [], "begin": [], "end": [], "count": [], "spans": []}
    for one in attempts:
        ready, begin, end = (_ticks(axis.at(time)) for time in (one.ready, one.begin, one.end))
        found["ready"].append(ready)
        found["begin"].append(begin - ready)
        found["end"].append(end - begin)
        found["count"].append(len(one.phases))
        at = ready
        for phase in one.phases:
            first, last = _ticks(axis.at(phase.begin)), _ticks(axis.at(phase.end))
            found["spans"] += [order.get(phase.name, order["run"]), first - at, last - first]
            at = last
    return found


def _usage(attempts: Iterable[Attempt], key: str) -> list[float | None]:
    """One figure of each attempt, rounded; an empty list where no attempt tells it."""
    found = [one.usage.get(key) for one in attempts]
    if all(value is None for value in found):
        return []
    digits = 6 if key == "cpu" else 0  # many short tasks have their times added up
    rounded = [None if value is None else round(value, digits) for value in found]
    return rounded if digits else [None if value is None else int(value) for value in rounded]


def _more(one: Attempt) -> dict[str, Any]:
    """What only some attempts have, for the details."""
    found: dict[str, Any] = {}
    if one.error:
        found["error"] = {
            key: one.error[key] for key in ("cause", "details", "way_out") if one.error.get(key)
        }
        last = one.error.get("last") or []
        lines = last.splitlines() if isinstance(last, str) else [str(line) for line in last]
        found["last"] = lines[-_LAST:]
    if one.exit is not None:
        found["exit"] = one.exit
    if one.gpus:
        found["gpus"] = list(one.gpus)
    if one.folder:
        found["folder"] = one.folder
    if found:
        found |= {"host": one.host, "pid": one.pid}
    return found


def _curves(trace: Trace) -> list[dict[str, Any]]:
    """The told metrics as curves: numbers by name, over epochs where they are told."""
    found = []
    for (task, number), told in list(trace.metrics.items())[:CURVES]:
        rows: list[Mapping[str, Any]] = [values for _, values in told]
        over = next((name for name in _OVER if any(name in row for row in rows)), "")
        rows = [row for row in rows if not over or _number(row.get(over)) is not None]
        step = -(-len(rows) // POINTS)
        rows = [rows[i] for i in sorted({*range(0, len(rows), step or 1), len(rows) - 1}) if rows]
        names = dict.fromkeys(
            name for row in rows for name, value in row.items() if _number(value) is not None
        )
        found.append(
            {
                "task": task,
                "attempt": number,
                "over": over,
                "x": [_number(row[over]) if over else i for i, row in enumerate(rows, start=1)],
                "series": {
                    name: [_number(row.get(name)) for row in rows] for name in names if name != over
                },
            }
        )
    return _changing(found)


_OVER = ("epoch", "step", "iteration", "turn")
"""Names of what a curve is drawn over."""


def _changing(curves: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Without series that tell one number only, such as how many epochs there will be."""
    seen: dict[str, set[Any]] = {}
    for curve in curves:
        for name, values in curve["series"].items():
            seen.setdefault(name, set()).update(value for value in values if value is not None)
    for curve in curves:
        curve["series"] = {
            name: values for name, values in curve["series"].items() if len(seen[name]) > 1
        }
    return [curve for curve in curves if curve["series"]]


def _number(value: Any) -> float | None:
    """A finite number, short; None for everything else."""
    if isinstance(value, bool) or not isinstance(value, int | float):
        return None
    found = float(value)
    return float(f"{found:.6g}") if abs(found) < 1e300 else None
