"""What a peer is: another library's way of training the papers' dense networks."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float32]


@dataclass(frozen=True, eq=False)
class Lesson:
    """One training, as every peer is given it: the same rows, batches, weights and settings.

    Args:
        features: (rows, inputs) float32, already normalised, in the order of the batches.
        targets: (rows,) float32, 0 or 1.
        bounds: rows at which batches begin, and `rows` at the end; shape (batches + 1,).
        layers: initial (weight (out, in), bias (out)) of each Linear; ReLU stands between them
            and a Sigmoid at the end.
        epochs: passes over the rows.
        learning_rate, momentum: of plain SGD, in torch's sense.
        seed: of whatever the peer draws itself.
        threads: the peer may use so many.
    """

    features: Floats
    targets: Floats
    bounds: NDArray[np.int64]
    layers: tuple[tuple[Floats, Floats], ...]
    epochs: int
    learning_rate: float
    momentum: float
    seed: int
    threads: int

    @property
    def batches(self) -> int:
        """Number of batches of an epoch."""
        return len(self.bounds) - 1

    @property
    def batch_size(self) -> int:
        """Rows of the largest batch, for peers that are told a size and not a number."""
        return -(-len(self.features) // self.batches)

    @property
    def hidden(self) -> tuple[int, ...]:
        """Widths of the hidden layers."""
        return tuple(len(bias) for _, bias in self.layers[:-1])


@dataclass(frozen=True, eq=False)
class Trained:
    """A finished training.

    Args:
        seconds: of the epochs alone, with the data in memory.
        compile_seconds: of compilation, apart from it.
        probabilities: (rows, inputs) -> (rows,) probability of class 1.
    """

    seconds: float
    compile_seconds: float
    probabilities: Callable[[Floats], Floats]


class Peer(ABC):
    """A way of training that Lamina is measured against; one file each, in the table PEERS.

    A process measures one peer with one number of threads; what an instance has compiled it
    may keep for later lessons of the same shapes.
    """

    @abstractmethod
    def train(self, lesson: Lesson) -> Trained:
        """Trains one network and says how long the epochs took."""
