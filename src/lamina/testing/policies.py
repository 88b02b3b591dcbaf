"""What every placement policy has to do: worlds drawn at random, and the conformance suite.

A policy is handed to each check as something that makes it from the names of the runtimes, so
that one which is told a name can be tried too:

    from lamina.testing.policies import CONFORMANCE, worlds

    @given(world=worlds())
    def test_mine_conforms(world):
        for check in CONFORMANCE:
            check(lambda names: Mine(), world)
"""

from __future__ import annotations

import copy
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from math import inf, isclose

import numpy as np
from hypothesis import strategies as st

from lamina.planning.placement.health import Rules
from lamina.planning.placement.ledger import Decision, Ledger
from lamina.planning.placement.policy import Policy
from lamina.planning.placement.words import (
    Cancel,
    Command,
    Crashed,
    End,
    Event,
    Job,
    Migrate,
    Prepare,
    Request,
    Run,
    Runtime,
    Start,
    Warmed,
)
from lamina.planning.simulation.clock import Settings, Simulator
from lamina.planning.simulation.world import Draw, World

NAMES = ("shed", "barn", "attic", "cellar")
OTHERS = ("alpha", "beta", "gamma", "delta")
LABELS = ("near", "safe")
RULES = Rules(pause=0.1, tries=3, timeout=20.0, look_again=10.0, longest=40.0)
MOST = 5_000
"""Events after which a run is taken for one that never ends."""

Maker = Callable[[Sequence[str]], Policy]
"""Names of the runtimes, the first of which can do everything -> a policy."""


@dataclass(frozen=True)
class Trouble:
    """What goes wrong on a runtime.

    Args:
        refuses: part of deployments that fail with an error.
        hangs: part of deployments that never come up.
        breaks: part of attempts that break down at work.
        gone: from when to when it cannot be reached at all.
    """

    refuses: float = 0.0
    hangs: float = 0.0
    breaks: float = 0.0
    gone: tuple[float, float] = (inf, inf)


@dataclass
class OddWorld(World):
    """A small world with any runtimes, in which anything may go wrong but on the first of them.

    Args:
        runtimes: name -> runtime; the first one has all labels.
        jobs: by time.
        seed: of all times.
        troubles: name -> what goes wrong there.
        known: whether anything is known when it begins.
    """

    runtimes: Mapping[str, Runtime]
    jobs: Sequence[Job]
    seed: int = 0
    troubles: Mapping[str, Trouble] = field(default_factory=dict)
    known: bool = True

    def draw(self, job: int, runtime: str, tries: int, at: float) -> Draw:
        """From the seed, the places of job and runtime, and the number of the try."""
        place = list(self.runtimes).index(runtime)
        source = np.random.default_rng([self.seed, job, place, tries])
        if self.runtimes[runtime].standby:
            draw = Draw(start=source.random(), item=0.1 + source.random())
        else:
            draw = Draw(
                upload=5.0 * source.random(), deploy=0.1 + 10.0 * source.exponential(),
                warm=3.0 * source.random(), start=5.0 * source.random(),
                item=0.02 + 0.3 * source.random(), fetch=source.random(),
            )  # fmt: skip
            draw = replace(draw, deploy=min(draw.deploy, 19.0))
        return self._troubled(draw, self.troubles.get(runtime, Trouble()), source, at)

    def _troubled(
        self, draw: Draw, trouble: Trouble, source: np.random.Generator, at: float
    ) -> Draw:
        refuses, hangs, breaks = source.random(3)
        if trouble.gone[0] <= at < trouble.gone[1] or refuses < trouble.refuses:
            return replace(draw, refused=0.0, deploy=max(draw.deploy, 0.1))
        if hangs < trouble.hangs:
            return replace(draw, deploy=inf)
        if breaks < trouble.breaks:
            return replace(draw, breaks=10.0 * source.random())
        return draw

    def probe(self, runtime: str, at: float) -> float | None:
        """A deployment as others, of no job."""
        draw = self.draw(len(self.jobs), runtime, 1 + int(at), at)
        return None if draw.refused < inf or draw.deploy == inf else draw.deploy

    def history(self, runtime: str) -> Sequence[tuple[str, int, float]]:
        """Two runs, or nothing."""
        stages = {"processing": 0.3, "deployment": 0.0, "upload": 0.1, "warm": 0.0, "fetch": 0.0}
        sizes = (5, 50) if self.known else ()
        return [(one, size, 2.0 + slope * size) for size in sizes for one, slope in stages.items()]

    def renamed(self, names: Mapping[str, str]) -> OddWorld:
        """The same with other names of runtimes."""
        runtimes = {names[k]: replace(one, name=names[k]) for k, one in self.runtimes.items()}
        troubles = {names[name]: trouble for name, trouble in self.troubles.items()}
        return OddWorld(runtimes, self.jobs, self.seed, troubles, self.known)


