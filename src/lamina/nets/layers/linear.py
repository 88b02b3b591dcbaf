"""Linear: a dense layer."""

from __future__ import annotations

from dataclasses import dataclass

from lamina.nets.layers.base import Layer, ModuleCall, Shape, ShapeProblem, size
from lamina.nets.layers.windows import at_least


@dataclass(frozen=True)
class Linear(Layer):
    """y = x W^T + b over the last axis.

    Args:
        in_features: size of the last axis; None takes what comes.
        out_features: size of the last axis of the output.
        bias: whether b is there.
    """

    in_features: int | None = None
    out_features: int = 0
    bias: bool = True

    def output(self, inputs: tuple[Shape, ...]) -> Shape:
        """Shape with the last axis replaced by out_features."""
        (shape,) = inputs
        at_least("out_features", self.out_features, 1)
        if not shape:
            raise ShapeProblem("at least one axis", "a single number")
        if self.in_features is not None and shape[-1] != self.in_features:
            raise ShapeProblem(f"{self.in_features} features", str(shape[-1]))
        return (*shape[:-1], self.out_features)

    def module(self, inputs: tuple[Shape, ...]) -> ModuleCall:
        """torch.nn.Linear."""
        arguments = {
            "in_features": inputs[0][-1],
            "out_features": self.out_features,
            "bias": self.bias,
        }
        return ModuleCall("torch.nn:Linear", arguments)

    def parameters(self, inputs: tuple[Shape, ...]) -> dict[str, Shape]:
        """weight (out, in) and bias (out)."""
        weight = {"weight": (self.out_features, inputs[0][-1])}
        return {**weight, "bias": (self.out_features,)} if self.bias else dict(weight)

    def cost(self, inputs: tuple[Shape, ...]) -> int:
        """Two operations per weight and output row."""
        rows = size(inputs[0][:-1])
        return rows * self.out_features * (2 * inputs[0][-1] + int(self.bias))
