"""Placing as a pure machine: it is told what happened and says what to do.

It holds what jobs have on runtimes, asks the policy, tries failed deployments again, notices
runtimes that are down, and learns. The simulator and the live driver carry out what it says.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

import numpy as np

from lamina.errors import UsageError
from lamina.estimates.stages import RuntimeEstimates
from lamina.planning.placement.health import Health, Rules
from lamina.planning.placement.learning import Learner
from lamina.planning.placement.ledger import PROMISED, Decision, Ledger, Outcome, Usage
from lamina.planning.placement.policy import Policy
from lamina.planning.placement.view import Attempt, More, View, Weights
from lamina.planning.placement.words import (
    Action,
    Arrived,
    Cancel,
    Choice,
    Command,
    Crashed,
    Deployed,
    End,
    Event,
    Failed,
    Finished,
    Job,
    Migrate,
    Notice,
    Prepare,
    Probe,
    Probed,
    Rang,
    Ready,
    Request,
    Ring,
    Run,
    Runtime,
    Share,
    Start,
    Tick,
    Up,
    Uploaded,
    Wait,
    Warmed,
    Withdrawn,
)

Progress = Callable[[str], Mapping[str, float]]
"""Job -> items that each runtime has done of it."""
Truth = Callable[[str], Mapping[str, float] | None]
"""Job -> seconds that it would take on each runtime; None where nobody can know."""


@dataclass(frozen=True)
class Surroundings:
    """What a dispatcher cannot have of its own.

    Args:
        source: random numbers.
        progress: how far jobs are.
        truth: what would have been; simulations only.
        stopwatch: seconds, to time decisions with.
        weights: what counts besides seconds.
        rules: how failures are met.
    """

    source: np.random.Generator
    progress: Progress
    truth: Truth = lambda job: None
    stopwatch: Callable[[], float] = lambda: 0.0
    weights: Weights = field(default_factory=Weights)
    rules: Rules = field(default_factory=Rules)


@dataclass
class _Placed:
    """A job on its way."""

    job: Job
    attempts: dict[str, Attempt] = field(default_factory=dict)
    lost: set[str] = field(default_factory=set)
    ticks: int = 0


class Dispatcher:
    """Jobs, runtimes and a policy.

    Args:
        runtimes: name -> runtime.
        policy: who decides.
        estimates: runtime -> what is known of it; learns on. See `fresh`.
        around: what it cannot have of its own.
    """

    def __init__(
        self,
        runtimes: Mapping[str, Runtime],
        policy: Policy,
        estimates: Mapping[str, RuntimeEstimates],
        around: Surroundings,
    ) -> None:
        self.runtimes = dict(runtimes)
        self.policy = policy
        self.learner = Learner(runtimes, estimates)
        self.around = around
        self.rules = around.rules
        self.health = Health(around.rules)
        self.ledger = Ledger()
        self.jobs: dict[str, _Placed] = {}
        self.attempts: dict[int, Attempt] = {}
        self.now = 0.0
        self._lines: dict[str, deque[Attempt]] = {name: deque() for name in runtimes}
        self._busy: dict[str, list[Attempt]] = {name: [] for name in runtimes}
        self._count = 0
        self._out: list[Command] = []

    def begin(self, now: float) -> list[Command]:
        """What to do before the first job comes."""
        self.now = now
        return [Ring(now + self.rules.inquiry, ("inquire",))] if self.policy.inquires else []

    def handle(self, event: Event, now: float) -> list[Command]:
        """What to do about something that happened; about what is over already, nothing.

        Raises:
            UsageError: a policy asks for what is not there, or two jobs have one name.
        """
        self.now = now
        self._out = []
        match event:
            case Arrived(job):
                self._arrived(job)
            case Uploaded() | Deployed() | Warmed() | Crashed():
                if event.attempt in self.attempts:
                    self._of_attempt(event, self.attempts[event.attempt])
            case Finished() | Withdrawn():
                if event.job in self.jobs:
                    self._ended(self.jobs[event.job], event)
            case Rang(token):
                self._rang(token)
            case Probed(runtime, seconds):
                self._probed(runtime, seconds)
        return self._out

    # What happened.

    def _arrived(self, job: Job) -> None:
        if job.name in self.jobs or job.name in self.ledger.outcomes:
            raise UsageError(f"job {job.name!r} came twice", "give each job a name of its own")
        if not self._allowed(job):
            raise UsageError(
                f"no runtime has what job {job.name!r} needs: {', '.join(sorted(job.needs))}",
                f"runtimes: {', '.join(self.runtimes)}",
            )
        self.jobs[job.name] = _Placed(job)
        self._decide(self.jobs[job.name], "arrived")

    def _of_attempt(self, event: Uploaded | Deployed | Warmed | Crashed, attempt: Attempt) -> None:
        placed = self.jobs[attempt.job.name]
        match event:
            case Uploaded(_, seconds):
                attempt.uploaded = True
                self.learner.stage(attempt, "upload", self.now, seconds)
            case Deployed(_, seconds):
                attempt.deployed = self.now
                self.health.came_up(attempt.runtime)
                self.learner.stage(attempt, "deployment", self.now, seconds)
                self._tell(placed, Up(attempt.runtime))
            case Warmed(_, seconds):
                attempt.warm, attempt.uploaded = self.now, True
                if attempt.deployed is None:
                    attempt.deployed = self.now
                self.learner.stage(attempt, "warm", self.now, seconds)
                self._tell(placed, Ready(attempt.runtime))
            case Crashed(_, reason):
                self._crashed(placed, attempt, reason)

    def _crashed(self, placed: _Placed, attempt: Attempt, reason: str) -> None:
        del reason
        working = attempt.warm is not None
        if not working and self.health.failed(attempt.runtime):
            self._look_again(attempt.runtime)
        final = not working and attempt.tries >= self.rules.tries
        if working or final:
            self._close(attempt, "failed")
            if final:
                placed.lost.add(attempt.runtime)
        else:
            attempt.begun = None
            pause = self.rules.backoff(attempt.tries)
            self._out.append(Ring(self.now + pause, ("retry", str(attempt.number))))
        self._tell(placed, Failed(attempt.runtime, final))
        if placed.job.name in self.jobs and not placed.attempts:
            self._again(placed)

    def _ended(self, placed: _Placed, event: Finished | Withdrawn) -> None:
        if isinstance(event, Finished):
            self._finished(placed, event.shares)
            return
        # What was done of it teaches nothing: nobody knows how long the rest would have been.
        for attempt in list(placed.attempts.values()):
            self._close(attempt, "failed")
        self._over(placed, Outcome(placed.job, self.now, (), event.why))

    def _finished(self, placed: _Placed, shares: Mapping[int, Share]) -> None:
        known = [one for one in placed.attempts.values() if one.number in shares]
        known.sort(key=lambda one: -shares[one.number].items)
        for attempt in known:
            self.learner.worked(attempt, shares[attempt.number], self.now, len(known) == 1)
        for attempt in list(placed.attempts.values()):
            done = shares.get(attempt.number, Share(0, 0.0))
            end = ("shared" if attempt.shared else "done") if done.items else "lost"
            self._close(attempt, end, done.items)
        self._over(placed, Outcome(placed.job, self.now, tuple(one.runtime for one in known)))

    def _rang(self, token: tuple[str, ...]) -> None:
        match token:
            case ("inquire",):
                self._out += [Probe(one.name) for one in self.runtimes.values() if not one.standby]
                self._out.append(Ring(self.now + self.rules.inquiry, token))
            case ("look", runtime) if self.health.down(runtime):
                self._out.append(Probe(runtime))
            case ("retry", number) if int(number) in self.attempts:
                self._begin(self.attempts[int(number)])
            case ("timeout", number, tries) if int(number) in self.attempts:
                self._timed_out(self.attempts[int(number)], int(tries))
            case ("tick", job, count) if job in self.jobs:
                if self.jobs[job].ticks == int(count):
                    self._tell(self.jobs[job], Tick())
            case ("again", job) if job in self.jobs and not self.jobs[job].attempts:
                self._again(self.jobs[job])
            case _:
                pass  # about what is over

    def _timed_out(self, attempt: Attempt, tries: int) -> None:
        if attempt.deployed is not None or attempt.begun is None or attempt.tries != tries:
            return
        self.learner.stage(attempt, "deployment", self.now, self.now - attempt.begun, censored=True)
        self._out.append(End(attempt.number))
        self._crashed(self.jobs[attempt.job.name], attempt, "timed out")

    def _probed(self, runtime: str, seconds: float | None) -> None:
        self.ledger.probes.append((self.now, runtime, seconds))
        if seconds is not None:
            self.health.came_up(runtime)
            self.learner.probed(runtime, self.now, seconds)
        elif self.health.down(runtime) or self.health.failed(runtime):
            self._look_again(runtime)

    # What the policy is asked, and what it asks for.

    def _decide(self, placed: _Placed, event: str) -> None:
        view = self._view(placed)
        self._ask(placed, event, "", lambda: self.policy.decide(placed.job, view), view)

    def _tell(self, placed: _Placed, notice: Notice) -> None:
        view = self._view(placed)
        name, runtime = type(notice).__name__.lower(), getattr(notice, "runtime", "")
        self._ask(placed, name, runtime, lambda: self.policy.on_event(notice, view), view)

    def _ask(
        self, placed: _Placed, event: str, runtime: str, ask: Callable[[], Choice], view: View
    ) -> None:
        begun = self.around.stopwatch()
        choice = ask()
        seconds = self.around.stopwatch() - begun
        self.ledger.decisions.append(
            Decision(self.now, placed.job.name, event, runtime, choice, seconds)
        )
        for action in choice.actions:
            self._do(placed, action, view)

    def _again(self, placed: _Placed) -> None:
        """A job that has nothing anywhere: decide anew, later where nothing can be reached."""
        hope = [name for name in self._allowed(placed.job) if name not in placed.lost]
        if not hope:
            self._over(placed, Outcome(placed.job, self.now, (), "all runtimes failed"))
        elif any(not self.health.down(name) for name in hope):
            self._decide(placed, "again")
        if placed.job.name in self.jobs and not placed.attempts:
            later = self.now + self.rules.look_again
            self._out.append(Ring(later, ("again", placed.job.name)))

    def _do(self, placed: _Placed, action: Action, view: View) -> None:
        match action:
            case Request(runtime):
                self._request(placed, runtime, view)
            case Start(runtime, shared):
                self._start(self._ready(placed, runtime), shared)
            case Cancel(runtime):
                if runtime in placed.attempts:
                    self._close(placed.attempts[runtime], "cancelled")
            case Migrate(source, target):
                self._start(self._ready(placed, target), shared=True)
                if source in placed.attempts:
                    self._close(placed.attempts[source], "cancelled")
            case Wait(seconds):
                placed.ticks += 1
                token = ("tick", placed.job.name, str(placed.ticks))
                self._out.append(Ring(self.now + seconds, token))

    def _request(self, placed: _Placed, runtime: str, view: View) -> None:
        if runtime not in view.runtimes:
            raise UsageError(
                f"policy {self.policy.name!r} asks for runtime {runtime!r} for job "
                f"{placed.job.name!r}",
                f"it may run on: {', '.join(view.runtimes)}",
            )
        if runtime in placed.attempts or runtime in placed.lost:
            return
        self._count += 1
        attempt = Attempt(self._count, placed.job, runtime, self.now)
        if not view.queue(runtime):
            outlook = view.outlook(runtime)
            attempt.expected = outlook.plain
            if outlook.total:
                attempt.promised = tuple(outlook.total.quantiles(PROMISED).tolist())
        self.attempts[attempt.number] = placed.attempts[runtime] = attempt
        if len(self._busy[runtime]) < self.runtimes[runtime].capacity:
            self._busy[runtime].append(attempt)
            self._begin(attempt)
        else:
            self._lines[runtime].append(attempt)

    def _ready(self, placed: _Placed, runtime: str) -> Attempt:
        attempt = placed.attempts.get(runtime)
        if attempt is None or attempt.state != "ready":
            state = "nothing" if attempt is None else attempt.state
            raise UsageError(
                f"policy {self.policy.name!r} starts job {placed.job.name!r} on {runtime!r}, "
                f"where it has {state}",
                "start what is ready",
            )
        return attempt

    def _start(self, attempt: Attempt, shared: bool) -> None:
        attempt.started, attempt.shared = self.now, shared
        self._out.append(Run(attempt.number, attempt.job, shared))

    # Attempts from their beginning to their end.

    def _begin(self, attempt: Attempt) -> None:
        attempt.begun = self.now
        attempt.tries += 1
        number, tries = attempt.number, attempt.tries
        self._out.append(Prepare(number, attempt.job, attempt.runtime, tries))
        if not self.runtimes[attempt.runtime].standby:
            token = ("timeout", str(number), str(tries))
            self._out.append(Ring(self.now + self.rules.timeout, token))

    def _close(self, attempt: Attempt, end: str, items: int = 0) -> None:
        del self.attempts[attempt.number], self.jobs[attempt.job.name].attempts[attempt.runtime]
        if attempt.begun is not None and end in {"cancelled", "lost"}:
            self.learner.ended(attempt, self.now)
        if attempt.begun is not None or attempt.tries:
            self._out.append(End(attempt.number))
        usage = Usage(
            attempt.job.name, attempt.runtime, attempt.asked, attempt.deployed, attempt.started,
            self.now, items, end, attempt.promised,
        )  # fmt: skip
        self.ledger.usages.append(usage)
        line, busy = self._lines[attempt.runtime], self._busy[attempt.runtime]
        if attempt in line:
            line.remove(attempt)
            return
        busy.remove(attempt)
        if line:
            busy.append(line.popleft())
            self._begin(busy[-1])

    def _over(self, placed: _Placed, outcome: Outcome) -> None:
        del self.jobs[placed.job.name]
        self.ledger.outcomes[placed.job.name] = outcome

    def _look_again(self, runtime: str) -> None:
        self._out.append(Ring(self.now + self.health.pause(runtime), ("look", runtime)))

    # What the policy sees.

    def _allowed(self, job: Job) -> dict[str, Runtime]:
        return {name: one for name, one in self.runtimes.items() if job.needs <= one.labels}

    def _view(self, placed: _Placed) -> View:
        job = placed.job
        allowed = self._allowed(job)
        usable = tuple(
            name for name in allowed if not self.health.down(name) and name not in placed.lost
        )
        more = More(
            self.learner.estimates, self.around.source, self.around.weights,
            lambda runtime: self._queue(placed, runtime),
            lambda: self.around.progress(job.name),
            lambda: self.around.truth(job.name),
        )  # fmt: skip
        return View(self.now, job, allowed, usable, dict(placed.attempts), more)

    def _queue(self, placed: _Placed, runtime: str) -> float:
        """Seconds until a job would be begun, from what is before it in the line."""
        busy, line = self._busy[runtime], self._lines[runtime]
        capacity = self.runtimes[runtime].capacity
        own = placed.attempts.get(runtime)
        if len(busy) < capacity or (own is not None and own not in line):
            return 0.0
        before = list(line)[: line.index(own)] if own is not None else list(line)
        seconds = sum(self._left(one) for one in busy) + sum(self._left(one) for one in before)
        return seconds / capacity

    def _left(self, attempt: Attempt) -> float:
        """Seconds of work that an attempt is expected to have before it."""
        placed = self.jobs[attempt.job.name]
        done = sum(self.around.progress(attempt.job.name).values())
        items = max(attempt.job.items - done, 0.0)
        sharing = sum(one.shared for one in placed.attempts.values()) if attempt.shared else 1
        return self.learner.work(attempt, items, self.now) / max(sharing, 1)
