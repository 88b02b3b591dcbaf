"""How a run is to be done, and how it ended."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from lamina.errors import SettingsError, TaskFailedError


@dataclass(frozen=True)
class Options:
    """How a run is to be done.

    Args:
        workers: cores for tasks at the same time.
        memory: bytes for tasks at the same time; None for what the runtime has.
        gpus: ids of the devices that tasks may use.
        retries: attempts after the first, for tasks that do not say.
        keep_going: whether tasks that do not need a failed one still run.
        until: tasks to run, with all they read; empty for all.
        backoff: seconds before the first repetition; it doubles from then on.
        fresh: whether every task gets a process of its own.
        placing: whether the runtime chooses a place for tasks that ask for it.

    Raises:
        SettingsError: numbers that make no sense, all at once.
    """

    workers: float = 1.0
    memory: int | None = None
    gpus: tuple[str, ...] = ()
    retries: int = 2
    keep_going: bool = False
    until: tuple[str, ...] = ()
    backoff: float = 1.0
    fresh: bool = False
    placing: bool = False

    def __post_init__(self) -> None:
        mistakes = []
        if not self.workers > 0:
            mistakes.append(f"workers is {self.workers}; give more than 0")
        if self.memory is not None and self.memory <= 0:
            mistakes.append(f"memory is {self.memory}; give bytes, more than 0")
        if self.retries < 0:
            mistakes.append(f"retries is {self.retries}; give 0 or more")
        if not self.backoff >= 0:
            mistakes.append(f"backoff is {self.backoff}; give seconds, 0 or more")
        if mistakes:
            raise SettingsError("the options of the run", mistakes)


@dataclass(frozen=True, eq=False)
class Ending:
    """How a session of a run ended.

    Args:
        status: "succeeded", "failed" or "cancelled".
        outputs: workflow output -> value; those that are there, unless it succeeded.
        failures: of the units that failed for good, in their order.
        counts: units by the words of `lamina.workflow.log.COUNTS`.
    """

    status: str
    outputs: Mapping[str, Any] = field(default_factory=dict)
    failures: tuple[TaskFailedError, ...] = ()
    counts: Mapping[str, int] = field(default_factory=dict)
