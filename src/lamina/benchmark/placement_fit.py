"""What predicting costs and what it is worth: a log of placed tasks, and made-up ones."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from lamina.estimates import PREDICTORS, prequential
from lamina.estimates.base import Work
from lamina.estimates.placement_log import Placed, read_log
from lamina.estimates.stages import Load, RuntimeEstimates

RUNTIMES = {"edge": (1.53, 1.84), "cpu": (1.418, 7.1), "gpu1": (0.265, 24.6), "gpu2": (0.19, 22.3)}
"""Seconds per image and besides, as the paper's processing times were."""
DEPLOYMENT = {"edge": 0.0, "cpu": 16.0, "gpu1": 22.0, "gpu2": 35.0}
"""Median seconds."""
REGIMES: dict[str, tuple[float, float, float]] = {
    "steady": (0.0, 0.0, 0.0),
    "changes": (0.04, 0.35, 0.0),
    "outliers": (0.0, 0.0, 0.08),
}
"""Name -> how likely a row begins a new regime, how far regimes lie apart (of logarithms), and
how likely a row is an outlier."""

Say = Callable[[str], None]


def made_log(regime: str, seed: int, rows: int = 256) -> list[Placed]:
    """A log of batches whose sizes and times follow laws, with changes or outliers.

    Args:
        regime: of REGIMES.
        seed: equal seeds give equal logs.
        rows: how many, over all runtimes.
    """
    often, apart, outliers = REGIMES[regime]
    source = np.random.default_rng([seed, rows, *regime.encode()])
    level = dict.fromkeys(RUNTIMES, (1.0, 1.0))
    found = []
    for number in range(rows):
        name = tuple(RUNTIMES)[number % len(RUNTIMES)]
        if source.random() < often:
            run, wait = np.exp(apart * source.standard_normal(2))
            level[name] = float(run), float(wait)
        slope, fixed = RUNTIMES[name]
        items = float(np.clip(np.round(source.lognormal(3.541, 1.274)), 1, 2450))
        wild = float(source.uniform(1.5, 4.0)) if source.random() < outliers else 1.0
        run = level[name][0] * (slope * items + fixed) * source.lognormal(0.0, 0.12) * wild
        wait = level[name][1] * DEPLOYMENT[name] * source.lognormal(0.0, 0.5)
        found.append(
            Placed(120.0 * number, items, name, 0.062 * items, float(wait), float(run),
                   float(wait + run), False)
        )  # fmt: skip
    return found


def placement_fit(
    log: Path | None = None, seeds: int = 3, say: Say = lambda _: None
) -> dict[str, Any]:
    """Errors, coverage and cost of the predictors.

    Keys: `log` (as `lamina place fit --json` gives, None without a log),
    `made.<regime>.gain` (how far `default` lies below `ransac-10`, over all seeds),
    `made.<regime>.coverage.<level>`, `milliseconds.<predictor>.{update,predict}` (99th
    percentile, of the processor), `milliseconds.runtime` (a runtime with
    all seven stages, likewise).

    Args:
        log: in the STOIC authors' format.
        seeds: made-up logs of each regime.
        say: takes a line of progress.
    """
    found: dict[str, Any] = {"log": None, "made": {}, "milliseconds": {}}
    if log is not None:
        found["log"] = prequential.fit(read_log(log))
        say(f"{log}: {found['log']['gain'].get('pooled', 0.0):.1%} below ransac-10")
    for regime in REGIMES:
        logs = [made_log(regime, seed) for seed in range(seeds)]
        found["made"][regime] = made = _made(logs)
        say(f"{regime}: {made['gain']:.1%} below ransac-10, coverage {made['coverage']}")
    for name in PREDICTORS.names():
        found["milliseconds"][name] = _cost(name)
    found["milliseconds"]["runtime"] = _whole_cost()
    return found


def _made(logs: Sequence[Sequence[Placed]]) -> dict[str, Any]:
    fits = [prequential.fit(rows) for rows in logs]
    errors = {
        name: float(np.mean([one["pooled"][name]["mae"] for one in fits]))
        for name in prequential.PROCESSING
    }
    levels = fits[0]["coverage"]["pooled"]
    return {
        "mae": errors,
        "gain": 1.0 - errors["default"] / errors["ransac-10"],
        "coverage": {
            level: float(np.mean([one["coverage"]["pooled"][level] for one in fits]))
            for level in levels
        },
    }


def _cost(name: str, rounds: int = 150) -> dict[str, float]:
    predictor = PREDICTORS.get(name)()
    source = np.random.default_rng(0)
    spent: dict[str, list[float]] = {"update": [], "predict": []}
    for size in source.lognormal(3.5, 1.0, rounds):
        begin = time.thread_time()
        predictor.predict(Work(float(size)))
        middle = time.thread_time()
        predictor.update(Work(float(size)), 0.3 * float(size) + 20.0)
        spent["predict"].append(middle - begin)
        spent["update"].append(time.thread_time() - middle)
    return {word: float(np.quantile(times, 0.99)) * 1e3 for word, times in spent.items()}


def _whole_cost(rounds: int = 150) -> float:
    estimates = RuntimeEstimates.usual()
    source = np.random.default_rng(0)
    spent = []
    for number in range(rounds):
        load = Load(float(source.lognormal(3.5, 1.0)), upload=1e6, fetch=1e4, at=60.0 * number)
        begin = time.thread_time()
        estimates.predict(load)
        spent.append(time.thread_time() - begin)
        for stage in estimates.stages:
            estimates.update(stage, load, float(source.lognormal(2.0, 0.3)))
    return float(np.quantile(spent, 0.99)) * 1e3