@st.composite
def worlds(draw: st.DrawFn, sound: bool = False) -> OddWorld:
    """A world of one to four runtimes and up to six jobs; where it is sound, nothing fails."""
    count = draw(st.integers(1, len(NAMES)))
    runtimes = {name: _runtime(draw, name, place) for place, name in enumerate(NAMES[:count])}
    jobs, at = [], 0.0
    for number in range(draw(st.integers(1, 6))):
        at += draw(st.sampled_from([0.0, 0.5, 20.0, 300.0]))
        jobs.append(_job(draw, number, at))
    troubles = {}
    for name in list(runtimes)[1:]:
        if not sound:
            troubles[name] = _trouble(draw)
    return OddWorld(runtimes, jobs, draw(st.integers(0, 2**20)), troubles, draw(st.booleans()))


def _runtime(draw: st.DrawFn, name: str, place: int) -> Runtime:
    labels = LABELS if place == 0 else draw(st.lists(st.sampled_from(LABELS), unique=True))
    return Runtime(
        name,
        standby=draw(st.booleans()),
        capacity=draw(st.sampled_from([1, 1, 2, 1_000_000])),
        devices=draw(st.integers(0, 2)),
        price=draw(st.sampled_from([0.0, 1.0])),
        power=draw(st.sampled_from([0.0, 300.0])),
        labels=frozenset(labels),
    )


def _job(draw: st.DrawFn, number: int, at: float) -> Job:
    items = draw(st.sampled_from([1, 2, 7, 40, 300]))
    needs = draw(st.lists(st.sampled_from(LABELS), max_size=1))
    deadline = draw(st.sampled_from([inf, 30.0]))
    return Job(
        f"job {number}", items, at, 1e5 * items, 100.0 * items, draw(st.booleans()), deadline,
        frozenset(needs),
    )  # fmt: skip


def _trouble(draw: st.DrawFn) -> Trouble:
    parts = st.sampled_from([0.0, 0.0, 0.3, 1.0])
    gone = draw(st.sampled_from([(inf, inf), (inf, inf), (0.0, inf), (10.0, 200.0)]))
    return Trouble(draw(parts), draw(parts), draw(parts), gone)


@dataclass
class Played:
    """A run in a world.

    Args:
        ledger: what it left behind.
        told: what happened, and the commands that followed.
    """

    ledger: Ledger
    told: list[tuple[float, Event, list[Command]]]

    @property
    def choices(self) -> list[tuple[float, str, str, str, object]]:
        """All decisions, without the time that they took."""
        return [(d.at, d.job, d.event, d.runtime, d.choice) for d in self.ledger.decisions]


def play(policy: Policy, world: World, seed: int = 0) -> Played:
    """Plays a world to its end.

    Raises:
        AssertionError: there is no end.
    """
    simulator = Simulator(world, policy, Settings(seed, rules=RULES))
    told: list[tuple[float, Event, list[Command]]] = []
    handle = simulator.dispatcher.handle

    def watched(event: Event, now: float) -> list[Command]:
        commands = handle(event, now)
        told.append((now, event, commands))
        assert len(told) < MOST, f"{policy.name} never ends"
        return commands

    vars(simulator.dispatcher)["handle"] = watched
    ledger = simulator.run()
    assert not simulator.dispatcher.attempts, "attempts are left open"
    assert not simulator.dispatcher.jobs, "jobs are left open"
    return Played(ledger, told)


def ends_every_job_once(make: Maker, world: OddWorld) -> None:
    """Each job is done, with each of its items counted once: the first runtime never fails."""
    played = play(make(list(world.runtimes)), world)
    for job in world.jobs:
        outcome = played.ledger.outcomes[job.name]
        assert not outcome.failed, outcome.failed
        assert outcome.ended >= job.ready
        used = [one for one in played.ledger.usages if one.job == job.name]
        assert sum(one.items for one in used) == job.items
        assert {one.runtime for one in used if one.items} == set(outcome.by)


