"""A network under construction from a traced torch module: layers, weights, mistakes."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from torch import Tensor, fx

from lamina.errors import ConversionError, NetworkError
from lamina.nets.convert.torch_trace import Call, Trace
from lamina.nets.initial import Weights
from lamina.nets.layers import LAYERS, Layer, Shape, ShapeProblem
from lamina.nets.network import Network
from lamina.nets.parts import Input, Node

_WAY_OUT = (
    "replace these parts in the module, or build the network from layers; "
    "lamina.nets.layers.LAYERS names them"
)


class Unsupported(Exception):  # noqa: N818 - not an error a user meets: from_torch collects it
    """Why a call has no counterpart among the layers."""


@dataclass(frozen=True)
class Wire:
    """A tensor on its way: the name of the input or layer it comes from, and a row's shape."""

    name: str
    shape: Shape


Result = Any
"""What a call gives: a Wire, or what only some functions can take (an LSTM's tuple)."""


class Builder:
    """Layers, weights and mistakes, collected call after call; `network` freezes them."""

    def __init__(self, found: Trace) -> None:
        self.trace = found
        self.nodes: list[Node] = []
        self.weights: Weights = {}
        self.mistakes: list[str] = []
        self.results: dict[fx.Node, Result] = {}
        self._owners: dict[int, str] = {}
        self._paths = {call.path for call in found.calls if call.path}
        self._placed: set[str] = set()
        for node, shape, _ in found.inputs:
            self.results[node] = Wire(node.name, shape)
            self._placed.add(node.name)

    def add(
        self,
        name: str,
        layer: Layer,
        *wires: Wire,
        tensors: Mapping[str, Tensor] | None = None,
    ) -> Wire:
        """Adds a layer under a free name; tensors: its parameters and buffers by name."""
        shapes = tuple(wire.shape for wire in wires)
        try:
            shape = layer.output(shapes)
        except ShapeProblem as problem:
            raise Unsupported(f"{layer.kind} needs {problem.needs}") from None
        placed = self._free(name)
        self.nodes.append(Node(placed, layer, tuple(wire.name for wire in wires)))
        for key in {**layer.parameters(shapes), **layer.buffers(shapes)}:
            if key not in (tensors or {}):
                raise Unsupported(f"it has no {key}")
            array = np.array((tensors or {})[key].detach().cpu().numpy(), dtype=np.float32)
            self.weights[f"{placed}.{key}"] = array
        return Wire(placed, shape)

    def claim(self, tensor: Tensor, owner: str) -> None:
        """Notes who uses a parameter. Raises Unsupported when two do: weights are not shared."""
        other = self._owners.setdefault(id(tensor), owner)
        if other != owner:
            raise Unsupported(f"it shares weights with {other}; each layer has its own")

    def resolved(self, argument: Any) -> Any:
        """An argument with tensors of the network as results, and all else as plain values."""
        if isinstance(argument, fx.Node):
            return self.results.get(argument, self.trace.values.get(argument))
        if isinstance(argument, tuple | list):
            return [self.resolved(item) for item in argument]
        if isinstance(argument, dict):
            return {key: self.resolved(item) for key, item in argument.items()}
        if isinstance(argument, slice):
            return slice(*self.resolved((argument.start, argument.stop, argument.step)))
        return argument

    def stand_in(self, call: Call) -> Wire:
        """What stands for a call that has no counterpart, so that the rest is read too."""
        value = call.value[0] if isinstance(call.value, tuple | list) else call.value
        shape = tuple(value.shape[1:]) if isinstance(value, Tensor) else ()
        return Wire(call.path or call.node.name, shape)

    def network(self, name: str) -> tuple[Network, Weights]:
        """The frozen network. Raises ConversionError with all mistakes."""
        outputs: dict[str, None] = {}
        for node in self.trace.outputs:
            leaving = self.results.get(node)
            if isinstance(leaving, Wire):
                outputs[leaving.name] = None
            else:
                self.mistakes.append(f"output {node.name}: it is not one tensor of the network")
        if self.mistakes:
            raise ConversionError(f"{name} cannot become a network", self.mistakes, _WAY_OUT)
        inputs = tuple(Input(node.name, shape, kind) for node, shape, kind in self.trace.inputs)
        try:
            return Network(inputs, tuple(self.nodes), tuple(outputs), name), self.weights
        except NetworkError as error:
            raise ConversionError(
                f"{name} cannot become a network", error.mistakes, _WAY_OUT
            ) from error

    def _free(self, name: str) -> str:
        counter, free = 1, name
        while free in self._placed or (free in self._paths and free != name):
            counter += 1
            free = f"{name}_{counter}"
        self._placed.add(free)
        return free


def wire(result: Result) -> Wire:
    """The result as one tensor. Raises Unsupported when it is none."""
    if not isinstance(result, Wire):
        raise Unsupported("its input is not one tensor of the network")
    return result


def wires(results: Any) -> list[Wire]:
    """Several results as tensors. Raises Unsupported when one is none."""
    return [wire(result) for result in results]


Handler = Callable[..., Result]
"""Builder, call, then the function's own arguments, under torch's names."""


def named(names: str, convert: Callable[[Builder, Call, dict[str, Any]], Result]) -> Handler:
    """A handler that takes its arguments as one dict, under `names` in torch's order."""
    order = names.split()

    def handler(builder: Builder, call: Call, *arguments: Any, **options: Any) -> Result:
        given = {**dict(zip(order, arguments, strict=False)), **options}
        if len(arguments) > len(order) or set(given) - set(order):
            raise Unsupported("it is called with arguments that no layer has")
        return convert(builder, call, given)

    return handler


def place(call: Call) -> str:
    """The name of the layer: the module's path, or fx's name of the function's result."""
    return call.path or call.node.name


def layer(kind: str, **settings: Any) -> Layer:
    """A layer by its kind; settings that are None are left out."""
    made: Callable[..., Layer] = LAYERS.get(kind)
    told = {key: value for key, value in settings.items() if value is not None}
    return made(**{k: tuple(v) if isinstance(v, list) else v for k, v in told.items()})


def one(value: Any) -> Any:
    """aten's [2, 2] as 2: the settings that a person would write; empty as None."""
    if isinstance(value, list | tuple):
        return value[0] if len(set(value)) == 1 else tuple(value) or None
    return value
