"""Scales of targets: which numbers a network learns in place of a regression's target."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from lamina.data.normalise import fit_columns
from lamina.errors import SettingsError
from lamina.nets.network import Network
from lamina.nets.parts import Node

Floats = NDArray[np.float64]

TARGET_SCALES = ("auto", "standard", "min-max", "none")
"""What may be asked for."""

_BOUNDS = {
    **dict.fromkeys(("GELU", "ReLU", "Sigmoid", "SiLU", "Softmax"), (0.0, 1.0)),
    "Tanh": (-1.0, 1.0),
}
"""Last layers that cannot give any number, and where min-max puts the targets behind them."""

_SHAPING = ("Dropout", "Flatten", "Permute", "Reshape")


@dataclass(frozen=True)
class TargetScale:
    """How targets are scaled: y' = (y - shift) * scale, fitted on training rows.

    Args:
        kind: "standard" (mean 0, deviation 1), "min-max" (from `low` to `high`) or "none".
        low, high: where the least and the greatest target of the training rows go.
    """

    kind: str
    low: float = 0.0
    high: float = 1.0

    def fit(self, targets: Floats) -> tuple[Floats | None, Floats | None]:
        """Shift and scale of the shape of a row; scale 0 where the target is constant.

        Args:
            targets: (training rows, *output shape).
        """
        if self.kind == "none":
            return None, None
        shift, scale = fit_columns(self.kind, targets, "target")
        if self.kind == "standard":
            return shift, scale
        scale = scale * (self.high - self.low)
        zero = np.divide(self.low, scale, out=np.zeros_like(scale), where=scale != 0.0)
        return shift - zero, scale


def resolve_target_scale(network: Network, task: str, wish: str = "auto") -> TargetScale:
    """The scale that a training uses.

    Args:
        network: one output; its last layer may bound what it can give.
        task: "binary", "classes" or "regression"; only numbers are scaled.
        wish: one of TARGET_SCALES. "auto" is "standard" for a network that can give any number,
            "min-max" behind a Sigmoid, Tanh or rectifier, "none" behind a Softmax.

    Raises:
        SettingsError: a scale for classes, or "standard" for a network that cannot give it.
    """
    node = _last(network)
    bounds = _BOUNDS.get(node.layer.kind)
    mistakes = []
    if wish not in TARGET_SCALES:
        mistakes.append(f"target_scale = {wish!r}: choose from {', '.join(TARGET_SCALES)}")
    elif wish not in ("auto", "none") and task != "regression":
        mistakes.append(f"target_scale = {wish!r}: the target holds classes, not numbers")
    elif wish == "standard" and bounds:
        mistakes.append(
            f"target_scale = 'standard': {node.label} cannot give numbers on both sides of 0"
            if bounds[0] == 0.0
            else f"target_scale = 'standard': {node.label} gives nothing beyond -1 and 1"
        )
    if mistakes:
        raise SettingsError("the target cannot be scaled so", mistakes, "use target_scale='auto'")
    if task != "regression":
        return TargetScale("none")
    kind = wish
    if wish == "auto":
        kind = "min-max" if bounds else "standard"
        kind = "none" if node.layer.kind == "Softmax" else kind
    return TargetScale(kind, *(bounds or (0.0, 1.0)))


def _last(network: Network) -> Node:
    """The last layer that makes numbers, not only their shape."""
    given = {i.name for i in network.inputs}
    node = network[network.outputs[0]]
    while node.layer.kind in _SHAPING and node.sources[0] not in given:
        node = network[node.sources[0]]
    return node
