"""Programs: network, data, optimiser, every fold and every setting, as one thing for a device."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from lamina.data.normalise import restore
from lamina.nets.initial import Weights, fits_start, fitted_start, initial_weights
from lamina.nets.network import Network
from lamina.training.settings import Settings

Rows = NDArray[np.int64]
"""Row numbers into a program's features and targets."""

Wanted = NDArray[np.float32] | NDArray[np.int64]
"""Targets as a network learns them."""

Augment = Callable[[Any, int], Any]
"""(features of a batch as the network sees them, a tensor on the device; a seed) -> the same shape.

A pure function of both, so that a resumed training goes on alike; its repr tells all that it does.
"""

BYTE = np.float32(1.0 / 255.0)
"""What one step of a byte counts."""

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
        target_shift, target_scale: float64 of the output's shape, fitted on the training rows;
            the network learns (y - target_shift) * target_scale. A scale of 0 marks a target
            that is constant there. None for y as is.
        row_weights: float32 weight in the loss of each row of the program; None where all are
            one. Made from the training rows only.
    """

    train: Rows
    test: Rows
    validation: Rows
    shift: NDArray[np.float64] | None = None
    scale: NDArray[np.float64] | None = None
    target_shift: NDArray[np.float64] | None = None
    target_scale: NDArray[np.float64] | None = None
    row_weights: NDArray[np.float32] | None = None


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
        features: (rows, *shape of the input); float64 or float32 (int64 for category codes), or
            uint8 for pictures, which the network sees as values from 0 to 1.
        targets: (rows, *shape of the output), float64 or float32, for bce, bce-logits, mse, l1,
            huber; (rows,) int64 class numbers for cross-entropy. In their own units: engines
            read them through `wanted`.
        portions: the folds.
        members: every training; all share network, epochs, batching, loss, optimiser and
            schedule kind, and may differ in numbers (learning rate, momentum, decay, ...).
        loss: the resolved loss (never "auto").
        begin: arrays by name with which every member begins; others are drawn.
        augment: changes each batch while it is trained on, anew in every epoch; evaluation sees
            the rows as they are. None changes nothing.
    """

    network: Network
    features: NDArray[np.float64] | NDArray[np.float32] | NDArray[np.int64] | NDArray[np.uint8]
    targets: Wanted | NDArray[np.float64]
    portions: tuple[Portion, ...]
    members: tuple[Member, ...]
    loss: str
    begin: Weights = field(default_factory=dict)
    augment: Augment | None = None

    @property
    def epochs(self) -> int:
        """Epochs of the longest member (all are equal by construction)."""
        return max(member.settings.epochs for member in self.members)

    def start_weights(self, member: Member) -> Weights:
        """Initial parameters and buffers of a member: the same for every engine.

        With start="fitted" biases are fitted to at most 1024 of its training rows, evenly taken,
        unless it begins with given arrays.
        """
        settings = member.settings
        weights = initial_weights(self.network, settings.initialisation, member.seed)
        if self.begin or settings.start == "plain" or not fits_start(self.network):
            return {**weights, **self.begin}
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
        taken: NDArray[Any] = self.features[rows]
        if taken.dtype.kind == "i":
            return taken.astype(np.int64, copy=False)
        if taken.dtype == np.uint8:
            taken = np.multiply(taken, BYTE, dtype=np.float32)
        if portion.shift is not None and portion.scale is not None:
            taken = (taken - portion.shift) * portion.scale
        return np.ascontiguousarray(taken, dtype=np.float32)

    def wanted(self, portion: Portion, part: str) -> Wanted:
        """Targets of a part as the network learns them: scaled in float64, then float32.

        Returns:
            (rows, *shape of the output) float32, or (rows,) int64 class numbers.
        """
        return self.scaled(self.rows(portion, part), portion)

    def scaled(self, rows: Rows, portion: Portion) -> Wanted:
        """Targets of some rows with the target statistics of a portion; see `wanted`."""
        taken = self.targets[rows]
        if taken.dtype.kind == "i":
            return taken.astype(np.int64, copy=False)
        if portion.target_shift is not None and portion.target_scale is not None:
            taken = (taken - portion.target_shift) * portion.target_scale
        return np.ascontiguousarray(taken, dtype=np.float32)

    def restored(
        self, outputs: NDArray[np.float32], portion: Portion
    ) -> NDArray[np.float32] | NDArray[np.float64]:
        """Outputs in the targets' own units, float64; as they are where nothing was scaled."""
        if portion.target_shift is None or portion.target_scale is None:
            return outputs
        return restore(outputs, portion.target_shift, portion.target_scale)

    def weights(self, portion: Portion, part: str) -> NDArray[np.float32] | None:
        """Weights in the loss of a part's rows, (rows,); None where all are one."""
        given = portion.row_weights
        return None if given is None else given[self.rows(portion, part)]

    def epoch_order(self, member: Member, epoch: int) -> Rows | None:
        """Positions into the training rows for an epoch, or None for the order they have.

        Only with shuffle="epoch"; a pure function of (member seed, epoch), so that a resumed
        training sees the same order.
        """
        if member.settings.shuffle != "epoch":
            return None
        count = len(self.portions[member.portion].train)
        return np.random.default_rng([member.seed, epoch]).permutation(count)
