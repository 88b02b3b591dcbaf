"""How detectors are measured: at random, with whole batches held out, and with a reference."""

from __future__ import annotations

import re
import statistics
from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

import numpy as np

from lamina.diagnosis.calibration import calibrated
from lamina.diagnosis.detectors import DETECTORS
from lamina.diagnosis.detectors.base import Fitting
from lamina.diagnosis.learning import figures_of, measured
from lamina.diagnosis.runs import Collection, Numbers
from lamina.diagnosis.splits import batch_splits, held_batches

PERIOD = timedelta(days=7)
"""Batches whose days are no further apart ran in the same period."""
KNOWN_GOOD = 5
"""Runs of the same period that are known to be good."""
SMALL = ("loss_0.1", "loss_0.5", "loss_1")
"""Labels whose disturbance hardly changes a run; their figure is given apart."""

_STAMP = re.compile(r"\d{8}T\d{6}Z")

Figures = dict[str, Any]
Measure = Callable[[int], Figures]


def over_seeds(measure: Measure, seeds: Sequence[int]) -> Figures:
    """Figures of each seed, brought together.

    Returns:
        accuracy (mean), deviation (of a sample), values (of each seed), macro_f1, ece, answered,
        accuracy_answered (means), confusion (sum), classes, n (of a seed), by_label (means),
        without_small_loss, small_loss (means; None where there are no such runs).
    """
    found = [measure(seed) for seed in seeds]
    accuracy = [one["accuracy"] for one in found]
    means = {
        name: _mean([one[name] for one in found])
        for name in ("macro_f1", "ece", "answered", "accuracy_answered")
    }
    apart = [small_apart(one) for one in found]
    return {
        "accuracy": statistics.mean(accuracy),
        "deviation": statistics.stdev(accuracy) if len(accuracy) > 1 else None,
        "values": accuracy,
        **means,
        **{name: _mean([one[name] for one in apart]) for name in apart[0]},
        "confusion": np.sum([one["confusion"] for one in found], axis=0).tolist(),
        "classes": found[0]["classes"],
        "n": found[0]["n"],
        "by_label": {
            label: _mean([one["by_label"].get(label, {}).get("accuracy") for one in found])
            for label in sorted({label for one in found for label in one["by_label"]})
        },
    }


def small_apart(figures: Mapping[str, Any]) -> dict[str, float | None]:
    """Accuracy without the labels of `SMALL`, and on them alone."""
    parts: dict[str, list[tuple[int, float]]] = {"without_small_loss": [], "small_loss": []}
    for label, told in figures["by_label"].items():
        part = "small_loss" if label in SMALL else "without_small_loss"
        parts[part].append((told["n"], told["accuracy"]))
    return {
        name: sum(n * share for n, share in told) / sum(n for n, _ in told) if told else None
        for name, told in parts.items()
    }


def split_protocol(runs: Collection, detector: str, split: str, device: str = "cpu") -> Measure:
    """Measures a detector on a random split of each seed, or with each batch held out."""

    def measure(seed: int) -> Figures:
        return measured(DETECTORS.get(detector)(), runs, Fitting(seed, device), split)[2]

    return measure


def reference_protocol(runs: Collection, detector: str, device: str = "cpu") -> Measure:
    """Measures a detector that is shown `KNOWN_GOOD` normal runs of the period of each batch.

    Each batch is held out in turn; it is judged where normal runs of its period are there, its
    own if it is a normal one. Those that are shown are drawn by the seed and not judged. Scores
    of each batch are calibrated by those of the others.
    """
    known = references(runs)

    def measure(seed: int) -> Figures:
        part, how = DETECTORS.get(detector)(), Fitting(seed, device)
        scores = np.full((len(runs), len(runs.classes)), np.nan)
        judged: dict[str, Numbers] = {}
        for batch, split in batch_splits(runs):
            if not len(known.get(batch, ())):
                continue
            drawn = np.random.default_rng([seed, *batch.encode()])
            shown = drawn.choice(known[batch], KNOWN_GOOD, replace=False)
            judged[batch] = np.setdiff1d(split.test, shown)
            rest = runs.taken(split.train)
            held = None
            if part.stops_early:
                learnt, kept = held_batches(rest, seed)
                rest, held = rest.taken(learnt), rest.taken(kept)
            fitted = part.fit(rest, held, how)
            scores[judged[batch]] = fitted.scores(
                runs.taken(judged[batch]).runs, runs.taken(shown).runs
            )
        return _cross_calibrated(runs, scores, list(judged.values()))

    return measure


def _cross_calibrated(runs: Collection, scores: Any, folds: Sequence[Numbers]) -> Figures:
    rows = np.concatenate(folds)
    found, unsure = np.empty_like(scores), np.zeros(len(runs))
    for fold in folds:
        others = np.setdiff1d(rows, fold)
        calibration = calibrated(scores[others], runs.targets[others])
        found[fold] = calibration.probabilities(scores[fold])
        unsure[fold] = calibration.unsure_below
    return figures_of(runs.taken(rows), found[rows], unsure[rows])


def references(runs: Collection) -> dict[str, Numbers]:
    """Batch -> rows of the normal runs of its period: those of the batch nearest in time."""
    batches = np.array(runs.batches)
    began = {batch: _begin(batch) for batch in dict.fromkeys(runs.batches)}
    normal = [
        batch
        for batch in began
        if all(runs.runs[row].normal for row in np.flatnonzero(batches == batch))
        and (batches == batch).sum() >= 2 * KNOWN_GOOD
    ]
    found = {}
    for batch, begin in began.items():
        apart = [(abs(at - begin), one) for one in normal if (at := began[one]) and begin]
        nearest = min(apart, default=None)
        if nearest is not None and nearest[0] <= PERIOD:
            found[batch] = np.flatnonzero(batches == nearest[1])
    return found


def _begin(batch: str) -> datetime | None:
    """When a batch began, as its name tells."""
    stamp = _STAMP.search(batch)
    if stamp is None:
        return None
    return datetime.strptime(stamp[0], "%Y%m%dT%H%M%SZ").replace(tzinfo=UTC)


def _mean(values: Sequence[float | None]) -> float | None:
    there = [value for value in values if value is not None]
    return statistics.mean(there) if there else None
