"""Boosted trees on the statistics of a run."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar

from lamina.diagnosis.detectors.base import Arrays, Fitted, Fitting
from lamina.diagnosis.detectors.forests import ForestFitted, Table
from lamina.diagnosis.detectors.trees import Boosting, boosted
from lamina.diagnosis.runs import Collection


class GradientBoosting:
    """Shallow trees, one after the other for each class."""

    title: ClassVar[str] = "gradient boosting on statistics of a run"
    stops_early: ClassVar[bool] = False

    def fit(self, runs: Collection, held: Collection | None, how: Fitting) -> Fitted:
        """Learns; there is nothing to stop by."""
        del held
        how.check_no_options()
        table = Table.of(runs)
        forest = boosted(
            table.rows(runs.runs), runs.targets, len(runs.classes), how.seed, Boosting()
        )
        return ForestFitted(runs.classes, table, forest, shares=False)

    def restore(self, document: Mapping[str, Any], arrays: Arrays) -> Fitted:
        """What was learnt, from its parts."""
        return ForestFitted.from_parts(document, arrays)
