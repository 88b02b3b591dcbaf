"""The live driver: it tells the dispatcher what happens, and does what the dispatcher says."""

from __future__ import annotations

import queue
import threading
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from heapq import heappop, heappush
from pathlib import Path
from typing import Any

import numpy as np

from lamina.errors import LaminaError, UsageError
from lamina.estimates.stages import Load
from lamina.execution.placing.attempts import Around, Live
from lamina.execution.placing.items import Basket, Item
from lamina.execution.placing.pods import Limits
from lamina.execution.placing.results import write_results
from lamina.execution.placing.site import Errand, Place
from lamina.execution.placing.sites.emulated import PROBE
from lamina.planning.placement.dispatcher import Dispatcher, Surroundings
from lamina.planning.placement.health import Rules
from lamina.planning.placement.learning import fresh
from lamina.planning.placement.ledger import Ledger, Outcome
from lamina.planning.placement.log import Entry, LogWriter, What
from lamina.planning.placement.policy import Policy
from lamina.planning.placement.view import Weights
from lamina.planning.placement.words import (
    Arrived,
    Command,
    Crashed,
    Deployed,
    End,
    Event,
    Finished,
    Job,
    Pace,
    Prepare,
    Probe,
    Probed,
    Rang,
    Ring,
    Run,
    Share,
    Uploaded,
    Warmed,
)

LONGEST = 0.3
"""Seconds that the driver sleeps at most: a signal may reach another thread, and is then dealt with
when this one wakes."""
ENDING = 10.0
"""Seconds that attempts are given to end when the driver does."""


@dataclass(frozen=True)
class How:
    """How a run is driven.

    Args:
        name: that keys of the run begin with; unlike that of any other run on the same pods.
        arguments: of the function.
        results: folder for results, a file per job; None for not written.
        scale: seconds of the run's clock in a second of this machine.
        seed: of what the policy leaves to chance.
        weights: what counts besides seconds.
        rules: how failures are met, in seconds of the run's clock.
        limits: of waiting, in seconds of this machine.
        known: runtime -> (stage, size, seconds) of earlier runs.
    """

    name: str = "run"
    arguments: Mapping[str, Any] = field(default_factory=dict)
    results: Path | None = None
    scale: float = 1.0
    seed: int = 0
    weights: Weights = field(default_factory=Weights)
    rules: Rules = field(default_factory=Rules)
    limits: Limits = field(default_factory=Limits)
    known: Mapping[str, tuple[tuple[str, float, float], ...]] = field(default_factory=dict)


@dataclass(frozen=True)
class _Coming:
    """A job that will arrive."""

    job: Job
    items: tuple[Item, ...]


_STAGES: Mapping[type[Any], str] = {
    Uploaded: "upload", Deployed: "deployment", Warmed: "warm",
}  # fmt: skip
Heard = Callable[[Entry], None]


