"""What is usual in runs of a workflow: how long the phases of jobs take where nothing is wrong."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from lamina.diagnosis.runs import Run
from lamina.errors import BundleError
from lamina.traces.table import PhaseTable
from lamina.workflow.log import PHASES

Floats = NDArray[np.float64]

NEEDED = 5
"""Runs from which on something is called usual; with fewer a run is compared with itself."""

FEWEST = 3
"""Jobs of a type, or runs with a job of a name, from which on there is a range."""

USES = ("cpu", "stage_in_bytes", "stage_out_bytes", "bytes_read", "bytes_written", "io_wait")
"""What jobs used, beside the seconds of their phases."""

MEASURES = (*PHASES, *USES)
"""What there are ranges of."""

LEVELS = (0.0, 0.05, 0.1, 0.25, 0.5, 0.75, 0.9, 0.95, 1.0)
"""Quantiles that tell how jobs of a type differ within one run."""

QUEUE, STAGE_IN, RUN, STAGE_OUT = map(PHASES.index, ("queue", "stage_in", "run", "stage_out"))
LAST_WAIT = QUEUE + 1
HELD = slice(STAGE_IN, STAGE_OUT + 1)
"""Columns of phases: those before a worker is held, those in which it is."""

_CENTRAL = (0.1, 0.5, 0.9)
_MOST_TASKS = 5_000
_SPREAD = 1.2816 * 1.4826
"""Median absolute deviation -> how far the 90th percentile of a normal distribution lies off."""


@dataclass(frozen=True, eq=False)
class Usual:
    """Central ranges: the 10th, 50th and 90th percentile on the last axis.

    Args:
        runs: how many are behind it; 1 for a run that is compared with itself.
        origin: "other runs", "training" or "itself".
        kinds, tasks: types of job, and names of jobs, that there are ranges of.
        of_kinds: (kinds, measures, 3) over all jobs of a type; NaN where nothing is told.
        of_quick: (kinds, phases, 3) over the runs' first quartiles of a type.
        of_tasks: (tasks, measures, 3) over the runs.
        within: (kinds, phases, levels) how far jobs of a type lie off their own middle in a run.
        counts: (kinds, 3) jobs of a type in a run.
        seconds: (3,) makespan.
        parents: task -> tasks that it reads, of those in `tasks`; empty where no run tells it.
    """

    runs: int
    origin: str
    kinds: tuple[str, ...]
    tasks: tuple[str, ...]
    of_kinds: Floats = field(repr=False)
    of_quick: Floats = field(repr=False)
    of_tasks: Floats = field(repr=False)
    within: Floats = field(repr=False)
    counts: Floats = field(repr=False)
    seconds: Floats = field(repr=False)
    parents: Mapping[str, tuple[str, ...]] = field(default_factory=dict, repr=False)

    @property
    def known(self) -> bool:
        """Whether it comes from enough other runs; else a run is compared with itself."""
        return self.origin != ITSELF

    @property
    def told(self) -> str:
        """For people: "over 12 runs"."""
        return f"over {self.runs} runs" if self.known else "of its type in this run"

    def with_graph(self, parents: Mapping[str, tuple[str, ...]]) -> Usual:
        """The same, with what reads what from elsewhere where its own runs do not tell it."""
        return self if any(self.parents.values()) else replace(self, parents=parents)

    def rows(self, table: PhaseTable) -> Floats:
        """(n, measures, 3) what is usual for each job, by its name where that is known, else by
        its type; NaN for types that are not known."""
        kind = {name: place for place, name in enumerate(self.kinds)}
        found = np.full((len(table), len(MEASURES), 3), np.nan)
        at = np.array([kind.get(name, -1) for name in table.kinds], dtype=np.int64)
        found[at >= 0] = self.of_kinds[at[at >= 0]]
        task = {name: place for place, name in enumerate(self.tasks)}
        own = np.array([task.get(name, -1) for name in table.tasks], dtype=np.int64)
        found[own >= 0] = self.of_tasks[own[own >= 0]]
        return found

    def to_parts(self) -> tuple[dict[str, Any], dict[str, NDArray[Any]]]:
        """A plain document and arrays, small enough to stand in a trained detector."""
        document = {
            "runs": self.runs,
            "origin": self.origin,
            "kinds": list(self.kinds),
            "tasks": list(self.tasks),
            "measures": list(MEASURES),
            "levels": list(LEVELS),
            "parents": {name: list(above) for name, above in self.parents.items()},
        }
        return document, {name: getattr(self, name).astype(np.float32) for name in _ARRAYS}

    @classmethod
    def from_parts(cls, document: Mapping[str, Any], arrays: Mapping[str, NDArray[Any]]) -> Usual:
        """The same again.

        Raises:
            BundleError: something is missing, or made by a version with other measures.
        """
        try:
            if document["measures"] != list(MEASURES) or document["levels"] != list(LEVELS):
                raise BundleError("what is usual is told in other measures", "train it again")
            told = {name: np.asarray(arrays[name], dtype=np.float64) for name in _ARRAYS}
            kinds, tasks = tuple(document["kinds"]), tuple(document["tasks"])
            if len(told["of_kinds"]) != len(kinds) or len(told["of_tasks"]) != len(tasks):
                raise BundleError("what is usual has ranges of other jobs", "train it again")
            parents = {name: tuple(above) for name, above in document["parents"].items()}
            return cls(
                int(document["runs"]), str(document["origin"]), kinds, tasks, **told,
                parents=parents,
            )  # fmt: skip
        except KeyError as error:
            raise BundleError(f"what is usual has no {error.args[0]}", "train it again") from None


_ARRAYS = ("of_kinds", "of_quick", "of_tasks", "within", "counts", "seconds")
ITSELF = "itself"


def measured(table: PhaseTable) -> Floats:
    """(n, measures): seconds of each phase, 0 where it did not happen; NaN for what is not told.

    Time after a job was ready in which nothing is told of it counts as queue.
    """
    found = np.full((len(table), len(MEASURES)), np.nan)
    found[:, : len(PHASES)] = table.spent
    found[:, QUEUE] += np.maximum(
        hold(table)[0] - table.ready - found[:, :LAST_WAIT].sum(axis=1), 0
    )
    for place, name in enumerate(USES, len(PHASES)):
        if name in table.used:
            found[:, place] = table.used[name]
    return found


def hold(table: PhaseTable) -> tuple[Floats, Floats]:
    """When each job held a worker, (n,) and (n,): from stage in to stage out, whatever of them
    happened; all of its time where nothing of them is told."""
    begins, ends = table.phase_begin[:, HELD], table.phase_end[:, HELD]
    told = ~np.isnan(begins).all(axis=1)
    first = np.where(told, np.fmin.reduce(begins, axis=1), table.begin)
    last = np.where(told, np.fmax.reduce(ends, axis=1), table.end)
    return np.nan_to_num(first), np.nan_to_num(np.maximum(first, last))


def usual_of(runs: Sequence[Run], origin: str = "other runs") -> Usual:
    """What is usual, from runs that are known to be good.

    Args:
        runs: of one workflow, at least one.
        origin: "other runs" or "training".
    """
    tables = [run.table for run in runs]
    cells = [measured(table) for table in tables]
    kinds = tuple(sorted({kind for table in tables for kind in table.kinds}))
    named = Counter(task for table in tables for task in table.tasks)
    tasks = tuple(
        sorted(task for task, count in named.items() if count >= max(FEWEST, len(runs) / 2))
    )
    tasks = tasks if len(tasks) <= _MOST_TASKS else ()
    of_tasks = _of_tasks(tables, cells, tasks)
    rows = [_split(table, kinds) for table in tables]
    of_kinds = np.full((len(kinds), len(MEASURES), 3), np.nan)
    of_quick = np.full((len(kinds), len(PHASES), 3), np.nan)
    within = np.zeros((len(kinds), len(PHASES), len(LEVELS)))
    counts = np.zeros((len(kinds), 3))
    place = {name: number for number, name in enumerate(tasks)}
    for number in range(len(kinds)):
        own = [cell[row[number]] for cell, row in zip(cells, rows, strict=True)]
        of_kinds[number] = central(np.concatenate(own))
        quick = np.array([quick_job(one[:, : len(PHASES)]) for one in own if len(one)])
        of_quick[number] = central(quick)
        counts[number] = np.quantile([len(one) for one in own], _CENTRAL)
        middles = of_kinds[number, : len(PHASES), 1]
        within[number] = _within(
            [
                one[:, : len(PHASES)] - _middles(table, row[number], middles, place, of_tasks)
                for one, row, table in zip(own, rows, tables, strict=True)
            ]
        )
    seconds = np.quantile([table.seconds for table in tables], _CENTRAL)
    return Usual(
        len(runs), origin, kinds, tasks, of_kinds, of_quick, of_tasks, within, counts, seconds,
        _parents(tables, tasks),
    )  # fmt: skip


def _parents(tables: Sequence[PhaseTable], tasks: Sequence[str]) -> dict[str, tuple[str, ...]]:
    """What reads what, by the first run that tells it."""
    known = set(tasks)
    for table in tables:
        found = {
            task: tuple(one for one in table.parents.get(task, ()) if one in known)
            for task in table.tasks
            if task in known
        }
        if any(found.values()):
            return found
    return {}


def usual_of_itself(table: PhaseTable) -> Usual:
    """What is usual among the jobs of a type in one run, for types with at least a few jobs.

    Spreads are taken from the median absolute deviation, so that a few slow jobs do not make
    themselves usual.
    """
    cells = measured(table)
    numbers = Counter(table.kinds)
    kinds = tuple(sorted(kind for kind, count in numbers.items() if count >= FEWEST))
    found = np.full((len(kinds), len(MEASURES), 3), np.nan)
    for place, rows in enumerate(_split(table, kinds)):
        middle = _quantiles(cells[rows], (0.5,))[:, 0]
        away = _SPREAD * _quantiles(np.abs(cells[rows] - middle), (0.5,))[:, 0]
        found[place] = np.stack([np.maximum(middle - away, 0.0), middle, middle + away], axis=1)
    nothing = np.full((len(kinds), 3), np.nan)
    return Usual(
        1, ITSELF, kinds, (), found, np.repeat(nothing[:, None, :], len(PHASES), axis=1),
        np.zeros((0, len(MEASURES), 3)), np.zeros((len(kinds), len(PHASES), len(LEVELS))),
        nothing, np.full(3, np.nan),
    )  # fmt: skip


def quick_job(values: Floats) -> Floats:
    """The first quartile of each column: where it rises, most jobs take longer, not just some."""
    return np.asarray(np.sort(values, axis=0)[(len(values) - 1) // 4])


def central(values: Floats) -> Floats:
    """The central range of each column, (columns, 3); NaN where nothing is told."""
    return _quantiles(values, _CENTRAL)


def _quantiles(values: Floats, levels: Sequence[float]) -> Floats:
    """(columns, levels) over the rows, whatever is NaN left out."""
    found = np.full((values.shape[1], len(levels)), np.nan)
    bare = np.isnan(values)
    whole = ~bare.any(axis=0)
    if len(values):
        found[whole] = np.quantile(values[:, whole], levels, axis=0).T
    for column in np.flatnonzero(~whole & ~bare.all(axis=0)):
        found[column] = np.quantile(values[~bare[:, column], column], levels)
    return found


def _split(table: PhaseTable, kinds: Sequence[str]) -> list[NDArray[np.int64]]:
    """The rows of each type."""
    own = np.array(table.kinds, dtype=object)
    return [np.flatnonzero(own == kind) for kind in kinds]


def _of_tasks(
    tables: Sequence[PhaseTable], cells: Sequence[Floats], tasks: Sequence[str]
) -> Floats:
    """(tasks, measures, 3) over the runs."""
    place = {name: number for number, name in enumerate(tasks)}
    found = np.full((len(tables), len(tasks), len(MEASURES)), np.nan)
    for run, (table, cell) in enumerate(zip(tables, cells, strict=True)):
        own = np.array([place.get(task, -1) for task in table.tasks], dtype=np.int64)
        found[run, own[own >= 0]] = cell[own >= 0]
    flat = _quantiles(found.reshape(len(tables), -1), _CENTRAL)
    return flat.reshape(len(tasks), len(MEASURES), 3)


def _middles(
    table: PhaseTable,
    rows: NDArray[np.int64],
    of_kind: Floats,
    place: Mapping[str, int],
    of_tasks: Floats,
) -> Floats:
    """(rows, phases): the middle of each job by its name, or else that of its type."""
    own = np.array([place.get(table.tasks[row], -1) for row in rows], dtype=np.int64)
    found = np.repeat(of_kind[None, :], len(rows), axis=0)
    found[own >= 0] = of_tasks[own[own >= 0], : len(PHASES), 1]
    return found


def _within(residuals: Sequence[Floats]) -> Floats:
    """(phases, levels): the medians over the runs of each run's quantiles."""
    told = [np.quantile(one, LEVELS, axis=0) for one in residuals if len(one)]
    return np.asarray(np.median(told, axis=0).T) if told else np.zeros((len(PHASES), len(LEVELS)))
