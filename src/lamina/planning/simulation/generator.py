"""A world that is drawn from laws: all at once when it is made, so that no order matters."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from math import exp, inf, sqrt

import numpy as np

from lamina.estimates.distribution import Floats
from lamina.planning.placement.words import Job, Runtime
from lamina.planning.simulation.laws import (
    BANDWIDTH,
    IMAGE_BYTES,
    RESULT_BYTES,
    SLOT,
    Kind,
    Regime,
    kind_of,
    stream,
    wandering,
)
from lamina.planning.simulation.world import Draw, World

TRIES = 12
"""Tries of a deployment with a luck of their own; later ones begin again."""
TOGETHER = 0.35
"""Part of the variance of deployments (as normal scores) that those of one minute share."""
HISTORY = (10, 100)
"""Images of the two runs of each runtime that come before all others."""


@dataclass(frozen=True)
class Outage:
    """A runtime cannot be had for a while.

    Args:
        runtime: its name.
        begins: seconds of the clock.
        ends: seconds of the clock.
        hangs: a deployment never ends; else it is refused at once.
    """

    runtime: str
    begins: float
    ends: float
    hangs: bool = False


@dataclass(frozen=True)
class Faults:
    """What goes wrong.

    Args:
        failures: part of the deployments that end with an error, after half of their time.
        hangs: part of them that never end.
        breaks: part of the attempts that break down at work.
        outages: when runtimes cannot be had.
    """

    failures: float = 0.0
    hangs: float = 0.0
    breaks: float = 0.0
    outages: tuple[Outage, ...] = ()


@dataclass(frozen=True)
class Course:
    """What is alike for all runtimes.

    Args:
        seed: of all that is drawn.
        clock: "ours" charges warm-up and the way back, "paper" neither.
        regimes: one after the other, each for an equal part of the run.
        faults: what goes wrong.
    """

    seed: int
    clock: str = "ours"
    regimes: tuple[Regime, ...] = (Regime(),)
    faults: Faults = field(default_factory=Faults)


class _Place:
    """What was drawn for one runtime."""

    def __init__(self, runtime: Runtime, jobs: Sequence[Job], slots: int, course: Course) -> None:
        def source(label: str) -> np.random.Generator:
            return stream(course.seed, runtime.name, label)

        self.kind: Kind = kind_of(runtime)
        count = len(jobs)
        self.state: list[float] = (
            sqrt(TOGETHER) * wandering(source("state"), slots, 20.0)
        ).tolist()
        self.own: list[list[float]] = (
            sqrt(1.0 - TOGETHER) * source("deployments").standard_normal((count, TRIES))
        ).tolist()
        self.probes: list[float] = (
            sqrt(1.0 - TOGETHER) * source("probes").standard_normal(slots)
        ).tolist()
        luck = wandering(source("levels"), count, 8.0) * sqrt(self.kind.persists)
        luck = luck + source("work").standard_normal(count) * sqrt(1.0 - self.kind.persists)
        self.luck: Floats = luck
        self.warm: list[float] = (
            self.kind.warm * np.exp(0.15 * source("warm").standard_normal(count))
        ).tolist()
        self.fails: list[list[float]] = source("failures").random((count, TRIES)).tolist()
        self.breaks: list[float] = source("breaks").random(count).tolist()


class Drawn(World):
    """A world of laws.

    Args:
        runtimes: name -> runtime.
        jobs: as they come.
        course: what is alike for all runtimes.
        upload: seconds that so many bytes take from a time on; the law of the link unless given.
    """

    def __init__(
        self,
        runtimes: Mapping[str, Runtime],
        jobs: Sequence[Job],
        course: Course,
        upload: Callable[[float, float], float] | None = None,
    ) -> None:
        self.runtimes = dict(runtimes)
        self.jobs = list(jobs)
        self.course = course
        end = (jobs[-1].ready if jobs else 0.0) + 3600.0
        self._slots = int(end / SLOT) + 1
        self._each = end / len(course.regimes)
        self._places = {
            name: _Place(one, self.jobs, self._slots, course) for name, one in runtimes.items()
        }
        self._rates: list[float] = (
            BANDWIDTH.over(wandering(stream(course.seed, "bandwidth"), self._slots, 10.0)) * 125e3
        ).tolist()
        self._upload = upload or self._by_law
        items = np.array([job.items for job in self.jobs], dtype=np.float64)
        spreads = np.array([self._regime(job.ready).spread for job in self.jobs])
        self._wholes: dict[str, list[float]] = {
            name: place.kind.whole(items, place.luck * spreads).tolist()
            for name, place in self._places.items()
        }

    def draw(self, job: int, runtime: str, tries: int, at: float) -> Draw:
        """What was drawn for the job, in the state that the runtime is in then."""
        one, place = self.jobs[job], self._places[runtime]
        whole = self._wholes[runtime][job]
        start = min(place.kind.start, 0.5 * whole)
        item = (whole - start) / one.items
        breaks = whole * place.breaks[job] if self._breaks(place, job) else inf
        if self.runtimes[runtime].standby:
            return Draw(start=start, item=item, breaks=breaks)
        deploy = self._deployment(runtime, at, place.own[job][(tries - 1) % TRIES])
        deploy, refused = self._failing(runtime, place.fails[job][(tries - 1) % TRIES], at, deploy)
        upload = self._upload(one.upload, at)
        if self.course.clock == "paper":
            # T = T_t + T_d + T_p: what is deployed waits for what is uploaded.
            return Draw(upload, deploy, refused, 0.0, start, item, 0.0, breaks, follows=True)
        return Draw(
            upload, deploy, refused, place.warm[job], start, item, self._upload(one.fetch, at),
            breaks,
        )  # fmt: skip

    def probe(self, runtime: str, at: float) -> float | None:
        """A deployment of its own, in the state that the runtime is in then."""
        place = self._places[runtime]
        deploy = self._deployment(runtime, at, place.probes[int(at / SLOT) % self._slots])
        deploy, refused = self._failing(runtime, 1.0, at, deploy)
        return None if refused < deploy else deploy

    def history(self, runtime: str) -> Sequence[tuple[str, int, float]]:
        """Two runs of usual luck."""
        kind = self._places[runtime].kind
        source = stream(self.course.seed, runtime, "history")
        wholes = kind.whole(np.array(HISTORY, dtype=np.float64), source.standard_normal(2))
        found: list[tuple[str, int, float]] = []
        for items, whole in zip(HISTORY, wholes.tolist(), strict=True):
            found.append(("processing", items, whole))
            if kind.deployment is not None:
                warm = kind.warm * exp(0.15 * source.standard_normal())
                up, back = int(items * IMAGE_BYTES), int(items * RESULT_BYTES)
                found += [
                    ("upload", up, self._upload(up, 0.0)),
                    ("deployment", items, kind.deployment.at(source.standard_normal())),
                    ("warm", items, 0.0 if self.course.clock == "paper" else warm),
                    ("fetch", back, self._upload(back, 0.0)),
                ]
        return found

    def _regime(self, at: float) -> Regime:
        regimes = self.course.regimes
        return regimes[min(int(at / self._each), len(regimes) - 1)]

    def _by_law(self, size: float, at: float) -> float:
        rate = self._rates[int(at / SLOT) % self._slots] * self._regime(at).bandwidth
        return size / rate

    def _deployment(self, runtime: str, at: float, own: float) -> float:
        place = self._places[runtime]
        if place.kind.deployment is None:
            return 0.0
        regime = self._regime(at)
        score = place.state[int(at / SLOT) % self._slots] + own + regime.shift
        least = place.kind.deployment.at(-9.0)
        return least + regime.scale * (place.kind.deployment.at(score) - least)

    def _breaks(self, place: _Place, job: int) -> bool:
        return place.breaks[job] < self.course.faults.breaks

    def _failing(self, runtime: str, luck: float, at: float, deploy: float) -> tuple[float, float]:
        """Seconds until it is up and until it is refused, once faults are looked at."""
        faults = self.course.faults
        for one in faults.outages:
            if one.runtime == runtime and one.begins <= at < one.ends:
                return inf, inf if one.hangs else 0.5
        if luck < faults.failures:
            return inf, 0.5 * deploy
        if luck < faults.failures + faults.hangs:
            return inf, inf
        return deploy, inf
