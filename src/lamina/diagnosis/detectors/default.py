"""The default detector: clouds of batches, boosted trees for runs of batches that are known, and
how the network was shared where batches are nearly alike."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray

from lamina.diagnosis.calibration import softmax
from lamina.diagnosis.detectors.base import Arrays, Fitted, Fitting, Parts, as_scores
from lamina.diagnosis.detectors.default_batches import Batches, batches_of
from lamina.diagnosis.detectors.default_close import Close, close_of
from lamina.diagnosis.detectors.default_lone import Lone, lone_of
from lamina.diagnosis.detectors.trees import Boosting, Forest, boosted, joined
from lamina.diagnosis.runs import Collection, Floats, Run
from lamina.diagnosis.statistics import ALL, Layout, layout_of, statistics_of
from lamina.errors import BundleError

TREES = 0.7
"""Weight of the trees' logarithms for a run of a batch that was learnt from."""
SEEN = -5.0
"""Log likelihood ratio from which on a run counts as one of a batch that was learnt from."""


FORESTS = 2
"""Forests whose scores are averaged."""


class Default:
    """What runs of a batch have in common is told from what an anomaly does.

    A batch is a cloud around its own middle (`lamina.diagnosis.detectors.default_batches`).
    Directions in which batches with one label lie apart (other machines, another day) count
    little; what then remains separates the classes. Boosted trees on all columns are sharper
    where a run comes from a batch that was learnt from, and have a say only there. They say it
    all where no label has two batches, so that nobody knows how batches differ. Batches that are
    nearly alike though their classes differ are told apart by how the network was shared
    (`lamina.diagnosis.detectors.default_close`). Beside good runs a transfer that has the network
    nearly for itself tells whether anything slows it (`lamina.diagnosis.detectors.default_lone`).
    """

    title: ClassVar[str] = "clouds of batches, with boosted trees for batches that are known"
    stops_early: ClassVar[bool] = False

    def fit(self, runs: Collection, held: Collection | None, how: Fitting) -> Fitted:
        """Learns; nothing is chosen on runs that are held back."""
        del held
        how.check_no_options()
        layout = layout_of(runs.runs)
        rows = statistics_of(runs.runs, layout)
        columns = columns_of(layout)
        batches = batches_of(runs, rows[:, columns])
        usual = np.nanmedian(rows, axis=0).astype(np.float32)
        forest = joined(
            boosted(
                _filled(rows, usual), runs.targets, len(runs.classes), FORESTS * how.seed + one,
                Boosting(),
            )
            for one in range(FORESTS)
        )  # fmt: skip
        close = close_of(runs, batches)
        lone = lone_of(runs, batches, close)
        return DefaultFitted(runs.classes, layout, columns, usual, batches, forest, close, lone)

    def restore(self, document: Mapping[str, Any], arrays: Arrays) -> Fitted:
        """From a document and arrays of the clouds and of the trees."""
        try:
            close, lone = _part(arrays, "close."), _part(arrays, "lone.")
            return DefaultFitted(
                tuple(document["classes"]),
                Layout(tuple((kind, what) for kind, what in document["columns"])),
                arrays["columns"],
                arrays["usual"],
                Batches.from_parts(document["batches"], _part(arrays, "batches.")),
                Forest.from_arrays(_part(arrays, "trees.")),
                Close.from_arrays(len(document["classes"]), close) if close else None,
                Lone.from_arrays(lone) if lone else None,
            )
        except KeyError as error:
            raise BundleError(f"the detector has no {error.args[0]}", "train it again") from None


