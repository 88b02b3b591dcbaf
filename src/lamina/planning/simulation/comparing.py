"""Policies beside each other over many seeds: means, and how far chance moves them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from math import isfinite
from typing import Any

import numpy as np

from lamina.planning.simulation.scores import Score

RESAMPLES = 2000
LEVEL = 0.95
"""Of the intervals."""
_SEED = 7
_POOLED = "decision_ms_p99"


def compared(scores: Mapping[str, Sequence[Score]]) -> dict[str, dict[str, Any]]:
    """Policy -> its figures (see `Score.figures`), means over the seeds.

    Beside them `interval`: figure -> ends of its bootstrap interval over seeds; `beside`: other
    policy -> `ratio_oracle4` and `gpu_seconds`, each the mean difference (this one less the
    other) and its interval, the seeds resampled in pairs; `seeds`: `ratio_oracle4` of each;
    `accelerator`: seeds for which each was the one of the two-way oracle. Figures of
    which no seed has any are None.

    Args:
        scores: policy -> its scores; those of a place are all of one seed.
    """
    figures = {name: _columns(found) for name, found in scores.items()}
    count = max((len(found) for found in scores.values()), default=0)
    picks = np.random.default_rng(_SEED).integers(0, max(count, 1), (RESAMPLES, max(count, 1)))
    told: dict[str, dict[str, Any]] = {}
    for name, columns in figures.items():
        told[name] = {key: _plain(_mean(values)) for key, values in columns.items()}
        told[name][_POOLED] = _pooled(scores[name])
        told[name]["accelerator"] = _counts([one.accelerator for one in scores[name]])
        told[name]["interval"] = {
            key: ends for key, values in columns.items() if (ends := interval(values, picks))
        }
        told[name]["beside"] = {
            other: {key: _difference(columns[key], theirs[key], picks) for key in _PAIRED}
            for other, theirs in figures.items()
            if other != name
        }
        told[name]["seeds"] = [_plain(float(one)) for one in columns["ratio_oracle4"]]
    return told


_PAIRED = ("ratio_oracle4", "gpu_seconds")


def interval(values: np.ndarray, picks: np.ndarray) -> list[float]:
    """Ends of the bootstrap interval of a mean; empty for one seed, or where one has no figure."""
    if len(values) < 2 or not np.isfinite(values).all():
        return []
    means = values[picks].mean(axis=1)
    ends = np.quantile(means, [(1.0 - LEVEL) / 2, (1.0 + LEVEL) / 2])
    return [float(one) for one in ends]


def _difference(ours: np.ndarray, theirs: np.ndarray, picks: np.ndarray) -> dict[str, Any]:
    apart = ours - theirs
    return {"mean": _plain(_mean(apart)), "interval": interval(apart, picks)}


def _columns(scores: Sequence[Score]) -> dict[str, np.ndarray]:
    rows = [one.figures() for one in scores]
    return {key: np.array([row[key] for row in rows]) for key in (rows[0] if rows else {})}


def _mean(values: np.ndarray) -> float:
    known = values[np.isfinite(values)]
    return float(known.mean()) if known.size else float("nan")


def _pooled(scores: Sequence[Score]) -> float | None:
    """99th percentile over the decisions of all seeds, in milliseconds."""
    taken = np.concatenate([one.decisions for one in scores]) if scores else np.zeros(0)
    return float(np.quantile(taken, 0.99)) * 1e3 if taken.size else None


def _counts(names: Sequence[str]) -> dict[str, int]:
    return {name: names.count(name) for name in dict.fromkeys(names) if name}


def _plain(value: float) -> float | None:
    return value if isfinite(value) else None
