"""What the large transfers of a run tell of its network, taken together: how evenly it was shared,
between jobs and between hosts, and how long it stood nearly idle.

Loss of packets that is too small to slow a run shows here, if anywhere: who loses packets at random
yields to the others, so that most transfers get a little more than an even share and a few much
less.
"""

from __future__ import annotations

from collections.abc import Sequence
from weakref import WeakKeyDictionary

import numpy as np
from numpy.typing import NDArray

from lamina.diagnosis.runs import Floats, Run
from lamina.diagnosis.statistics import alone_seconds, measures_of
from lamina.traces.table import PhaseTable
from lamina.workflow.log import PHASES

FEWEST = 8
"""Large transfers of one type of jobs from which on their shares tell something."""
FILL = 3.0
"""Transfers that fill a network together; fewer leave some of it unused."""

EVENNESS = (
    "least", "low", "first", "middle", "third", "high", "most",
    "mean", "skew", "deviation", "middle_deviation",
)  # fmt: skip
"""Of the MB/s that each transfer would have got alone, as logarithms."""
HOSTS = ("host_least", "host_low", "host_middle", "host_high", "host_most", "between", "within")
"""Of their means over hosts; and how far they spread between hosts and within one."""
TIMES = ("end_deviation", "end_spread", "end_last", "one", "two", "many", "begin_deviation")
"""Seconds, as logarithms: how far apart transfers ended; how long one, two, nearly as many as ever
were under way; how far apart they began, which is the scheduler's doing and explains the rest."""
OTHERS = ("others", "others_most")
"""What transfers of jobs of other types got, beside the middle."""

COLUMNS = (*EVENNESS, *HOSTS, *TIMES, *OTHERS)

_STAGE_IN = PHASES.index("stage_in")
_known: WeakKeyDictionary[PhaseTable, Floats] = WeakKeyDictionary()


def shares_of(runs: Sequence[Run]) -> Floats:
    """(n, `COLUMNS`); NaN where a run does not tell it."""
    return np.array([_shares(run.table) for run in runs]).reshape(len(runs), len(COLUMNS))


def _shares(table: PhaseTable) -> Floats:
    if table not in _known:
        _known[table] = _computed(table)
    return _known[table]


def _computed(table: PhaseTable) -> Floats:
    """Of the type of jobs with most large transfers, which are those that share the network."""
    measures = measures_of(table)
    large = np.flatnonzero(np.isfinite(measures["capacity"]))
    main = crowd_of(table, large)
    if main.sum() < FEWEST:
        return np.full(len(COLUMNS), np.nan)
    begin = table.phase_begin[large, _STAGE_IN]
    end = begin + measures["stage_in"][large]
    alone = np.maximum(alone_seconds(begin, end, FILL), 1.0)
    got = np.log(table.used["stage_in_bytes"][large] / 1e6 / alone)
    own, others = got[main], got[~main] - np.median(got[main])
    hosts = np.array(table.hosts, dtype=object)[large]
    return np.concatenate(
        [
            _evenness(own),
            _over_hosts(own, hosts[main]),
            _times(begin, end, main),
            [others.mean(), others.max()] if len(others) else [np.nan, np.nan],
        ]
    )


def crowd_of(table: PhaseTable, large: NDArray[np.int64]) -> NDArray[np.bool_]:
    """Which of some transfers are of the type of jobs that has most of them."""
    kinds = np.array(table.kinds, dtype=object)[large].astype(str)
    names, counts = np.unique(kinds, return_counts=True)
    return np.asarray(kinds == names[counts.argmax()] if len(large) else kinds == "")


def _evenness(got: Floats) -> Floats:
    least, low, first, middle, third, high, most = np.quantile(
        got, [0.0, 0.1, 0.25, 0.5, 0.75, 0.9, 1.0]
    ).tolist()
    off = float(np.median(np.abs(got - middle)))
    mean = float(got.mean())
    found = (least, low, first, middle, third, high, most, mean, mean - middle, got.std(), off)
    return np.array(found)


def _over_hosts(got: Floats, hosts: NDArray[np.object_]) -> Floats:
    own = [got[hosts == name] for name in dict.fromkeys(hosts.tolist()) if name]
    if len(own) < 2:
        return np.full(len(HOSTS), np.nan)
    means = np.sort([one.mean() for one in own])
    within = np.sqrt(np.mean([one.var() for one in own]))
    middle = np.median(means)
    return np.array([means[0], means[1], middle, means[-2], means[-1], means.std(), within])


def _times(begin: Floats, end: Floats, main: NDArray[np.bool_]) -> Floats:
    first, middle, third = np.quantile(end[main], [0.25, 0.5, 0.75]).tolist()
    edges = np.unique(np.concatenate([begin, end]))
    under_way = ((begin[:, None] <= edges[:-1]) & (end[:, None] >= edges[1:])).sum(axis=0)
    took = np.diff(edges)
    many = under_way >= 0.9 * under_way.max()
    return np.log1p(
        [
            end[main].std(),
            third - first,
            end[main].max() - middle,
            took[under_way == 1].sum(),
            took[under_way == 2].sum(),
            took[many].sum(),
            begin.std(),
        ]
    )
