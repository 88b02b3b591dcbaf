"""What tells whether a job was disturbed: how it, its host and its run differ from what is usual.

Nothing names a host, a user, a place or a date, and no column tells which type of job or which
workflow a row is of: what is learnt holds for machines and jobs that were never seen. Hosts count
as groups of jobs of one run: what slows a host slows all that ran on it.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from lamina.diagnosis.runs import Floats
from lamina.diagnosis.usual import MEASURES, USES, Usual, measured
from lamina.traces.table import PhaseTable
from lamina.workflow.log import PHASES

FEWEST = 3
"""Jobs of a type in a run from which on they are compared with each other."""

_SECOND = 1.0
"""Added to seconds before logarithms are taken: clocks of traces tell whole seconds."""
_BYTES = 1e5
"""Added to bytes, likewise: less is not told apart from the time it takes to begin."""

_PLACE = {name: place for place, name in enumerate(MEASURES)}
_RATES = (
    ("stretch", ("run",), ("cpu",)),
    ("in_rate", ("stage_in_bytes",), ("stage_in",)),
    ("out_rate", ("stage_out_bytes",), ("stage_out",)),
    ("io_rate", ("bytes_read", "bytes_written"), ("run",)),
)
"""Logarithms of ratios: name, sum of what, by what."""
_TIMES = (*PHASES, "cpu", "io_wait")

QUANTITIES = (*_TIMES, *(name for name, _, _ in _RATES))
"""Of each job: logarithms of seconds, of seconds of compute for each of the processor, and of
bytes for each second."""

_VIEWS = (
    "own", "in run", "host mean", "host most", "host least", "host in run", "host to hosts",
    "host rank", "run mean", "run most",
)  # fmt: skip

COLUMNS = (*(f"{view}: {name}" for view in _VIEWS for name in QUANTITIES), "share of host")
"""Names of the columns that `features` gives."""


def features(table: PhaseTable, known: Sequence[Usual] = ()) -> Floats:
    """(n, columns): a row for each job.

    Differences of logarithms, NaN where something is not told: of a job to what is usual for it
    ("own"), and to the middle of its type in this run ("in run"); mean, most and least of the
    first over the jobs of its host, mean of the second; of the host's mean to the middle of the
    hosts, and its rank among them; mean over the run, and the most of a host. The last column is
    the host's share of the jobs.

    Args:
        table: of the run.
        known: what is usual; a job takes the first that knows it. Jobs that none knows are
            compared with those of their type in this run.
    """
    own, in_run = residuals(table, known)
    groups = _Groups.of(table.hosts)
    mean = groups.mean(own)
    middle = medians(mean)
    views = [
        own,
        in_run,
        mean[groups.of_row],
        groups.extreme(own, np.fmax)[groups.of_row],
        groups.extreme(own, np.fmin)[groups.of_row],
        groups.mean(in_run)[groups.of_row],
        (mean - middle)[groups.of_row],
        _ranks(mean)[groups.of_row],
        np.broadcast_to(_mean(own), own.shape),
        np.broadcast_to(np.fmax.reduce(mean, axis=0, initial=np.nan), own.shape),
    ]
    share = np.log(groups.sizes * len(groups.sizes) / max(1, len(table)))
    return np.concatenate([*views, share[groups.of_row][:, None]], axis=1)


def residuals(table: PhaseTable, known: Sequence[Usual] = ()) -> tuple[Floats, Floats]:
    """How each job differs from what is usual for it, and then from its type in this run.

    Returns:
        (n, quantities) and (n, quantities); NaN where there is nothing to compare with.
    """
    told = quantities(measured(table))
    usual = np.full(told.shape, np.nan)
    for one in known:
        usual = np.where(np.isnan(usual), quantities(one.rows(table)[:, :, 1]), usual)
    kinds = np.array(table.kinds, dtype=object)
    rows = [np.flatnonzero(kinds == kind) for kind in dict.fromkeys(table.kinds)]
    for row in rows:
        if len(row) >= FEWEST:
            usual[row] = np.where(np.isnan(usual[row]), medians(told[row]), usual[row])
    own = told - usual
    in_run = np.full(told.shape, np.nan)
    for row in rows:
        if len(row) >= FEWEST:
            in_run[row] = own[row] - medians(own[row])
    return own, in_run


def quantities(cells: Floats) -> Floats:
    """(n, measures) in seconds and bytes -> (n, quantities)."""
    times = [np.log(_SECOND + np.maximum(cells[:, _PLACE[name]], 0.0)) for name in _TIMES]
    rates = [_amount(cells, over) - _amount(cells, under) for _, over, under in _RATES]
    return np.stack([*times, *rates], axis=1)


def _amount(cells: Floats, names: Sequence[str]) -> Floats:
    total = np.asarray(sum(np.maximum(cells[:, _PLACE[name]], 0.0) for name in names))
    counted = names[0] in USES and names[0] != "cpu"
    return np.asarray(np.log(total + (_BYTES if counted else _SECOND)))


def medians(values: Floats) -> Floats:
    """Of each column, what is NaN left out; NaN where nothing is left."""
    if not len(values):
        return np.full(values.shape[1], np.nan)
    counts = np.count_nonzero(~np.isnan(values), axis=0)
    ordered = np.sort(values, axis=0)  # NaN stands last
    columns = np.arange(values.shape[1])
    low, high = np.maximum(counts - 1, 0) // 2, counts // 2
    found = 0.5 * (ordered[low, columns] + ordered[np.minimum(high, len(values) - 1), columns])
    return np.where(counts > 0, found, np.nan)


def _mean(values: Floats) -> Floats:
    counts = np.count_nonzero(~np.isnan(values), axis=0)
    total = np.nansum(values, axis=0)
    return np.where(counts > 0, total / np.maximum(counts, 1), np.nan)


def _ranks(values: Floats) -> Floats:
    """Share of the rows that are less in the same column; NaN stays."""
    bare = np.isnan(values)
    ordered = np.sort(values, axis=0)
    counts = np.maximum(np.count_nonzero(~bare, axis=0) - 1, 1)
    less = np.stack(
        [
            np.searchsorted(ordered[:, column], values[:, column])
            for column in range(values.shape[1])
        ],
        axis=1,
    )
    return np.where(bare, np.nan, less / counts)


@dataclass(frozen=True, eq=False)
class _Groups:
    """Rows by host; a job whose host is not told stands alone."""

    of_row: NDArray[np.int64]
    order: NDArray[np.int64]
    begins: NDArray[np.int64]
    sizes: NDArray[np.int64]

    @classmethod
    def of(cls, hosts: Sequence[str]) -> _Groups:
        numbers: dict[str, int] = {}
        keys = (host or f"\0{row}" for row, host in enumerate(hosts))
        of_row = np.array([numbers.setdefault(key, len(numbers)) for key in keys], dtype=np.int64)
        sizes = np.bincount(of_row, minlength=len(numbers)).astype(np.int64)
        begins = np.concatenate([[0], np.cumsum(sizes)])[:-1].astype(np.int64)
        return cls(of_row, np.argsort(of_row, kind="stable"), begins, sizes)

    def extreme(self, values: Floats, best: np.ufunc) -> Floats:
        """(groups, columns): the most or least of each."""
        if not len(self.sizes):
            return values[:0]
        return np.asarray(best.reduceat(values[self.order], self.begins, axis=0))

    def mean(self, values: Floats) -> Floats:
        """(groups, columns), what is NaN left out."""
        if not len(self.sizes):
            return values[:0]
        ordered = values[self.order]
        total = np.add.reduceat(np.nan_to_num(ordered), self.begins, axis=0)
        counts = np.add.reduceat((~np.isnan(ordered)).astype(np.float64), self.begins, axis=0)
        return np.where(counts > 0, total / np.maximum(counts, 1.0), np.nan)
