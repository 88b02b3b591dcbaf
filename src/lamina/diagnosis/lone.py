"""What a large transfer gets that has the network nearly for itself.

Loss of packets bounds a single stream of data long before it bounds many that share a network: the
stream yields whenever a packet is lost, and there is no other to take what it leaves.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from lamina.diagnosis.network import COLUMNS, FILL, crowd_of, shares_of
from lamina.diagnosis.runs import Floats, Run
from lamina.diagnosis.statistics import measures_of
from lamina.workflow.log import PHASES

FEW = 2
"""Transfers under way at once, on as many hosts, that hardly hinder each other."""

_PARTLY = 0.25
"""Share of the bytes of a transfer that may have come while more were under way; and of its other
moments, the share in which it has to have got less than there was."""
_LESS = 0.9
"""Part of an even share of the network below which it was not the others that held it up."""
_MIDDLE = COLUMNS.index("middle")
_STAGE_IN = PHASES.index("stage_in")


def lone_rates(runs: Sequence[Run]) -> Floats:
    """Logarithms of the MB/s that a transfer gets when nothing but itself bounds it, (n,).

    Of transfers of jobs of other types than those that share the network all at once. NaN where
    none was nearly alone, or where it took all that there was.
    """
    middles = shares_of(runs)[:, _MIDDLE]
    told = zip(runs, middles.tolist(), strict=True)
    return np.array([_rate(run, np.exp(middle)) for run, middle in told], dtype=np.float64)


def _rate(run: Run, whole: float) -> float:
    """The mean over transfers, by how long each was nearly alone; `whole`: MB/s of the network."""
    table = run.table
    if not np.isfinite(whole):
        return np.nan
    measures = measures_of(table)
    large = np.flatnonzero(np.isfinite(measures["capacity"]))
    begin = table.phase_begin[large, _STAGE_IN]
    end = begin + measures["stage_in"][large]
    moved = table.used["stage_in_bytes"][large] / 1e6
    edges = np.unique(np.concatenate([begin, end]))
    took = np.diff(edges)
    there = (begin[:, None] <= edges[:-1]) & (end[:, None] >= edges[1:])
    hosts = np.array(table.hosts, dtype=object)[large]
    beside = np.array([there[hosts == host].sum(axis=0) for host in hosts])
    count = there.sum(axis=0)
    quiet = there & (count <= FEW) & (beside <= 1)
    meanwhile = (there & ~quiet) @ (took * whole / np.maximum(count, FILL))
    found, lasted = [], []
    for row in np.flatnonzero(~crowd_of(table, large) & (meanwhile <= _PARTLY * moved)):
        seconds = np.array([took[quiet[row] & (count == n)].sum() for n in range(1, FEW + 1)])
        rate = _unhindered(float(moved[row] - meanwhile[row]), seconds, whole)
        if np.isfinite(rate):
            found.append(np.log(rate))
            lasted.append(seconds.sum())
    return float(np.average(found, weights=lasted)) if found else np.nan


def _unhindered(moved: float, seconds: Floats, whole: float) -> float:
    """The rate that moves so much where every moment allows it or an even share, whichever is less.

    Infinite where in most moments it was the even share that held it up.

    Args:
        moved: MB.
        seconds: during which one, two, ... were under way.
        whole: MB/s that they share.
    """
    shares = whole / np.arange(1, len(seconds) + 1)
    rate, left = np.inf, moved
    for n in range(len(seconds), 0, -1):
        free = seconds[:n].sum()
        rate = left / free if free > 0 else np.inf
        if rate <= shares[n - 1]:
            break
        left -= seconds[n - 1] * shares[n - 1]
        rate = np.inf
    held = seconds[rate >= _LESS * shares].sum()
    return rate if held <= (1.0 - _PARTLY) * seconds.sum() else np.inf
