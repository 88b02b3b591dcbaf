"""The simulator: a heap of events, a dispatcher that is told them, and a world that answers."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from heapq import heappop, heappush
from math import inf
from time import thread_time

import numpy as np

from lamina.estimates.stages import Load
from lamina.planning.placement.dispatcher import Dispatcher, Surroundings
from lamina.planning.placement.health import Rules
from lamina.planning.placement.learning import fresh
from lamina.planning.placement.ledger import Ledger
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
    Uploaded,
    Warmed,
)
from lamina.planning.simulation.pool import Pool, Worker
from lamina.planning.simulation.world import Draw, World


@dataclass(frozen=True)
class Settings:
    """How a policy is tried.

    Args:
        seed: of what policies leave to chance.
        weights: what counts besides seconds.
        rules: how failures are met.
    """

    seed: int = 0
    weights: Weights = field(default_factory=Weights)
    rules: Rules = field(default_factory=Rules)


class Simulator:
    """One policy in one world, from the first job to the end of the last.

    Args:
        world: what would happen.
        policy: who decides.
        how: with what.
    """

    def __init__(self, world: World, policy: Policy, how: Settings | None = None) -> None:
        how = how or Settings()
        self.world = world
        self.now = 0.0
        self._places = {job.name: place for place, job in enumerate(world.jobs)}
        self._rules = how.rules
        self._heap: list[tuple[float, int, tuple[Event, str | int, int]]] = []
        self._versions: dict[str | int, int] = {}
        self._count = 0
        self._alive: dict[int, tuple[Job, str, Draw]] = {}
        self._pools: dict[str, Pool] = {}
        self._near: dict[int, str] = {}
        """Attempts that work on standby runtimes, and on what."""
        self._uploads_until = 0.0
        estimates = fresh(policy, world.runtimes)
        for name in world.runtimes:
            for stage, items, seconds in world.history(name):
                if stage in estimates[name].stages:
                    size = float(items)
                    estimates[name].update(stage, Load(size, size, size), seconds)
        around = Surroundings(
            np.random.default_rng(how.seed), self._progress, self._truth, thread_time,
            how.weights, how.rules, self._paces,
        )  # fmt: skip
        self.dispatcher = Dispatcher(world.runtimes, policy, estimates, around)

    def run(self) -> Ledger:
        """Plays all jobs. Jobs come when they come, whether others are done or not."""
        for job in self.world.jobs:
            self._push(job.ready, Arrived(job))
        self._do(self.dispatcher.begin(0.0))
        ledger = self.dispatcher.ledger
        while self._heap and len(ledger.outcomes) < len(self.world.jobs):
            self.now, _, (event, key, version) = heappop(self._heap)
            if self._versions.get(key, version) != version:
                continue
            if isinstance(event, Finished) and not event.shares:
                self._all_done(event.job)
            else:
                self._do(self.dispatcher.handle(event, self.now))
        return ledger

    def _push(self, at: float, event: Event, key: str | int = "") -> None:
        """An event that is void once the version of its key is another one."""
        self._count += 1
        version = self._versions.setdefault(key, 0)
        heappush(self._heap, (at, self._count, (event, key, version)))

    def _do(self, commands: list[Command]) -> None:
        for command in commands:
            match command:
                case Prepare():
                    self._prepare(command)
                case Run():
                    self._run(command)
                case End(attempt):
                    self._end(attempt)
                case Ring(at, token):
                    self._push(max(at, self.now), Rang(token))
                case Probe(runtime):
                    seconds = self.world.probe(runtime, self.now)
                    wait = self._rules.timeout if seconds is None else seconds
                    known = seconds if wait <= self._rules.timeout else None
                    self._push(self.now + min(wait, self._rules.timeout), Probed(runtime, known))

    def _prepare(self, what: Prepare) -> None:
        number = what.attempt
        self._versions[number] = self._versions.get(number, -1) + 1
        place = self._places[what.job.name]
        draw = self.world.draw(place, what.runtime, what.tries, self.now)
        self._alive[number] = (what.job, what.runtime, draw)
        if draw.refused < draw.deploy:
            self._push(self.now + draw.refused, Crashed(number, "deployment failed"), number)
            return
        if not self.world.runtimes[what.runtime].standby:
            self._push(self.now + draw.upload, Uploaded(number, draw.upload), number)
            self._uploading(self.now + draw.upload)
            if draw.deploy == inf:
                return  # whoever waits gives up
            self._push(self.now + draw.up, Deployed(number, draw.deploy), number)
        ready = max(draw.upload, draw.up) + draw.warm
        self._push(self.now + ready, Warmed(number, draw.warm), number)

    def _uploading(self, until: float) -> None:
        """Who stands ready is slowed by what it uploads; several uploads share one wire."""
        seconds = self.world.slowing * (until - max(self._uploads_until, self.now))
        self._uploads_until = max(self._uploads_until, until)
        if seconds <= 0.0:
            return
        for number, job in self._near.items():
            pool = self._pools[job]
            pool.workers[number].slowed(seconds, self.now, pool.items)
            self._foresee(job)

    def _run(self, what: Run) -> None:
        job, runtime, draw = self._alive[what.attempt]
        pool = self._pools.setdefault(job.name, Pool(job.items))
        first = self.now + draw.start
        if self.world.runtimes[runtime].standby:
            self._near[what.attempt] = job.name
            first += self.world.slowing * max(self._uploads_until - self.now, 0.0)
        pool.workers[what.attempt] = Worker(
            runtime, self.now, first, draw.item, draw.fetch, what.shared,
            silent=self.now + draw.silent,
        )  # fmt: skip
        if draw.breaks < inf:
            self._push(self.now + draw.breaks, Crashed(what.attempt, "broke down"), what.attempt)
        self._foresee(job.name)

    def _end(self, attempt: int) -> None:
        self._versions[attempt] = self._versions.get(attempt, 0) + 1
        job, _, _ = self._alive.pop(attempt)
        self._near.pop(attempt, None)
        pool = self._pools.get(job.name)
        if pool is not None and attempt in pool.workers:
            pool.workers[attempt].ended = self.now
            self._foresee(job.name)

    def _foresee(self, job: str) -> None:
        """When all items of a job will be done, as things stand now."""
        key = f"job {job}"
        self._versions[key] = self._versions.get(key, -1) + 1
        over = self._pools[job].over()
        if over < inf:
            self._push(max(over, self.now), Finished(job, {}), key)

    def _all_done(self, job: str) -> None:
        """All items are done: the results of whoever did some travel back."""
        shares = self._pools[job].shares(self.now)
        key = f"job {job}"
        self._versions[key] += 1
        for attempt in self._pools[job].workers:
            self._near.pop(attempt, None)
        for attempt in shares:
            self._versions[attempt] += 1  # what would break now has nothing left to do
        back = max(share.fetch for share in shares.values())
        self._push(self.now + back, Finished(job, shares), key)

    def _progress(self, job: str) -> Mapping[str, float]:
        pool = self._pools.get(job)
        if pool is None:
            return {}
        found: dict[str, float] = {}
        for number, share in pool.shares(self.now).items():
            name = pool.workers[number].runtime
            found[name] = found.get(name, 0.0) + share.items
        return found

    def _paces(self, job: str) -> Mapping[str, Pace]:
        pool = self._pools.get(job)
        return pool.paces(self.now) if pool is not None else {}

    def _truth(self, job: str) -> Mapping[str, float]:
        return self.world.truth(self._places[job])
