"""Runs as detectors take them: columns of times, with what is known of each; and collections."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property
from math import isnan, nan

import numpy as np
from numpy.typing import NDArray

from lamina.errors import DataError
from lamina.traces.table import PhaseTable, table_of
from lamina.traces.trace import Trace

Floats = NDArray[np.float64]
Numbers = NDArray[np.int64]

NORMAL = "normal"
"""The class of runs in which nothing went wrong."""


@dataclass(frozen=True, eq=False)
class Run:
    """A run to learn from, or to judge.

    Args:
        name: of the run, unique in its collection where the source makes it so.
        workflow: its name.
        label: what happened in it: "normal", "cpu_2"; "" where nobody knows.
        batch: name of those that ran together, one after the other; "" where not told.
        table: its attempts, the last one of each unit.
        anomalies: for each row of the table "none", what disturbed that job, or "" where nobody
            knows; empty when nothing is known of any.
    """

    name: str
    workflow: str
    label: str
    batch: str
    table: PhaseTable = field(repr=False)
    anomalies: tuple[str, ...] = field(default=(), repr=False)

    def __post_init__(self) -> None:
        if self.anomalies and len(self.anomalies) != len(self.table):
            raise DataError(
                f"run {self.name}: {len(self.anomalies)} anomalies for {len(self.table)} jobs",
                "give one for each job, or none",
            )

    @property
    def normal(self) -> bool:
        """Whether it is known that nothing went wrong."""
        return self.label == NORMAL


def run_of(trace: Trace) -> Run:
    """The run that a trace tells of."""
    told = {one.task: one.labels.get("anomaly", "") for one in trace.last.values()}
    table = table_of(trace)
    anomalies = tuple(_anomaly(told.get(task, "")) for task in table.tasks)
    labels = trace.labels
    return Run(
        trace.run,
        trace.workflow,
        labels.get("label", ""),
        labels.get("batch", ""),
        table,
        anomalies if any(anomalies) else (),
    )


def _anomaly(told: str) -> str:
    return "none" if told.lower() in ("none", NORMAL) else told


def class_of(label: str, classes: Sequence[str]) -> str:
    """The class that a label belongs to: itself, or what stands before its level ("cpu_2").

    Of several, the longest; "" where it belongs to none.
    """
    fitting = [one for one in classes if label == one or label.startswith(f"{one}_")]
    return max(fitting, key=len, default="")


def level_of(label: str, of: str) -> float:
    """The level in a label of the class `of`: 2 of "cpu_2"; NaN where it has none."""
    try:
        return float(label[len(of) + 1 :])
    except ValueError:
        return nan


def classes_of(labels: Iterable[str]) -> tuple[str, ...]:
    """Classes of labels, without their levels; normal first, the others sorted."""
    found = {_bare(label) for label in labels if label}
    return tuple(sorted(found, key=lambda one: (one != NORMAL, one)))


def _bare(label: str) -> str:
    head = label.rpartition("_")[0]
    return head if head and not isnan(level_of(label, head)) else label


@dataclass(frozen=True, eq=False)
class Collection:
    """Runs with their classes.

    Args:
        runs: labelled or not.
        classes: their order is that of class numbers.

    Raises:
        DataError: a label that belongs to none of the classes; a class given twice.
    """

    runs: tuple[Run, ...]
    classes: tuple[str, ...]

    def __post_init__(self) -> None:
        if len(set(self.classes)) < len(self.classes):
            raise DataError(f"classes {', '.join(self.classes)}: one stands there twice")
        odd = sorted(
            {one.label for one in self.runs if one.label and not class_of(one.label, self.classes)}
        )
        if odd:
            raise DataError(
                f"labels {', '.join(odd)} belong to none of the classes {', '.join(self.classes)}",
                "leave those runs out, or let a detector learn them as well: "
                f"--classes {','.join(classes_of([*self.classes, *odd]))}",
            )

    def __len__(self) -> int:
        return len(self.runs)

    def __iter__(self) -> Iterator[Run]:
        return iter(self.runs)

    def __repr__(self) -> str:
        counts = np.bincount(self.targets[self.targets >= 0], minlength=len(self.classes))
        told = (f"{count} {name}" for name, count in zip(self.classes, counts, strict=True))
        return f"<{len(self)} runs: {', '.join(told)}>"

    @cached_property
    def targets(self) -> Numbers:
        """Class numbers, (n,); -1 where the label is not known."""
        number = {name: place for place, name in enumerate(self.classes)}
        number[""] = -1
        found = (number[class_of(one.label, self.classes)] for one in self.runs)
        return np.fromiter(found, np.int64, len(self))

    @cached_property
    def levels(self) -> Floats:
        """Levels that the labels tell, (n,); NaN where they tell none."""
        told = (level_of(one.label, class_of(one.label, self.classes)) for one in self.runs)
        return np.fromiter(told, np.float64, len(self))

    @cached_property
    def labels(self) -> tuple[str, ...]:
        """Label of each run."""
        return tuple(one.label for one in self.runs)

    @cached_property
    def batches(self) -> tuple[str, ...]:
        """Batch of each run; one without a batch is a batch of its own."""
        return tuple(one.batch or one.name for one in self.runs)

    @property
    def workflows(self) -> tuple[str, ...]:
        """Names of the workflows that ran, sorted."""
        return tuple(sorted({one.workflow for one in self.runs}))

    def with_classes(self, classes: Sequence[str]) -> Collection:
        """The same runs with classes by these names.

        Raises:
            DataError: as `Collection`; a class that no run is of.
        """
        bare = [one for one in classes if not any(class_of(its, [one]) for its in self.labels)]
        if bare:
            raise DataError(
                f"no run is of class {', '.join(bare)}",
                f"the labels of these runs make {', '.join(classes_of(self.labels))}",
            )
        return replace(self, classes=tuple(classes))

    def taken(self, rows: Sequence[int] | Numbers) -> Collection:
        """Some of the runs, in the order of their numbers."""
        at = np.asarray(rows, dtype=np.int64).tolist()
        return replace(self, runs=tuple(self.runs[row] for row in at))

    @cached_property
    def labelled(self) -> Collection:
        """Those whose label is known."""
        return self.taken(np.flatnonzero(self.targets >= 0))


def collection_of(traces: Iterable[Trace], classes: Sequence[str] = ()) -> Collection:
    """The runs that traces tell of.

    Args:
        traces: of one workflow or several.
        classes: their names; those that the labels tell when empty.

    Raises:
        DataError: as `Collection`; no run at all.
    """
    runs = tuple(run_of(trace) for trace in traces)
    if not runs:
        raise DataError("there is no run", "give the paths of traces")
    return Collection(runs, tuple(classes) or classes_of(one.label for one in runs))
