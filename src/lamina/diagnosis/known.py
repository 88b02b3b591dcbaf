"""Which runs a detector can judge: those whose jobs are like the ones that it learnt from."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

import numpy as np

from lamina.diagnosis.runs import Floats, Run

Ranges = Mapping[str, Mapping[str, Sequence[float]]]
"""Type of job -> "jobs" of a run, seconds of "cpu" and bytes staged in of a job: least and most."""

_TIMES = 2.0
"""Times as many, as long or as large as the most that was learnt from, or a part of the least."""
_FLOORS = {"jobs": 2.0, "cpu": 5.0, "stage_in_bytes": 1e6}
"""Differences that never matter."""
_NAMES = tuple(_FLOORS)


def ranges_of(runs: Iterable[Run]) -> dict[str, dict[str, list[float]]]:
    """What jobs of each type were like in runs."""
    found: dict[str, dict[str, list[float]]] = {}
    for run in runs:
        for kind, told in _of_kinds(run).items():
            own = found.setdefault(kind, {})
            for name, value in told.items():
                low, high = own.get(name, (value, value))
                own[name] = [min(low, value), max(high, value)]
    return found


def share_known(run: Run, ranges: Ranges) -> float:
    """Part of the jobs of a run that are like those of which ranges are known; 0 of none."""
    known = 0
    for kind, told in _of_kinds(run).items():
        own = ranges.get(kind)
        if own is not None and all(_within(told[one], own[one], one) for one in told if one in own):
            known += int(told["jobs"])
    return known / max(1, len(run.table))


def share_there(run: Run, ranges: Ranges) -> float:
    """Jobs of a run for each that the smallest of the known ones had: 0.5 where half is missing."""
    usual = sum(kind["jobs"][0] for kind in ranges.values() if "jobs" in kind)
    return len(run.table) / max(1.0, usual)


def _within(value: float, span: Sequence[float], name: str) -> bool:
    floor = _FLOORS[name]
    return span[0] / _TIMES - floor <= value <= span[1] * _TIMES + floor


def _of_kinds(run: Run) -> dict[str, dict[str, float]]:
    """Type of job -> how many, and the medians of what they used, as far as it is told."""
    kinds = np.array(run.table.kinds, dtype=object)
    found = {}
    for kind in dict.fromkeys(run.table.kinds):
        rows = kinds == kind
        told = {
            name: _middle(run.table.used[name][rows]) for name in _NAMES if name in run.table.used
        }
        found[kind] = {
            "jobs": float(rows.sum()),
            **{name: value for name, value in told.items() if np.isfinite(value)},
        }
    return found


def _middle(values: Floats) -> float:
    there = values[np.isfinite(values)]
    return float(np.median(there)) if len(there) else np.nan
