"""What networks are put together from: inputs, and layers in their places."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from lamina.errors import NetworkError
from lamina.nets.layers import Layer, Shape

VALUES = ("float", "int")
"""What an input may hold: numbers, or category codes (whole numbers from zero on)."""


@dataclass(frozen=True)
class Input:
    """A named input of a network: the shape of one row, and "float" or "int" values."""

    name: str
    shape: Shape
    values: str = "float"

    def __post_init__(self) -> None:
        object.__setattr__(self, "shape", as_shape(self.shape))


@dataclass(frozen=True)
class Node:
    """A layer in its place: a name, the layer, and the names it reads (nodes or inputs)."""

    name: str
    layer: Layer
    sources: tuple[str, ...]

    @property
    def label(self) -> str:
        """How messages call it: "Linear l2"."""
        return f"{self.layer.kind} {self.name}"


def as_shape(shape: int | Sequence[int]) -> Shape:
    """A shape from an int (one axis) or a sequence.

    Raises:
        NetworkError: something else.
    """
    try:
        return (shape,) if isinstance(shape, int) else tuple(int(axis) for axis in shape)
    except (TypeError, ValueError):
        raise NetworkError(
            "the shape of an input cannot be read",
            [f"it is {shape!r}: give a whole number, or a sequence of them"],
        ) from None
