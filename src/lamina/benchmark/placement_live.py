"""Placing for real against its simulation: same jobs, same draws, and faults of every kind."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from math import inf
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np

from lamina.execution.placing.driver import Driver, How
from lamina.execution.placing.items import Item
from lamina.execution.placing.pods import Limits
from lamina.execution.placing.site import Errand, Place, Setting, Site
from lamina.execution.placing.sites.emulated import FAULTS, Chances, Emulated
from lamina.execution.placing.sites.local import Local
from lamina.planning.placement.ledger import Ledger
from lamina.planning.placement.words import Job, Runtime, Wait
from lamina.planning.policies import made
from lamina.planning.simulation.clock import Settings, Simulator
from lamina.planning.simulation.scenarios import Faults, Scenario
from lamina.planning.simulation.world import Draw, World

SCALE = 20.0
"""Seconds of a run in a second of this machine."""
PERIOD = 15.0
POLICIES = ("share", "hedge", "eft", "stoic-selector")
RUNTIMES = {
    "edge": Runtime("edge", standby=True, capacity=8),
    "cpu": Runtime("cpu"),
    "gpu1": Runtime("gpu1", devices=1),
    "gpu2": Runtime("gpu2", devices=2),
}
LIMITS = Limits(answer=1.5, lease=10.0, start=60.0)
SILENT = 0.95 * LIMITS.answer * SCALE
"""Seconds of the run's clock until a pod that does not answer counts as lost: it falls silent some
time after the last question was asked, and is asked once in a fifth of that time."""
ONCE = 20.0
"""Seconds after a job came in which attempts may meet the fault that was drawn for it: who is sent
there again later meets a sound pod, and not the same fault time after time."""
BARS = {"aggregate": 0.05, "equal": 0.97, "lost": 0, "doubled": 0, "tasks": 1000}
_STOCK = 6
"""Processes of each emulated runtime that are started ahead of time."""


class Faulty(World):
    """A world whose faults can be brought about: nothing breaks on the local pool, what goes silent
    does so late enough for somebody to have waited for its answer, and a fault is met once."""

    def __init__(self, world: World) -> None:
        self._world = world
        self.runtimes = world.runtimes
        self.jobs = world.jobs
        self.places = {job.name: place for place, job in enumerate(world.jobs)}

    def draw(self, job: int, runtime: str, tries: int, at: float) -> Draw:
        """As it was drawn, the moment of its fault moved where it has to be."""
        drawn = self._world.draw(job, runtime, tries, at)
        if drawn.breaks == inf:
            return drawn
        late = at > self.jobs[job].ready + ONCE
        if late or self.runtimes[runtime].standby:
            return replace(drawn, breaks=inf)
        if self.fault(job) == "kill":
            return drawn
        breaks = max(drawn.breaks, SILENT)
        return replace(drawn, breaks=breaks, silent=breaks - SILENT)

    def fault(self, job: int) -> str:
        """How an attempt of a job breaks down, where it does."""
        return FAULTS[job % len(FAULTS)]

    def probe(self, runtime: str, at: float) -> float | None:
        """As it was drawn."""
        return self._world.probe(runtime, at)

    def history(self, runtime: str) -> Sequence[tuple[str, int, float]]:
        """As it was drawn."""
        return self._world.history(runtime)


class FromWorld(Chances):
    """What a world of the simulator says, for the processes of an emulation."""

    def __init__(self, world: Faulty) -> None:
        self._world = world
        self.injected: dict[str, int] = {}

    def draw(self, errand: Errand, runtime: str) -> Draw:
        """Equal to what the simulator plays with."""
        place = self._world.places[errand.job.name]
        return self._world.draw(place, runtime, errand.tries, errand.at)

    def probe(self, runtime: str, at: float) -> float | None:
        """Of a probe."""
        return self._world.probe(runtime, at)

    def fault(self, errand: Errand, runtime: str) -> str:
        """Kill, hang and cut, one after the other."""
        kind = self._world.fault(self._world.places[errand.job.name])
        self.injected[kind] = self.injected.get(kind, 0) + 1
        return kind


@dataclass(frozen=True)
class Compared:
    """A policy, for real and simulated.

    Args:
        policy: its name.
        tasks: how many there were.
        live, simulated: sums of their latencies, in seconds of the run's clock.
        equal: part of the decisions that were equal.
        same_moment: part that were equal and made when the same thing had happened.
        lost, doubled: items without a result, and those that counted more than once.
        repeated: results that came again and did not count.
        faults: fault -> how often it was brought about.
        seconds: that it took for real.
    """

    policy: str
    tasks: int
    live: float
    simulated: float
    equal: float
    same_moment: float
    lost: int
    doubled: int
    repeated: int
    faults: Mapping[str, int]
    seconds: float

    def to_json(self) -> dict[str, Any]:
        """With the ratio."""
        ratio = self.live / self.simulated if self.simulated else 1.0
        return {**vars(self), "ratio": ratio}


def measure_live(quick: bool, say: Callable[[str], None] = lambda line: None) -> dict[str, Any]:
    """Each policy on a local pool and emulated runtimes at 1/20 time, and in the simulator.

    Args:
        quick: 24 tasks of one policy in place of 260 of each.
        say: takes a line of progress.

    Returns:
        {"scale", "policies": {name: ...}, "tasks", "equal", "same_moment", "worst_ratio", "lost",
        "doubled", "bars"}.
    """
    names, count = (POLICIES[:1], 24) if quick else (POLICIES, 260)
    found = []
    for name in names:
        say(f"placing for real: {name}, {count} tasks")
        found.append(compared(name, world_of(count, seed=1)))
    tasks = sum(one.tasks for one in found)
    return {
        "scale": SCALE,
        "policies": {one.policy: one.to_json() for one in found},
        "tasks": tasks,
        "equal": sum(one.equal * one.tasks for one in found) / tasks,
        "same_moment": sum(one.same_moment * one.tasks for one in found) / tasks,
        "worst_ratio": max((one.live / one.simulated for one in found), key=lambda r: abs(r - 1)),
        "lost": sum(one.lost for one in found),
        "doubled": sum(one.doubled for one in found),
        "bars": BARS,
    }


def world_of(count: int, seed: int) -> Faulty:
    """Jobs of up to 150 items, one every 15 s, with faults of every kind."""
    source = np.random.default_rng(seed)
    sizes = np.clip(np.rint(source.lognormal(3.0, 0.9, count)), 2, 150).astype(int)
    faults = Faults(failures=0.03, hangs=0.003, breaks=0.08)
    scenario = Scenario(
        sizes.tolist(), batches=count, period=PERIOD, faults=faults, runtimes=RUNTIMES
    )
    return Faulty(scenario.world(seed))


def compared(name: str, world: Faulty) -> Compared:
    """One policy in one world, both ways."""
    simulated = Simulator(world, made(name), Settings(seed=0)).run()
    began = time.monotonic()
    with TemporaryDirectory(prefix="lamina-live-", ignore_cleanup_errors=True) as folder:
        driver, chances = _driver(name, world, Path(folder))
        live = driver.run()
        wanted = {job.name: job.items for job in world.jobs}
        results = {one: driver.baskets[one].results() for one in driver.baskets}
    lost = sum(items - len(results.get(one, {})) for one, items in wanted.items())
    shares = {one: sum(s.items for s in b.shares().values()) for one, b in driver.baskets.items()}
    doubled = sum(max(shares.get(one, 0) - items, 0) for one, items in wanted.items())
    return Compared(
        name, len(wanted), _sum(live), _sum(simulated), equal_decisions(live, simulated),
        equal_decisions(live, simulated, moments=True), lost,
        doubled, sum(b.repeated for b in driver.baskets.values()), chances.injected,
        time.monotonic() - began,
    )  # fmt: skip


def equal_decisions(one: Ledger, other: Ledger, moments: bool = False) -> float:
    """Part of what policies asked for, job by job, that both asked for.

    Seconds to wait are measured, and so differ always; they are not compared.

    Args:
        one, other: of the same jobs.
        moments: whether it has to have been asked for when the same thing had happened, too: a
            runtime that is cancelled a moment later, as something else is heard, is unequal then.
    """
    both = total = 0
    first, second = _asked(one, moments), _asked(other, moments)
    for job in first.keys() | second.keys():
        a, b = first.get(job, Counter()), second.get(job, Counter())
        both += (a & b).total()
        total += max(a.total(), b.total())
    return both / total if total else 1.0


def _asked(ledger: Ledger, moments: bool) -> dict[str, Counter[tuple[str, ...]]]:
    found: dict[str, Counter[tuple[str, ...]]] = {}
    for decision in ledger.decisions:
        moment = (decision.event, decision.runtime) if moments else ()
        asked = [repr(a) for a in decision.choice.actions if not isinstance(a, Wait)]
        counted = found.setdefault(decision.job, Counter())
        counted.update((*moment, one) for one in asked)
    return found


def _sum(ledger: Ledger) -> float:
    return sum(outcome.latency for outcome in ledger.outcomes.values())


def _driver(name: str, world: Faulty, folder: Path) -> tuple[Driver, FromWorld]:
    chances = FromWorld(world)
    places = {}
    for runtime in world.runtimes.values():
        how = Setting(
            runtime,
            {},
            "lamina.execution.placing.emulation:timed",
            folder,
            folder,
            "",
            SCALE,
            LIMITS,
        )
        site: Site = Local(how) if runtime.standby else Emulated(how, chances)
        places[runtime.name] = Place(runtime, site)
    _stocked(places)
    known = {
        one: tuple((stage, float(size), seconds) for stage, size, seconds in world.history(one))
        for one in world.runtimes
    }
    arguments = {"scale": SCALE}
    driver = Driver(
        places, made(name), How(name, arguments, None, SCALE, limits=LIMITS, known=known)
    )
    for job in world.jobs:
        driver.submit(job, _items(job, world), job.ready)
    driver.finish()
    return driver, chances


def _stocked(places: Mapping[str, Place]) -> None:
    sites = [place.site for place in places.values() if isinstance(place.site, Emulated)]
    with ThreadPoolExecutor(2) as pool:
        list(pool.map(lambda site: site.stock(_STOCK), sites))


def _items(job: Job, world: Faulty) -> tuple[Item, ...]:
    """Items that know how long they take where nothing is emulated: on the local pool."""
    edge = next(one.name for one in world.runtimes.values() if one.standby)
    drawn = world.draw(world.places[job.name], edge, 1, job.ready)
    return tuple(
        Item(f"{job.name}/{n}", value=[f"{job.name}/{n}", job.name, drawn.start, drawn.item])
        for n in range(job.items)
    )
