"""A one-class support vector machine: the region where normal runs lie.

B. Schoelkopf et al., "Estimating the support of a high-dimensional distribution" (2001), with a
Gaussian kernel. The dual problem is solved by moving weight between the two runs that violate its
conditions most (J. Platt's sequential minimal optimisation).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np

from lamina.diagnosis.detectors.base import Arrays, Parts
from lamina.diagnosis.novelty.cells import Cells
from lamina.diagnosis.novelty.on_cells import Judge, OnCells
from lamina.diagnosis.runs import Floats
from lamina.errors import DataError

_TOLERANCE = 1e-6
_STEPS = 100_000


class OneClass(OnCells):
    """Options: `nu`, the share of normal runs that may lie outside (0.1); `false_alarms`."""

    title: ClassVar[str] = "one-class support vector machine on deviations from usual"
    known: ClassVar[Mapping[str, Any]] = {"nu": 0.1}

    def judge(self, cells: Cells, normal: Floats, wish: Mapping[str, Any], seed: int) -> Judge:
        """Learns the region; its width is that of the deviations over all cells."""
        del cells, seed
        share = float(wish["nu"])
        if not 0 < share <= 1:
            raise DataError(f"nu cannot be {share}", "give a share above 0, at most 1")
        spread = float(normal.var()) or 1.0
        width = 1.0 / (max(normal.shape[1], 1) * spread)
        weights = solved(_kernel(normal, normal, width), share)
        kept = weights > 0
        return Region(normal[kept], weights[kept], width)

    def judge_of(self, cells: Cells, document: Mapping[str, Any], arrays: Arrays) -> Judge:
        """From supports, their weights and the width."""
        del cells
        return Region(arrays["supports"], arrays["weights"], float(document["width"]))


@dataclass(frozen=True, eq=False)
class Region:
    """Supports (m, cells), their weights (m,), and the width of the kernel."""

    supports: Floats
    weights: Floats
    width: float

    def evidence(self, deviations: Floats) -> Floats:
        """(n, 1): minus the logarithm of the kernel density, which tells how far a run is
        outside where the density itself is nearly 0."""
        away = -self.width * _distances(deviations, self.supports) + np.log(self.weights)
        return np.asarray(-np.logaddexp.reduce(away, axis=1)[:, None])

    def score(self, parts: Floats, joint: Floats) -> Floats:
        """The one part."""
        del joint
        return np.asarray(parts.sum(axis=1))

    def to_parts(self) -> Parts:
        """Everything."""
        return {"width": self.width}, {"supports": self.supports, "weights": self.weights}


def _distances(one: Floats, two: Floats) -> Floats:
    squares = (one**2).sum(axis=1)[:, None] + (two**2).sum(axis=1) - 2 * one @ two.T
    return np.asarray(np.maximum(squares, 0.0))


def _kernel(one: Floats, two: Floats, width: float) -> Floats:
    return np.asarray(np.exp(-width * _distances(one, two)))


def solved(kernel: Floats, share: float) -> Floats:
    """Weights from 0 to 1 / (share n) that sum to 1, with the least w' K w."""
    count = len(kernel)
    most = 1.0 / (share * count)
    weights = np.full(count, 1.0 / count)
    slope = kernel @ weights
    for _ in range(_STEPS):
        gains = np.where(weights < most - 1e-12, slope, np.inf)
        losses = np.where(weights > 1e-12, slope, -np.inf)
        up, down = int(gains.argmin()), int(losses.argmax())
        excess = losses[down] - gains[up]
        if not excess > _TOLERANCE:
            break
        curve = kernel[up, up] + kernel[down, down] - 2 * kernel[up, down]
        step = min(excess / max(curve, 1e-12), most - weights[up], weights[down])
        weights[up] += step
        weights[down] -= step
        slope += step * (kernel[:, up] - kernel[:, down])
    return np.where(weights > 1e-9, weights, 0.0)
