"""Extremely random trees on the statistics of a run."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar

import numpy as np

from lamina.diagnosis.detectors.base import Arrays, Fitted, Fitting
from lamina.diagnosis.detectors.forests import ForestFitted, Table
from lamina.diagnosis.detectors.trees import extremely_random
from lamina.diagnosis.runs import Collection


class ExtraTrees:
    """200 extremely random trees; every class weighs the same."""

    title: ClassVar[str] = "extremely random trees on statistics of a run"
    stops_early: ClassVar[bool] = False

    def fit(self, runs: Collection, held: Collection | None, how: Fitting) -> Fitted:
        """Learns; there is nothing to stop by."""
        del held
        how.check_no_options()
        table = Table.of(runs)
        counts = np.bincount(runs.targets, minlength=len(runs.classes))
        forest = extremely_random(
            table.rows(runs.runs), runs.targets, 1.0 / counts[runs.targets], how.seed
        )
        return ForestFitted(runs.classes, table, forest, shares=True)

    def restore(self, document: Mapping[str, Any], arrays: Arrays) -> Fitted:
        """What was learnt, from its parts."""
        return ForestFitted.from_parts(document, arrays)
