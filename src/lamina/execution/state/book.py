"""What all parts of the state share: how the run is to be done, what it asks for, its counts."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from lamina.execution.state.frames import Unit
from lamina.execution.state.words import Action, Failure, Record
from lamina.workflow.log import COUNTS, Event


def _nothing(values: Mapping[str, Any]) -> Mapping[str, Any]:
    del values
    return {}


def _never(value: Any, digests: frozenset[str]) -> bool:
    del value, digests
    return False


@dataclass(frozen=True, eq=False)
class Policy:
    """How a run is to be done.

    Args:
        retries: attempts after the first, for tasks that do not say.
        keep_going: whether tasks that do not need a failed one still run.
        until: tasks to run, with all they read; empty for all.
        backoff: seconds before the first repetition.
        seed: what the jitter of the pauses follows from.
        recall: whether earlier results are asked for.
        lasting: whether values can be read again later, so that lost ones are made again.
        streaming: whether a stream can be read while it is written.
        placing: whether the runtime chooses a place for tasks that ask for it.
        note: values as the record keeps them.
        holds: whether a value is one of these damaged artifacts.
    """

    retries: int = 2
    keep_going: bool = False
    until: tuple[str, ...] = ()
    backoff: float = 1.0
    seed: str = ""
    recall: bool = False
    lasting: bool = False
    streaming: bool = False
    placing: bool = False
    note: Callable[[Mapping[str, Any]], Mapping[str, Any]] = _nothing
    holds: Callable[[Any, frozenset[str]], bool] = _never


class Book:
    """The actions asked for, the failures, and where the units are."""

    def __init__(self, policy: Policy) -> None:
        self.policy = policy
        self.actions: list[Action] = []
        self.failures: list[Failure] = []
        self.counts = dict.fromkeys(COUNTS, 0)
        self.stopping = ""
        """Status that the run will end with, once it is to end early."""

    def ask(self, action: Action) -> None:
        """Adds an action."""
        self.actions.append(action)

    def record(self, event: Event, late: Unit | None = None) -> None:
        """Has an event written; late: the unit that has no cache key before its end."""
        self.actions.append(Record(event, late))

    def move(self, unit: Unit, state: str) -> None:
        """Puts a unit into another state."""
        counts, before = self.counts, unit.state
        if before in counts:
            counts[before] -= 1
        if state in counts:
            counts[state] += 1
        unit.state = state
