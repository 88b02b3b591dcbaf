"""Whether the parts of a network fit together: names, order, numbers of inputs, shapes, values."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from graphlib import CycleError, TopologicalSorter

from lamina.nets.layers import Layer, SettingProblem, Shape, ShapeProblem
from lamina.nets.layers.base import size
from lamina.nets.layers.settings import wrong_types
from lamina.nets.parts import VALUES, Input, Node

LARGEST = 2**34
"""Values that one row or one layer's parameters have at most: more is a slip of the pen."""


def misnamed(inputs: Sequence[Input], nodes: Sequence[Node]) -> list[str]:
    """Names that are none or stand twice, and inputs whose shapes or values cannot be."""
    mistakes, seen = [], set[str]()
    for name in [*(i.name for i in inputs), *(n.name for n in nodes)]:
        if name in seen:
            mistakes.append(
                f"the name {name!r} stands twice: names of inputs and layers are unique"
            )
        elif not name or any(c.isspace() or not c.isprintable() for c in name):
            mistakes.append(f"the name {name!r} is no name: letters and digits, no spaces")
        seen.add(name)
    for given in inputs:
        if any(axis < 1 for axis in given.shape):
            mistakes.append(f"input {given.name!r} has shape {given.shape}: sizes start at 1")
        elif size(given.shape) > LARGEST:
            mistakes.append(f"input {given.name!r} has {_too_many(size(given.shape), 'values')}")
        if given.values not in VALUES:
            mistakes.append(
                f"input {given.name!r} has values {given.values!r}; known: {', '.join(VALUES)}"
            )
    return mistakes


def dangling(inputs: Sequence[Input], nodes: Sequence[Node], outputs: Sequence[str]) -> list[str]:
    """Names that are read and that nothing has."""
    known = {i.name for i in inputs} | {n.name for n in nodes}
    choices = ", ".join(sorted(known)) or "nothing"
    mistakes = [
        f"{node.label} reads {source!r}, which does not exist; there are: {choices}"
        for node in nodes
        for source in node.sources
        if source not in known
    ]
    for place, output in enumerate(outputs):
        if output not in known:
            mistakes.append(f"output {output!r} does not exist; there are: {choices}")
        elif output in outputs[:place]:
            mistakes.append(f"output {output!r} stands twice")
    return mistakes


def idle(inputs: Sequence[Input], nodes: Sequence[Node], outputs: Sequence[str]) -> list[str]:
    """Inputs, layers and outputs that are missing, and such that nothing reads."""
    parts = {"input": inputs, "layer": nodes, "output": outputs}
    mistakes = [f"there is no {what}: add one" for what, given in parts.items() if not given]
    read = {s for n in nodes for s in n.sources} | set(outputs)
    labels = [(i.name, f"input {i.name}") for i in inputs]
    labels += [(n.name, n.label) for n in nodes]
    return mistakes + [
        f"{label} leads nowhere: wire it on, or name it as an output"
        for name, label in labels
        if name not in read
    ]


def ordered(nodes: tuple[Node, ...]) -> tuple[tuple[Node, ...], str]:
    """Nodes behind all that they read: as given when that holds already; or the cycle."""
    by_name = {node.name: node for node in nodes}
    behind: set[str] = set()
    for node in nodes:
        if any(source in by_name and source not in behind for source in node.sources):
            break
        behind.add(node.name)
    else:
        return nodes, ""
    sorter = TopologicalSorter(
        {n.name: [s for s in n.sources if s in by_name] for n in by_name.values()}
    )
    try:
        return tuple(by_name[name] for name in sorter.static_order()), ""
    except CycleError as error:
        path = " -> ".join(reversed(error.args[1]))
        return nodes, f"the layers {path} form a cycle: a layer cannot read its own result"


def wire(node: Node, wires: dict[str, tuple[Shape, str]], labels: Mapping[str, str]) -> list[str]:
    """Adds shape and values behind the node to `wires`; returns what does not fit."""
    if mistakes := wrong_types(node.layer):
        return [f"{node.label}: {mistake}" for mistake in mistakes]
    if any(source not in wires for source in node.sources):
        return []
    if wanted := _miscounted(node):
        return [f"{node.label} needs {wanted}; it gets {len(node.sources)}"]
    reads, values = node.layer.values, [wires[source][1] for source in node.sources]
    for source, given in zip(node.sources, values, strict=True):
        if given != (values[0] if reads == "any" else reads):
            mistakes.append(_wrong_values(node, reads, given, labels[source]))
    shapes = tuple(wires[source][0] for source in node.sources)
    try:
        shape = node.layer.output(shapes)
    except SettingProblem as problem:
        return [*mistakes, f"{node.label} needs {problem.needs}; it has {problem.gets}"]
    except ShapeProblem as problem:
        origin = ", ".join(dict.fromkeys(labels[source] for source in node.sources))
        gets = f"; it gets {problem.gets} from {origin}" if problem.gets else f" (from {origin})"
        return [*mistakes, f"{node.label} needs {problem.needs}{gets}"]
    wires[node.name] = (shape, values[0] if reads == "any" else "float")
    counted = {"values": size(shape), "parameters": _parameters(node.layer, shapes)}
    return mistakes + [
        f"{node.label} has {_too_many(count, what)}"
        for what, count in counted.items()
        if count > LARGEST
    ]


def _parameters(layer: Layer, shapes: tuple[Shape, ...]) -> int:
    return sum(map(size, layer.parameters(shapes).values()))


def _too_many(count: int, what: str) -> str:
    return f"about 10^{math.log10(count):.0f} {what}: more than 10^{math.log10(LARGEST):.0f}"


def _miscounted(node: Node) -> str:
    """How many inputs the node needs, when it has another number of them."""
    arity, count = node.layer.arity, len(node.sources)
    if arity is None:
        return "" if count >= 2 else "two or more inputs"
    allowed = (arity,) if isinstance(arity, int) else arity
    if count in allowed:
        return ""
    return f"{' or '.join(map(str, allowed))} input{'' if allowed == (1,) else 's'}"


def _wrong_values(node: Node, reads: str, given: str, source: str) -> str:
    if reads == "any":
        return f"{node.label} needs inputs of one kind; it gets {given} values from {source} too"
    cure = 'values "int"' if reads == "int" else "an Embedding between them"
    return f"{node.label} needs {reads} values; it gets {given} from {source}: it takes {cure}"
