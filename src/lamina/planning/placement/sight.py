"""What there is to see: a job on its way, the runtimes it may go to, and the lines before them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from lamina.planning.placement.health import Health
from lamina.planning.placement.learning import Learner
from lamina.planning.placement.lines import Lines
from lamina.planning.placement.surroundings import Surroundings
from lamina.planning.placement.view import Attempt, More, View
from lamina.planning.placement.words import Job, Runtime


@dataclass
class Placed:
    """A job on its way.

    Args:
        job: the job.
        attempts: runtime -> what it has there.
        past: number -> attempt that is over.
        failures: runtime -> attempts to have it there that failed.
        lost: runtimes on which there is no more hope for it.
        ticks: how often the policy wanted to wait.
        waits: whether it waits for what the policy wanted to wait for.
        rests: whether it waits until some runtime can be reached again.
        usages: how many the ledger had when it came.
    """

    job: Job
    attempts: dict[str, Attempt] = field(default_factory=dict)
    past: dict[int, Attempt] = field(default_factory=dict)
    failures: dict[str, int] = field(default_factory=dict)
    lost: set[str] = field(default_factory=set)
    ticks: int = 0
    waits: bool = False
    rests: bool = False
    usages: int = 0


class Sight:
    """Makes views.

    Args:
        runtimes: name -> runtime.
        learner: what is known of them.
        around: what a dispatcher cannot have of its own.
    """

    def __init__(
        self, runtimes: Mapping[str, Runtime], learner: Learner, around: Surroundings
    ) -> None:
        self.runtimes = runtimes
        self.learner = learner
        self.around = around
        self.health = Health(around.rules)
        self.lines = Lines(runtimes)
        self.jobs: dict[str, Placed] = {}

    def allowed(self, job: Job) -> dict[str, Runtime]:
        """Runtimes with all labels that a job needs."""
        return {name: one for name, one in self.runtimes.items() if job.needs <= one.labels}

    def hope(self, placed: Placed) -> list[str]:
        """Of them, those on which it has not failed for good."""
        return [name for name in self.allowed(placed.job) if name not in placed.lost]

    def reached(self, placed: Placed) -> bool:
        """Whether one of them is not known to be down."""
        return any(not self.health.down(name) for name in self.hope(placed))

    def view(self, placed: Placed, now: float) -> View:
        """What a policy sees of a job."""
        job = placed.job
        allowed = self.allowed(job)
        usable = tuple(
            name for name in allowed if not self.health.down(name) and name not in placed.lost
        )
        more = More(
            self.learner.estimates, self.around.source, self.around.weights,
            lambda runtime: self._queue(placed, runtime, now),
            lambda: self.around.progress(job.name),
            lambda: self.around.truth(job.name),
            self.health.seen,
            lambda: self.around.paces(job.name),
        )  # fmt: skip
        return View(now, job, allowed, usable, dict(placed.attempts), more)

    def _queue(self, placed: Placed, runtime: str, now: float) -> float:
        """Seconds until a job would be begun, from what is before it in the line."""
        own = placed.attempts.get(runtime)
        return self.lines.wait(runtime, own, lambda one: self._left(one, now))

    def _left(self, attempt: Attempt, now: float) -> float:
        """Seconds until the job of an attempt is expected to be done by all who work on it."""
        placed = self.jobs[attempt.job.name]
        done = sum(self.around.progress(attempt.job.name).values())
        items = max(attempt.job.items - done, 0.0)
        at_work = [one for one in placed.attempts.values() if one.started is not None]
        if not at_work:
            return self.learner.work(attempt, items, now)
        whole = [self._alone(one, now) for one in at_work if not one.shared]
        works = [self.learner.work(one, items, now) for one in at_work if one.shared]
        # Who shares works at a rate each; what they do together adds up.
        rate = sum(1.0 / work for work in works if work > 0.0)
        return min([*whole, *([1.0 / rate] if rate else [])], default=0.0)

    def _alone(self, attempt: Attempt, now: float) -> float:
        begun = now if attempt.started is None else attempt.started
        return max(self.learner.work(attempt, attempt.job.items, now) - (now - begun), 0.0)
