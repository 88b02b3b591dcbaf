"""Ways that tell strangeness from cells: what is shared by all of them."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, ClassVar, Protocol

import numpy as np

from lamina.diagnosis.detectors.base import Arrays, Fitting, Parts
from lamina.diagnosis.novelty.base import Novel, Reason, enough, left_out, options_of, threshold_of
from lamina.diagnosis.novelty.cells import CHANNELS, TIMES, TOLD, Cells, cells_of
from lamina.diagnosis.runs import Floats, Run
from lamina.errors import BundleError

_JOBS = 3
"""Jobs that a reason names."""
_LEAST = 1e-9
_TOLD_AS = {"per_cpu": "run"}
"""Channels that reasons tell of by another name."""


class Judge(Protocol):
    """What was learnt from the cells of normal runs."""

    def evidence(self, deviations: Floats) -> Floats:
        """(n, parts) from (n, cells): what there is to say of a run."""
        ...

    def score(self, parts: Floats, joint: Floats) -> Floats:
        """(n,) from (n, parts): more where a run is stranger, 0 for a usual normal run.

        Args:
            parts: of the evidence, in deviations of normal runs from their mean.
            joint: (parts, parts) how parts go together in normal runs: their correlations, 0 for
                a part that is always the same.
        """
        ...

    def to_parts(self) -> Parts:
        """What `OnCells.judge_of` makes the same again from."""
        ...


class OnCells(ABC):
    """A way that learns from the cells of normal runs.

    What each part of the evidence comes to in normal runs that were not learnt from gives its
    scale; the judge makes one score of them.
    """

    title: ClassVar[str]
    known: ClassVar[Mapping[str, Any]] = {}
    channels: ClassVar[tuple[str, ...]] = TIMES
    """What there are cells of."""
    least: ClassVar[tuple[float, ...]] = (_LEAST,)
    """Deviations that the parts of the evidence have at least in normal runs."""

    @abstractmethod
    def judge(self, cells: Cells, normal: Floats, wish: Mapping[str, Any], seed: int) -> Judge:
        """Learns from the deviations (n, cells) of normal runs.

        Args:
            cells: what is usual.
            normal: deviations of the runs that it was learnt from.
            wish: options.
            seed: of anything random.
        """

    @abstractmethod
    def judge_of(self, cells: Cells, document: Mapping[str, Any], arrays: Arrays) -> Judge:
        """The judge from its parts; a KeyError names what is missing."""

    def fit(self, normal: Sequence[Run], how: Fitting) -> Novel:
        """Learns from normal runs; see `Novelty.fit`."""
        wish = options_of(how.options, self.known)
        enough(normal)
        told = [run for run in normal if len(run.table)]

        def evidence(learnt: Sequence[Run], runs: Sequence[Run]) -> Floats:
            cells = cells_of(learnt, self.channels)
            judge = self.judge(cells, cells.deviations(learnt), wish, how.seed)
            return judge.evidence(cells.deviations(runs))

        held = left_out(told, evidence)
        centre = held.mean(axis=0)
        scale = np.maximum(held.std(axis=0, ddof=1), self.least)
        parts = (held - centre) / scale
        joint = parts.T @ parts / (len(parts) - 1)
        cells = cells_of(told, self.channels)
        judge = self.judge(cells, cells.deviations(told), wish, how.seed)
        rate = float(wish["false_alarms"])
        threshold = threshold_of(judge.score(parts, joint), rate)
        return NovelOnCells(cells, judge, centre, scale, joint, threshold, rate)

    def restore(self, document: Mapping[str, Any], arrays: Arrays) -> Novel:
        """What was learnt, from its parts; see `Novelty.restore`."""
        try:
            cells = Cells.from_parts(document["cells"], _those(arrays, "cells."))
            judge = self.judge_of(cells, document["judge"], _those(arrays, "judge."))
            return NovelOnCells(
                cells, judge, np.asarray(arrays["centre"]), np.asarray(arrays["scale"]),
                np.asarray(arrays["joint"]), float(document["threshold"]),
                float(document["false_alarms"]),
            )  # fmt: skip
        except KeyError as error:
            raise BundleError(f"what was learnt has no {error.args[0]}", "learn it again") from None


@dataclass(frozen=True, eq=False)
class NovelOnCells:
    """What was learnt.

    Args:
        cells: what is usual.
        judge: what tells strange deviations.
        centre, scale: (parts,) of the evidence in normal runs.
        joint: (parts, parts) correlations of the evidence in normal runs.
        threshold: the score above which a run is called strange.
        false_alarms: share of normal runs that are expected above it.
    """

    cells: Cells = field(repr=False)
    judge: Judge = field(repr=False)
    centre: Floats = field(repr=False)
    scale: Floats = field(repr=False)
    joint: Floats = field(repr=False)
    threshold: float
    false_alarms: float

    def scores(self, runs: Sequence[Run]) -> Floats:
        """How strange each run is, (n,), in deviations of normal runs."""
        return self._score(self.cells.deviations(runs))

    def reasons(self, run: Run, most: int = 5) -> tuple[Reason, ...]:
        """By how much the score falls when a cell is taken back to what is usual, and rises when
        it alone is not: where several say the same, each alone is enough."""
        own = self.cells.deviations([run])
        without = np.repeat(own, own.shape[1], axis=0)
        np.fill_diagonal(without, 0.0)
        nothing, alone = np.zeros_like(own), np.diag(own[0])
        falls = np.maximum(self._score(own) - self._score(without), 0.0)
        falls += np.maximum(self._score(alone) - self._score(nothing), 0.0)
        total = falls.sum()
        if not total > 0:
            return ()
        shares: dict[tuple[int, int], float] = {}
        for place, fall in zip(self.cells.places.tolist(), falls.tolist(), strict=True):
            kind, channel = divmod(place, len(CHANNELS))
            key = kind, TOLD.index(_TOLD_AS.get(CHANNELS[channel], CHANNELS[channel]))
            shares[key] = shares.get(key, 0.0) + fall / total
        ranked = sorted(shares.items(), key=lambda entry: -entry[1])[:most]
        return reasons_of(self.cells, run, [(*key, share) for key, share in ranked if share > 0])

    def to_parts(self) -> Parts:
        """Everything."""
        cells, usual = self.cells.to_parts()
        judge, learnt = self.judge.to_parts()
        document = {
            "cells": cells,
            "judge": judge,
            "threshold": self.threshold,
            "false_alarms": self.false_alarms,
        }
        arrays = {f"cells.{name}": array for name, array in usual.items()}
        arrays |= {f"judge.{name}": np.asarray(array) for name, array in learnt.items()}
        found = {"centre": self.centre, "scale": self.scale, "joint": self.joint}
        return document, {**arrays, **found}

    def _score(self, deviations: Floats) -> Floats:
        parts = (self.judge.evidence(deviations) - self.centre) / self.scale
        return self.judge.score(parts, self.joint)


def reasons_of(
    cells: Cells, run: Run, shares: Sequence[tuple[int, int, float]]
) -> tuple[Reason, ...]:
    """Reasons in words and numbers.

    Args:
        cells: what is usual.
        run: the run.
        shares: (kind, place in `TOLD`, share), by their numbers.
    """
    at, spent, usual = cells.usual(run.table)
    found = []
    for kind, phase, share in shares:
        rows = np.flatnonzero(at == kind)
        if not len(rows):
            continue
        over = (spent - usual)[rows, phase]
        known = np.isfinite(over)
        worst = rows[np.argsort(-np.abs(np.nan_to_num(over)), kind="stable")][:_JOBS]
        found.append(
            Reason(
                kind=cells.kinds[kind],
                phase=TOLD[phase],
                jobs=tuple(run.table.tasks[row] for row in worst),
                seconds=float(spent[rows, phase][known].sum() / max(known.sum(), 1)),
                usual=float(usual[rows, phase][known].sum() / max(known.sum(), 1)),
                share=float(share),
            )
        )
    return tuple(found)


def _those(arrays: Arrays, begin: str) -> dict[str, Any]:
    return {name[len(begin) :]: a for name, a in arrays.items() if name.startswith(begin)}
