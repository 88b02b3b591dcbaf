"""Predictors measured as they are used: each row is predicted, then seen."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any

import numpy as np

from lamina.estimates import PREDICTORS
from lamina.estimates.base import Work
from lamina.estimates.intervals import AdaptiveIntervals
from lamina.estimates.placement_log import Placed
from lamina.estimates.stages import Load, RuntimeEstimates

BOOTSTRAP = 2
"""Rows of each runtime that are seen before the first is predicted, as the paper's two runs."""

PROCESSING = (
    "ransac-10", "bayesian-ridge-10", "relative-huber", "decayed-line", "levelled-line", "nearby",
    "default",
)  # fmt: skip
DEPLOYMENT = ("auto-regression", "mean-window", "median-window", "decayed-quantiles")
TRANSFER = ("bandwidth-division", "link")

Pairs = Sequence[tuple[Work, float]]


def errors(name: str, pairs: Pairs, bootstrap: int = BOOTSTRAP) -> list[float]:
    """What a predictor missed by, in seconds, too much being positive.

    Args:
        name: of a predictor.
        pairs: what was known, and the seconds that it took; oldest first.
        bootstrap: how many of them are seen before the first is predicted.
    """
    predictor = PREDICTORS.get(name)()
    missed = []
    for number, (work, seconds) in enumerate(pairs):
        if number >= bootstrap:
            missed.append(predictor.predict(work).quantile(0.5) - seconds)
        predictor.update(work, seconds)
    return missed


def fit(rows: Sequence[Placed]) -> dict[str, Any]:
    """Prequential errors of the predictors of each stage, and coverage of intervals of the total.

    Under `runtimes.<runtime>.<predictor>` and `pooled.<predictor>` stand `mae` (seconds) and
    `count` of processing times; `deployment` and `transfer` hold the same for these stages;
    `coverage` holds, as `pooled.<level>` and `runtimes.<runtime>.<level>` with levels in percent,
    the part of totals inside the interval.
    """
    by_runtime: dict[str, list[Placed]] = {}
    for row in rows:
        by_runtime.setdefault(row.runtime, []).append(row)
    processing = _table(by_runtime, PROCESSING, lambda one: (one.items, one.processing))
    return {
        "rows": len(rows),
        "bootstrap": BOOTSTRAP,
        "runtimes": processing["runtimes"],
        "pooled": processing["pooled"],
        "gain": _gains(processing),
        "deployment": _table(by_runtime, DEPLOYMENT, lambda one: (0.0, one.deployment)),
        "transfer": _table(by_runtime, TRANSFER, lambda one: (one.items, one.transfer)),
        "coverage": _coverage({name: intervals(own) for name, own in by_runtime.items()}),
    }


def intervals(rows: Iterable[Placed]) -> AdaptiveIntervals:
    """The intervals of the totals of one runtime, once they have seen all its rows."""
    estimates = RuntimeEstimates.usual("upload", "deployment", "processing", overlaps=False)
    without = RuntimeEstimates(
        {name: one for name, one in estimates.stages.items() if name != "upload"}, overlaps=False
    )
    without.intervals = estimates.intervals  # one record of hits, whatever a total includes
    for number, row in enumerate(rows):
        load = Load(row.items, upload=row.items, at=row.at)
        if number >= BOOTSTRAP:
            (estimates if row.with_transfer else without).finished(load, row.total)
        estimates.update("upload", load, row.transfer)
        estimates.update("deployment", load, row.deployment)
        estimates.update("processing", load, row.processing)
    return estimates.intervals


def _table(
    by_runtime: Mapping[str, Sequence[Placed]],
    names: Sequence[str],
    told: Callable[[Placed], tuple[float, float]],
) -> dict[str, Any]:
    runtimes: dict[str, dict[str, Any]] = {}
    pooled: dict[str, list[float]] = {name: [] for name in names}
    for runtime, rows in by_runtime.items():
        pairs = [(Work(told(row)[0], row.at), told(row)[1]) for row in rows]
        runtimes[runtime] = {}
        for name in names:
            missed = errors(name, pairs)
            pooled[name] += missed
            runtimes[runtime][name] = _figures(missed)
    return {"runtimes": runtimes, "pooled": {name: _figures(one) for name, one in pooled.items()}}


def _figures(missed: Sequence[float]) -> dict[str, Any]:
    known = np.array(missed)[np.isfinite(missed)] if missed else np.zeros(0)
    mae = float(np.abs(known).mean()) if known.size else None
    return {"mae": mae, "count": int(known.size)}


def _gains(processing: Mapping[str, Any]) -> dict[str, float]:
    """How far `default` lies below `ransac-10`, as a part; by runtime, and pooled."""
    pairs = {**processing["runtimes"], "pooled": processing["pooled"]}
    return {
        name: 1.0 - own["default"]["mae"] / own["ransac-10"]["mae"]
        for name, own in pairs.items()
        if own["ransac-10"]["mae"]
    }


def _coverage(found: Mapping[str, AdaptiveIntervals]) -> dict[str, Any]:
    count = sum(one.count for one in found.values())
    levels = next(iter(found.values())).levels if found else ()
    held = sum((one.held for one in found.values()), np.zeros(len(levels)))
    return {
        "count": count,
        "pooled": {
            f"{level:.0%}".rstrip("%"): float(part) / count if count else None
            for level, part in zip(levels, held, strict=True)
        },
        "runtimes": {
            name: {
                f"{level:.0%}".rstrip("%"): part if one.count else None
                for level, part in one.coverage().items()
            }
            for name, one in found.items()
        },
    }
