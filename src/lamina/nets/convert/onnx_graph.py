"""An ONNX graph under construction: operators, constants, names."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from lamina.errors import MissingExtraError
from lamina.nets.initial import Weights
from lamina.nets.layers import Shape
from lamina.nets.network import Network
from lamina.nets.parts import Node

OPSET = 17
"""Version of the operators: LayerNormalization came with it, and old runtimes know it."""

IR_VERSION = 8
"""Version of the file format that belongs to the operators."""


def onnx_library() -> Any:
    """The onnx package. Raises MissingExtraError."""
    try:
        import onnx
    except ModuleNotFoundError as error:
        raise MissingExtraError("onnx", "onnx", "ONNX export") from error
    return onnx


class Graph:
    """Operators and constants in the order in which they were added."""

    def __init__(self) -> None:
        self.onnx = onnx_library()
        self.operators: list[Any] = []
        self.constants: list[Any] = []
        self._taken: set[str] = set()

    def reserve(self, *names: str) -> None:
        """Keeps names of inputs and layers from being given to anything else."""
        self._taken.update(names)

    def add(self, kind: str, inputs: Sequence[str], name: str = "", **attributes: Any) -> str:
        """Adds an operator with one output; returns the output's name.

        Args:
            kind: of the operator, as in ONNX.
            inputs: names of values.
            name: of the output; a free one when left out.
        """
        output = name or self._free(kind.lower())
        node = self.onnx.helper.make_node(kind, list(inputs), [output], output, **attributes)
        self.operators.append(node)
        return output

    def constant(self, values: Any, hint: str = "constant") -> str:
        """Adds an array (float32, float64 or int64) and returns its name."""
        name = self._free(hint)
        array = np.array(values, order="C")
        self.constants.append(self.onnx.numpy_helper.from_array(array, name))
        return name

    def rename(self, old: str, hint: str) -> str:
        """Gives a value another, free name wherever it stands; returns the name."""
        name = self._free(hint)
        for node in self.operators:
            node.name = name if node.name == old else node.name
            for names in (node.input, node.output):
                names[:] = [name if value == old else value for value in names]
        return name

    def _free(self, hint: str) -> str:
        counter, name = 1, hint
        while name in self._taken:
            counter += 1
            name = f"{hint}_{counter}"
        self._taken.add(name)
        return name


class Place:
    """One layer on its way to ONNX: its inputs, weights and shapes.

    Args:
        graph: takes the operators.
        network: the whole network.
        node: the layer in its place.
        sources: ONNX's names of the values that it reads.
        weights: of the whole network.
    """

    def __init__(
        self, graph: Graph, network: Network, node: Node, sources: list[str], weights: Weights
    ) -> None:
        self.graph = graph
        self.node = node
        self.layer: Any = node.layer
        self.sources = sources
        self.inputs: tuple[Shape, ...] = network.input_shapes(node)
        self.output: Shape = network.shapes[node.name]
        self._weights = weights

    @property
    def x(self) -> str:
        """The first (for most layers, the only) value it reads."""
        return self.sources[0]

    @property
    def shape(self) -> Shape:
        """A row's shape of the first value."""
        return self.inputs[0]

    def end(self, kind: str, inputs: Sequence[str], **attributes: Any) -> str:
        """Adds the layer's last operator, whose output has the layer's name."""
        return self.graph.add(kind, inputs, self.node.name, **attributes)

    def add(self, kind: str, *inputs: str, **attributes: Any) -> str:
        """Adds an operator inside the layer."""
        return self.graph.add(kind, inputs, **attributes)

    def weight(self, name: str) -> NDArray[np.float32]:
        """A parameter or buffer of the layer."""
        return self._weights[f"{self.node.name}.{name}"]

    def has(self, name: str) -> bool:
        """Whether the layer has a parameter or buffer of that name."""
        return f"{self.node.name}.{name}" in self._weights

    def parameter(self, name: str) -> str:
        """A parameter or buffer as a constant, under its own name."""
        return self.graph.constant(self.weight(name), f"{self.node.name}.{name}")

    def constant(self, values: Any, hint: str) -> str:
        """A constant of the layer."""
        return self.graph.constant(values, f"{self.node.name}.{hint}")

    def floats(self, values: Any, hint: str) -> str:
        """A float32 constant of the layer."""
        return self.constant(np.asarray(values, np.float32), hint)

    def shape_of(self, *sizes: int) -> str:
        """A constant for Reshape: the batch axis as it is, then `sizes`."""
        return self.constant(np.array([0, *sizes], np.int64), "shape")

    def reshaped(self, value: str, *sizes: int) -> str:
        """A value in another shape of a row."""
        return self.add("Reshape", value, self.shape_of(*sizes))
