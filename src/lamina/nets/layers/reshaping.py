"""Reshaping: the same values in the same order, as a tensor of another shape."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from lamina.nets.layers.base import Layer, ModuleCall, SettingProblem, Shape, ShapeProblem, size
from lamina.nets.layers.joining import MODULES
from lamina.nets.layers.windows import words


@dataclass(frozen=True)
class Flatten(Layer):
    """Several axes become one.

    Args:
        start_dim, end_dim: first and last axis to join; 0 is a row's first, the batch axis
            does not count (torch's default of 1 is 0 here).
    """

    family: ClassVar[str] = "shape"
    values: ClassVar[str] = "any"
    start_dim: int = 0
    end_dim: int = -1

    def output(self, inputs: tuple[Shape, ...]) -> Shape:
        """The shape with the axes from start_dim to end_dim multiplied."""
        (shape,) = inputs
        rank = len(shape)
        for dim in (self.start_dim, self.end_dim):
            if not -rank <= dim < rank:
                raise ShapeProblem(f"an axis {dim}", f"a tensor with {rank} axes")
        start, end = self.start_dim % rank, self.end_dim % rank
        if start > end:
            raise SettingProblem(
                "start_dim before end_dim", f"start_dim {self.start_dim}, end_dim {self.end_dim}"
            )
        return (*shape[:start], size(shape[start : end + 1]), *shape[end + 1 :])

    def module(self, inputs: tuple[Shape, ...]) -> ModuleCall:
        """torch.nn.Flatten, whose axes count the batch."""
        del inputs
        start, end = (d if d < 0 else d + 1 for d in (self.start_dim, self.end_dim))
        return ModuleCall("torch.nn:Flatten", {"start_dim": start, "end_dim": end})


@dataclass(frozen=True)
class Reshape(Layer):
    """A row in another shape.

    Args:
        shape: the new shape without the batch axis; one size may be -1: what remains.
    """

    family: ClassVar[str] = "shape"
    values: ClassVar[str] = "any"
    shape: tuple[int, ...]

    def output(self, inputs: tuple[Shape, ...]) -> Shape:
        """`shape`, with -1 filled in."""
        free = [axis for axis in self.shape if axis < 1]
        if free not in ([], [-1]):
            raise SettingProblem("sizes from 1 on, and at most one -1", words(self.shape))
        have, given = size(inputs[0]), size(tuple(axis for axis in self.shape if axis > 0))
        if have % given or (not free and have != given):
            values = f"{have} values ({words(inputs[0])})"
            raise ShapeProblem(f"as many values as {words(self.shape)} holds", values)
        return tuple(have // given if axis == -1 else axis for axis in self.shape)

    def module(self, inputs: tuple[Shape, ...]) -> ModuleCall:
        """modules.Reshape(shape): forward(x) returns x.reshape(len(x), *shape)."""
        return ModuleCall(f"{MODULES}:Reshape", {"shape": self.output(inputs)})
