"""A world that is drawn from laws: all at once when it is made, so that no order matters."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from math import exp, inf, sqrt
from typing import Protocol

import numpy as np

from lamina.estimates.distribution import Floats
from lamina.planning.placement.words import Job, Runtime
from lamina.planning.simulation.faults import Calendar, Faults, calendars, deployed
from lamina.planning.simulation.laws import (
    BANDWIDTH,
    IMAGE_BYTES,
    RESULT_BYTES,
    SLOT,
    Deployment,
    Kind,
    Regime,
    kind_of,
    stream,
    wandering,
)
from lamina.planning.simulation.world import Draw, World

TRIES = 12
"""Tries of a deployment with a luck of their own; later ones begin again."""
WANDERS, SHOCK = 0.05, 0.5
"""Of the variance of deployments, as normal scores: what a runtime keeps for a while, and as much
again what all of them do; what all of them have in common in a minute."""
CLOUD, OWN = 0.7, 0.1
"""Of the variance of work in the cloud: what all runtimes have in common, what each keeps."""
CONGESTED, CONGESTION = 0.08, 1.9
"""Part of the batches that find the whole cloud congested, and how much longer work takes then."""
WANDERING, LEVELS = 20.0, 8.0
"""After how many minutes deployments, and after how many batches levels of work are forgotten."""
WARMING = 0.15
"""Standard deviation of the logarithm of warm-up times."""
HISTORY = (10, 100)
"""Images of the two runs of each runtime that come before all others."""
SLOWING = 0.1
"""Part of its speed that a standby runtime loses while it uploads."""
AFTER = 3600.0
"""Seconds after the last job for which there still is something new."""


class Link(Protocol):
    """Where data travels."""

    def seconds(self, size: float, at: float) -> float:
        """How long so many bytes take from a time on."""


class Deployments(Protocol):
    """How long deployments of one runtime take."""

    def of(self, job: int, tries: int, at: float) -> float:
        """That of a try of a job."""

    def probe(self, at: float) -> float:
        """That of a probe."""


@dataclass(frozen=True)
class Plan:
    """What a world is made of.

    Args:
        seed: of all that is drawn.
        clock: "ours" charges warm-up and the way back, "paper" neither, and adds uploads up with
            deployments.
        regimes: one after the other, each for an equal part of the time.
        faults: what goes wrong.
        link: where data travels; the law of the paper's unless given.
        deployments: runtime -> how long its deployments take; the law of its kind unless given.
    """

    seed: int
    clock: str = "ours"
    regimes: tuple[Regime, ...] = (Regime(),)
    faults: Faults = field(default_factory=Faults)
    link: Link | None = None
    deployments: Mapping[str, Deployments] = field(default_factory=dict)


class Times:
    """The regimes of a run.

    Args:
        regimes: one after the other.
        end: of the last one.
    """

    def __init__(self, regimes: Sequence[Regime], end: float) -> None:
        self._regimes = regimes
        self._each = end / len(regimes)

    def at(self, now: float) -> Regime:
        """The one that holds."""
        return self._regimes[min(int(now / self._each), len(self._regimes) - 1)]


class _LawOfLink:
    """A bandwidth that wanders from minute to minute."""

    def __init__(self, source: np.random.Generator, slots: int, times: Times) -> None:
        rates = BANDWIDTH.over(wandering(source, slots, 10.0)) * 125e3
        self._rates: list[float] = rates.tolist()
        self._times = times

    def seconds(self, size: float, at: float) -> float:
        """At the bandwidth of the minute in which it begins, as the paper has it."""
        rate = self._rates[int(at / SLOT) % len(self._rates)]
        return size / (rate * self._times.at(at).bandwidth)


class _LawOfDeployments:
    """What a minute has in common, and a luck of its own for each job and try, and each probe."""

    def __init__(
        self, law: Deployment, state: Floats, jobs: int, sources: Sequence[np.random.Generator],
        times: Times,
    ) -> None:  # fmt: skip
        alone = sqrt(1.0 - 2.0 * WANDERS - SHOCK)
        self._law = law
        self._state: list[float] = state.tolist()
        self._own: list[list[float]] = (alone * sources[0].standard_normal((jobs, TRIES))).tolist()
        self._probes: list[float] = (alone * sources[1].standard_normal(state.size)).tolist()
        self._times = times

    def of(self, job: int, tries: int, at: float) -> float:
        return self._at(at, self._own[job][(tries - 1) % TRIES])

    def probe(self, at: float) -> float:
        return self._at(at, self._probes[int(at / SLOT) % len(self._probes)])

    def _at(self, at: float, own: float) -> float:
        regime = self._times.at(at)
        score = self._state[int(at / SLOT) % len(self._state)] + own + regime.shift
        return max(self._law.at(score, regime.scale) + regime.level, 0.0)


@dataclass
class _Place:
    """What was drawn for one runtime: of each job its work, and the luck of its attempts."""

    kind: Kind
    wholes: list[float]
    warm: list[float]
    luck: list[list[float]]
    breaks: list[float]
    deployments: Deployments | None
    calendar: Calendar


class Drawn(World):
    """A world of laws, and of traces where the plan has some.

    Args:
        runtimes: name -> runtime.
        jobs: as they come.
        plan: what it is made of.
    """

    def __init__(self, runtimes: Mapping[str, Runtime], jobs: Sequence[Job], plan: Plan) -> None:
        self.runtimes = dict(runtimes)
        self.jobs = list(jobs)
        self.plan = plan
        self.slowing = 0.0 if plan.clock == "paper" else SLOWING
        end = (jobs[-1].ready if jobs else 0.0) + AFTER
        slots = int(end / SLOT) + 1
        times = Times(plan.regimes, end)
        self._link = plan.link or _LawOfLink(stream(plan.seed, "bandwidth"), slots, times)
        far = {
            name: stream(plan.seed, name, "away")
            for name, one in runtimes.items()
            if not one.standby
        }
        off = calendars(far, end, plan.faults)
        maker = _Maker(plan.seed, self.jobs, slots, times, plan.deployments)
        self._places = {
            name: maker.place(one, off.get(name, Calendar([]))) for name, one in runtimes.items()
        }

    def draw(self, job: int, runtime: str, tries: int, at: float) -> Draw:
        """What was drawn for the job, in the state that the runtime is in then."""
        one, place, faults = self.jobs[job], self._places[runtime], self.plan.faults
        whole = place.wholes[job]
        start = min(place.kind.start, 0.5 * whole)
        item = (whole - start) / one.items
        breaks = inf
        if place.breaks[job] < faults.breaks:  # uniform in what is left of the luck
            breaks = whole * place.breaks[job] / faults.breaks
        if place.deployments is None:
            return Draw(start=start, item=item, breaks=breaks)
        seconds = place.deployments.of(job, tries, at)
        luck = place.luck[job][(tries - 1) % TRIES]
        deploy, refused = deployed(place.calendar, faults, luck, at, seconds)
        upload = self._link.seconds(one.upload, at)
        if self.plan.clock == "paper":
            return Draw(upload, deploy, refused, 0.0, start, item, 0.0, breaks, follows=True)
        fetch = self._link.seconds(one.fetch, at)
        return Draw(upload, deploy, refused, place.warm[job], start, item, fetch, breaks)

    def probe(self, runtime: str, at: float) -> float | None:
        """A deployment of its own, in the state that the runtime is in then."""
        place = self._places[runtime]
        if place.deployments is None:
            return 0.0
        seconds = place.deployments.probe(at)
        deploy, refused = deployed(place.calendar, self.plan.faults, 1.0, at, seconds)
        return None if refused < deploy else deploy

    def history(self, runtime: str) -> Sequence[tuple[str, int, float]]:
        """Two runs of usual luck, before the clock begins."""
        place = self._places[runtime]
        kind, source = place.kind, stream(self.plan.seed, runtime, "history")
        wholes = kind.whole(np.array(HISTORY, dtype=np.float64), source.standard_normal(2))
        found: list[tuple[str, int, float]] = []
        for items, whole in zip(HISTORY, wholes.tolist(), strict=True):
            found.append(("processing", items, whole))
            if place.deployments is None:
                continue
            up, back = int(items * IMAGE_BYTES), int(items * RESULT_BYTES)
            found.append(("upload", up, self._link.seconds(up, 0.0)))
            found.append(("deployment", items, place.deployments.probe(items * SLOT)))
            if self.plan.clock != "paper":
                warm = kind.warm * exp(WARMING * source.standard_normal())
                found += [("warm", items, warm), ("fetch", back, self._link.seconds(back, 0.0))]
            else:
                found += [("warm", items, 0.0), ("fetch", back, 0.0)]
        return found


class _Maker:
    """Draws what runtimes do; what they have in common is drawn once."""

    def __init__(
        self, seed: int, jobs: Sequence[Job], slots: int, times: Times,
        deployments: Mapping[str, Deployments],
    ) -> None:  # fmt: skip
        self._seed, self._jobs, self._slots, self._times = seed, jobs, slots, times
        self._deployments = deployments
        self._items = np.array([job.items for job in jobs], dtype=np.float64)
        self._spreads = np.array([times.at(job.ready).spread for job in jobs])
        self._minutes = sqrt(WANDERS) * wandering(stream(seed, "cloud"), slots, WANDERING)
        self._minutes += sqrt(SHOCK) * stream(seed, "shocks").standard_normal(slots)
        self._level = wandering(stream(seed, "level"), len(jobs), LEVELS)
        parts = np.array([times.at(job.ready).congested for job in jobs]) * CONGESTED
        congested = stream(seed, "congestion").random(len(jobs)) < parts
        self._congestion = np.where(congested, CONGESTION, 1.0)

    def place(self, runtime: Runtime, calendar: Calendar) -> _Place:
        """All of one runtime."""

        def source(label: str) -> np.random.Generator:
            return stream(self._seed, runtime.name, label)

        kind, count = kind_of(runtime), len(self._jobs)
        alone = source("work").standard_normal(count)
        if not runtime.standby:
            alone *= sqrt(1.0 - CLOUD - OWN)
            alone += sqrt(CLOUD) * self._level
            alone += sqrt(OWN) * wandering(source("levels"), count, LEVELS)
        wholes = kind.whole(self._items, alone * self._spreads)
        deployments: Deployments | None = None
        if not runtime.standby:
            wholes *= self._congestion
            law = kind.deployment or kind_of(Runtime("cpu")).deployment
            assert law is not None
            deployments = self._deployments.get(runtime.name) or self._drawn(law, source)
        return _Place(
            kind,
            wholes.tolist(),
            (kind.warm * np.exp(WARMING * source("warm").standard_normal(count))).tolist(),
            source("failures").random((count, TRIES)).tolist(),
            source("breaks").random(count).tolist(),
            deployments,
            calendar,
        )

    def _drawn(self, law: Deployment, source: _Sources) -> Deployments:
        own = sqrt(WANDERS) * wandering(source("state"), self._slots, WANDERING)
        return _LawOfDeployments(
            law, self._minutes + own, len(self._jobs),
            (source("deployments"), source("probes")), self._times,
        )  # fmt: skip


class _Sources(Protocol):
    def __call__(self, label: str) -> np.random.Generator: ...