@dataclass(frozen=True, eq=False)
class DefaultFitted:
    """Clouds over some of the columns, trees over all."""

    classes: tuple[str, ...]
    layout: Layout
    columns: NDArray[np.int64]
    usual: NDArray[np.float32]
    batches: Batches
    forest: Forest
    close: Close | None = None
    lone: Lone | None = None

    def scores(self, runs: Sequence[Run], against: Sequence[Run] = ()) -> Floats:
        """Log probabilities (n, classes). Good runs stand as one more normal batch; the trees,
        which have not seen it, then have no say."""
        if not runs:
            return np.zeros((0, len(self.classes)))
        rows = statistics_of(runs, self.layout)
        some = rows[:, self.columns]
        if against and self.batches.normal >= 0:
            good = statistics_of(against, self.layout)[:, self.columns]
            batches = self.batches.with_good(good)
            found, likelier = batches.judged(some)
            more = self._of_close(runs, batches, some, shown=batches.real - self.batches.real)
            more = _seen(likelier) * more
            scores = _normed(_normed(found) + more)
            return scores if self.lone is None else self.lone.added(scores, more, runs, against)
        trees = as_scores(softmax(self.forest.total(_filled(rows, self.usual)) / FORESTS))
        if not self.batches.compared:
            return trees
        found, likelier = self.batches.judged(some)
        more = TREES * trees + self._of_close(runs, self.batches, some)
        return _normed(_normed(found) + _seen(likelier) * more)

    def _of_close(
        self, runs: Sequence[Run], batches: Batches, some: Floats, shown: int = 0
    ) -> Floats:
        """What tells batches apart that are nearly alike, as far as a run is of one of them;
        `shown` stand before those that were learnt from."""
        if self.close is None:
            return np.zeros((len(runs), len(self.classes)))
        return self.close.scores(runs, batches.belongs(some, self.close.members + shown))

    def to_parts(self) -> Parts:
        """Everything."""
        document = {
            "classes": list(self.classes),
            "columns": [list(pair) for pair in self.layout.columns],
            "batches": self.batches.to_document(),
        }
        arrays: dict[str, NDArray[Any]] = {"columns": self.columns, "usual": self.usual}
        arrays |= {f"batches.{name}": a for name, a in self.batches.to_arrays().items()}
        arrays |= {f"trees.{name}": a for name, a in self.forest.to_arrays().items()}
        if self.close is not None:
            arrays |= {f"close.{name}": a for name, a in self.close.to_arrays().items()}
        if self.lone is not None:
            arrays |= {f"lone.{name}": a for name, a in self.lone.to_arrays().items()}
        return document, arrays


def columns_of(layout: Layout) -> NDArray[np.int64]:
    """The columns that clouds are made of: a few for each type of jobs that stages something in.

    How far the processor was free (or the run phase where processor time is not told), processor
    time, what large stage ins got of the network (or their seconds), spreads over the jobs of a
    type; and the delay before jobs are handed over.
    """
    told = {pair: place for place, pair in enumerate(layout.columns)}
    kinds = sorted({kind for kind, what in layout.columns if what == "stage_in.middle"})
    kinds = kinds or sorted({kind for kind, _ in layout.columns} - {ALL})
    large = any((kind, "capacity.mean") in told for kind in kinds)
    wanted: list[tuple[str, str]] = []
    for kind in kinds:
        free = (kind, "slowness.mean")
        wanted += [free if free in told else (kind, "run.mean"), (kind, "cpu.mean")]
        wanted += [(kind, "run.spread"), (kind, "stage_in.spread")]
        if not large or (kind, "capacity.mean") in told:
            wanted += [(kind, what) for what in _NETWORK]
    wanted += [(ALL, "submit.mean")]
    found = [told[pair] for pair in wanted if pair in told]
    return np.array(found or range(len(layout.columns)), dtype=np.int64)


_NETWORK = ("capacity.mean", "rate.most", "stage_in.middle", "stage_in.least")


def _seen(likelier: Floats) -> Floats:
    """How far a run counts as one of a batch that is known, (n, 1)."""
    return np.asarray(1.0 / (1.0 + np.exp(np.clip(SEEN - likelier, -50.0, 50.0))))[:, None]


def _normed(scores: Floats) -> Floats:
    """Scores whose exponentials add up to one."""
    return np.asarray(scores - np.logaddexp.reduce(scores, axis=1, keepdims=True))


def _filled(rows: Floats, usual: NDArray[np.float32]) -> Floats:
    return np.asarray(np.where(np.isfinite(rows), rows, np.nan_to_num(usual)))


def _part(arrays: Arrays, begin: str) -> dict[str, NDArray[Any]]:
    return {name[len(begin) :]: a for name, a in arrays.items() if name.startswith(begin)}
