"""Placing as a pure machine: it is told what happened and says what to do.

It holds what jobs have on runtimes, asks the policy, tries failed deployments again, notices
runtimes that are down, and learns. The simulator and the live driver carry out what it says.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace

from lamina.errors import UsageError
from lamina.estimates.stages import RuntimeEstimates
from lamina.planning.placement.asked import check_known, startable
from lamina.planning.placement.learning import Learner
from lamina.planning.placement.ledger import PROMISED, Decision, Ledger, Outcome
from lamina.planning.placement.policy import Policy
from lamina.planning.placement.sight import Placed, Sight
from lamina.planning.placement.surroundings import Progress as Progress
from lamina.planning.placement.surroundings import Surroundings as Surroundings
from lamina.planning.placement.view import Attempt, View
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
        self.learner = Learner(self.runtimes, estimates)
        self.sight = Sight(self.runtimes, self.learner, around)
        self.around = around
        self.rules = around.rules
        self.health = self.sight.health
        self.ledger = Ledger()
        self.jobs = self.sight.jobs
        self.attempts: dict[int, Attempt] = {}
        self.now = 0.0
        self._lines = self.sight.lines
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
        if not self.sight.allowed(job):
            raise UsageError(
                f"no runtime has what job {job.name!r} needs: {', '.join(sorted(job.needs))}",
                f"runtimes: {', '.join(self.runtimes)}",
            )
        self.jobs[job.name] = placed = Placed(job, usages=len(self.ledger.usages))
        self._decide(placed, "arrived")
        self._settle(placed)

    def _of_attempt(self, event: Uploaded | Deployed | Warmed | Crashed, attempt: Attempt) -> None:
        if attempt.begun is None or (attempt.warm is not None and not isinstance(event, Crashed)):
            return  # it is late, of a try that is over, or came twice
        placed = self.jobs[attempt.job.name]
        match event:
            case Uploaded(_, seconds) if not attempt.uploaded:
                attempt.uploaded = True
                self.learner.stage(attempt, "upload", self.now, seconds)
                self._both_there(attempt)
            case Deployed(_, seconds) if attempt.deployed is None:
                attempt.deployed = self.now
                self.health.came_up(attempt.runtime, self.now)
                self.learner.stage(attempt, "deployment", self.now, seconds)
                self._both_there(attempt)
                self._tell(placed, Up(attempt.runtime))
                self._stranded(placed)
            case Warmed(_, seconds):
                if not attempt.uploaded and not self.runtimes[attempt.runtime].standby:
                    # Nothing had to travel: that is known from now on, too.
                    self.learner.stage(attempt, "upload", self.now, 0.0)
                attempt.warm, attempt.uploaded = self.now, True
                if attempt.deployed is None:
                    attempt.deployed = self.now
                    self.health.came_up(attempt.runtime, self.now)
                self.learner.stage(attempt, "warm", self.now, seconds)
                self._tell(placed, Ready(attempt.runtime))
                self._stranded(placed)
            case Crashed():
                self._crashed(placed, attempt)

    def _both_there(self, attempt: Attempt) -> None:
        """Gives an attempt its time to get warm, once its data and its runtime are there."""
        if attempt.deployed is not None and attempt.uploaded:
            attempt.prepared = self.now
        if attempt.deployed is not None:
            self._watch(attempt)

    def _crashed(self, placed: Placed, attempt: Attempt) -> None:
        runtime, working = attempt.runtime, attempt.warm is not None
        if not working and self.health.failed(runtime):
            self._look_again(runtime)
        placed.failures[runtime] = placed.failures.get(runtime, 0) + 1
        final = placed.failures[runtime] >= self.rules.tries
        if final:
            placed.lost.add(runtime)
        if final or working:
            self._close(attempt, "failed")
        else:
            self._out.append(End(attempt.number))
            if attempt.deployed is not None:
                self.ledger.used(attempt, self.now, 0, "failed")
            attempt.reset()
            pause = self.rules.backoff(attempt.tries)
            self._out.append(Ring(self.now + pause, ("retry", str(attempt.number))))
        self._tell(placed, Failed(runtime, final))
        self._stranded(placed)

    def _ended(self, placed: Placed, event: Finished | Withdrawn) -> None:
        if isinstance(event, Finished):
            self._finished(placed, event.shares)
            return
        # What was done of it teaches nothing: nobody knows how long the rest would have been.
        for attempt in list(placed.attempts.values()):
            self._close(attempt, "failed")
        self._over(placed, Outcome(placed.job, self.now, (), event.why))

    def _finished(self, placed: Placed, shares: Mapping[int, Share]) -> None:
        here = {one.number: one for one in placed.attempts.values()} | placed.past
        did = sorted((n for n in shares if n in here), key=lambda n: -shares[n].items)
        for number in did:
            self.learner.worked(here[number], shares[number], self.now, len(did) == 1)
            if number in placed.past:  # it was thought to have done less, or nothing
                place = placed.past[number].usage
                usage = replace(self.ledger.usages[place], items=shares[number].items)
                self.ledger.usages[place] = usage
        for attempt in list(placed.attempts.values()):
            done = shares.get(attempt.number, Share(0, 0.0))
            end = ("shared" if attempt.shared else "done") if done.items else "lost"
            self._close(attempt, end, done.items)
        by = tuple(dict.fromkeys(here[number].runtime for number in did))
        self._over(placed, Outcome(placed.job, self.now, by))

    def _rang(self, token: tuple[str, ...]) -> None:
        match token:
            case ("inquire",):
                self._out += [Probe(one.name) for one in self.runtimes.values() if not one.standby]
                self._out.append(Ring(self.now + self.rules.inquiry, token))
            case ("look", runtime):
                self.health.looking.discard(runtime)
                self._out += [Probe(runtime)] if self.health.down(runtime) else []
            case ("retry", number) if int(number) in self.attempts:
                if self.attempts[int(number)].begun is None:
                    self._begin(self.attempts[int(number)])
            case ("timeout", number, tries) if int(number) in self.attempts:
                self._timed_out(self.attempts[int(number)], int(tries))
            case (("tick" | "again") as kind, job, count) if job in self.jobs:
                self._woken(self.jobs[job], kind, int(count))
            case _:
                pass  # about what is over

    def _woken(self, placed: Placed, kind: str, count: int) -> None:
        if kind == "again":
            placed.rests = False
        elif placed.ticks != count:
            return  # the policy wanted to wait for another time since
        else:
            placed.waits = False
            self._tell(placed, Tick())
        self._stranded(placed)

    def _timed_out(self, attempt: Attempt, tries: int) -> None:
        if attempt.warm is not None or attempt.begun is None or attempt.tries != tries:
            return
        if attempt.deadline > self.now:
            return  # it came further since, and is watched anew
        if attempt.deployed is None:
            waited = self.now - attempt.begun
            self.learner.stage(attempt, "deployment", self.now, waited, censored=True)
        self._crashed(self.jobs[attempt.job.name], attempt)

    def _probed(self, runtime: str, seconds: float | None) -> None:
        self.ledger.probes.append((self.now, runtime, seconds))
        if seconds is not None:
            self.health.came_up(runtime, self.now)
            self.learner.probed(runtime, self.now, seconds)
            for placed in list(self.jobs.values()):
                if placed.rests:
                    self._stranded(placed)
        elif self.health.down(runtime) or self.health.failed(runtime):
            self._look_again(runtime)

    # What the policy is asked, and what it asks for.

    def _decide(self, placed: Placed, event: str) -> None:
        view = self.sight.view(placed, self.now)
        self._ask(placed, event, "", lambda: self.policy.decide(placed.job, view), view)

    def _tell(self, placed: Placed, notice: Notice) -> None:
        view = self.sight.view(placed, self.now)
        name, runtime = type(notice).__name__.lower(), getattr(notice, "runtime", "")
        self._ask(placed, name, runtime, lambda: self.policy.on_event(notice, view), view)

    def _ask(
        self, placed: Placed, event: str, runtime: str, ask: Callable[[], Choice], view: View
    ) -> None:
        begun = self.around.stopwatch()
        choice = ask()
        seconds = self.around.stopwatch() - begun
        self.ledger.decisions.append(
            Decision(self.now, placed.job.name, event, runtime, choice, seconds)
        )
        for action in choice.actions:
            self._do(placed, action, view)

    def _stranded(self, placed: Placed) -> None:
        """Decides anew about a job that has nothing anywhere, if something can be reached."""
        if placed.job.name not in self.jobs or placed.attempts:
            return
        if self.sight.reached(placed):
            self._decide(placed, "again")
        self._settle(placed)

    def _settle(self, placed: Placed) -> None:
        """A job that has nothing anywhere rests until something can be reached; it is given up
        where nothing ever will, or where the policy wants nothing of what can."""
        if placed.attempts or placed.waits:
            return
        hope = self.sight.hope(placed)
        if not hope:
            self._over(placed, Outcome(placed.job, self.now, (), "all runtimes failed"))
        elif self.sight.reached(placed):
            failed = f"policy {self.policy.name!r} wants none of {', '.join(hope)}"
            self._over(placed, Outcome(placed.job, self.now, (), failed))
        elif not placed.rests:
            placed.rests = True
            later = self.now + self.rules.look_again
            self._out.append(Ring(later, ("again", placed.job.name, "0")))

    def _do(self, placed: Placed, action: Action, view: View) -> None:
        match action:
            case Request(runtime):
                self._request(placed, runtime, view)
            case Start(runtime, shared):
                self._start(startable(self.policy, placed, runtime, shared), shared)
            case Cancel(runtime):
                if runtime in placed.attempts:
                    self._close(placed.attempts[runtime], "cancelled")
            case Migrate(source, target):
                parts = placed.job.divisible
                self._start(startable(self.policy, placed, target, parts), parts)
                if source in placed.attempts:
                    self._close(placed.attempts[source], "cancelled")
            case Wait(seconds):
                placed.ticks += 1
                placed.waits = True
                token = ("tick", placed.job.name, str(placed.ticks))
                self._out.append(Ring(self.now + seconds, token))

    def _request(self, placed: Placed, runtime: str, view: View) -> None:
        check_known(self.policy, placed.job, runtime, view.runtimes)
        if runtime in placed.attempts or runtime in placed.lost:
            return
        self._count += 1
        tries = placed.failures.get(runtime, 0)
        attempt = Attempt(self._count, placed.job, runtime, self.now, tries)
        if not view.queue(runtime):
            outlook = view.outlook(runtime)
            attempt.expected = outlook.plain
            if outlook.total:
                attempt.promised = tuple(outlook.total.quantiles(PROMISED).tolist())
        self.attempts[attempt.number] = placed.attempts[runtime] = attempt
        if self._lines.enter(attempt):
            self._begin(attempt)

    def _start(self, attempt: Attempt, shared: bool) -> None:
        attempt.started, attempt.shared = self.now, shared
        self._out.append(Run(attempt.number, attempt.job, shared))

    # Attempts from their beginning to their end.

    def _begin(self, attempt: Attempt) -> None:
        attempt.begun = self.now
        attempt.tries += 1
        self._out.append(Prepare(attempt.number, attempt.job, attempt.runtime, attempt.tries))
        self._watch(attempt)

    def _watch(self, attempt: Attempt) -> None:
        """A time by which an attempt has to be one step further; data has the time it needs.

        What stands ready may hang too.
        """
        moving = 0.0
        if attempt.deployed is not None and not attempt.uploaded:
            moving = self.learner.upload(attempt, self.now)
        attempt.deadline = self.now + self.rules.timeout + moving
        token = ("timeout", str(attempt.number), str(attempt.tries))
        self._out.append(Ring(attempt.deadline, token))

    def _close(self, attempt: Attempt, end: str, items: int | None = None) -> None:
        placed = self.jobs[attempt.job.name]
        del self.attempts[attempt.number], placed.attempts[attempt.runtime]
        if attempt.begun is not None:
            if end in {"cancelled", "lost"}:
                self.learner.ended(attempt, self.now)
            self._out.append(End(attempt.number))
        if items is None:
            items = self._did(placed, attempt)
        self.ledger.used(attempt, self.now, items, end)
        placed.past[attempt.number] = attempt
        following = self._lines.leave(attempt)
        if following is not None:
            self._begin(following)

    def _did(self, placed: Placed, attempt: Attempt) -> int:
        """Items of an attempt that ends before its job does: they stay done if it shares them."""
        if not attempt.shared:
            return 0
        earlier = self.ledger.did(placed.job.name, attempt.runtime, placed.usages)
        return int(self.around.progress(placed.job.name).get(attempt.runtime, 0.0)) - earlier

    def _over(self, placed: Placed, outcome: Outcome) -> None:
        del self.jobs[placed.job.name]
        self.ledger.outcomes[placed.job.name] = outcome

    def _look_again(self, runtime: str) -> None:
        if runtime in self.health.looking:
            return
        self.health.looking.add(runtime)
        self._out.append(Ring(self.now + self.health.pause(runtime), ("look", runtime)))
