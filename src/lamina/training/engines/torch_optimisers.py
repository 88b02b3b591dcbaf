"""Optimisers on stacked flat weights: one row per member, numbers per member."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Sequence
from typing import ClassVar

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from lamina.training.settings import Settings

Operand = float | Tensor
"""A number for all members, or one per member, shape (members, 1)."""

_TINY_NORM = 1e-6
"""Added to the gradient's norm when it is clipped, as torch does."""


class Optimiser(ABC):
    """Steps of one optimiser over weights (members, values), in place.

    Args:
        weights: (members, values), changed by `step`.
        memory: `slots` arrays of the same shape, changed by `step`.
        settings: of each member.
        rates: learning rates, (epochs, members).
        fixed: whether the numbers of a step live in tensors that keep their place, as a
            captured CUDA graph needs.
    """

    slots: ClassVar[int]
    """Arrays of the weights' shape that belong to the state."""

    def __init__(
        self,
        weights: Tensor,
        memory: Sequence[Tensor],
        settings: Sequence[Settings],
        rates: NDArray[np.float64],
        fixed: bool = False,
    ) -> None:
        self.weights = weights
        self.rates = rates
        self.memory = tuple(memory)
        self.taken = np.zeros(len(settings), dtype=np.int64)
        self._fixed = fixed
        self._places: dict[str, Tensor] = {}
        self._of = {
            name: np.array([getattr(s, name) for s in settings], dtype=np.float64)
            for name in ("momentum", "weight_decay", "beta1", "beta2", "epsilon", "clip_norm")
        }
        self._nesterov = np.array([s.nesterov for s in settings])
        bound = np.where(self._of["clip_norm"] > 0, self._of["clip_norm"], np.inf)
        self._bound = self._operand(bound) if np.isfinite(bound).any() else None
        self._decay = self._operand(decay) if (decay := self._of["weight_decay"]).any() else None
        self.prepare()

    @abstractmethod
    def prepare(self) -> None:
        """Lays out the numbers that hold for the whole training."""

    @abstractmethod
    def begin_epoch(self, epoch: int, live: NDArray[np.bool_]) -> None:
        """Lays out the numbers of an epoch. live: (batches, members) that have rows."""

    @abstractmethod
    def update(self, batch: int, gradient: Tensor) -> None:
        """Changes the weights by a clipped gradient (members, values)."""

    @property
    def clips(self) -> bool:
        """Whether gradients are bounded."""
        return self._bound is not None

    def step(
        self,
        batch: int,
        gradient: Tensor,
        live: Tensor | None = None,
        norm: Tensor | None = None,
    ) -> None:
        """One step; members that are not `live`, (members, 1), keep weights and memory.

        Args:
            batch: number in the epoch.
            gradient: (members, values).
            live: of the members; None when all are.
            norm: (members, 1) by which the gradient is clipped; its own without it.
        """
        if self._bound is not None:
            if norm is None:
                norm = torch.linalg.vector_norm(gradient, dim=1, keepdim=True)
            gradient = gradient * torch.clamp(self._bound / (norm + _TINY_NORM), max=1.0)
        if live is None:
            self.update(batch, gradient)
            return
        kept = [t.clone() for t in (self.weights, *self.memory)]
        self.update(batch, gradient)
        for tensor, before in zip((self.weights, *self.memory), kept, strict=True):
            tensor.copy_(torch.where(live, tensor, before))

    def _operand(self, values: NDArray[np.float64]) -> Operand:
        """values: (members,)."""
        if (values == values[0]).all():
            return float(values[0])
        return self._tensor(values[:, None])

    def _per_batch(self, name: str, values: NDArray[np.float64]) -> list[Operand]:
        """values: (batches, members). With fixed places, the same tensors in every epoch."""
        if self._fixed:
            fresh = self._tensor(values[:, :, None])
            place = self._places.setdefault(name, fresh)
            place.copy_(fresh)
            return list(place)
        return [self._operand(row) for row in values]

    def _tensor(self, values: NDArray[np.float64]) -> Tensor:
        return torch.from_numpy(values.astype(np.float32)).to(self.weights.device)


class Sgd(Optimiser):
    """Stochastic gradient descent with momentum, as torch.optim.SGD (dampening 0)."""

    slots = 1

    def prepare(self) -> None:
        """Momentum, and who looks ahead."""
        momentum, nesterov = self._of["momentum"], self._nesterov
        self._momentum = self._operand(momentum) if momentum.any() else None
        self._ahead = self._operand(momentum) if nesterov.any() else None
        self._who = None if nesterov.all() else self._tensor(nesterov[:, None]) > 0

    def begin_epoch(self, epoch: int, live: NDArray[np.bool_]) -> None:
        """The epoch's learning rate, the same for every batch."""
        self.taken += live.sum(axis=0)
        (self._rate,) = self._per_batch("rate", self.rates[epoch][None])

    def update(self, batch: int, gradient: Tensor) -> None:
        """v = m v + g; w -= rate v, or rate (g + m v) with Nesterov."""
        if self._decay is not None:
            gradient = gradient + self.weights * self._decay
        if self._momentum is not None:
            velocity = self.memory[0].mul_(self._momentum).add_(gradient)
            gradient = self._direction(gradient, velocity)
        self.weights.sub_(gradient * self._rate)

    def _direction(self, gradient: Tensor, velocity: Tensor) -> Tensor:
        if self._ahead is None:
            return velocity
        ahead = gradient + velocity * self._ahead
        return ahead if self._who is None else torch.where(self._who, ahead, velocity)


class Adam(Optimiser):
    """Adam (Kingma and Ba, 2015), or AdamW (Loshchilov and Hutter, 2019), as in torch.optim."""

    slots = 2
    decoupled = False

    def prepare(self) -> None:
        """Decay rates of the two moments."""
        self._beta1, self._rest1 = self._pair("beta1")
        self._beta2, self._rest2 = self._pair("beta2")
        self._epsilon = self._operand(self._of["epsilon"])

    def begin_epoch(self, epoch: int, live: NDArray[np.bool_]) -> None:
        """Rates and bias corrections of each batch."""
        taken = self.taken + np.cumsum(live, axis=0)
        self.taken = taken[-1]
        taken = np.maximum(taken, 1)
        rate = self.rates[epoch][None]
        first = rate / (1.0 - self._of["beta1"] ** taken)
        second = 1.0 / np.sqrt(1.0 - self._of["beta2"] ** taken)
        self._first = self._per_batch("first", first)
        self._second = self._per_batch("second", second)
        (self._kept,) = self._per_batch("kept", 1.0 - rate * self._of["weight_decay"])

    def update(self, batch: int, gradient: Tensor) -> None:
        """Moments, bias correction, step."""
        if self._decay is not None:
            if self.decoupled:
                self.weights.mul_(self._kept)
            else:
                gradient = gradient + self.weights * self._decay
        mean, square = self.memory
        mean.mul_(self._beta1).add_(gradient * self._rest1)
        square.mul_(self._beta2).add_(gradient.square().mul_(self._rest2))
        scale = square.sqrt().mul_(self._second[batch]).add_(self._epsilon)
        self.weights.sub_((mean * self._first[batch]).div_(scale))

    def _pair(self, name: str) -> tuple[Operand, Operand]:
        return self._operand(self._of[name]), self._operand(1.0 - self._of[name])


class AdamW(Adam):
    """Adam with decoupled weight decay."""

    decoupled = True


OPTIMISERS: dict[str, type[Optimiser]] = {"sgd": Sgd, "adam": Adam, "adamw": AdamW}
