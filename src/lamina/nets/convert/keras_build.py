"""A network under construction from Keras steps: layouts of tensors, weights, mistakes."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from lamina.nets.convert.keras_file import KerasFile
from lamina.nets.convert.keras_graph import Step
from lamina.nets.initial import Weights
from lamina.nets.layers import LAYERS, Layer, Shape, ShapeProblem
from lamina.nets.parts import Node

Floats = NDArray[np.float32]


class Unsupported(Exception):  # noqa: N818 - not an error a user meets: from_keras collects it
    """Why a step has no counterpart among the layers."""


@dataclass(frozen=True, eq=False)
class Tensor:
    """A value on its way.

    Args:
        name: of the input or layer that it comes from.
        shape: of a row, as our network has it.
        first: whether channels, Keras's last axis, stand in front.
        order: for a flattened image, Keras's position of each of our values; None when equal.
    """

    name: str
    shape: Shape
    first: bool = False
    order: NDArray[np.int64] | None = None

    def axis(self, keras: int) -> int:
        """Keras's axis, which counts the batch, as ours. Raises Unsupported for the batch axis."""
        rank = len(self.shape)
        position = keras + rank + 1 if keras < 0 else keras
        if not 0 < position <= rank:
            raise Unsupported(f"axis {keras} is no axis of a row")
        if not self.first:
            return position - 1
        return 0 if position == rank else position


class Builder:
    """Layers, weights and mistakes, collected step after step."""

    def __init__(self, file: KerasFile) -> None:
        self.file = file
        self.nodes: list[Node] = []
        self.weights: Weights = {}
        self.mistakes: list[str] = []
        self.tensors: dict[str, Tensor] = {}
        self.absorbed: frozenset[str] = frozenset()
        self._taken: set[str] = set()
        self._turned: dict[tuple[str, bool], Tensor] = {}

    def free_name(self, name: str) -> str:
        """A name that no input or layer has, without white space."""
        base = "_".join(name.split()) or "layer"
        counter, free = 1, base
        while free in self._taken:
            counter += 1
            free = f"{base}_{counter}"
        self._taken.add(free)
        return free

    def add(
        self,
        name: str,
        layer: Layer,
        *inputs: Tensor,
        arrays: Mapping[str, Floats] | None = None,
    ) -> Tensor:
        """Adds a layer; its result keeps the layout of its first input.

        Raises:
            Unsupported: the inputs do not fit, or the arrays are not those of the layer.
        """
        shapes = tuple(tensor.shape for tensor in inputs)
        try:
            shape = layer.output(shapes)
        except ShapeProblem as problem:
            gets = f"; it gets {problem.gets}" if problem.gets else ""
            raise Unsupported(f"{layer.kind} needs {problem.needs}{gets}") from None
        placed = self.free_name(name)
        self.nodes.append(Node(placed, layer, tuple(tensor.name for tensor in inputs)))
        wanted = {**layer.parameters(shapes), **layer.buffers(shapes)}
        for key, size in wanted.items():
            array = (arrays or {})[key]
            if array.shape != size:
                raise Unsupported(f"its {key} has shape {array.shape}; {size} fits")
            self.weights[f"{placed}.{key}"] = np.ascontiguousarray(array, np.float32)
        return replace(inputs[0], name=placed, shape=shape)

    def arrays(self, step: Step, count: int, inside: str = "vars") -> list[Floats]:
        """The layer's arrays in Keras's order. Raises Unsupported when one is not there."""
        found = [self.file.array(f"{step.place}/{inside}/{number}") for number in range(count)]
        for number, array in enumerate(found):
            if isinstance(array, str):
                raise Unsupported(f"its weight {inside}/{number} {array}")
            if not np.all(np.isfinite(array)):
                raise Unsupported(f"its weight {inside}/{number} is not finite")
        return [array for array in found if not isinstance(array, str)]

    def first(self, tensor: Tensor) -> Tensor:
        """The tensor with channels in front."""
        return self._laid_out(tensor, True)

    def last(self, tensor: Tensor) -> Tensor:
        """The tensor with channels behind, as in Keras."""
        return self._laid_out(tensor, False)

    def alike(self, tensors: list[Tensor]) -> list[Tensor]:
        """All tensors in the layout of the first."""
        return [self._laid_out(tensor, tensors[0].first) for tensor in tensors]

    def _laid_out(self, tensor: Tensor, first: bool) -> Tensor:
        rank = len(tensor.shape)
        if tensor.first == first or rank < 2:
            return tensor
        key = tensor.name, first
        if key not in self._turned:
            axes = list(range(rank))
            dims = (axes[-1:] + axes[:-1]) if first else (axes[1:] + axes[:1])
            name = f"{tensor.name}_{'first' if first else 'last'}"
            made = self.add(name, layer("Permute", dims=tuple(dims)), tensor)
            self._turned[key] = replace(made, first=first)
        return self._turned[key]


def layer(kind: str, **settings: Any) -> Layer:
    """A layer by its kind."""
    maker: Any = LAYERS.get(kind)
    made: Layer = maker(**settings)
    return made


def only(step: Step, **allowed: Any) -> None:
    """Refuses settings of Keras that have no counterpart.

    Args:
        step: the step.
        allowed: setting -> the values that have one; a missing setting is fine.

    Raises:
        Unsupported: names all settings that are off.
    """
    odd = [
        f"{key}={step.config[key]!r}"
        for key, values in allowed.items()
        if key in step.config and step.config[key] not in values
    ]
    if odd:
        raise Unsupported(f"{', '.join(odd)} has no counterpart")


def number(step: Step, key: str, default: Any = None) -> int:
    """A whole number of a step's configuration. Raises Unsupported when it is none."""
    value = step.config.get(key, default)
    if not isinstance(value, int) or isinstance(value, bool) or value < 1:
        raise Unsupported(f"{key}={value!r} is no whole number from 1 on")
    return value


def numbers(step: Step, key: str, axes: int, default: Any = 1) -> tuple[int, ...]:
    """A whole number per axis. Raises Unsupported when they are none."""
    value = step.config.get(key, default)
    value = default if value is None else value
    spread = [value] * axes if isinstance(value, int) else value
    if (
        not isinstance(spread, list | tuple)
        or len(spread) != axes
        or not all(isinstance(v, int) and not isinstance(v, bool) and v > 0 for v in spread)
    ):
        raise Unsupported(f"{key}={value!r}: {axes} whole numbers from 1 on fit")
    return tuple(spread)
