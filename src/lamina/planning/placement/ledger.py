"""What placing leaves behind: decisions with their reasons, and what every attempt used."""

from __future__ import annotations

from dataclasses import dataclass, field

from lamina.planning.placement.view import Attempt
from lamina.planning.placement.words import Choice, Job

PROMISED = (0.05, 0.1, 0.25, 0.5, 0.75, 0.9, 0.95)
"""Probabilities of the seconds that are promised: the ends of the middle 90, 80 and 50 %."""


@dataclass(frozen=True)
class Decision:
    """A policy was asked.

    Args:
        at: when, on the clock of whoever places.
        job: about which job.
        event: "arrived", "again", or the name of what happened to it.
        runtime: that it happened on; empty for none.
        choice: what it said.
        seconds: that it took to say so.
    """

    at: float
    job: str
    event: str
    runtime: str
    choice: Choice
    seconds: float


@dataclass(frozen=True)
class Usage:
    """An attempt that is over.

    Args:
        job: whose.
        runtime: where.
        asked: when it was requested.
        deployed: when the runtime was up; None where it never was.
        started: when work began; None where it never did.
        ended: when it was released.
        items: that it did and that counted.
        end: "done", "shared", "lost" (another one was first), "cancelled", "failed".
        promised: what was said of its total when it was requested: seconds at `PROMISED`; empty
            where nothing was known, or where it had to queue.
    """

    job: str
    runtime: str
    asked: float
    deployed: float | None
    started: float | None
    ended: float
    items: int
    end: str
    promised: tuple[float, ...] = ()

    @property
    def held(self) -> float:
        """Seconds that the runtime was held, from being up to being released."""
        return 0.0 if self.deployed is None else self.ended - self.deployed


@dataclass(frozen=True)
class Outcome:
    """A job that is over.

    Args:
        job: the job.
        ended: when its results were back, or when it was given up.
        by: runtimes that did items of it, the one with most items first.
        failed: why it was given up; empty where it was done.
    """

    job: Job
    ended: float
    by: tuple[str, ...]
    failed: str = ""

    @property
    def latency(self) -> float:
        """Seconds from ready to results back."""
        return self.ended - self.job.ready


@dataclass
class Ledger:
    """All that happened, in its order."""

    decisions: list[Decision] = field(default_factory=list)
    usages: list[Usage] = field(default_factory=list)
    outcomes: dict[str, Outcome] = field(default_factory=dict)
    probes: list[tuple[float, str, float | None]] = field(default_factory=list)
    """When, where, and the seconds until it was up; None where it did not come up."""

    def used(self, attempt: Attempt, ended: float, items: int, end: str) -> None:
        """An attempt is over; `items` of it counted, and `end` is one of those of `Usage`."""
        attempt.usage = len(self.usages)
        usage = Usage(
            attempt.job.name, attempt.runtime, attempt.asked, attempt.deployed, attempt.started,
            ended, items, end, attempt.promised,
        )  # fmt: skip
        self.usages.append(usage)

    def did(self, job: str, runtime: str, first: int = 0) -> int:
        """Items of a job that counted on a runtime, of usages from a place on."""
        own = (one for one in self.usages[first:] if one.job == job and one.runtime == runtime)
        return sum(one.items for one in own)
