"""Which phases of which jobs took longer than usual, by how much, and what of it size explains."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from lamina.diagnosis.usual import (
    LEVELS,
    MEASURES,
    RUN,
    STAGE_IN,
    STAGE_OUT,
    Floats,
    Usual,
    measured,
    quick_job,
)
from lamina.traces.table import PhaseTable
from lamina.workflow.log import PHASES

Flags = NDArray[np.bool_]

SIGMAS = 3.0
"""Spreads above the middle from which on a value is unusual: one in some hundred is, by chance."""

SHARE = 0.15
"""Part of the middle that a single job's phase has to exceed it by, at least."""

SHARE_OF_TYPE = 0.05
"""The same for the median of a type of job, which varies less."""

SMALL = 0.003
"""Part of the makespan below which a difference is not worth a word."""

GROWN = 1.25
"""Times as many bytes, or seconds of CPU, from which on a job is called larger."""

_TO_SIGMA = 1 / 1.2816
"""From the middle to the 90th percentile -> standard deviation of a normal distribution."""


@dataclass(frozen=True, eq=False)
class Deviations:
    """A run beside what is usual.

    Args:
        table: of the run.
        usual: what it is compared with.
        cells: (n, measures) of the run.
        ranges: (n, measures, 3) what is usual for each job: low, middle, high.
        ranked: (n, phases) what each would have taken on these machines, as far apart as jobs of
            a type are.
        expected: (n, phases) what is usual: for types that took longer as a whole as far apart as
            jobs are, elsewhere the middle for the job.
        excess: (n, phases) seconds above that; 0 where it is usual.
        larger: (n, phases) seconds above what is usual that go with more bytes or more computing.
        of_types: (n, phases) whether the whole type of the job took longer.
    """

    table: PhaseTable
    usual: Usual
    cells: Floats = field(repr=False)
    ranges: Floats = field(repr=False)
    ranked: Floats = field(repr=False)
    expected: Floats = field(repr=False)
    excess: Floats = field(repr=False)
    larger: Floats = field(repr=False)
    of_types: Flags = field(repr=False)

    def used(self, name: str) -> tuple[Floats, Floats]:
        """What each job used of something, and what is usual; (n,) each."""
        column = MEASURES.index(name)
        return self.cells[:, column], self.ranges[:, column, 1]


def deviations_of(table: PhaseTable, usual: Usual) -> Deviations:
    """Compares each phase of each job with what is usual for it."""
    cells = measured(table)
    ranges = usual.rows(table)
    phases = len(PHASES)
    floor = max(SMALL * _scale(table, usual), 1e-3)
    of_types = _of_types(table, usual, cells[:, :phases], floor)
    middles = ranges[:, :phases, 1].copy()
    expected = np.where(of_types, _ranked(table, usual, cells[:, :phases], middles), middles)
    middles[:, RUN] *= _speeds(table, cells, ranges)
    ranked = _ranked(table, usual, cells[:, :phases], middles)
    unusual = cells[:, :phases] > edge_of(usual, table, ranges)
    unusual |= of_types & (cells[:, :phases] > expected + floor / 2)
    grown = expected + _by_size(cells, ranges, expected)
    above = np.where(unusual, cells[:, :phases] - expected, 0.0)
    larger = np.clip(np.minimum(cells[:, :phases], grown) - expected, 0.0, np.maximum(above, 0.0))
    left = above - larger
    # What size explains nearly whole is explained; the rest of it is chance.
    left = np.where(left > np.maximum(floor, SHARE * np.where(larger > 0, grown, 0.0)), left, 0.0)
    return Deviations(
        table, usual, cells, ranges, ranked, expected, np.nan_to_num(left),
        np.nan_to_num(np.where(unusual, larger, 0.0)), of_types,
    )  # fmt: skip


def edge_of(usual: Usual, table: PhaseTable, ranges: Floats) -> Floats:
    """(n, phases) seconds above which a phase of a job is unusual.

    The range of one job, from few runs, may be narrow by chance: it counts as no narrower than jobs
    of the type differ within a run.
    """
    floor = max(SMALL * _scale(table, usual), 1e-3)
    told = ranges[:, : len(PHASES)].copy()
    place = {kind: number for number, kind in enumerate(usual.kinds)}
    at = np.array([place.get(kind, -1) for kind in table.kinds], dtype=np.int64)
    known = np.flatnonzero(at >= 0)
    within = usual.within[at[known], :, LEVELS.index(0.9)]
    told[known, :, 2] = np.maximum(told[known, :, 2], told[known, :, 1] + within)
    return _edges(told, SHARE, floor, usual.runs if usual.known else 0)


