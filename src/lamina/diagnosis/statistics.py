"""A run as one row of numbers, whatever its workflow: how long its types of jobs took, how far
their processors were free for them, and what the network gave them."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import NamedTuple
from weakref import WeakKeyDictionary

import numpy as np
from numpy.typing import NDArray

from lamina.diagnosis.runs import Floats, Run
from lamina.traces.table import PhaseTable
from lamina.workflow.log import PHASES

ALL = "*"
"""The type that stands for all jobs together."""

SECONDS = ("submit", "queue", "stage_in", "run", "stage_out", "post_script", "held", "cpu", "wait")
"""Measures in seconds. `held`: stage in to stage out; `wait`: run without the processor time."""

LOGARITHMS = ("slowness", "capacity", "rate")
"""Measures that are logarithms already. `slowness`: seconds of run per second of processor time;
`rate`: MB/s of a stage in; `capacity`: the same, had it had the network for itself."""

SUMMARIES = ("middle", "mean", "least", "most", "low", "high", "spread", "deviation")
"""Of a measure over the jobs of a type; low and high are the 10th and 90th percentile, the
spread is that between the quartiles."""

HOSTS = ("host_slowness", "host_rate_low", "host_rate_high", "host_rate_deviation")
"""How far hosts differ: deviation of their mean slowness; MB/s that they staged in."""

LARGE = 1e8
"""Bytes of a stage in from which on it tells how fast the network is, and not how long it takes
to say hello."""

_PARTLY = 0.01
"""Share of the bytes of the largest stage in of a type, below which only a part was told."""
_OF_ALL = ("submit", "queue", "stage_in", "stage_out", "post_script")
_STAGE_IN, _RUN, _STAGE_OUT = (PHASES.index(name) for name in ("stage_in", "run", "stage_out"))
_FEW = 4
"""Jobs from which on a spread says something."""

_RUN_PHASE = ("run", "wait", "slowness", "host_slowness")

Measures = Mapping[str, Floats]

_known: WeakKeyDictionary[PhaseTable, dict[str, dict[str, float]]] = WeakKeyDictionary()


class Layout(NamedTuple):
    """What stands in the columns: pairs of a type of jobs and what is told of it."""

    columns: tuple[tuple[str, str], ...]

    @property
    def names(self) -> tuple[str, ...]:
        """Name of each column: "sifting.capacity.most"."""
        return tuple(f"{kind}.{what}" for kind, what in self.columns)


def layout_of(runs: Sequence[Run]) -> Layout:
    """The columns that at least half of the runs tell something in."""
    told: dict[tuple[str, str], int] = {}
    for run in runs:
        for kind, row in _statistics(run.table).items():
            for what in row:
                told[kind, what] = told.get((kind, what), 0) + 1
    return Layout(tuple(sorted(key for key, count in told.items() if 2 * count >= len(runs))))


def statistics_of(runs: Sequence[Run], layout: Layout) -> Floats:
    """(n, columns); NaN where a run does not tell it. Seconds as their inverse hyperbolic sine:
    a logarithm that bears nothing at all, and waits below zero (jobs with several threads)."""
    found = np.full((len(runs), len(layout.columns)), np.nan)
    for place, run in enumerate(runs):
        row = _statistics(run.table)
        nothing: dict[str, float] = {}
        found[place] = [row.get(kind, nothing).get(what, np.nan) for kind, what in layout.columns]
    return _without_hidden(found, layout)


def _without_hidden(found: Floats, layout: Layout) -> Floats:
    """The same; what a run phase took is not known in a run that tells no stage in of a type of
    which others tell one: traces with few columns have the one within the other."""
    for kind in {kind for kind, what in layout.columns if what == "stage_in.middle"}:
        told = layout.columns.index((kind, "stage_in.middle"))
        untold = np.isnan(found[:, told])
        for place, (own, what) in enumerate(layout.columns):
            if own == kind and what.partition(".")[0] in _RUN_PHASE:
                found[untold, place] = np.nan
    return found


def measures_of(table: PhaseTable) -> dict[str, Floats]:
    """What is told of each job, (n,) each; NaN where it is not told.

    A job that tells of no stage in, or of a hundredth of the bytes of others of its type, where
    those tell of one, has it within its run phase: then neither is known.
    """
    took = np.where(np.isnan(table.phase_begin), np.nan, table.spent)
    found = {name: took[:, place] for place, name in enumerate(PHASES) if name in SECONDS}
    moved = table.used.get("stage_in_bytes", np.full(len(table), np.nan))
    hidden = _hidden(table, took[:, _STAGE_IN], moved)
    found["stage_in"] = np.where(hidden, np.nan, found["stage_in"])
    found["run"] = np.where(hidden, np.nan, found["run"])
    found["held"] = np.nansum(took[:, _STAGE_IN : _STAGE_OUT + 1], axis=1)
    found["cpu"] = table.used.get("cpu", np.full(len(table), np.nan))
    found["wait"] = found["run"] - found["cpu"]
    found["slowness"] = np.log(np.maximum(found["run"], 1.0) / np.maximum(found["cpu"], 0.5))
    large = ~hidden & (np.nan_to_num(moved) >= LARGE)
    seconds = np.where(large, took[:, _STAGE_IN], np.nan)
    begin = table.phase_begin[:, _STAGE_IN]
    alone = alone_seconds(begin, begin + seconds)
    with np.errstate(divide="ignore"):
        megabytes = np.log(moved / 1e6)
    found["capacity"] = megabytes - np.log(np.maximum(alone, 1.0))
    found["rate"] = megabytes - np.log(np.maximum(seconds, 1.0))
    return found


def alone_seconds(begin: Floats, end: Floats, fill: float = 1.0) -> Floats:
    """How long each transfer would have taken alone, had those under way shared evenly: the
    integral of one over their number, or over `fill`, which share all there is, where they are
    fewer. NaN where its times are not told."""
    found = np.full(len(begin), np.nan)
    told = end > begin
    if told.any():
        edges = np.unique(np.concatenate([begin[told], end[told]]))
        covers = (begin[told, None] <= edges[:-1]) & (end[told, None] >= edges[1:])
        found[told] = covers @ (np.diff(edges) / np.maximum(covers.sum(axis=0), fill))
    return found


def _hidden(table: PhaseTable, seconds: Floats, moved: Floats) -> NDArray[np.bool_]:
    kinds = np.array(table.kinds, dtype=object)
    found = np.zeros(len(table), dtype=np.bool_)
    for kind in dict.fromkeys(table.kinds):
        own = kinds == kind
        if np.isnan(seconds[own]).all():
            continue
        most = np.nanmax(moved[own], initial=0.0)
        found[own] = np.isnan(seconds[own]) | (moved[own] < _PARTLY * most)
    return found


def _statistics(table: PhaseTable) -> dict[str, dict[str, float]]:
    """Type of jobs -> what is told of it -> value."""
    if table not in _known:
        _known[table] = _computed(table)
    return _known[table]


def _computed(table: PhaseTable) -> dict[str, dict[str, float]]:
    measures = measures_of(table)
    kinds = np.array(table.kinds, dtype=object)
    hosts = np.array(table.hosts, dtype=object)
    found: dict[str, dict[str, float]] = {}
    for kind in sorted(set(table.kinds)):
        own = np.flatnonzero(kinds == kind)
        row: dict[str, float] = {}
        for name in (*SECONDS, *LOGARITHMS):
            row |= _summed(name, measures[name][own])
        found[kind] = row | _over_hosts(table, measures, own, hosts)
    everything: dict[str, float] = {"seconds": float(np.arcsinh(table.seconds))}
    for name in _OF_ALL:
        everything |= _summed(name, measures[name])
    found[ALL] = everything
    return found


def _summed(name: str, values: Floats) -> dict[str, float]:
    """The summaries of one measure, those of which there is something to tell."""
    told = np.sort(values[np.isfinite(values)])
    count = len(told)
    if not count:
        return {}
    scaled: Callable[[float], float] = np.arcsinh if name in SECONDS else float
    found = {
        "middle": (told[(count - 1) // 2] + told[count // 2]) / 2.0,
        "mean": told.mean(),
        "least": told[0],
        "most": told[-1],
    }
    if count >= _FEW:
        low, first, third, high = np.interp(
            np.array([0.1, 0.25, 0.75, 0.9]) * (count - 1), np.arange(count), told
        )
        found |= {"low": low, "high": high, "spread": third - first, "deviation": told.std()}
    return {f"{name}.{what}": float(scaled(value)) for what, value in found.items()}


def _over_hosts(
    table: PhaseTable, measures: Measures, own: NDArray[np.int64], hosts: NDArray[np.object_]
) -> dict[str, float]:
    """How the hosts that jobs of a type ran on differ; nothing where there are not two."""
    names = [name for name in dict.fromkeys(hosts[own]) if name]
    if len(names) < 2 or len(own) < _FEW:
        return {}
    slow, rates = [], []
    begin = table.phase_begin[:, _STAGE_IN]
    for name in names:
        rows = own[hosts[own] == name]
        slowness = measures["slowness"][rows]
        if np.isfinite(slowness).any():
            slow.append(np.nanmean(slowness))
        moving = rows[np.isfinite(measures["rate"][rows])]
        if len(moving):
            moved = table.used["stage_in_bytes"][moving].sum() / 1e6
            last = (begin + measures["stage_in"])[moving].max()
            rates.append(np.log(moved / max(last - begin[moving].min(), 1.0)))
    found: dict[str, float] = {}
    if len(slow) > 1:
        found["host_slowness"] = float(np.std(slow))
    if len(rates) > 1:
        ends = (min(rates), max(rates), float(np.std(rates)))
        found |= dict(zip(HOSTS[1:], map(float, ends), strict=True))
    return found
