"""The nearest class: the floor that every other detector is measured against."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np

from lamina.diagnosis.detectors.base import Arrays, Fitted, Fitting, Parts
from lamina.diagnosis.runs import Collection, Floats, Run
from lamina.errors import BundleError
from lamina.workflow.log import PHASES

_NEVER = 20.0
"""How much a class scores below the others that no run was learnt from for."""
_LEAST = 0.5
"""Seconds that are added before logarithms are taken: less is not told apart."""


class Nearest:
    """Means of each class over the logarithms of the median seconds of each phase and job type."""

    title: ClassVar[str] = "nearest class mean of phase times"
    stops_early: ClassVar[bool] = False

    def fit(self, runs: Collection, held: Collection | None, how: Fitting) -> Fitted:
        """Learns the means; there is nothing to choose."""
        del held
        how.check_no_options()
        kinds = tuple(sorted({kind for run in runs for kind in run.table.kinds}))
        found = _features(runs.runs, kinds)
        means = np.stack(
            [
                found[runs.targets == k].mean(axis=0)
                if (runs.targets == k).any()
                else np.full(found.shape[1], np.inf)
                for k in range(len(runs.classes))
            ]
        )
        own = found - np.nan_to_num(means)[runs.targets]
        return NearestFitted(runs.classes, kinds, means, own.std(axis=0) + 0.05)

    def restore(self, document: Mapping[str, Any], arrays: Arrays) -> Fitted:
        """From classes and types of jobs, means and spreads."""
        try:
            return NearestFitted(
                tuple(document["classes"]), tuple(document["kinds"]), arrays["means"],
                arrays["spreads"],
            )  # fmt: skip
        except KeyError as error:
            raise BundleError(f"the detector has no {error.args[0]}", "train it again") from None


@dataclass(frozen=True, eq=False)
class NearestFitted:
    """Means (classes, features) and spreads within the classes (features,)."""

    classes: tuple[str, ...]
    kinds: tuple[str, ...]
    means: Floats
    spreads: Floats

    def scores(self, runs: Sequence[Run], against: Sequence[Run] = ()) -> Floats:
        """Minus half the squared distance, per feature, to the mean of each class."""
        del against
        found = _features(runs, self.kinds)
        away = (found[:, None, :] - self.means) / self.spreads
        found = -0.5 * (np.minimum(away**2, 100.0)).mean(axis=2) * np.sqrt(away.shape[2])
        found[:, np.isinf(self.means).all(axis=1)] -= _NEVER
        return np.asarray(found - np.logaddexp.reduce(found, axis=1, keepdims=True))

    def to_parts(self) -> Parts:
        """Everything."""
        document = {"classes": list(self.classes), "kinds": list(self.kinds)}
        return document, {"means": self.means, "spreads": self.spreads}


def _features(runs: Iterable[Run], kinds: Sequence[str]) -> Floats:
    """(n, kinds x phases)."""
    rows = []
    for run in runs:
        spent, row = run.table.spent, np.zeros((len(kinds), len(PHASES)))
        own = np.array(run.table.kinds)
        for place, kind in enumerate(kinds):
            if (mask := own == kind).any():
                row[place] = np.median(spent[mask], axis=0)
        rows.append(np.log(row + _LEAST).ravel())
    return np.array(rows).reshape(len(rows), len(kinds) * len(PHASES))
