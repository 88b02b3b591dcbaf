"""Detectors of PyOD on deviations from usual; they need the extra `pyod`.

What is saved are the deviations of the normal runs: a detector that is restored learns from them
once more, so that no object of PyOD is ever written to a file or read from one. ECOD and COPOD are
not among them: their tails end where those of 20 runs end, and what a run scores depends on which
others are scored with it.
"""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, ClassVar

import numpy as np
import pyod  # noqa: F401 - said here, so that its absence is told before anything is learnt

from lamina.diagnosis.detectors.base import Arrays, Parts
from lamina.diagnosis.novelty.cells import Cells
from lamina.diagnosis.novelty.on_cells import Judge, OnCells
from lamina.diagnosis.runs import Floats


class Outliers(OnCells):
    """Options: `false_alarms` alone."""

    @abstractmethod
    def model(self, seed: int, runs: int) -> Any:
        """A detector of PyOD that has not learnt."""

    def judge(self, cells: Cells, normal: Floats, wish: Mapping[str, Any], seed: int) -> Judge:
        """Learns from the deviations."""
        del cells, wish
        model = self.model(seed, len(normal))
        model.fit(normal)
        return OutlierJudge(normal, seed, model)

    def judge_of(self, cells: Cells, document: Mapping[str, Any], arrays: Arrays) -> Judge:
        """Learns once more from the deviations that were saved."""
        return self.judge(cells, arrays["normal"], {}, int(document["seed"]))


class IsolationForest(Outliers):
    """Trees that part a run from others in few cuts (Liu et al., 2008)."""

    title: ClassVar[str] = "PyOD's isolation forest on deviations from usual"

    def model(self, seed: int, runs: int) -> Any:
        """200 trees."""
        from pyod.models.iforest import IForest

        return IForest(n_estimators=200, random_state=seed)


class Neighbours(Outliers):
    """Distance to the nearest normal runs (Ramaswamy et al., 2000)."""

    title: ClassVar[str] = "PyOD's nearest neighbours on deviations from usual"

    def model(self, seed: int, runs: int) -> Any:
        """The mean over three neighbours."""
        from pyod.models.knn import KNN

        return KNN(n_neighbors=min(3, runs - 1), method="mean")


class LocalOutlierFactor(Outliers):
    """How much thinner normal runs lie here than around their neighbours (Breunig et al., 2000)."""

    title: ClassVar[str] = "PyOD's local outlier factor on deviations from usual"

    def model(self, seed: int, runs: int) -> Any:
        """Ten neighbours."""
        from pyod.models.lof import LOF

        return LOF(n_neighbors=min(10, runs - 1))


@dataclass(frozen=True, eq=False)
class OutlierJudge:
    """Deviations (n, cells) of the normal runs, the seed, and what learnt from them."""

    normal: Floats = field(repr=False)
    seed: int
    model: Any = field(repr=False)

    def evidence(self, deviations: Floats) -> Floats:
        """(n, 1): the detector's own score."""
        if not len(deviations):
            return np.zeros((0, 1))
        found = np.asarray(self.model.decision_function(deviations), dtype=np.float64)
        return found[:, None]

    def score(self, parts: Floats, joint: Floats) -> Floats:
        """The one part."""
        del joint
        return np.asarray(parts.sum(axis=1))

    def to_parts(self) -> Parts:
        """What it learnt from."""
        return {"seed": self.seed}, {"normal": self.normal}
