"""Joining: several tensors become one, by sum or side by side."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from lamina.nets.layers.base import Layer, ModuleCall, Shape, ShapeProblem, size
from lamina.nets.layers.windows import words

MODULES = "lamina.nets.convert.modules"


@dataclass(frozen=True)
class Add(Layer):
    """The sum of two or more tensors of one shape (a skip connection)."""

    family: ClassVar[str] = "merge"
    arity: ClassVar[int | tuple[int, ...] | None] = None

    def output(self, inputs: tuple[Shape, ...]) -> Shape:
        """The shape that all inputs share."""
        if len(set(inputs)) != 1:
            raise ShapeProblem("inputs of one shape", " and ".join(words(s) for s in inputs))
        return inputs[0]

    def module(self, inputs: tuple[Shape, ...]) -> ModuleCall:
        """modules.Add(): forward(*tensors) returns their sum."""
        del inputs
        return ModuleCall(f"{MODULES}:Add")

    def cost(self, inputs: tuple[Shape, ...]) -> int:
        """One operation per value and further input."""
        return (len(inputs) - 1) * size(inputs[0])


@dataclass(frozen=True)
class Concat(Layer):
    """Two or more tensors side by side along one axis.

    Args:
        dim: the axis; 0 is a row's first (the channels), the batch axis does not count.
    """

    family: ClassVar[str] = "merge"
    arity: ClassVar[int | tuple[int, ...] | None] = None
    values: ClassVar[str] = "any"
    dim: int = 0

    def output(self, inputs: tuple[Shape, ...]) -> Shape:
        """The common shape with the sizes along dim added up."""
        rank = len(inputs[0])
        if not -rank <= self.dim < rank:
            raise ShapeProblem(f"an axis {self.dim}", f"a tensor with {rank} axes")
        dim = self.dim % rank
        rests = {(len(s), *s[:dim], *s[dim + 1 :]) for s in inputs}
        if len(rests) != 1:
            gets = " and ".join(words(s) for s in inputs)
            raise ShapeProblem(f"inputs that differ in axis {self.dim} only", gets)
        return (*inputs[0][:dim], sum(s[dim] for s in inputs), *inputs[0][dim + 1 :])

    def module(self, inputs: tuple[Shape, ...]) -> ModuleCall:
        """modules.Concat(dim): forward(*tensors) returns torch.cat(tensors, dim).

        Its dim counts the batch axis, as torch does.
        """
        del inputs
        return ModuleCall(f"{MODULES}:Concat", {"dim": self.dim if self.dim < 0 else self.dim + 1})
