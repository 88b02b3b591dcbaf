"""Taps: a layer's output as a port that feeds an ordinary Python callable."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from lamina.errors import SettingsError
from lamina.nets.initial import Weights
from lamina.training.forward import layer_outputs
from lamina.training.program import Program, Rows

Floats = NDArray[np.float32]


@dataclass(frozen=True, eq=False)
class Tapped:
    """What a tap gives its function.

    Args:
        layer: name of the tapped layer.
        member: label of the training ("fold 2").
        epoch: epochs done.
        rows: row numbers, in the order of the values.
        values: (rows, *shape behind the layer), float32, evaluation mode.
    """

    layer: str
    member: str
    epoch: int
    rows: Rows
    values: Floats


@dataclass(frozen=True)
class Tap:
    """A layer's output, handed to a function while the network trains.

    Args:
        layer: name of a layer.
        function: an ordinary callable that takes a Tapped.
        every: epochs between two calls; it is also called after the last epoch.
        part: rows to look at: "train", "validation" or "test".
        limit: at most so many of them, the first ones.
    """

    layer: str
    function: Callable[[Tapped], object]
    every: int = 100
    part: str = "test"
    limit: int = 256

    def __post_init__(self) -> None:
        mistakes = []
        if self.every < 1:
            mistakes.append(f"every = {self.every}: at least 1 epoch")
        if self.part not in ("train", "validation", "test"):
            mistakes.append(f"part = {self.part!r}: choose from train, validation, test")
        if self.limit < 1:
            mistakes.append(f"limit = {self.limit}: at least 1 row")
        if mistakes:
            raise SettingsError(f"the tap on {self.layer!r} does not hold", mistakes)


def check_taps(taps: Sequence[Tap], program: Program) -> None:
    """Raises SettingsError when a tap names a layer that the network does not have."""
    known = tuple(program.network.shapes)
    mistakes = [f"there is no layer {tap.layer!r} to tap" for tap in taps if tap.layer not in known]
    if mistakes:
        name = program.network.name
        raise SettingsError(
            f"taps do not fit network {name!r}", mistakes, f"layers: {', '.join(known)}"
        )


def read_taps(
    taps: Sequence[Tap], program: Program, weights: Sequence[Weights], epoch: int
) -> None:
    """Calls each tap once per member, in the order of the members."""
    for tap in taps:
        for member, own in zip(program.members, weights, strict=True):
            portion = program.portions[member.portion]
            rows = program.rows(portion, tap.part)[: tap.limit]
            features = program.normalised(rows, portion)
            values = layer_outputs(program.network, own, features, (tap.layer,))[tap.layer]
            tap.function(Tapped(tap.layer, member.label, epoch, rows, values))
