"""Other policies judged by what is known of the chosen runtimes only: weights, no simulation."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

RESAMPLES = 2000
_SEED = 5


@dataclass(frozen=True)
class Weighed:
    """A job of a log beside what another policy would have done.

    Args:
        latency: seconds that it took.
        chance: with which the log's policy did what it did.
        wanted: chance with which the other one would have done the same.
        expected: seconds that the other one's choice was expected to take; NaN where unknown.
        said: seconds that what was done was expected to take; NaN where unknown.
    """

    latency: float
    chance: float
    wanted: float
    expected: float
    said: float


def weighed(rows: Sequence[Weighed]) -> dict[str, Any]:
    """What another policy's mean latency would have been, from the log's own outcomes.

    Keys: `jobs`; `same` (jobs for which both did the same), `effective` (jobs that the weights are
    worth), `mean` (self-normalised inverse-propensity estimate) and `interval` (its 95 % bootstrap
    interval), `model` (what predictions alone say), `doubly_robust` (predictions, mended by the
    weights where the choice was the same).
    """
    latency = np.array([one.latency for one in rows])
    weights = np.array([one.wanted / one.chance for one in rows])
    expected = np.array([one.expected for one in rows])
    said = np.array([one.said for one in rows])
    known = np.isfinite(expected) & np.isfinite(said)
    mended = expected[known] + weights[known] * (latency[known] - said[known])
    return {
        "jobs": len(rows),
        "same": int(sum(one.wanted > 0.0 for one in rows)),
        "effective": float(weights.sum() ** 2 / (weights**2).sum()) if weights.any() else 0.0,
        "mean": _ratio(weights * latency, weights),
        "interval": _interval(weights * latency, weights),
        "model": float(expected[known].mean()) if known.any() else None,
        "doubly_robust": float(mended.mean()) if known.any() else None,
    }


def _ratio(above: np.ndarray, below: np.ndarray) -> float | None:
    return float(above.sum() / below.sum()) if below.sum() > 0.0 else None


def _interval(above: np.ndarray, below: np.ndarray) -> list[float]:
    """Jobs are resampled; resamples without any weight say nothing."""
    if len(above) < 2:
        return []
    picks = np.random.default_rng(_SEED).integers(0, len(above), (RESAMPLES, len(above)))
    sums = below[picks].sum(axis=1)
    means = above[picks].sum(axis=1)[sums > 0.0] / sums[sums > 0.0]
    if len(means) < RESAMPLES / 2:
        return []
    return [float(one) for one in np.quantile(means, [0.025, 0.975])]
