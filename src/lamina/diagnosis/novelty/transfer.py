"""From one workflow to another with few labels: which phases a disturbance moves.

Jobs of two workflows have nothing in common but their phases. For each channel the mean of the
deviations from usual over all jobs, the largest of them, and their precision together stand for a
run of any workflow. In this space the classes of a workflow with many labels lie in directions
from its normal runs (Fisher's discriminants). How far runs of another workflow go in these
directions stands beside the deviations of its own jobs, from which few labels teach the rest.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from lamina.diagnosis.detectors.base import Arrays, Parts
from lamina.diagnosis.novelty.base import enough
from lamina.diagnosis.novelty.cells import TIMES, Cells, cells_of
from lamina.diagnosis.runs import NORMAL, Collection, Floats, Run
from lamina.errors import BundleError, DataError

_LEAST, _MOST = -3.0, 5.0
"""Logarithms of times beyond which a run is not further away."""
_PRECISE = 0.1
"""Brings the precision of a channel to the size of the logarithms beside it."""
_RIDGE = 1e-3
_OWN, _DIAGONAL = 0.1, 0.7
"""Shares of the diagonal in covariances: of many runs, and of few."""


@dataclass(frozen=True, eq=False)
class Knowledge:
    """What many labelled runs of a workflow teach about others.

    Args:
        workflow: its name.
        classes: those that there is a direction of.
        directions: (3 x channels, classes).
    """

    workflow: str
    classes: tuple[str, ...]
    directions: Floats = field(repr=False)

    def to_parts(self) -> Parts:
        """A plain document and an array."""
        document = {
            "workflow": self.workflow, "classes": list(self.classes), "channels": list(TIMES),
        }  # fmt: skip
        return document, {"directions": self.directions}

    @classmethod
    def from_parts(cls, document: Mapping[str, Any], arrays: Arrays) -> Knowledge:
        """The same again. Raises BundleError for parts that do not belong together."""
        try:
            found = cls(
                document["workflow"], tuple(document["classes"]), np.asarray(arrays["directions"])
            )
            same = document["channels"] == list(TIMES)
        except KeyError as error:
            raise BundleError(f"the knowledge has no {error.args[0]}", "learn it again") from None
        if not same or found.directions.shape != (3 * len(TIMES), len(found.classes)):
            raise BundleError("the knowledge is of other channels", "learn it again")
        return found


def knowledge_of(runs: Collection) -> Knowledge:
    """What labelled runs teach: the direction of each class from the normal ones.

    Raises:
        DataError: no class but normal; too few normal runs.
    """
    normal, others = _parted(runs)
    values = _shared(cells_of(normal), runs.runs)
    usual = values[runs.targets == runs.classes.index(NORMAL)].mean(axis=0)
    rest = np.concatenate(
        [
            values[runs.targets == number] - values[runs.targets == number].mean(axis=0)
            for number in dict.fromkeys(runs.targets.tolist())
        ]
    )
    spread = _ridged(rest.T @ rest / len(rest), _OWN)
    means = [
        values[runs.targets == runs.classes.index(name)].mean(axis=0) - usual for name in others
    ]
    directions = np.linalg.solve(spread, np.array(means).T)
    return Knowledge("+".join(runs.workflows), others, directions)


@dataclass(frozen=True, eq=False)
class FewLabels:
    """What few labelled runs teach, with or without the knowledge of another workflow.

    Args:
        classes: in the order of the scores.
        cells: what is usual.
        knowledge: of another workflow; None for none.
        scale: (columns,) deviations over the runs that were learnt from.
        means: (classes, columns).
        precision: (columns, columns), shared by the classes.
    """

    classes: tuple[str, ...]
    cells: Cells = field(repr=False)
    knowledge: Knowledge | None
    scale: Floats = field(repr=False)
    means: Floats = field(repr=False)
    precision: Floats = field(repr=False)

    def scores(self, runs: Sequence[Run]) -> Floats:
        """Logarithms of probabilities, (n, classes), of normal distributions."""
        values = _columns(self.cells, self.knowledge, runs) / self.scale
        away = values[:, None, :] - self.means
        found = -0.5 * np.einsum("nki,ij,nkj->nk", away, self.precision, away)
        return np.asarray(found - np.logaddexp.reduce(found, axis=1, keepdims=True))

    def to_parts(self) -> Parts:
        """A plain document and arrays."""
        cells, usual = self.cells.to_parts()
        document: dict[str, Any] = {"classes": list(self.classes), "cells": cells}
        arrays = {f"cells.{name}": array for name, array in usual.items()}
        arrays |= {"scale": self.scale, "means": self.means, "precision": self.precision}
        if self.knowledge is not None:
            document["knowledge"], known = self.knowledge.to_parts()
            arrays |= known
        return document, arrays

    @classmethod
    def from_parts(cls, document: Mapping[str, Any], arrays: Arrays) -> FewLabels:
        """The same again. Raises BundleError for parts that do not belong together."""
        try:
            usual = {n.removeprefix("cells."): a for n, a in arrays.items() if "cells." in n}
            told = document.get("knowledge")
            return cls(
                tuple(document["classes"]),
                Cells.from_parts(document["cells"], usual),
                None if told is None else Knowledge.from_parts(told, arrays),
                *(np.asarray(arrays[name]) for name in ("scale", "means", "precision")),
            )
        except KeyError as error:
            raise BundleError(f"what was learnt has no {error.args[0]}", "learn it again") from None


def few_labels(runs: Collection, knowledge: Knowledge | None = None) -> FewLabels:
    """Learns from few labelled runs.

    Args:
        runs: of one workflow; some of each class, five of them normal.
        knowledge: of another workflow.

    Raises:
        DataError: no class but normal, or one without a run; too few normal runs.
    """
    normal, others = _parted(runs)
    cells = cells_of(normal)
    values = _columns(cells, knowledge, runs.runs)
    scale = values.std(axis=0) + 0.1
    values = values / scale
    numbers = [runs.classes.index(name) for name in (NORMAL, *others)]
    means = np.array([values[runs.targets == number].mean(axis=0) for number in numbers])
    rest = np.concatenate(
        [values[runs.targets == n] - m for n, m in zip(numbers, means, strict=True)]
    )
    spread = _ridged(rest.T @ rest / max(len(rest) - len(numbers), 1), _DIAGONAL)
    precision = np.asarray(np.linalg.inv(spread))
    return FewLabels((NORMAL, *others), cells, knowledge, scale, means, precision)


def _parted(runs: Collection) -> tuple[list[Run], tuple[str, ...]]:
    """The normal runs, and the other classes that there are runs of."""
    there = {runs.classes[number] for number in runs.targets.tolist() if number >= 0}
    others = tuple(name for name in runs.classes if name in there and name != NORMAL)
    if not others or NORMAL not in there:
        raise DataError(
            f"the runs are of {', '.join(sorted(there)) or 'no class'} alone",
            f"give normal runs, labelled {NORMAL}, and disturbed ones",
        )
    normal = [run for run in runs if run.normal]
    enough(normal)
    return normal, others


def _columns(cells: Cells, knowledge: Knowledge | None, runs: Sequence[Run]) -> Floats:
    """(n, columns): deviations in logarithmic form, and how far runs go in known directions."""
    own = cells.deviations(runs)
    found = np.sign(own) * np.log1p(np.abs(own))
    if knowledge is None:
        return np.asarray(found)
    return np.concatenate([found, _shared(cells, runs) @ knowledge.directions], axis=1)


def _shared(cells: Cells, runs: Sequence[Run]) -> Floats:
    """(n, 3 x channels): of each channel the mean, the most, and the mean by its precision."""
    over = np.nan_to_num(cells.values(runs) - cells.centre)
    found = np.zeros((len(runs), len(TIMES), 3))
    for channel in np.unique(cells.channels[cells.channels < len(TIMES)]).tolist():
        own = cells.channels == channel
        weights = 1 / cells.spread[own] ** 2
        mean = over[:, own] @ weights / weights.sum()
        found[:, channel, 0] = mean
        found[:, channel, 1] = over[:, own].max(axis=1)
        found[:, channel, 2] = mean * np.sqrt(weights.sum()) * _PRECISE
    return np.clip(found, _LEAST, _MOST).reshape(len(runs), 3 * len(TIMES))


def _ridged(spread: Floats, diagonal: float) -> Floats:
    """A covariance that is drawn to its diagonal, so that it can be inverted."""
    own = np.diag(np.diag(spread))
    return np.asarray((1 - diagonal) * spread + diagonal * own + _RIDGE * np.eye(len(spread)))
