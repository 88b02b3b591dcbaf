"""Activations: layers that change values and keep the shape."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from lamina.nets.layers.base import Layer, ModuleCall, SettingProblem, Shape, ShapeProblem, size


@dataclass(frozen=True)
class Activation(Layer):
    """An element-wise function; `operations` is its nominal cost per value."""

    family: ClassVar[str] = "activation"
    operations: ClassVar[int] = 1

    def output(self, inputs: tuple[Shape, ...]) -> Shape:
        """The shape that comes in."""
        return inputs[0]

    def module(self, inputs: tuple[Shape, ...]) -> ModuleCall:
        """torch.nn's module of the same name and arguments."""
        del inputs
        return ModuleCall(f"torch.nn:{self.kind}", self.settings())

    def cost(self, inputs: tuple[Shape, ...]) -> int:
        """`operations` per value."""
        return self.operations * size(inputs[0])


@dataclass(frozen=True)
class ReLU(Activation):
    """max(x, 0)."""


@dataclass(frozen=True)
class LeakyReLU(Activation):
    """x where positive, negative_slope * x elsewhere."""

    negative_slope: float = 0.01
    operations: ClassVar[int] = 2


@dataclass(frozen=True)
class GELU(Activation):
    """x times the normal distribution function of x; approximate "none" or "tanh"."""

    approximate: str = "none"
    operations: ClassVar[int] = 8

    def output(self, inputs: tuple[Shape, ...]) -> Shape:
        """The shape that comes in; refuses an unknown approximation."""
        if self.approximate not in ("none", "tanh"):
            raise SettingProblem('approximate "none" or "tanh"', repr(self.approximate))
        return inputs[0]


@dataclass(frozen=True)
class SiLU(Activation):
    """x * sigmoid(x)."""

    operations: ClassVar[int] = 5


@dataclass(frozen=True)
class Sigmoid(Activation):
    """1 / (1 + exp(-x))."""

    operations: ClassVar[int] = 4


@dataclass(frozen=True)
class Tanh(Activation):
    """Hyperbolic tangent."""

    operations: ClassVar[int] = 5


@dataclass(frozen=True)
class Softmax(Activation):
    """exp(x) normalised to sum one over an axis (-1: the last; the batch axis does not count)."""

    dim: int = -1
    operations: ClassVar[int] = 5

    def output(self, inputs: tuple[Shape, ...]) -> Shape:
        """The shape that comes in; dim must name one of its axes."""
        rank = len(inputs[0])
        if not -rank <= self.dim < rank:
            raise ShapeProblem(f"an axis {self.dim}", f"a tensor with {rank} axes")
        return inputs[0]

    def module(self, inputs: tuple[Shape, ...]) -> ModuleCall:
        """torch.nn.Softmax, whose axes count the batch."""
        del inputs
        return ModuleCall("torch.nn:Softmax", {"dim": self.dim if self.dim < 0 else self.dim + 1})
