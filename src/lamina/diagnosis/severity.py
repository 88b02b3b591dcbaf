"""How strong an anomaly is: the level that a run looks most like, of those that were learnt from
and of what lies between them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from lamina.diagnosis.calibration import softmax
from lamina.diagnosis.detectors.default import columns_of
from lamina.diagnosis.detectors.default_batches import Batches, batches_of
from lamina.diagnosis.runs import Collection, Floats, Numbers, Run
from lamina.diagnosis.statistics import Layout, layout_of, statistics_of
from lamina.diagnosis.verdict import Severity
from lamina.errors import BundleError

INSIDE = 0.8
"""Share of runs whose level is to lie between `low` and `high`."""

_STEPS = 8
"""Places between two neighbouring levels that are tried, counting the upper one."""
_SOFTER = (1.0, 2.0, 4.0, 8.0, 16.0, 32.0, 64.0)
"""What log densities are divided by until enough levels lie inside."""


@dataclass(frozen=True, eq=False)
class Severities:
    """What tells levels.

    Args:
        classes: names of the classes that have levels.
        layout, batches: of the columns that are looked at.
        softer: class -> what log densities are divided by, so that ranges hold what they promise.
    """

    classes: tuple[str, ...]
    layout: Layout
    batches: Batches
    softer: Mapping[str, float]

    def of(self, runs: Sequence[Run], name: str) -> list[Severity | None]:
        """Levels of runs in which an anomaly of the class `name` happened; None where it has no
        levels that could be told apart."""
        if name not in self.softer or not runs:
            return [None] * len(runs)
        rows = statistics_of(runs, self.layout)
        found = _ranges(self.batches, self.classes.index(name), rows, self.softer[name])
        return [Severity(*row) for row in found.tolist()]

    def to_parts(self) -> tuple[dict[str, Any], dict[str, NDArray[Any]]]:
        """A plain document, and arrays."""
        document = {
            "classes": list(self.classes),
            "columns": [list(pair) for pair in self.layout.columns],
            "batches": self.batches.to_document(),
            "softer": dict(self.softer),
        }
        return document, self.batches.to_arrays()

    @classmethod
    def from_parts(
        cls, document: Mapping[str, Any], arrays: Mapping[str, NDArray[Any]]
    ) -> Severities:
        """The same again. Raises BundleError where something is missing."""
        try:
            return cls(
                tuple(document["classes"]),
                Layout(tuple((kind, what) for kind, what in document["columns"])),
                Batches.from_parts(document["batches"], arrays),
                dict(document["softer"]),
            )
        except KeyError as error:
            raise BundleError(f"severity has no {error.args[0]}", "train it again") from None


def severities_of(runs: Collection) -> Severities | None:
    """What tells the levels of labelled runs; None where no class has two.

    How wide ranges have to be is measured on batches that are held out in turn.
    """
    able = [k for k in range(len(runs.classes)) if len(_levels(runs, k)) > 1]
    if not able:
        return None
    whole = layout_of(runs.runs)
    layout = Layout(tuple(whole.columns[place] for place in columns_of(whole).tolist()))
    rows = statistics_of(runs.runs, layout)
    softer = {runs.classes[k]: _softness(runs, rows, k) for k in able}
    return Severities(runs.classes, layout, batches_of(runs, rows), softer)


def _softness(runs: Collection, rows: Floats, target: int) -> float:
    """The least softness with which enough levels lie inside, each batch judged by the others.

    A level below or above all that is left cannot be found and does not count.
    """
    names = np.array(runs.batches)
    mine = runs.targets == target
    judged: list[tuple[Batches, Numbers]] = []
    for batch in dict.fromkeys(names[mine].tolist()):
        rest = np.flatnonzero(names != batch)
        others = runs.taken(rest)
        left = _levels(others, target)
        if len(left) > 1:
            fair = (runs.levels >= min(left)) & (runs.levels <= max(left))
            own = np.flatnonzero((names == batch) & mine & fair)
            judged.append((batches_of(others, rows[rest]), own))
    for softer in _SOFTER:
        inside = []
        for batches, own in judged:
            found = _ranges(batches, target, rows[own], softer)
            inside.append((runs.levels[own] >= found[:, 1]) & (runs.levels[own] <= found[:, 2]))
        if sum(map(len, inside)) and np.concatenate(inside).mean() >= INSIDE:
            return softer
    return _SOFTER[-1]


def _levels(runs: Collection, target: int) -> set[float]:
    told = runs.levels[runs.targets == target]
    return set(told[np.isfinite(told)].tolist())


def _ranges(batches: Batches, target: int, rows: Floats, softer: float) -> Floats:
    """(n, 3): expected level, and between which it lies."""
    own = (batches.of[: batches.real] == target) & np.isfinite(batches.levels)
    there = sorted(set(batches.levels[own].tolist()))
    means = batches.means[: batches.real]
    middles = np.array([means[own & (batches.levels == level)].mean(axis=0) for level in there])
    steps = np.linspace(0.0, len(there) - 1.0, (len(there) - 1) * _STEPS + 1)
    lower = np.minimum(steps.astype(np.int64), len(there) - 2)
    part = (steps - lower)[:, None]
    path = (1 - part) * middles[lower] + part * middles[lower + 1]
    grid = np.interp(steps, np.arange(len(there)), there)
    away = batches.scaled(rows)[:, None, :] - path
    weight = softmax(batches.fits(away, batches.new()) / softer)
    mass = weight.cumsum(axis=1)
    low = grid[(mass >= (1 - INSIDE) / 2).argmax(axis=1)]
    high = grid[(mass >= (1 + INSIDE) / 2 - 1e-9).argmax(axis=1)]
    level = np.clip(weight @ grid, low, high)
    return np.stack([level, low, high], axis=1)
