"""A run of DAGMan's from a log of it, whichever program wrote the log."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from lamina.records.history import Notice, Session
from lamina.traces.readers.base import Source
from lamina.traces.readers.job_states import Known, States, attempts_of, states_of
from lamina.traces.trace import Trace

DAGMAN = ".dag.dagman.out"
"""Ends the name of DAGMan's own log."""


@dataclass
class Log:
    """What a log tells.

    Args:
        source: the file.
        tries: name of a job and number of its try -> its states.
        starts: when DAGMan started.
        ends: when it ended, and its exit code.
        notices: what is wrong with the log.
        planned: how many jobs there are, where it is told.
        cancelled: somebody removed the run.
    """

    source: Source
    tries: dict[tuple[str, int], States] = field(default_factory=dict)
    starts: list[float] = field(default_factory=list)
    ends: list[tuple[float, int]] = field(default_factory=list)
    notices: tuple[Notice, ...] = ()
    planned: int = 0
    cancelled: bool = False

    def keep(self, cells: Mapping[tuple[str, int], Sequence[Any]]) -> None:
        """More states of tries: name, time, exit code and site of each, one behind the other."""
        for key, told in cells.items():
            states = states_of(told)
            before = self.tries.get(key)
            self.tries[key] = states if before is None else states.behind(before)

    def cut(self, at: float, number: int) -> None:
        """Notes that the last line ends early: the log is being written, or was cut."""
        self.notices = (Notice(at, "cut", "", f"{self.source.name}, line {number} ends early"),)

    @property
    def status(self) -> str:
        """How the run stands; without an end it runs."""
        if not self.ends or (self.starts and self.starts[-1] > self.ends[-1][0]):
            return "running"
        if self.ends[-1][1] == 0:
            return "succeeded"
        return "cancelled" if self.cancelled else "failed"


def trace_of_log(
    log: Log,
    named: tuple[str, str],
    parents: Mapping[str, Sequence[str]],
    known: Mapping[tuple[str, int], Known],
    origin: str,
) -> Trace:
    """The run.

    Args:
        log: what was told.
        named: of the run, and of its workflow.
        parents: job -> jobs that it waits for; all jobs, or none.
        known: (job, try) -> what else is known.
        origin: name of the reader.

    Raises:
        TraceError: the log tells of no job.
    """
    if not log.tries:
        raise log.source.broken("it tells of no job that was submitted")
    begin = min([*log.starts, *(min(states.times) for states in log.tries.values())])
    attempts = attempts_of(log.tries, parents, begin, known)
    last = max([*(time for time, _ in log.ends), *(one.end for one in attempts)])
    return Trace(
        run=named[0],
        name="",
        workflow=named[1],
        status=log.status,
        sessions=(Session(min(begin, attempts[0].ready), last),),
        attempts=tuple(attempts),
        parents=parents,
        notices=log.notices,
        planned=len(parents) or log.planned or len({job for job, _ in log.tries}),
        about={"source": log.source.name},
        origin=origin,
    )
