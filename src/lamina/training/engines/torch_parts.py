"""Parts of the weights with rates of their own: runs of neighbouring arrays, an optimiser each."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import groupby

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from lamina.nets.layers.base import size
from lamina.training.engines.torch_optimisers import OPTIMISERS, Optimiser
from lamina.training.parts import own_rate
from lamina.training.program import Program
from lamina.training.settings import Settings


@dataclass(frozen=True, eq=False)
class Run:
    """Neighbouring arrays that are trained at the same rates; frozen arrays belong to none.

    Args:
        start, end: their place in a member's flat weights.
        arrays: their names, in that order.
        rates: learning rates, (epochs, members of the program).
    """

    start: int
    end: int
    arrays: tuple[str, ...]
    rates: NDArray[np.float64]


def runs_of(program: Program) -> tuple[Run, ...]:
    """The runs of a program; one that holds all where no part is frozen or has its own rate."""
    network = program.network
    # Members of a program share frozen parts and rates of parts.
    shared = program.members[0].settings
    placed: list[tuple[float | None, int, int, str]] = []
    end = 0
    for node in network.nodes:
        rate = own_rate(node.name, shared)
        for name, shape in node.layer.parameters(network.input_shapes(node)).items():
            start, end = end, end + size(shape)
            placed.append((rate, start, end, f"{node.name}.{name}"))
    runs = []
    for rate, group in groupby(placed, key=lambda entry: entry[0]):
        entries = list(group)
        if rate != 0.0:
            arrays = tuple(name for *_, name in entries)
            runs.append(Run(entries[0][1], entries[-1][2], arrays, _rates(program, rate)))
    return tuple(runs)


def _rates(program: Program, rate: float | None) -> NDArray[np.float64]:
    settings = [member.settings for member in program.members]
    if rate is not None:
        settings = [one.changed(learning_rate=rate) for one in settings]
    return np.stack([one.learning_rates() for one in settings], axis=1)


class PartOptimisers:
    """An optimiser for each run, which see the gradients of their own arrays.

    Args:
        runs: of the program.
        weights: (members, values); their columns are changed in place.
        memory: arrays of the same shape.
        settings: of each member.
        numbers: which members of the program they are.
    """

    def __init__(
        self,
        runs: Sequence[Run],
        weights: Tensor,
        memory: Sequence[Tensor],
        settings: Sequence[Settings],
        numbers: Sequence[int],
    ) -> None:
        self._runs = runs
        self._members = len(weights)
        kind = OPTIMISERS[settings[0].optimiser]
        self._each: list[Optimiser] = [
            kind(
                weights[:, run.start : run.end],
                [array[:, run.start : run.end] for array in memory],
                settings,
                run.rates[:, list(numbers)],
                weights.device.type == "cuda",
            )
            for run in runs
        ]

    @property
    def taken(self) -> NDArray[np.int64]:
        """Steps that each member has taken."""
        return self._each[0].taken

    @taken.setter
    def taken(self, steps: NDArray[np.int64]) -> None:
        for optimiser in self._each:
            optimiser.taken = steps.copy()

    def begin_epoch(self, epoch: int, live: NDArray[np.bool_]) -> None:
        """Lays out the numbers of an epoch. live: (batches, members) that have rows."""
        for optimiser in self._each:
            optimiser.begin_epoch(epoch, live)

    def step(self, batch: int, gradients: Mapping[str, Tensor], live: Tensor | None) -> None:
        """One step by the gradients of the trained arrays, by name."""
        flat = [
            torch.cat([gradients[name].reshape(self._members, -1) for name in run.arrays], dim=1)
            for run in self._runs
        ]
        norm = None
        if len(flat) > 1 and self._each[0].clips:
            norms = [torch.linalg.vector_norm(part, dim=1, keepdim=True) for part in flat]
            norm = torch.linalg.vector_norm(torch.cat(norms, dim=1), dim=1, keepdim=True)
        for optimiser, gradient in zip(self._each, flat, strict=True):
            optimiser.step(batch, gradient, live, norm)
