"""Policies tried in the same worlds, seed after seed, on as many cores as pay."""

from __future__ import annotations

import multiprocessing
import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass, field, replace
from typing import Protocol

from lamina.planning.placement.policy import Policy
from lamina.planning.policies import made
from lamina.planning.simulation.clock import Settings, Simulator
from lamina.planning.simulation.scores import Score
from lamina.planning.simulation.world import World
from lamina.workflow.machine import cores

WORTH_IT = 4.0
"""Seconds of work left, from which on further processes are started: each takes about one."""

Say = Callable[[str], None]


class Worlds(Protocol):
    """Something that makes a world of each seed, equal for equal seeds: a `Scenario`."""

    def world(self, seed: int) -> World:
        """The world of a seed."""


@dataclass(frozen=True)
class Trial:
    """Policies and where they are tried.

    Args:
        worlds: what makes them; travels to other processes.
        policies: as `policies.made` takes them.
        how: with what; its seed is replaced by that of the world.
        name: of the trial, for progress.
        inquires: whether runtimes are probed once a minute for every policy; as each wants, when
            None.
    """

    worlds: Worlds
    policies: tuple[str, ...]
    how: Settings = field(default_factory=Settings)
    name: str = ""
    inquires: bool | None = None

    def scores(self, seed: int) -> list[Score]:
        """Of each policy, in the world of a seed."""
        world = self.worlds.world(seed)
        how = replace(self.how, seed=seed)
        return [
            Score.of(world, Simulator(world, self._made(name), how).run(), how.rules)
            for name in self.policies
        ]

    def _made(self, name: str) -> Policy:
        policy = made(name)
        if self.inquires is not None:
            vars(policy)["inquires"] = self.inquires
        return policy


def tried(
    trial: Trial, seeds: Sequence[int], say: Say = lambda _: None, processes: int | None = None
) -> dict[str, list[Score]]:
    """Policy -> its scores, in the order of the seeds; equal whatever the number of processes.

    Args:
        trial: what is tried.
        seeds: of the worlds.
        say: takes a line of progress.
        processes: at most so many; the cores of this process when None.
    """
    return all_tried([trial], seeds, say, processes)[0]


def all_tried(
    trials: Sequence[Trial],
    seeds: Sequence[int],
    say: Say = lambda _: None,
    processes: int | None = None,
) -> list[dict[str, list[Score]]]:
    """`tried` of several trials, the processes shared by all of them."""
    pairs = [(trial, seed) for trial in trials for seed in seeds]
    found: list[list[Score]] = []
    for one in _each(pairs, processes or cores()):
        trial, seed = pairs[len(found)]
        found.append(one)
        say(" ".join(f"{trial.name} seed {seed}: {len(found)} of {len(pairs)}".split()))
    return [
        {
            name: [one[at] for one in found[begin : begin + len(seeds)]]
            for at, name in enumerate(trial.policies)
        }
        for trial, begin in zip(trials, range(0, len(pairs), len(seeds)), strict=True)
    ]


def _each(pairs: Sequence[tuple[Trial, int]], processes: int) -> Iterator[list[Score]]:
    """Here until it is known what a seed takes, then elsewhere too where that is sooner."""
    rest = list(pairs)
    while rest:
        begun = time.perf_counter()
        yield _scores(rest.pop(0))
        took = time.perf_counter() - begun
        if processes > 1 and len(rest) > 1 and took * len(rest) >= WORTH_IT:
            break
    if rest:
        # Spawned: a fork would take over the threads of numerical libraries in an unknown state.
        context = multiprocessing.get_context("spawn")
        with ProcessPoolExecutor(min(processes, len(rest)), mp_context=context) as pool:
            yield from pool.map(_scores, rest)


def _scores(pair: tuple[Trial, int]) -> list[Score]:
    trial, seed = pair
    return trial.scores(seed)