class Driver:
    """Jobs, places and a policy, for real. One thread runs it; any may submit.

    Args:
        places: runtime -> where it is.
        policy: who decides.
        how: see `How`.
        log: takes a line for all that happens; None for no log.
        heard: is told the same.
    """

    def __init__(
        self, places: Mapping[str, Place], policy: Policy, how: How,
        log: LogWriter | None = None, heard: Heard = lambda entry: None,
    ) -> None:  # fmt: skip
        self.places = places
        self.how = how
        self.baskets: dict[str, Basket] = {}
        self.repeated = 0
        self.seen: dict[str, list[tuple[str, float, float]]] = {name: [] for name in places}
        runtimes = {name: place.runtime for name, place in places.items()}
        estimates = fresh(policy, runtimes)
        for name, rows in how.known.items():
            for stage, size, seconds in rows:
                if stage in estimates[name].stages:
                    estimates[name].update(stage, Load(size, size, size), seconds)
        around = Surroundings(
            np.random.default_rng(how.seed), self._progress, lambda job: None, time.perf_counter,
            how.weights, how.rules, self._paces,
        )  # fmt: skip
        self.dispatcher = Dispatcher(runtimes, policy, estimates, around)
        self._log, self._heard = log, heard
        self._inbox: queue.SimpleQueue[tuple[str, Any]] = queue.SimpleQueue()
        self._heap: list[tuple[float, int, Event | _Coming]] = []
        self._count = 0
        self._live: dict[int, Live] = {}
        self._ending: list[Live] = []
        self._told = [0, 0, 0]
        self._open = 0
        self._last = False
        self._cancelled = False
        self._began = time.monotonic()
        self._around = Around(
            self._of_attempt, how.name, how.arguments, how.scale, how.limits
        )  # fmt: skip

    @property
    def now(self) -> float:
        """Seconds of the run's clock."""
        return (time.monotonic() - self._began) * self.how.scale

    # From any thread, and from signal handlers.

    def submit(self, job: Job, items: tuple[Item, ...], at: float = 0.0) -> None:
        """A job comes, now or at a time of the run's clock; it counts from then, whatever its
        `ready` says."""
        self._inbox.put(("job", (at, _Coming(job, items))))

    def finish(self) -> None:
        """No further job comes."""
        self._inbox.put(("last", None))

    def cancel(self) -> None:
        """Ends what runs; `run` returns soon."""
        self._inbox.put(("cancel", None))

    def kill(self) -> None:
        """The same; there is nothing gentler to be left out."""
        self.cancel()

    # The one thread.

    def run(self) -> Ledger:
        """Until all jobs are over and no further one comes, or it is cancelled.

        Raises:
            UsageError: a job that cannot be placed anywhere.
        """
        try:
            self._warm_up()
            self._began = time.monotonic()
            self._do(self.dispatcher.begin(0.0))
            while not self._cancelled and not (self._last and not self._open):
                self._step()
        finally:
            self._close()
        return self.dispatcher.ledger

    @property
    def cancelled(self) -> bool:
        """Whether somebody ended it."""
        return self._cancelled

    def _warm_up(self) -> None:
        """Starts what is to stand ready, as many pods as work at once there."""
        over = threading.Event()
        for place in self.places.values():
            if not place.runtime.standby:
                continue
            errand = Errand(Job(PROBE, 1), 1, 0.0, (), over)
            leases = []
            try:
                for _ in range(min(place.runtime.capacity, 64)):
                    leases.append(place.site.deploy(errand))
                    if not self._inbox.empty() and self._cancels():
                        break
            except LaminaError:
                pass  # the first job meets it too, and has other runtimes
            for lease in leases:
                place.site.release(lease, True)

    def _cancels(self) -> bool:
        held = []
        while not self._inbox.empty():
            held.append(self._inbox.get())
        for one in held:
            self._inbox.put(one)
        return any(word == "cancel" for word, _ in held)

    def _step(self) -> None:
        if self._heap and self._heap[0][0] <= self.now:
            self._due(heappop(self._heap)[2])
            return
        left = (self._heap[0][0] - self.now) / self.how.scale if self._heap else LONGEST
        try:
            word, what = self._inbox.get(timeout=min(max(left, 0.0), LONGEST))
        except queue.Empty:
            return
        match word:
            case "job":
                self._open += 1
                self._push(*what)
            case "event":
                self._handle(what)
            case "attempt":
                self._attempt(*what)
            case "last":
                self._last = True
            case "cancel":
                self._cancelled = True

    def _due(self, what: Event | _Coming) -> None:
        if isinstance(what, _Coming):
            self._arrive(what.job, what.items)
        else:
            self._handle(what)

    def _arrive(self, job: Job, items: tuple[Item, ...]) -> None:
        """Raises UsageError for one whose name another one had."""
        if job.name in self.baskets:
            raise UsageError(f"job {job.name!r} came twice", "give each job a name of its own")
        came = Job(**{**vars(job), "ready": self.now})
        self.baskets[job.name] = Basket(items)
        self._handle(Arrived(came))

    def _attempt(self, live: Live, event: Event | None) -> None:
        """What an attempt tells; nothing of one that is over."""
        if self._live.get(live.number) is not live:
            return
        if event is None:
            self._all_done(live.errand.job.name)
            return
        if isinstance(event, Crashed):
            self._retire(live)
        else:
            self._learn(live, event)
        self._handle(event)

    def _learn(self, live: Live, event: Event) -> None:
        """Keeps what runs after this one may begin with."""
        stage = _STAGES.get(type(event))
        if stage is not None:
            size = live.errand.job.upload if stage == "upload" else 0.0
            seconds = float(getattr(event, "seconds", 0.0))
            self.seen[live.place.runtime.name].append((stage, size, seconds))

    def _all_done(self, job: str) -> None:
        """The results of whoever did some are on their way back."""
        found: dict[int, Share] = {}
        for number, share in self.baskets[job].shares().items():
            live = self._live.get(number)
            lag = live.lease.lag(share.items) if live is not None and live.lease else 0.0
            seconds = share.seconds * self.how.scale
            found[number] = Share(share.items, seconds, lag)
            if live is not None:
                name = live.place.runtime.name
                self.seen[name].append(("processing", float(share.items), seconds))
                self.seen[name].append(("fetch", live.errand.job.fetch, lag))
        back = max((share.fetch for share in found.values()), default=0.0)
        self._push(self.now + back, Finished(job, found))

    def _handle(self, event: Event) -> None:
        if isinstance(event, Finished) and self.how.results is not None:
            write_results(self.how.results, event.job, self.baskets[event.job].results())
        at = self.now
        commands = self.dispatcher.handle(event, at)
        self._note(at, event)
        self._do(commands)

    def _do(self, commands: list[Command]) -> None:
        for command in commands:
            match command:
                case Prepare():
                    self._prepare(command)
                case Run(attempt, _, shared):
                    self._live[attempt].run(shared)
                case End(attempt):
                    live_one = self._live.get(attempt)
                    if live_one is not None:
                        self._retire(live_one)
                case Ring(at, token):
                    self._push(at, Rang(token))
                case Probe(runtime):
                    threading.Thread(target=self._probe, args=(runtime,), daemon=True).start()

    def _prepare(self, what: Prepare) -> None:
        place = self.places[what.runtime]
        basket = self.baskets[what.job.name]
        errand = Errand(what.job, what.tries, self.now, basket.items, threading.Event())
        live = Live(what.attempt, errand, place, basket, self._around)
        self._live[what.attempt] = live
        live.begin()

    def _retire(self, live: Live) -> None:
        del self._live[live.number]
        self._ending = [one for one in self._ending if one.alive]
        self._ending.append(live)
        live.end()

    def _probe(self, runtime: str) -> None:
        """Deploys and gives back; what takes longer than a deployment may has failed."""
        place, began, over = self.places[runtime], time.monotonic(), threading.Event()
        limit = threading.Timer(self.how.rules.timeout / self.how.scale, over.set)
        limit.daemon = True
        limit.start()
        seconds: float | None = None
        try:
            lease = place.site.deploy(Errand(Job(PROBE, 1), 1, self.now, (), over))
            seconds = (time.monotonic() - began) * self.how.scale
            place.site.release(lease, True)
        except (LaminaError, OSError):
            seconds = None
        finally:
            limit.cancel()
        self._inbox.put(("event", Probed(runtime, seconds)))

    def _push(self, at: float, event: Event | _Coming) -> None:
        self._count += 1
        heappush(self._heap, (at, self._count, event))

    def _of_attempt(self, live: Live, event: Event | None) -> None:
        self._inbox.put(("attempt", (live, event)))

    def _progress(self, job: str) -> Mapping[str, float]:
        basket = self.baskets.get(job)
        return basket.progress() if basket is not None else {}

    def _paces(self, job: str) -> Mapping[str, Pace]:
        basket = self.baskets.get(job)
        return basket.paces() if basket is not None else {}

    # What is left behind.

    def _note(self, at: float, event: Event) -> None:
        """The event, then what the ledger has since the last one."""
        self._said(at, event)
        ledger, told = self.dispatcher.ledger, self._told
        for decision in ledger.decisions[told[0] :]:
            self._said(decision.at, decision)
        for usage in ledger.usages[told[1] :]:
            self._said(usage.ended, usage)
        for outcome in list(ledger.outcomes.values())[told[2] :]:
            self._over(outcome)
        told[:] = len(ledger.decisions), len(ledger.usages), len(ledger.outcomes)

    def _over(self, outcome: Outcome) -> None:
        self._open -= 1
        self.repeated += self.baskets[outcome.job.name].repeated
        self._said(outcome.ended, outcome)

    def _said(self, at: float, what: What) -> None:
        if self._log is not None:
            self._log.write(at, what)
        self._heard(Entry(at, what))

    def _close(self) -> None:
        """Ends all attempts and sites; jobs that are open are given up."""
        for live in list(self._live.values()):
            self._retire(live)
        for name, placed in self.dispatcher.jobs.items():
            if name not in self.dispatcher.ledger.outcomes:
                self._said(self.now, Outcome(placed.job, self.now, (), "cancelled"))
        until = time.monotonic() + ENDING
        for live in self._ending:
            live.join(max(until - time.monotonic(), 0.0))
        for place in self.places.values():
            place.site.close()
