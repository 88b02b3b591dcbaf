"""Networks: layers wired into a directed acyclic graph, shapes checked while wiring."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from graphlib import CycleError, TopologicalSorter

from lamina.errors import NetworkError
from lamina.nets.layers import Layer, Shape, ShapeProblem


@dataclass(frozen=True)
class Input:
    """A named input of a network: the shape of one row, and "float" or "int" values."""

    name: str
    shape: Shape
    values: str = "float"


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
        mistakes = [*_repeated(self), *_dangling(self)]
        order, cycle = _ordered(self.nodes)
        shapes: dict[str, Shape] = {i.name: i.shape for i in self.inputs}
        if cycle:
            mistakes.append(cycle)
        else:
            object.__setattr__(self, "nodes", order)
            for node in order:
                mistakes.extend(_wire(node, shapes, self))
        if mistakes:
            raise NetworkError(f"network {self.name!r} does not fit", mistakes)
        object.__setattr__(self, "shapes", shapes)

    def __getitem__(self, name: str) -> Node:
        return next(node for node in self.nodes if node.name == name)

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
        total = 0
        for shape in self.parameters().values():
            product = 1
            for axis in shape:
                product *= axis
            total += product
        return total

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

    def input(self, name: str, shape: int | Sequence[int], values: str = "float") -> str:
        """Adds an input and returns its name. shape: one row's, an int for one axis."""
        self._inputs.append(Input(name, as_shape(shape), values))
        return name

    def add(self, layer: Layer, *sources: str, name: str | None = None) -> str:
        """Adds a layer that reads `sources` and returns its name."""
        self._nodes.append(Node(name or self._free_name(layer), layer, tuple(sources)))
        return self._nodes[-1].name

    def network(self, *outputs: str) -> Network:
        """The frozen network. outputs: names; the last added layer when left out."""
        leaving = outputs or ((self._nodes[-1].name,) if self._nodes else ())
        return Network(tuple(self._inputs), tuple(self._nodes), tuple(leaving), self.name)

    def _free_name(self, layer: Layer) -> str:
        return free_name(layer, {node.name for node in self._nodes})


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


def as_shape(shape: int | Sequence[int]) -> Shape:
    """A shape from an int (one axis) or a sequence."""
    return (shape,) if isinstance(shape, int) else tuple(int(axis) for axis in shape)


def free_name(layer: Layer, taken: set[str]) -> str:
    """A short name for a layer: initial of its kind and a counter ("l1", "r2")."""
    counter = 1
    while (name := f"{layer.kind[0].lower()}{counter}") in taken:
        counter += 1
    return name


def _first_shape(chain: list[Layer | tuple[str, Layer]], name: str) -> int:
    first = chain[0] if chain else None
    layer = first[1] if isinstance(first, tuple) else first
    features = getattr(layer, "in_features", None)
    if isinstance(features, int):
        return features
    raise NetworkError(
        f"network {name!r} does not fit",
        ["the shape of one row is not known: give shape=, or in_features on the first Linear"],
    )


def _repeated(network: Network) -> list[str]:
    seen: set[str] = set()
    mistakes = []
    for name in [*(i.name for i in network.inputs), *(n.name for n in network.nodes)]:
        if name in seen:
            mistakes.append(
                f"the name {name!r} stands twice: names of inputs and layers are unique"
            )
        seen.add(name)
    for given in network.inputs:
        if any(axis < 1 for axis in given.shape):
            mistakes.append(f"input {given.name!r} has shape {given.shape}: sizes start at 1")
    return mistakes


def _dangling(network: Network) -> list[str]:
    known = {i.name for i in network.inputs} | {n.name for n in network.nodes}
    choices = ", ".join(sorted(known)) or "nothing"
    mistakes = [
        f"{node.label} reads {source!r}, which does not exist; there are: {choices}"
        for node in network.nodes
        for source in node.sources
        if source not in known
    ]
    for output in network.outputs:
        if output not in known:
            mistakes.append(f"output {output!r} does not exist; there are: {choices}")
    read = {s for n in network.nodes for s in n.sources} | set(network.outputs)
    for node in network.nodes:
        if node.name not in read:
            mistakes.append(f"{node.label} leads nowhere: wire it on, or name it as an output")
    if not network.inputs:
        mistakes.append("there is no input: add one with its shape")
    if not network.nodes:
        mistakes.append("there is no layer: add one")
    return mistakes


def _ordered(nodes: tuple[Node, ...]) -> tuple[tuple[Node, ...], str]:
    by_name = {node.name: node for node in nodes}
    sorter = TopologicalSorter(
        {n.name: [s for s in n.sources if s in by_name] for n in by_name.values()}
    )
    try:
        return tuple(by_name[name] for name in sorter.static_order()), ""
    except CycleError as error:
        path = " -> ".join(reversed(error.args[1]))
        return nodes, f"the layers {path} form a cycle: a layer cannot read its own result"


def _wire(node: Node, shapes: dict[str, Shape], network: Network) -> list[str]:
    """Adds the node's output shape to `shapes`; returns what does not fit."""
    if any(source not in shapes for source in node.sources):
        return []
    arity, count = node.layer.arity, len(node.sources)
    if (arity is not None and count != arity) or (arity is None and count < 2):
        wanted = "two or more inputs" if arity is None else f"{arity} input(s)"
        return [f"{node.label} needs {wanted}; it gets {count}"]
    try:
        shapes[node.name] = node.layer.output(tuple(shapes[s] for s in node.sources))
    except ShapeProblem as problem:
        labels = {n.name: n.label for n in network.nodes}
        origin = ", ".join(labels.get(s, f"input {s}") for s in node.sources)
        gets = f"; it gets {problem.gets} from {origin}" if problem.gets else f" (from {origin})"
        return [f"{node.label} needs {problem.needs}{gets}"]
    return []
