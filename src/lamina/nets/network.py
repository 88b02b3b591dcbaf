"""Networks: layers wired into a directed acyclic graph, shapes checked while wiring."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property
from importlib import import_module
from typing import Any

from lamina.errors import NetworkError, UnknownNameError
from lamina.nets.fitting import dangling, idle, misnamed, ordered, wire
from lamina.nets.layers import Layer, Shape
from lamina.nets.layers.base import size
from lamina.nets.parts import Input, Node, as_shape


@dataclass(frozen=True)
class Network:
    """A frozen network, valid once it exists.

    Args:
        inputs: named inputs with their shapes (without the batch axis).
        nodes: layers; any order, kept in topological order.
        outputs: names of the nodes whose values leave the network; usually one.
        name: for documents and drawings.

    Raises:
        NetworkError: all mistakes at once - cycles, unknown sources, repeated names,
            wrong number of inputs, shapes that do not fit.
    """

    inputs: tuple[Input, ...]
    nodes: tuple[Node, ...]
    outputs: tuple[str, ...]
    name: str = "network"
    shapes: Mapping[str, Shape] = field(init=False, repr=False, compare=False)
    """Shape at every input and behind every node, by name."""

    def __post_init__(self) -> None:
        mistakes = [
            *misnamed(self.inputs, self.nodes),
            *dangling(self.inputs, self.nodes, self.outputs),
            *idle(self.inputs, self.nodes, self.outputs),
        ]
        order, cycle = ordered(self.nodes)
        wires = {i.name: (i.shape, i.values) for i in self.inputs}
        if cycle:
            mistakes.append(cycle)
        else:
            object.__setattr__(self, "nodes", order)
            labels = {i.name: f"input {i.name}" for i in self.inputs}
            labels.update((node.name, node.label) for node in order)
            for node in order:
                mistakes.extend(wire(node, wires, labels))
        if mistakes:
            raise NetworkError(f"network {self.name!r} does not fit", mistakes)
        object.__setattr__(self, "shapes", {name: shape for name, (shape, _) in wires.items()})

    def __getitem__(self, name: str) -> Node:
        """The node called `name`. Raises UnknownNameError."""
        if name not in self._by_name:
            raise UnknownNameError("layer", name, self._by_name)
        return self._by_name[name]

    @cached_property
    def _by_name(self) -> dict[str, Node]:
        return {node.name: node for node in self.nodes}

    def _repr_html_(self) -> str:
        """A notebook shows its picture."""
        from lamina.workflow.draw.html import drawing_html

        return drawing_html(import_module("lamina.nets.drawing").network_drawing(self))

    def _repr_pretty_(self, printer: Any, cycle: bool) -> None:
        """IPython shows a line."""
        del cycle
        printer.text(f"<network {self.name}: {self.parameter_count()} parameters>")

    def tapped(self, *names: str) -> Network:
        """The same network with the values at `names` (layers or inputs) as further outputs.

        Raises:
            UnknownNameError: no such layer or input.
        """
        self._check_known(names)
        return replace(self, outputs=tuple(dict.fromkeys((*self.outputs, *names))))

    def upto(self, *names: str) -> Network:
        """The part of the network that the layers `names` need, with them as outputs.

        Names of weights stay, so that weights of the whole network serve the part.

        Raises:
            UnknownNameError: no such layer.
        """
        needed, waiting = set[str](), [self[name].name for name in names]
        while waiting:
            name = waiting.pop()
            if name not in needed:
                needed.add(name)
                waiting.extend(self._by_name[name].sources if name in self._by_name else ())
        return Network(
            tuple(given for given in self.inputs if given.name in needed),
            tuple(node for node in self.nodes if node.name in needed),
            tuple(dict.fromkeys(names)),
            self.name,
        )

    def _check_known(self, names: Iterable[str]) -> None:
        for name in names:
            if name not in self.shapes:
                raise UnknownNameError("layer", name, self.shapes)

    def input_shapes(self, node: Node) -> tuple[Shape, ...]:
        """Shapes that a node reads, in the order of its sources."""
        return tuple(self.shapes[source] for source in node.sources)

    def parameters(self) -> dict[str, Shape]:
        """All trained arrays: "node.parameter" -> shape, in topological order."""
        return {
            f"{node.name}.{name}": shape
            for node in self.nodes
            for name, shape in node.layer.parameters(self.input_shapes(node)).items()
        }

    def buffers(self) -> dict[str, Shape]:
        """All saved but untrained arrays: "node.buffer" -> shape."""
        return {
            f"{node.name}.{name}": shape
            for node in self.nodes
            for name, shape in node.layer.buffers(self.input_shapes(node)).items()
        }

    def parameter_count(self) -> int:
        """Number of trained values."""
        return sum(size(shape) for shape in self.parameters().values())

    def cost(self) -> int:
        """Floating-point operations of one row forward."""
        return sum(node.layer.cost(self.input_shapes(node)) for node in self.nodes)

    @property
    def chain(self) -> bool:
        """Whether the network is one chain from its only input to its only output."""
        previous = self.inputs[0].name if len(self.inputs) == 1 else ""
        for node in self.nodes:
            if node.sources != (previous,):
                return False
            previous = node.name
        return self.outputs == (previous,)


class Wiring:
    """A network under construction; `network` freezes it.

    Example: w = Wiring(); x = w.input("x", 16); a = w.add(Linear(16, 8), x); n = w.network(a)
    """

    def __init__(self, name: str = "network") -> None:
        self.name = name
        self._inputs: list[Input] = []
        self._nodes: list[Node] = []
        self._taken: set[str] = set()
        self._counters: dict[str, int] = {}

    def input(self, name: str, shape: int | Sequence[int], values: str = "float") -> str:
        """Adds an input and returns its name. shape: one row's, an int for one axis."""
        self._inputs.append(Input(name, as_shape(shape), values))
        self._taken.add(name)
        return name

    def add(self, layer: Layer, *sources: str, name: str | None = None) -> str:
        """Adds a layer that reads `sources` and returns its name.

        Raises:
            NetworkError: something that is no layer, such as ReLU instead of ReLU().
        """
        _check_layer(layer, self.name)
        called = self._free_name(layer) if name is None else name
        self._nodes.append(Node(called, layer, tuple(sources)))
        self._taken.add(called)
        return called

    def network(self, *outputs: str) -> Network:
        """The frozen network. outputs: names; the last added layer when left out."""
        leaving = outputs or ((self._nodes[-1].name,) if self._nodes else ())
        return Network(tuple(self._inputs), tuple(self._nodes), tuple(leaving), self.name)

    def _free_name(self, layer: Layer) -> str:
        # Counting on from the last name keeps a network of many layers linear.
        initial = layer.kind[0].lower()
        counter = self._counters.get(initial, 0) + 1
        while f"{initial}{counter}" in self._taken:
            counter += 1
        self._counters[initial] = counter
        return f"{initial}{counter}"


