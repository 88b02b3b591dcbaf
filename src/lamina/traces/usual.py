"""What is usual: how long jobs of a type take, in a run or over others of its kind."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from statistics import median

from lamina.traces.trace import GOOD, Attempt, Trace, worked

FEWEST = 3
"""Attempts from which on something is called usual."""


@dataclass(frozen=True, eq=False)
class Usual:
    """Medians over attempts that succeeded.

    Args:
        seconds: from stage in to stage out.
        phases: phase -> seconds; 0 where most did without it.
        count: attempts behind them.
    """

    seconds: float
    phases: Mapping[str, float]
    count: int


@dataclass(frozen=True, eq=False)
class Norms:
    """What is usual for each job: by its own name where other runs have it, else by its type.

    Args:
        tasks: unit -> what is usual for it.
        types: type of job -> what is usual for it.
    """

    tasks: Mapping[str, Usual]
    types: Mapping[str, Usual]

    def of(self, attempt: Attempt) -> Usual | None:
        """What is usual for an attempt; None where too few are known."""
        return self.tasks.get(attempt.task) or self.types.get(attempt.type)


def norms_of(trace: Trace, others: Sequence[Trace] = ()) -> Norms:
    """What is usual, from other runs; from the run itself where there are none.

    In a run alone a job can only be compared with others of its type, which may be larger.

    Args:
        trace: of the run.
        others: runs of the same workflow.
    """
    tasks: dict[str, list[Attempt]] = {}
    types: dict[str, list[Attempt]] = {}
    for run in others or (trace,):
        for attempt in run.attempts:
            if attempt.status in GOOD and attempt.number > 0:
                tasks.setdefault(attempt.task, []).append(attempt)
                types.setdefault(attempt.type, []).append(attempt)
    return Norms(_usual(tasks) if others else {}, _usual(types))


def _usual(groups: Mapping[str, list[Attempt]]) -> dict[str, Usual]:
    return {
        name: Usual(_middle(map(worked, found)), _phases(found), len(found))
        for name, found in groups.items()
        if len(found) >= FEWEST
    }


def _phases(attempts: Sequence[Attempt]) -> dict[str, float]:
    names = dict.fromkeys(phase.name for one in attempts for phase in one.phases)
    return {name: _middle(one.spent(name) for one in attempts) for name in names}


def _middle(values: Iterable[float]) -> float:
    return float(median(values))
