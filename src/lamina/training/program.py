"""Programs: network, data, optimiser, every fold and every setting, as one thing for a device."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from lamina.nets.initial import Weights, fits_start, fitted_start, initial_weights
from lamina.nets.network import Network
from lamina.training.settings import Settings

Rows = NDArray[np.int64]
"""Row numbers into a program's features and targets."""


_SAMPLE = 1024
"""Rows that a fitted start looks at."""


@dataclass(frozen=True, eq=False)
class Portion:
    """What one fold sees: row numbers, and the normalisation fitted on its training rows.

    Args:
        train: training rows in the order in which batches are cut.
        test: rows kept for the final evaluation; may be empty.
        validation: rows that early stopping watches; may be empty.
        shift, scale: float64 per feature; the network sees (x - shift) * scale. None for x as is.
    """

    train: Rows
    test: Rows
    validation: Rows
    shift: NDArray[np.float64] | None = None
    scale: NDArray[np.float64] | None = None


@dataclass(frozen=True)
class Member:
    """One training of a program: a portion, settings, and the seed of its weights.

    Args:
        label: for messages and results ("fold 2, learning_rate 0.1").
        portion: index into the program's portions.
        settings: members of a program differ only in settings that `Program` allows.
        seed: of initial weights, per-epoch order and dropout.
    """

    label: str
    portion: int
    settings: Settings
    seed: int


@dataclass(frozen=True, eq=False)
class Program:
    """One specification that goes to the device once.

    Args:
        network: one input, one output.
        features: (rows, *shape of the input); float64 or float32 (int64 for category codes).
        targets: (rows, *shape of the output) float32 for bce, bce-logits, mse, l1, huber;
            (rows,) int64 class numbers for cross-entropy.
        portions: the folds.
        members: every training; all share network, epochs, batching, loss, optimiser and
            schedule kind, and may differ in numbers (learning rate, momentum, decay, ...).
        loss: the resolved loss (never "auto").
        row_weights: weight of each row in the loss, or None (class weights, resolved).
    """

    network: Network
    features: NDArray[np.float64] | NDArray[np.float32] | NDArray[np.int64]
    targets: NDArray[np.float32] | NDArray[np.int64]
    portions: tuple[Portion, ...]
    members: tuple[Member, ...]
    loss: str
    row_weights: NDArray[np.float32] | None = None

    @property
    def epochs(self) -> int:
        """Epochs of the longest member (all are equal by construction)."""
        return max(member.settings.epochs for member in self.members)

    def start_weights(self, member: Member) -> Weights:
        """Initial parameters and buffers of a member: the same for every engine.

        With start="fitted" biases are fitted to at most 1024 of its training rows, evenly taken.
        """
        settings = member.settings
        weights = initial_weights(self.network, settings.initialisation, member.seed)
        if settings.start == "plain" or not fits_start(self.network):
            return weights
        portion = self.portions[member.portion]
        some = portion.train[:: max(1, len(portion.train) // _SAMPLE)][:_SAMPLE]
        return fitted_start(self.network, weights, self.normalised(some, portion))

    def rows(self, portion: Portion, part: str) -> Rows:
        """Row numbers of a part: "train", "validation" or "test"."""
        rows: Rows = getattr(portion, part)
        return rows

    def prepared(self, portion: Portion, part: str) -> NDArray[np.float32] | NDArray[np.int64]:
        """Features of a part as the network sees them: normalised in float64, then float32."""
        return self.normalised(self.rows(portion, part), portion)

    def normalised(self, rows: Rows, portion: Portion) -> NDArray[np.float32] | NDArray[np.int64]:
        """Features of some rows with the normalisation of a portion; see `prepared`."""
        taken = self.features[rows]
        if taken.dtype.kind == "i":
            return taken.astype(np.int64, copy=False)
        if portion.shift is not None and portion.scale is not None:
            taken = (taken - portion.shift) * portion.scale
        return np.ascontiguousarray(taken, dtype=np.float32)

    def epoch_order(self, member: Member, epoch: int) -> Rows | None:
        """Positions into the training rows for an epoch, or None for the order they have.

        Only with shuffle="epoch"; a pure function of (member seed, epoch), so that a resumed
        training sees the same order.
        """
        if member.settings.shuffle != "epoch":
            return None
        count = len(self.portions[member.portion].train)
        return np.random.default_rng([member.seed, epoch]).permutation(count)