def sequential(
    layers: Iterable[Layer | tuple[str, Layer]],
    shape: int | Sequence[int] | None = None,
    name: str = "network",
    values: str = "float",
) -> Network:
    """A chain of layers.

    Args:
        layers: layers, or (name, layer) pairs; unnamed ones are called l1, l2, r1, ...
        shape: shape of one row; may be left out when the first layer is a Linear
            that states in_features.
        name: name of the network.
        values: "float", or "int" for rows of category codes (Embedding).
    """
    wiring = Wiring(name)
    chain = list(layers)
    source = wiring.input("x", _first_shape(chain, name) if shape is None else shape, values)
    for item in chain:
        called, layer = item if isinstance(item, tuple) else (None, item)
        source = wiring.add(layer, source, name=called)
    return wiring.network()


def _check_layer(given: object, name: str) -> None:
    if isinstance(given, Layer):
        return
    kind = isinstance(given, type) and issubclass(given, Layer)
    shown = f"{given.__name__}: write {given.__name__}(...)" if kind else given  # type: ignore[attr-defined]
    raise NetworkError(f"network {name!r} does not fit", [f"this is no layer: {shown}"])


def _first_shape(chain: list[Layer | tuple[str, Layer]], name: str) -> int:
    first = chain[0] if chain else None
    layer = first[1] if isinstance(first, tuple) else first
    features = getattr(layer, "in_features", None)
    if isinstance(features, int):
        return features
    mistake = "the shape of one row is not known: give shape=, or in_features on the first Linear"
    if features is not None:
        mistake = f"in_features of the first layer must be a whole number; it is {features!r}"
    raise NetworkError(f"network {name!r} does not fit", [mistake])
