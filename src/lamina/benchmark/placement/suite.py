"""What is tried: two workloads in three regimes, divided or not, and the worlds of each."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from lamina.planning.simulation.scenarios import Scenario
from lamina.planning.simulation.trying import Trial
from lamina.planning.simulation.world import World

WORKLOADS = ("ecdf", "even")
"""The law of the paper's batches; and sizes of about their mean, without the long tail."""
REGIMES = ("calm", "usual", "busy")
CHANGES = ("calm>busy", "busy>calm")
"""Regimes that change half-way."""
_PARTS = (0.0, 0.05, 0.25, 0.5, 0.75, 0.95, 0.99, 1.0)
_EVEN = (1.0, 5.0, 23.0, 45.0, 71.0, 110.0, 139.0, 198.0)
"""Quantiles of the even workload: mean about 49.5, median 45, at most 198."""

DEFAULT = "share"
"""The policy that the bars are of."""
PRINTED = "stoic-selector"
DIVISIBLE = (DEFAULT, "eft", PRINTED)
DUPLICATORS = ("duplicator:gpu1", "hedge:gpu1", "stoic-duplicator:gpu1")
"""The edge and one accelerator; the bars are of the first."""
INDIVISIBLE = (DEFAULT, "eft", PRINTED, *DUPLICATORS)


@dataclass(frozen=True)
class Cell:
    """A workload in a regime.

    Args:
        workload: of `WORKLOADS`.
        regime: as scenarios take it.
        divisible: whether batches may be divided.
        batches: of each world.
        clock: as scenarios take it.
    """

    workload: str
    regime: str
    divisible: bool
    batches: int = 162
    clock: str = "ours"

    @property
    def kind(self) -> str:
        """ "divisible" or "indivisible"."""
        return "divisible" if self.divisible else "indivisible"

    def world(self, seed: int) -> World:
        """The world of a seed."""
        even = self.workload == "even"
        sizes = tuple(even_sizes(seed, self.batches)) if even else "ecdf"
        return Scenario(
            workload=sizes,
            regime=self.regime,
            batches=self.batches,
            divisible=self.divisible,
            clock=self.clock,
        ).world(seed)


def even_sizes(seed: int, count: int) -> list[int]:
    """Sizes of batches of the even workload."""
    source = np.random.default_rng([seed, 429])
    drawn = np.interp(source.random(count), _PARTS, _EVEN)
    return [int(one) for one in np.rint(drawn)]


def cells(batches: int) -> Iterator[Cell]:
    """All that are tried."""
    for divisible in (True, False):
        for workload in WORKLOADS:
            for regime in REGIMES:
                yield Cell(workload, regime, divisible, batches)


def trials(batches: int) -> list[Trial]:
    """Each cell with the policies that are tried in it."""
    return [
        Trial(cell, DIVISIBLE if cell.divisible else INDIVISIBLE, name=name_of(cell))
        for cell in cells(batches)
    ]


def clocked(batches: int) -> list[Trial]:
    """The edge and one accelerator by the paper's clock: no warm-up, uploads before deployments."""
    found = [
        Cell(workload, regime, False, batches, "paper")
        for workload in WORKLOADS
        for regime in REGIMES
    ]
    return [Trial(cell, DUPLICATORS, name=f"{name_of(cell)} paper") for cell in found]


def changing(batches: int) -> list[Trial]:
    """The default policy where the regime changes."""
    return [
        Trial(cell, (DEFAULT,), name=name_of(cell))
        for cell in (Cell("ecdf", regime, True, batches) for regime in CHANGES)
    ]


def name_of(cell: Cell) -> str:
    """As progress and tables name it."""
    return f"{cell.kind} {cell.workload} {cell.regime}"
