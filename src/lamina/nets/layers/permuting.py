"""Permute: the axes of a row in another order."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from lamina.nets.layers.base import Layer, ModuleCall, SettingProblem, Shape, ShapeProblem
from lamina.nets.layers.joining import MODULES
from lamina.nets.layers.windows import words


@dataclass(frozen=True)
class Permute(Layer):
    """The axes of a row in another order: between images (channels first) and sequences.

    Args:
        dims: for each axis of the output, the axis of the input it is; 0 is a row's first,
            the batch axis does not count: (1, 0) makes steps x features of channels x length.
    """

    family: ClassVar[str] = "shape"
    values: ClassVar[str] = "any"
    dims: tuple[int, ...]

    def output(self, inputs: tuple[Shape, ...]) -> Shape:
        """The sizes in the new order."""
        (shape,) = inputs
        if sorted(self.dims) != list(range(len(self.dims))):
            raise SettingProblem("dims with each axis from 0 on once", words(self.dims))
        if len(shape) != len(self.dims):
            raise ShapeProblem(f"{len(self.dims)} axes", words(shape))
        return tuple(shape[axis] for axis in self.dims)

    def module(self, inputs: tuple[Shape, ...]) -> ModuleCall:
        """modules.Permute(dims): forward(x) keeps the batch axis in front."""
        del inputs
        return ModuleCall(f"{MODULES}:Permute", {"dims": self.dims})
