"""What a policy sees: the job, what it has on each runtime, and what is to be expected there."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from math import inf

import numpy as np

from lamina.estimates.distribution import Distribution, added, latest
from lamina.estimates.stages import Course, Outlook, RuntimeEstimates
from lamina.planning.placement.words import Job, Pace, Runtime

NOTHING = Distribution.at(0.0)
NOT_BEGUN = Course()


@dataclass(frozen=True)
class Weights:
    """What counts besides seconds.

    Args:
        price: seconds that one unit of money is worth.
        energy: seconds that one joule is worth.
    """

    price: float = 0.0
    energy: float = 0.0


@dataclass
class Attempt:
    """What a job has on a runtime, as the dispatcher knows it.

    Args:
        number: unlike that of any other attempt.
        job: whose.
        runtime: where.
        asked: when it was requested.
        tries: how often its deployment was begun, that of earlier attempts of the job counted.
        begun: when the last deployment was begun; None while it queues.
        uploaded: whether its data is there.
        prepared: when its data and its runtime were both there.
        deadline: when it counts as failed unless it is one step further by then.
        deployed: when the runtime was up.
        warm: when it was ready to start.
        started: when work began.
        shared: whether it takes items that nobody has taken.
        expected: what was predicted for the whole when it was requested, its queue left out.
        promised: what was said of it then, as `Usage.promised`.
        usage: its place in the ledger once it is over.
    """

    number: int
    job: Job
    runtime: str
    asked: float
    tries: int = 0
    begun: float | None = None
    uploaded: bool = False
    prepared: float | None = None
    deadline: float = 0.0
    deployed: float | None = None
    warm: float | None = None
    started: float | None = None
    shared: bool = False
    expected: Distribution = field(default_factory=Distribution.unknown)
    promised: tuple[float, ...] = ()
    usage: int = -1

    def reset(self) -> None:
        """Forgets a try that failed: the next one begins from nothing."""
        self.begun = self.prepared = self.deployed = None
        self.uploaded = False

    @property
    def state(self) -> str:
        """ "queued", "preparing", "ready" or "running"."""
        if self.started is not None:
            return "running"
        if self.warm is not None:
            return "ready"
        return "queued" if self.begun is None else "preparing"


@dataclass(frozen=True)
class More:
    """What views of one dispatcher share.

    Args:
        estimates: runtime -> what was learnt of it.
        source: random numbers for policies that want some.
        weights: what counts besides seconds.
        queue: runtime -> seconds that a job is expected to wait there before it is begun.
        progress: runtime -> items of the job that it has done.
        truth: gives runtime -> seconds that the job would take there; None outside of simulations.
        seen: runtime -> when it was up the last time.
        paces: runtime -> how far it is with the job, by itself.
    """

    estimates: Mapping[str, RuntimeEstimates]
    source: np.random.Generator
    weights: Weights
    queue: Callable[[str], float]
    progress: Callable[[], Mapping[str, float]]
    truth: Callable[[], Mapping[str, float] | None] = lambda: None
    seen: Mapping[str, float] = field(default_factory=dict)
    paces: Callable[[], Mapping[str, Pace]] = dict


class View:
    """A moment of a job.

    Args:
        now: seconds of the clock of whoever places.
        job: the job.
        runtimes: name -> runtime, those that the job may run on.
        usable: names of those that are not known to be down.
        attempts: runtime -> what the job has there.
        more: what views have in common.

    `source` and `weights` are those of `More`.
    """

    def __init__(
        self,
        now: float,
        job: Job,
        runtimes: Mapping[str, Runtime],
        usable: tuple[str, ...],
        attempts: Mapping[str, Attempt],
        more: More,
    ) -> None:
        self.now = now
        self.job = job
        self.runtimes = runtimes
        self.usable = usable
        self.attempts = attempts
        self.source = more.source
        self.weights = more.weights
        self._more = more
        self._seen: dict[tuple[str, float], Outlook] = {}
        self._stages: dict[tuple[str, float], Mapping[str, Distribution]] = {}

    @property
    def progress(self) -> Mapping[str, float]:
        """Runtime -> items done there for this job."""
        return self._more.progress()

    @property
    def truth(self) -> Mapping[str, float] | None:
        """Runtime -> seconds that the job would take there; None outside of simulations."""
        return self._more.truth()

    @property
    def left(self) -> int:
        """Items that are not done yet."""
        return max(self.job.items - int(sum(self.progress.values())), 0)

    def outlook(self, runtime: str, items: float | None = None) -> Outlook:
        """What a runtime promises for the job, or for some of its items, counted from now.

        What the job already has there is taken into account: a stage that is over takes no time,
        one that goes on is longer than it has lasted. The queue before it is part of the total.
        Work that runs already is asked for by `remaining`.
        """
        key = (runtime, float(self.job.items if items is None else items))
        if key not in self._seen:
            self._seen[key] = self._look(runtime, items)
        return self._seen[key]

    def stages(self, runtime: str, items: float | None = None) -> Mapping[str, Distribution]:
        """Stages of `outlook`, at a fraction of its cost: nothing is added up."""
        key = (runtime, float(self.job.items if items is None else items))
        if key not in self._stages:
            load = self.job.load(self.runtimes[runtime], self.now, items)
            course = _course(self.attempts.get(runtime), self.now)
            self._stages[key] = self._more.estimates[runtime].left(load, course)
        return self._stages[key]

    def processing(self, runtime: str, items: float | None = None) -> Distribution:
        """Seconds of the work itself, from its start."""
        if items is None:
            return self.stages(runtime).get("processing", NOTHING)
        load = self.job.load(self.runtimes[runtime], self.now, items)
        estimates = self._more.estimates[runtime]
        return estimates.stage("processing", load) if "processing" in estimates.stages else NOTHING

    def middle(self, runtime: str, items: float) -> float:
        """Median seconds of the work on some of the items, for less than `processing` costs."""
        load = self.job.load(self.runtimes[runtime], self.now, items)
        estimates = self._more.estimates[runtime]
        return estimates.middle("processing", load) if "processing" in estimates.stages else 0.0

    def until_ready(self, runtime: str) -> Distribution:
        """Seconds from now until the runtime could start on the job; its queue is part of them."""
        stages = self.stages(runtime)
        ready = [stages.get(one, NOTHING) for one in ("request", "deployment")]
        begun = latest([stages.get("upload", NOTHING), added(ready)])
        return added([begun, stages.get("warm", NOTHING)]).shifted(self.queue(runtime))

    def remaining(self, runtime: str) -> Distribution:
        """Seconds from now until work that runs there, on all items, is done."""
        attempt = self.attempts[runtime]
        begun = self.now if attempt.started is None else attempt.started
        whole = self.processing(runtime)
        return whole.beyond(self.now - begun).shifted(begun - self.now)

    def rest(self, runtime: str) -> Distribution:
        """`remaining`, from how fast the attempt did the items that it has done.

        What was predicted counts as one item beside them. An item that lasts longer than it should
        is expected to last as long again: what hangs is not about to be done.
        """
        pace, begun = self._more.paces().get(runtime), self.attempts[runtime].started
        whole = self.processing(runtime)
        if pace is None or begun is None or not whole:
            return self.remaining(runtime)
        left = self.job.items - pace.items
        if left <= 0:
            return NOTHING
        known = np.maximum(whole.points - pace.first, 0.0) / (self.job.items - 1)
        item = (known + pace.last - pace.first) / pace.items
        since = self.now - begun - pace.last
        current = np.where(since <= item, item - since, since)
        return Distribution((left - 1) * item + current)

    def queue(self, runtime: str) -> float:
        """Seconds that the job is expected to wait before anything is done for it there."""
        return self._more.queue(runtime)

    def unseen(self, runtime: str) -> float:
        """Seconds since it was up the last time, for whatever job; infinite if it never was."""
        return self.now - self._more.seen.get(runtime, -inf)

    def _look(self, runtime: str, items: float | None) -> Outlook:
        load = self.job.load(self.runtimes[runtime], self.now, items)
        course = _course(self.attempts.get(runtime), self.now)
        left = self.stages(runtime, items)
        found = self._more.estimates[runtime].ahead(load, course, left)
        wait = self.queue(runtime)
        return Outlook(found.stages, found.total.shifted(wait), found.plain) if wait else found


def _course(attempt: Attempt | None, now: float) -> Course:
    """How far an attempt is, as estimates take it."""
    if attempt is None or attempt.begun is None:
        return NOT_BEGUN
    if attempt.warm is not None:
        return Course(done=frozenset({"upload", "request", "deployment", "warm"}))
    done = {"upload"} if attempt.uploaded else set()
    waited = {} if attempt.uploaded else {"upload": now - attempt.begun}
    if attempt.deployed is None:
        waited["deployment"] = now - attempt.begun
    else:
        done |= {"request", "deployment"}
        if attempt.prepared is not None:
            waited["warm"] = now - attempt.prepared
    return Course(waited, frozenset(done))
