"""How far probabilities can be believed, and how they are made believable."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from lamina.diagnosis.runs import Floats, Numbers

BINS = 10
"""Bins of the expected calibration error."""
WANTED = 0.95
"""Share of answers that are to be right where "unsure" may be said."""


@dataclass(frozen=True)
class Calibration:
    """What turns a detector's scores into probabilities.

    Args:
        temperature: the scores are divided by it.
        unsure_below: the least probability with which a class is said.
    """

    temperature: float = 1.0
    unsure_below: float = 0.5

    def probabilities(self, scores: Floats) -> Floats:
        """Probabilities (n, classes) of scores (n, classes)."""
        return softmax(scores / self.temperature)


def softmax(scores: Floats) -> Floats:
    """Rows of scores as rows of probabilities."""
    raised = np.exp(scores - scores.max(axis=1, keepdims=True))
    return np.asarray(raised / raised.sum(axis=1, keepdims=True))


def calibrated(scores: Floats, targets: Numbers) -> Calibration:
    """The calibration that fits scores of runs that were not learnt from.

    The temperature has the least cross-entropy (C. Guo et al., "On calibration of modern neural
    networks", 2017). "Unsure" is said below the least probability from which on `WANTED` of the
    answers are right; half of the runs get an answer whatever comes of it.
    """
    if not len(targets):
        return Calibration()
    temperature = _temperature(scores, targets)
    found = softmax(scores / temperature)
    return Calibration(temperature, _unsure_below(found, targets))


def _temperature(scores: Floats, targets: Numbers) -> float:
    """By golden-section search on its logarithm; the cross-entropy has one valley there."""
    low, high = np.log(0.05), np.log(50.0)
    ratio = (np.sqrt(5.0) - 1.0) / 2.0
    for _ in range(60):
        left, right = high - ratio * (high - low), low + ratio * (high - low)
        if _loss(scores, targets, np.exp(left)) <= _loss(scores, targets, np.exp(right)):
            high = right
        else:
            low = left
    return float(np.exp((low + high) / 2.0))


def _loss(scores: Floats, targets: Numbers, temperature: float) -> float:
    found = softmax(scores / temperature)[np.arange(len(targets)), targets]
    return float(-np.log(np.maximum(found, 1e-12)).mean())


def _unsure_below(found: Floats, targets: Numbers) -> float:
    sure = found.max(axis=1)
    right = found.argmax(axis=1) == targets
    order = np.argsort(-sure, kind="stable")
    shares = np.cumsum(right[order]) / np.arange(1, len(order) + 1)
    enough = np.flatnonzero(shares >= WANTED)
    last = max(int(enough[-1]) if len(enough) else 0, (len(order) - 1) // 2)
    return 0.0 if last == len(order) - 1 else float(sure[order[last]])


def calibration_error(found: Floats, targets: Numbers, bins: int = BINS) -> float:
    """Expected calibration error: mean distance of probability and share of right answers.

    Args:
        found: probabilities (n, classes).
        targets: class numbers (n,).
        bins: of equal width, by the probability of the class that is said.
    """
    sure = found.max(axis=1)
    right = found.argmax(axis=1) == targets
    where = np.minimum((sure * bins).astype(np.int64), bins - 1)
    total = 0.0
    for place in range(bins):
        inside = where == place
        if inside.any():
            total += float(inside.mean()) * abs(
                float(sure[inside].mean()) - float(right[inside].mean())
            )
    return total
