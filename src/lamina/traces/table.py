"""A run as columns of numbers: what charts, statistics and detectors take."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray

from lamina.errors import DataError
from lamina.records.history import Session
from lamina.traces.trace import Attempt, Trace
from lamina.workflow.log import PHASES

Floats = NDArray[np.float64]

USED = (
    "cpu", "memory_peak", "bytes_read", "bytes_written", "stage_in_bytes", "stage_out_bytes",
    "io_wait", "programs",
)  # fmt: skip
"""What an attempt may say that it used: seconds, or bytes; programs that left a record."""

_COLUMN = {name: column for column, name in enumerate(PHASES)}


@dataclass(frozen=True, eq=False)
class PhaseTable:
    """The attempts of a run, a row each; times in seconds of work since the run began.

    Args:
        tasks, kinds, hosts: name of the unit, its type of job, where it ran; "" if not told.
        ready, begin, end: when its inputs were there, it was handed over, it was over; (n,).
        phase_begin, phase_end: (n, 7), a column per phase of `lamina.workflow.log.PHASES`; NaN
            where a phase did not happen.
        seconds: makespan of the run.
        broken: (n, 7) seconds between the first begin and the last end of a phase in which it
            did not go on, since others interrupted it; None where none was.
        parents: unit -> units that it reads; asked for with `get`, since it may be lazy.
        used: of `USED`, those that any attempt tells: (n,), NaN where it is not told.

    Raises:
        DataError: columns of different lengths.
    """

    tasks: tuple[str, ...]
    kinds: tuple[str, ...]
    hosts: tuple[str, ...]
    ready: Floats
    begin: Floats
    end: Floats
    phase_begin: Floats
    phase_end: Floats
    seconds: float
    broken: Floats | None = field(default=None, repr=False)
    parents: Mapping[str, Sequence[str]] = field(default_factory=dict, repr=False)
    used: Mapping[str, Floats] = field(default_factory=dict, repr=False)

    def __post_init__(self) -> None:
        rows = len(self.tasks)
        for name in ("kinds", "hosts", "ready", "begin", "end", "phase_begin", "phase_end"):
            column = getattr(self, name)
            shape = np.shape(column) if isinstance(column, np.ndarray) else (len(column),)
            wanted = (rows, len(PHASES)) if name.startswith("phase") else (rows,)
            if shape != wanted:
                raise DataError(
                    f"column {name} of a table of phases has the shape {shape}, not {wanted}",
                    f"give it a row for each of the {rows} tasks",
                )

    def __len__(self) -> int:
        return len(self.tasks)

    def __repr__(self) -> str:
        return f"<PhaseTable of {len(self)} attempts over {self.seconds:.1f} s>"

    @cached_property
    def spent(self) -> Floats:
        """Seconds of each phase, (n, 7); 0 where it did not happen."""
        took = np.nan_to_num(self.phase_end - self.phase_begin, nan=0.0)
        return took if self.broken is None else took - self.broken

    @cached_property
    def levels(self) -> NDArray[np.int64]:
        """How deep each unit stands in the graph: 0 reads nothing, n + 1 reads a unit at n.

        All 0 where the trace does not tell what reads what.
        """
        wanted = dict.fromkeys(self.tasks)
        found: dict[str, int] = {}
        for task in wanted:
            _descend(task, self.parents, wanted, found)
        return np.array([found[task] for task in self.tasks], dtype=np.int64)

    def taken(self, rows: Sequence[int] | NDArray[np.int64]) -> PhaseTable:
        """Some of the rows, in the order of their numbers."""
        at = np.asarray(rows, dtype=np.int64)
        lines = at.tolist()
        return replace(
            self,
            tasks=tuple(self.tasks[row] for row in lines),
            kinds=tuple(self.kinds[row] for row in lines),
            hosts=tuple(self.hosts[row] for row in lines),
            ready=self.ready[at],
            begin=self.begin[at],
            end=self.end[at],
            phase_begin=self.phase_begin[at],
            phase_end=self.phase_end[at],
            broken=None if self.broken is None else self.broken[at],
            used={name: column[at] for name, column in self.used.items()},
        )


def table_of(trace: Trace, *, every: bool = False) -> PhaseTable:
    """The columns of a trace.

    An attempt that tells no phases counts as running from its begin to its end, as charts show
    it. Results of earlier runs took no time in this one and are left out.

    Args:
        trace: of a run.
        every: all attempts; else the last one of each unit.
    """
    chosen = trace.attempts if every else trace.last.values()
    attempts = [one for one in chosen if one.status != "reused"]
    times = np.array([(one.ready, one.begin, one.end) for one in attempts], dtype=np.float64)
    times = _worked(times.reshape(-1, 3), trace.sessions)
    phase_begin, phase_end, broken = _phases(attempts, trace.sessions)
    return PhaseTable(
        tasks=tuple(one.task for one in attempts),
        kinds=tuple(one.type for one in attempts),
        hosts=tuple(one.host for one in attempts),
        ready=times[:, 0],
        begin=times[:, 1],
        end=times[:, 2],
        phase_begin=phase_begin,
        phase_end=phase_end,
        seconds=trace.seconds,
        broken=broken,
        parents=trace.parents,
        used=_used(attempts),
    )


def _used(attempts: Sequence[Attempt]) -> dict[str, Floats]:
    told = {name for one in attempts for name in one.usage}
    return {
        name: np.array([one.usage.get(name, np.nan) for one in attempts], dtype=np.float64)
        for name in USED
        if name in told
    }


def _phases(
    attempts: Sequence[Attempt], sessions: Sequence[Session]
) -> tuple[Floats, Floats, Floats | None]:
    """First begin and last end of each phase in working time, and what it was broken off for."""
    shape = (len(attempts), len(PHASES))
    begins, ends, took = np.full(shape, np.nan), np.full(shape, np.nan), np.zeros(shape)
    told = list(_told(attempts))
    if told:
        rows, columns, first, last = (np.array(part) for part in zip(*told, strict=True))
        places = (rows.astype(np.int64), columns.astype(np.int64))
        first, last = _worked(first, sessions), _worked(last, sessions)
        np.fmin.at(begins, places, first)
        np.fmax.at(ends, places, last)
        np.add.at(took, places, last - first)
    recurs = len(told) > np.count_nonzero(~np.isnan(begins))
    return begins, ends, np.nan_to_num(ends - begins) - took if recurs else None


def _told(attempts: Iterable[Attempt]) -> Iterator[tuple[int, int, float, float]]:
    """(row, column, begin, end) of the phases."""
    for row, one in enumerate(attempts):
        if not one.phases:
            yield row, _COLUMN["run"], one.begin, one.end
        for phase in one.phases:
            yield row, _COLUMN.get(phase.name, _COLUMN["run"]), phase.begin, phase.end


def _worked(times: Floats, sessions: Sequence[Session]) -> Floats:
    """Times since 1970 -> seconds of work since the begin, without pauses between sessions.

    The same as `lamina.traces.gantt.axis.Axis.at`, for arrays.
    """
    begins = np.array([session.begin for session in sessions])
    lengths = np.array([session.end - session.begin for session in sessions])
    offsets = np.concatenate([[0.0], np.cumsum(lengths)])
    session = np.clip(np.searchsorted(begins, times, side="right") - 1, 0, len(begins) - 1)
    return np.asarray(np.clip(times - begins[session], 0.0, lengths[session]) + offsets[session])


def _descend(
    task: str,
    parents: Mapping[str, Sequence[str]],
    wanted: Mapping[str, Any],
    found: dict[str, int],
) -> None:
    """Finds the level of a unit and of all above it; without recursion, since chains are long."""
    stack = [task]
    opened: set[str] = set()
    while stack:
        here = stack[-1]
        if here in found:
            stack.pop()
            continue
        above = [one for one in parents.get(here, ()) if one in wanted]
        missing = [one for one in above if one not in found and one not in opened]
        if missing:
            opened.add(here)
            stack += missing
            continue
        found[here] = max((found.get(one, -1) for one in above), default=-1) + 1
        stack.pop()
