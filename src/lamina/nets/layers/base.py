"""What a layer is: output shape, parameters, cost, and its module in torch."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping
from dataclasses import dataclass, field, fields
from typing import Any, ClassVar

Shape = tuple[int, ...]
"""Sizes of one row's tensor; the batch axis is never part of a shape."""


class ShapeProblem(ValueError):  # noqa: N818 - not an error a user meets: the network words it
    """Why a layer cannot take its inputs; the network adds names and raises NetworkError.

    Args:
        needs: what the layer needs ("8 features").
        gets: what it gets instead ("16"); empty when the shape says it all.
    """

    def __init__(self, needs: str, gets: str = "") -> None:
        super().__init__(needs)
        self.needs = needs
        self.gets = gets


class SettingProblem(ShapeProblem):
    """Why a layer cannot work whatever its inputs are: one of its own settings is off.

    Args:
        needs: what the setting has to be ("groups of at least 1").
        gets: what it is ("0").
    """


@dataclass(frozen=True)
class ModuleCall:
    """How the same layer is made in torch: a dotted name and its arguments."""

    target: str
    arguments: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class Layer(ABC):
    """One layer: a frozen value that knows shapes, parameters and cost, and holds no weights.

    A plug-in adds a layer by subclassing and registering it in the table `lamina.layers`.
    Fields carry torch's argument names. Shapes exclude the batch axis.
    """

    arity: ClassVar[int | tuple[int, ...] | None] = 1
    """Number of inputs, or the allowed numbers; None for any number from two on."""

    values: ClassVar[str] = "float"
    """What the layer reads: "float", "int" (category codes), or "any", which it hands on."""

    family: ClassVar[str] = "layer"
    """For drawings: "layer", "activation", "norm", "pool", "merge" or "shape"."""

    def __post_init__(self) -> None:
        for f in fields(self):
            # Lists of a document or a call become tuples: a layer is hashable.
            if isinstance(value := getattr(self, f.name), list):
                object.__setattr__(self, f.name, tuple(value))

    @property
    def kind(self) -> str:
        """Name of the layer in documents, messages and drawings."""
        return type(self).__name__

    @abstractmethod
    def output(self, inputs: tuple[Shape, ...]) -> Shape:
        """Shape of the output. Raises ShapeProblem when the inputs do not fit."""

    @abstractmethod
    def module(self, inputs: tuple[Shape, ...]) -> ModuleCall:
        """The torch module that computes this layer."""

    def parameters(self, inputs: tuple[Shape, ...]) -> dict[str, Shape]:
        """Trained arrays by torch's names, in torch's order."""
        del inputs
        return {}

    def buffers(self, inputs: tuple[Shape, ...]) -> dict[str, Shape]:
        """Arrays that are saved but not trained (running statistics)."""
        del inputs
        return {}

    def cost(self, inputs: tuple[Shape, ...]) -> int:
        """Floating-point operations of one row forward; a multiply-add counts two."""
        del inputs
        return 0

    def settings(self) -> dict[str, Any]:
        """Fields that differ from their defaults: what a document has to say."""
        return {
            f.name: getattr(self, f.name)
            for f in fields(self)
            if getattr(self, f.name) != f.default
        }


def size(shape: Shape) -> int:
    """Number of values in a shape."""
    count = 1
    for axis in shape:
        count *= axis
    return count
