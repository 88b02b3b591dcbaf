"""How much longer than usual each phase of each type of job took: what strangeness is told from.

A cell is a type of job and a channel: a phase, the seconds of run for each second of CPU, the
seconds of CPU, or how many programs left a record. Its value is the mean over the jobs of a run of
log(seconds + 1) less what is usual for the job, by its own name where normal runs have it, and for
the bytes that it took and gave; of records it is the sum of their number, less what is usual.
Deviations are told in multiples of what normal runs differ by, where that is mixed with two runs
that differ by 5 % (seconds of CPU by 1 %, records by one), and is not below what they are rounded
by.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import lru_cache
from typing import Any

import numpy as np
from numpy.typing import NDArray

from lamina.diagnosis.detectors.base import Arrays
from lamina.diagnosis.runs import Floats, Run
from lamina.diagnosis.usual import MEASURES, measured
from lamina.errors import BundleError
from lamina.traces.table import PhaseTable
from lamina.workflow.log import PHASES

TIMES = (*PHASES, "per_cpu")
"""Phases, and seconds of run for each second of CPU."""

CHANNELS = (*TIMES, "cpu", "programs")
"""Times; seconds of CPU; programs that left a record."""

CPU, PROGRAMS = len(TIMES), len(TIMES) + 1
"""Channels that are no time on the clock."""

TOLD = (*PHASES, "cpu", "programs")
"""What reasons are told in: seconds, and programs."""

PRIOR_SPREAD, PRIOR_RUNS = 0.05, 2.0
"""Deviation of the logarithm that is expected before any run was seen, and its weight in runs."""

PRIOR_SPREADS = np.array([PRIOR_SPREAD] * len(TIMES) + [0.01, 1.0])
"""The same of each channel: the same program on the same bytes takes the same seconds of CPU on
machines of one kind, and one record may be lost."""

ONE_RECORD = 1.0
"""Records more or less in a run that are not told apart, whatever normal runs say."""

ROUNDING = 1 / np.sqrt(12)
"""Deviation of what is rounded to whole numbers."""

_SIZE_SPREAD = 0.2
"""Bytes that differ less than this, in the logarithm, say little of how times follow them."""
_LEAST = 1.0
"""Seconds that are added before logarithms are taken: less is not told apart."""
_NAMED = 3
"""Normal runs with a job of a name from which on what is usual is told by the name."""
_GRAINS = (1.0, 0.1, 0.01, 0.001)
"""What seconds of CPU may be rounded to."""
_CPU = MEASURES.index("cpu")
_SIZES = [MEASURES.index(name) for name in ("stage_in_bytes", "stage_out_bytes")]
_STAMP = re.compile(r"\d{8}T\d{6}Z?|\d{14}")
"""When a workflow was planned, which is another time in every run."""


@dataclass(frozen=True, eq=False)
class Cells:
    """What is usual in normal runs.

    Args:
        kinds: types of job.
        names: of jobs that have a usual time of their own; the first entries of `middle` and
            `sizes` are those of the kinds, the others those of the names.
        middle: (kinds + names, channels) usual logarithms.
        sizes: (kinds + names, 2) usual logarithms of bytes in and out.
        slopes: (kinds, 2, channels) how logarithms follow those of bytes.
        places: (cells,) kind x channels + channel of those that normal runs tell of.
        centre, spread: (cells,) of normal runs.
        freedom: degrees of freedom of the spread.
    """

    kinds: tuple[str, ...]
    names: tuple[str, ...]
    middle: Floats = field(repr=False)
    sizes: Floats = field(repr=False)
    slopes: Floats = field(repr=False)
    places: NDArray[np.int64] = field(repr=False)
    centre: Floats = field(repr=False)
    spread: Floats = field(repr=False)
    freedom: float = 0.0

    @property
    def channels(self) -> NDArray[np.int64]:
        """(cells,): the channel of each."""
        return self.places % len(CHANNELS)

    def deviations(self, runs: Sequence[Run]) -> Floats:
        """(n, cells): multiples of the spread above what is usual; 0 for what is not told."""
        return np.nan_to_num((self.values(runs) - self.centre) / self.spread)

    def values(self, runs: Sequence[Run]) -> Floats:
        """(n, cells): mean logarithms above what is usual; NaN for what is not told."""
        found = np.full((len(runs), len(self.places)), np.nan)
        for place, run in enumerate(runs):
            own, rest = self.rows(run.table)
            found[place] = _means(own, rest, len(self.kinds)).ravel()[self.places]
        return found

    def rows(self, table: PhaseTable) -> tuple[NDArray[np.int64], Floats]:
        """For each job its kind, -1 for one that is not known, and (n, channels) how far the
        logarithms of its times are above what is usual."""
        return _rows(table, self.kinds, self.names, (self.middle, self.sizes, self.slopes))

    def usual(self, table: PhaseTable) -> tuple[NDArray[np.int64], Floats, Floats]:
        """For each job its kind, (n, told) the seconds of each phase and of CPU and its programs,
        and those that are usual for it; NaN for what is not told."""
        at, rest = self.rows(table)
        logs, _ = _told(table)
        columns = [CHANNELS.index(name) for name in TOLD]
        found = np.stack([logs, logs - rest])[:, :, columns]
        found[:, :, :-1] = np.exp(found[:, :, :-1]) - _LEAST
        return at, found[0], found[1]

    def to_parts(self) -> tuple[dict[str, Any], dict[str, NDArray[Any]]]:
        """A plain document and arrays."""
        document = {
            "kinds": list(self.kinds),
            "names": list(self.names),
            "channels": list(CHANNELS),
            "freedom": self.freedom,
        }
        return document, {name: np.asarray(getattr(self, name)) for name in _ARRAYS}

    @classmethod
    def from_parts(cls, document: Mapping[str, Any], arrays: Arrays) -> Cells:
        """The same again.

        Raises:
            BundleError: parts that do not belong together.
        """
        try:
            if document["channels"] != list(CHANNELS):
                raise BundleError("what is usual is told in other channels", "learn it again")
            found = cls(
                tuple(document["kinds"]),
                tuple(document["names"]),
                **{name: np.asarray(arrays[name]) for name in _ARRAYS},
                freedom=float(document["freedom"]),
            )
        except KeyError as error:
            raise BundleError(f"what is usual has no {error.args[0]}", "learn it again") from None
        cells, known = len(found.places), len(found.kinds) + len(found.names)
        if {len(found.centre), len(found.spread)} != {cells} or len(found.middle) != known:
            raise BundleError("what is usual has cells of other jobs", "learn it again")
        return found


_ARRAYS = ("middle", "sizes", "slopes", "places", "centre", "spread")


def cells_of(normal: Sequence[Run], channels: Sequence[str] = TIMES) -> Cells:
    """What is usual, from runs in which nothing went wrong; of those without a job nothing.

    Args:
        normal: the runs.
        channels: of `CHANNELS`, those that there are cells of.
    """
    tables = [run.table for run in normal if len(run.table)]
    kinds = tuple(sorted({kind for table in tables for kind in table.kinds}))
    told = [_told(table) for table in tables]
    at = np.concatenate([_kinds_of(table, kinds) for table in tables])
    logs, sizes = (np.concatenate([one[part] for one in told]) for part in (0, 1))
    names, own = _named(tables)
    middle = np.concatenate([_medians(logs, at, len(kinds)), _medians(logs, own, len(names))])
    usual = np.concatenate([_medians(sizes, at, len(kinds)), _medians(sizes, own, len(names))])
    base = np.where(own >= 0, own + len(kinds), at)
    beside = np.nan_to_num(sizes - usual[base])
    slopes = np.zeros((len(kinds), len(_SIZES), len(CHANNELS)))
    for kind in range(len(kinds)):
        rows = at == kind
        slopes[kind] = _slopes(beside[rows], (logs - middle[base])[rows], len(tables))
    learnt = (middle, usual, slopes)
    cells = [_means(*_rows(one, kinds, names, learnt), len(kinds)).ravel() for one in tables]
    roundings = _roundings(tables, kinds)
    roundings[:, [name not in channels for name in CHANNELS]] = np.nan
    return _spread(kinds, names, learnt, np.array(cells), roundings)


def _spread(
    kinds: tuple[str, ...],
    names: tuple[str, ...],
    learnt: tuple[Floats, Floats, Floats],
    cells: Floats,
    roundings: Floats,
) -> Cells:
    """What normal runs differ by, in the cells that at least half of them tell of."""
    count = np.isfinite(cells).sum(axis=0)
    enough = count >= max(_NAMED, len(cells) / 2)
    places = np.flatnonzero(enough & np.isfinite(roundings.ravel()))
    values, count = cells[:, places], count[places]
    centre = _middles(values)
    squares = np.nansum((values - centre) ** 2, axis=0) * (1 + 1 / count)
    own = shrunk(squares, count - 1, PRIOR_SPREADS[places % len(CHANNELS)])
    spread = np.sqrt(own**2 + roundings.ravel()[places] ** 2)
    freedom = PRIOR_RUNS + len(cells) - 1
    return Cells(kinds, names, *learnt, places, centre, spread, freedom)


def shrunk(
    squares: Floats, freedom: Floats | float, prior: Floats | float = PRIOR_SPREAD
) -> Floats:
    """Deviations from sums of squares, mixed with what is expected before any run was seen."""
    return np.asarray(np.sqrt((PRIOR_RUNS * prior**2 + squares) / (PRIOR_RUNS + freedom)))


def _told(table: PhaseTable) -> tuple[Floats, Floats]:
    """(n, channels) logarithms of times and the number of programs, (n, 2) logarithms of bytes;
    NaN for what is not told."""
    found = measured(table)
    cpu = np.where(found[:, _CPU] >= 0, found[:, _CPU], np.nan)
    logs = np.full((len(table), len(CHANNELS)), np.nan)
    logs[:, : len(PHASES)] = np.log(np.maximum(found[:, : len(PHASES)], 0) + _LEAST)
    logs[:, CPU] = np.log(cpu + _LEAST)
    logs[:, len(PHASES)] = logs[:, PHASES.index("run")] - logs[:, CPU]
    if "programs" in table.used:
        logs[:, PROGRAMS] = table.used["programs"]
    bytes_ = found[:, _SIZES]
    return logs, np.log(np.where(bytes_ >= 0, bytes_, np.nan) + 1)


def _rows(
    table: PhaseTable,
    kinds: Sequence[str],
    names: Sequence[str],
    learnt: tuple[Floats, Floats, Floats],
) -> tuple[NDArray[np.int64], Floats]:
    middle, usual, slopes = learnt
    at = _kinds_of(table, kinds)
    number = {name: place for place, name in enumerate(names)}
    own = np.array([number.get(unstamped(task), -1) for task in table.tasks], dtype=np.int64)
    base = np.where(own >= 0, own + len(kinds), at)
    logs, sizes = _told(table)
    beside = np.nan_to_num(sizes - usual[base])
    rest = logs - middle[base] - np.einsum("ns,nsc->nc", beside, slopes[at])
    rest[at < 0] = np.nan
    return at, rest


def _kinds_of(table: PhaseTable, kinds: Sequence[str]) -> NDArray[np.int64]:
    number = {name: place for place, name in enumerate(kinds)}
    return np.array([number.get(kind, -1) for kind in table.kinds], dtype=np.int64)


def _named(tables: Sequence[PhaseTable]) -> tuple[tuple[str, ...], NDArray[np.int64]]:
    """Names that enough of the runs have, and which of them each row is; -1 for another."""
    found = [[unstamped(task) for task in table.tasks] for table in tables]
    counts: dict[str, int] = {}
    for names in found:
        for name in dict.fromkeys(names):
            counts[name] = counts.get(name, 0) + 1
    chosen = tuple(sorted(name for name, count in counts.items() if count >= _NAMED))
    number = {name: place for place, name in enumerate(chosen)}
    rows = [number.get(name, -1) for names in found for name in names]
    return chosen, np.array(rows, dtype=np.int64)


@lru_cache(maxsize=65536)
def unstamped(name: str) -> str:
    """The name of a job without the time when its workflow was planned."""
    return _STAMP.sub("", name)


def _medians(values: Floats, groups: NDArray[np.int64], count: int) -> Floats:
    """(count, columns): medians of the rows of each group; NaN where nothing is told."""
    found = np.full((count, values.shape[1]), np.nan)
    order = np.argsort(groups, kind="stable")
    bounds = np.searchsorted(groups[order], np.arange(count + 1))
    for group in range(count):
        rows = values[order[bounds[group] : bounds[group + 1]]]
        if len(rows):
            found[group] = _middles(rows)
    return found


def _middles(rows: Floats) -> Floats:
    """Medians of the columns, whatever is NaN left out; several times as fast as np.nanmedian
    for few rows."""
    ordered = np.sort(rows, axis=0)
    count = np.isfinite(ordered).sum(axis=0)
    column = np.arange(rows.shape[1])
    low, high = np.maximum(count - 1, 0) // 2, np.minimum(count // 2, len(rows) - 1)
    return np.asarray((ordered[low, column] + ordered[high, column]) / 2)


def _slopes(beside: Floats, rest: Floats, runs: int) -> Floats:
    """(2, channels): how times follow bytes; nearly 0 where bytes hardly differ."""
    square = beside.T @ beside + runs * _SIZE_SPREAD**2 * np.eye(beside.shape[1])
    return np.asarray(np.linalg.solve(square, beside.T @ np.nan_to_num(rest)))


def _means(kinds: NDArray[np.int64], rest: Floats, count: int) -> Floats:
    """(count, channels): means over the jobs of each kind, of programs sums; NaN where nothing is
    told."""
    known = kinds >= 0
    told = np.isfinite(rest) & known[:, None]
    sums, numbers = np.zeros((count, rest.shape[1])), np.zeros((count, rest.shape[1]))
    np.add.at(sums, kinds[known], np.where(told, rest, 0.0)[known])
    np.add.at(numbers, kinds[known], told[known].astype(np.float64))
    over = np.where(np.arange(len(CHANNELS)) == PROGRAMS, np.minimum(numbers, 1.0), numbers)
    return np.divide(sums, over, out=np.full_like(sums, np.nan), where=numbers > 0)


def _roundings(tables: Sequence[PhaseTable], kinds: Sequence[str]) -> Floats:
    """(kinds, channels): what a mean logarithm is off by where seconds are rounded; NaN for
    phases that none of the runs has."""
    found = np.concatenate([measured(table) for table in tables])
    spent, cpu = found[:, : len(PHASES)], found[:, [_CPU]]
    there = np.concatenate([np.isfinite(table.phase_begin) for table in tables]) | (spent > 0)
    at = np.concatenate([_kinds_of(table, kinds) for table in tables])
    step = ROUNDING if np.array_equal(spent, np.round(spent)) else 0.0
    found = np.zeros((len(kinds), len(CHANNELS)))
    jobs = np.bincount(at, minlength=len(kinds))[:, None] / len(tables)
    found[:, : len(PHASES)] = step / (_medians(spent, at, len(kinds)) + _LEAST) / np.sqrt(jobs)
    usual = np.nan_to_num(_medians(np.maximum(cpu, 0), at, len(kinds))) + _LEAST
    found[:, [CPU]] = ROUNDING * _grain(cpu) / usual / np.sqrt(jobs)
    some = np.zeros((len(kinds), len(PHASES)), dtype=np.bool_)
    np.logical_or.at(some, at, there)
    found[:, : len(PHASES)][~some] = np.nan
    found[:, PROGRAMS] = ONE_RECORD
    return found


def _grain(values: Floats) -> float:
    """What values are whole multiples of; 0 where that is too fine to matter."""
    told = values[np.isfinite(values)]
    for grain in _GRAINS:
        if len(told) and np.allclose(told / grain, np.round(told / grain), rtol=0, atol=1e-6):
            return grain
    return 0.0