def leaves_nothing_open(make: Maker, world: OddWorld) -> None:
    """Whatever is prepared is ended, once, before it is prepared again; nothing runs before it
    is ready, or twice; no runtime has more than its capacity."""
    open_: dict[int, str] = {}
    ready: set[int] = set()
    for _, event, commands in play(make(list(world.runtimes)), world).told:
        if isinstance(event, Warmed):
            ready.add(event.attempt)
        for command in commands:
            match command:
                case Prepare(attempt, _, runtime):
                    assert attempt not in open_
                    open_[attempt] = runtime
                    held = sum(name == runtime for name in open_.values())
                    assert held <= world.runtimes[runtime].capacity
                case Run(attempt):
                    assert attempt in open_
                    assert attempt in ready
                    ready.discard(attempt)
                case End(attempt):
                    del open_[attempt]
                    ready.discard(attempt)
    assert not open_


def chooses_the_same_again(make: Maker, world: OddWorld) -> None:
    """Equal seeds, equal choices: no clock, no chance but the one that it is handed."""
    names = list(world.runtimes)
    assert play(make(names), world).choices == play(make(names), world).choices


def keeps_nothing(make: Maker, world: OddWorld) -> None:
    """What it was asked before changes nothing, neither in what it says nor in itself."""
    policy = make(list(world.runtimes))
    before = copy.deepcopy(vars(policy))
    first = play(policy, world).choices
    assert vars(policy) == before
    assert play(policy, world).choices == first


def honours_labels(make: Maker, world: OddWorld) -> None:
    """A job is where it may be, and nowhere else."""
    played = play(make(list(world.runtimes)), world)
    needs = {job.name: job.needs for job in world.jobs}
    for usage in played.ledger.usages:
        assert needs[usage.job] <= world.runtimes[usage.runtime].labels


def knows_no_names(make: Maker, world: OddWorld) -> None:
    """Other names of the runtimes, and the same choices."""
    names = dict(zip(world.runtimes, OTHERS, strict=False))
    first = play(make(list(world.runtimes)), world).ledger.decisions
    second = play(make(list(names.values())), world.renamed(names)).ledger.decisions
    assert [_told(one, names) for one in first] == [_told(one, {}) for one in second]


def _told(decision: Decision, names: Mapping[str, str]) -> tuple[object, ...]:
    found: list[object] = [decision.at, decision.job, names.get(decision.runtime, decision.runtime)]
    for action in decision.choice.actions:
        match action:
            case Request(runtime) | Start(runtime) | Cancel(runtime):
                found.append((type(action), names.get(runtime, runtime)))
            case Migrate(source, target):
                found.append((Migrate, names.get(source, source), names.get(target, target)))
            case _:
                found.append(action)
    return tuple(found)


def says_why(make: Maker, world: OddWorld) -> None:
    """One line where something is requested, and chances that add up where there are some."""
    for decision in play(make(list(world.runtimes)), world).ledger.decisions:
        choice = decision.choice
        assert "\n" not in choice.why
        if any(isinstance(action, Request) for action in choice.actions):
            assert choice.why
        if choice.chances:
            assert isclose(sum(choice.chances.values()), 1.0)
            assert all(chance > 0.0 for chance in choice.chances.values())


def survives_crashes(make: Maker, world: OddWorld) -> None:
    """A runtime that breaks down whenever it works is not tried for ever, and is not waited for."""
    names = list(world.runtimes)
    broken = {name: Trouble(breaks=1.0) for name in names[1:]}
    worst = OddWorld(world.runtimes, world.jobs, world.seed, broken, world.known)
    played = play(make(names), worst)
    for job in world.jobs:
        assert not played.ledger.outcomes[job.name].failed
    crashes = sum(isinstance(event, Crashed) for _, event, _ in played.told)
    assert crashes <= RULES.tries * len(names) * len(world.jobs)


CONFORMANCE: tuple[Callable[[Maker, OddWorld], None], ...] = (
    ends_every_job_once,
    leaves_nothing_open,
    chooses_the_same_again,
    keeps_nothing,
    honours_labels,
    knows_no_names,
    says_why,
    survives_crashes,
)
"""Checks that take what makes a policy and a world, which `worlds` draws."""
