"""Detectors that are trees on the statistics of a run, and nothing else: what others are measured
against."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from lamina.diagnosis.calibration import softmax
from lamina.diagnosis.detectors.base import Arrays, Parts, as_scores
from lamina.diagnosis.detectors.trees import Forest
from lamina.diagnosis.runs import Collection, Floats, Run
from lamina.diagnosis.statistics import Layout, layout_of, statistics_of
from lamina.errors import BundleError


@dataclass(frozen=True, eq=False)
class Table:
    """Statistics without holes: what a run does not tell is what is usual."""

    layout: Layout
    usual: NDArray[np.float32]

    @classmethod
    def of(cls, runs: Collection) -> Table:
        """That of runs to learn from."""
        layout = layout_of(runs.runs)
        return cls(
            layout, np.nanmedian(statistics_of(runs.runs, layout), axis=0).astype(np.float32)
        )

    def rows(self, runs: Sequence[Run]) -> Floats:
        """(n, columns)."""
        found = statistics_of(runs, self.layout)
        return np.asarray(np.where(np.isfinite(found), found, np.nan_to_num(self.usual)))


@dataclass(frozen=True, eq=False)
class ForestFitted:
    """Trees over a table; `shares` where their outputs are shares already, else scores."""

    classes: tuple[str, ...]
    table: Table
    forest: Forest
    shares: bool

    def scores(self, runs: Sequence[Run], against: Sequence[Run] = ()) -> Floats:
        """Log probabilities (n, classes); known-good runs are of no use to trees."""
        del against
        total = self.forest.total(self.table.rows(runs))
        missing = len(self.classes) - total.shape[1]
        if self.shares:
            total = np.pad(total, ((0, 0), (0, missing)))
        return as_scores(total if self.shares else softmax(total))

    def to_parts(self) -> Parts:
        """Everything."""
        document = {
            "classes": list(self.classes),
            "columns": [list(pair) for pair in self.table.layout.columns],
            "shares": self.shares,
        }
        return document, {"usual": self.table.usual, **self.forest.to_arrays()}

    @classmethod
    def from_parts(cls, document: Mapping[str, Any], arrays: Arrays) -> ForestFitted:
        """The same again. Raises BundleError where something is missing."""
        try:
            layout = Layout(tuple((kind, what) for kind, what in document["columns"]))
            return cls(
                tuple(document["classes"]), Table(layout, arrays["usual"]),
                Forest.from_arrays(arrays), bool(document["shares"]),
            )  # fmt: skip
        except KeyError as error:
            raise BundleError(f"the detector has no {error.args[0]}", "train it again") from None