def _scale(table: PhaseTable, usual: Usual) -> float:
    """The makespan that small differences are small beside."""
    return float(usual.seconds[1]) if usual.known else table.seconds


def _edges(ranges: Floats, share: float, floor: float, runs: int) -> Floats:
    """Values above which something is unusual; NaN where nothing is known."""
    middle, high = ranges[..., 1], ranges[..., 2]
    # A spread from few runs is too narrow: by a third for ten, by two thirds for five.
    few = 1 + 3.3 / runs if runs else 1.0
    away = SIGMAS * _TO_SIGMA * few * (high - middle)
    return np.asarray(middle + np.maximum(away, np.maximum(share * middle, floor)))


def _of_types(table: PhaseTable, usual: Usual, cells: Floats, floor: float) -> Flags:
    """(n, phases) whether the job's type took longer as a whole: even its quick jobs did."""
    found = np.zeros(cells.shape, dtype=np.bool_)
    if not usual.known:
        return found
    edges = _edges(usual.of_quick, SHARE_OF_TYPE, floor, usual.runs)
    own = np.array(table.kinds, dtype=object)
    for place, kind in enumerate(usual.kinds):
        rows = own == kind
        if rows.any():
            found[rows] = quick_job(cells[rows]) > edges[place]
    return found


def _ranked(table: PhaseTable, usual: Usual, cells: Floats, middles: Floats) -> Floats:
    """What each job would have taken: its middle, and as far off it as the job of its rank among
    those of its type is in a usual run. NaN where nothing is known."""
    found = middles.copy()
    place = {kind: number for number, kind in enumerate(usual.kinds)}
    own = np.array(table.kinds, dtype=object)
    for kind in dict.fromkeys(table.kinds):
        if kind not in place:
            continue
        rows = np.flatnonzero(own == kind)
        off = cells[rows] - middles[rows]
        ranks = (np.argsort(np.argsort(off, axis=0, kind="stable"), axis=0) + 0.5) / len(rows)
        for column in range(len(PHASES)):
            usually = np.interp(ranks[:, column], LEVELS, usual.within[place[kind], column])
            found[rows, column] += usually
    return np.maximum(found, 0.0)


def _speeds(table: PhaseTable, cells: Floats, ranges: Floats) -> Floats:
    """(n,) part of the usual seconds of CPU that the jobs of a type needed, where that is less:
    on quicker machines a run that takes as long as usual waited for something."""
    column = MEASURES.index("cpu")
    used, usual = cells[:, column], ranges[:, column, 1]
    own = np.array(table.kinds, dtype=object)
    found = np.ones(len(table))
    for kind in dict.fromkeys(table.kinds):
        rows = (own == kind) & (used > 0) & (usual > 0)
        if rows.any():
            found[own == kind] = min(float(np.median(used[rows] / usual[rows])), 1.0)
    return found


def _by_size(cells: Floats, ranges: Floats, expected: Floats) -> Floats:
    """(n, phases) seconds by which more bytes, or more computing, make a job longer.

    Staging grows with its bytes; the run by the seconds of CPU that are more, or, where nobody
    counted those, with what was staged in or read.
    """
    more = np.zeros(expected.shape)
    into, out, read, cpu = (
        _ratio(cells, ranges, name)
        for name in ("stage_in_bytes", "stage_out_bytes", "bytes_read", "cpu")
    )
    more[:, STAGE_IN] = expected[:, STAGE_IN] * (into - 1)
    more[:, STAGE_OUT] = expected[:, STAGE_OUT] * (out - 1)
    column = MEASURES.index("cpu")
    told = ~np.isnan(cells[:, column]) & ~np.isnan(ranges[:, column, 1])
    computed = np.where(cpu > 1, cells[:, column] - ranges[:, column, 1], 0.0)
    by_bytes = expected[:, RUN] * (np.maximum(into, read) - 1)
    more[:, RUN] = np.where(told, computed, by_bytes)
    return np.nan_to_num(np.maximum(more, 0.0))


def _ratio(cells: Floats, ranges: Floats, name: str) -> Floats:
    """Times as much as usual of something, 1 where it is not clearly more or not told; (n,)."""
    column = MEASURES.index(name)
    used, middle, high = cells[:, column], ranges[:, column, 1], ranges[:, column, 2]
    with np.errstate(divide="ignore", invalid="ignore"):
        found = np.where((middle > 0) & (used > GROWN * high), used / middle, 1.0)
    return np.asarray(np.where(found > GROWN, found, 1.0))
