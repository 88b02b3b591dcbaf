"""The conformance suite of layers: what every layer, ours or a plug-in's, has to keep."""

from __future__ import annotations

import warnings
from collections.abc import Sequence
from dataclasses import FrozenInstanceError, fields
from typing import Any

import numpy as np

from lamina.nets.document import network_from_document, network_to_document, read_network
from lamina.nets.initial import initial_weights
from lamina.nets.layers import LAYERS, Layer, Shape, ShapeProblem
from lamina.nets.layers.base import size
from lamina.nets.layers.settings import wrong_types
from lamina.nets.network import Network
from lamina.nets.parts import Input, Node

_CODES = 2
"""Category codes of test rows are below this number."""


def check_layer(layer: Layer, shapes: Sequence[Shape]) -> None:
    """Holds a layer to what networks, documents and engines expect of it.

    Needs torch. The layer's kind must be in the table `LAYERS` (see `Registry.register`).

    Args:
        layer: the layer under test; one that reads codes takes at least two of them.
        shapes: shapes that fit, one per input, without the batch axis.

    Raises:
        AssertionError: what the layer does not keep.
    """
    inputs = tuple(tuple(shape) for shape in shapes)
    _check_value(layer)
    _check_numbers(layer, inputs)
    _check_refusals(layer, inputs)
    network = single(layer, inputs)
    _check_document(network)
    _check_torch(network)


def single(layer: Layer, shapes: Sequence[Shape]) -> Network:
    """A network of one layer, called "layer", on inputs x0, x1, ... of these shapes."""
    values = "int" if layer.values == "int" else "float"
    given = tuple(Input(f"x{i}", shape, values) for i, shape in enumerate(shapes))
    return Network(given, (Node("layer", layer, tuple(i.name for i in given)),), ("layer",))


def rows_for(network: Network, rows: int, seed: int = 0) -> tuple[Any, ...]:
    """Random rows for every input of a network: float32, or int64 codes."""
    generator = np.random.default_rng(seed)
    known = [getattr(node.layer, "num_embeddings", _CODES) for node in network.nodes]
    codes = min([_CODES, *known])
    return tuple(
        generator.integers(0, codes, (rows, *given.shape))
        if given.values == "int"
        else generator.normal(size=(rows, *given.shape)).astype(np.float32)
        for given in network.inputs
    )


def small_zoo(name: str) -> Network:
    """A network of the zoo; those for photographs in a few channels and for small pictures."""
    sizes = {"alexnet": "3x63x63", "gantt-cnn": "3x32x32", "resnet-18": "3x32x32"}
    sizes["vgg-16"] = "3x32x32"
    return read_network(f"{name}:width=0.03,shape={sizes[name]}" if name in sizes else name)


def _check_value(layer: Layer) -> None:
    kind = layer.kind
    assert LAYERS.get(kind) is type(layer), f"{kind} is not in the table of layers by its name"
    assert not wrong_types(layer), f"{kind}: {'; '.join(wrong_types(layer))}"
    again = type(layer)(**layer.settings())
    assert again == layer and hash(again) == hash(layer), f"{kind} is not made by its settings()"
    for field in fields(layer):
        try:
            setattr(layer, field.name, None)
        except FrozenInstanceError:
            continue
        raise AssertionError(f"{kind} is not frozen")


def _check_numbers(layer: Layer, inputs: tuple[Shape, ...]) -> None:
    arrays = {**layer.parameters(inputs), **layer.buffers(inputs)}
    count = len(layer.parameters(inputs)) + len(layer.buffers(inputs))
    assert len(arrays) == count, f"{layer.kind} has a parameter and a buffer of one name"
    for name, shape in [("output", layer.output(inputs)), *arrays.items()]:
        whole = isinstance(shape, tuple) and all(type(a) is int and a > 0 for a in shape)
        assert whole, f"{layer.kind}: the shape of {name} is {shape!r}, not a tuple of sizes"
    cost = layer.cost(inputs)
    assert type(cost) is int and cost >= 0, f"{layer.kind}: cost is {cost!r}, not a count"


def _check_refusals(layer: Layer, inputs: tuple[Shape, ...]) -> None:
    """Shapes that do not fit are refused with ShapeProblem, in words, and with nothing else."""
    for odd in ((), (1,), (1, 1), (7, 5, 3), (2, 2, 2, 2), (2, 3, 4, 5, 6)):
        for position in range(len(inputs)):
            changed = (*inputs[:position], odd, *inputs[position + 1 :])
            try:
                layer.output(changed)
            except ShapeProblem as problem:
                assert problem.needs, f"{layer.kind} refuses {changed} without a word"


def _check_document(network: Network) -> None:
    kind = network.nodes[0].layer.kind
    again = network_from_document(network_to_document(network))
    assert again == network, f"{kind} changes on its way through a document"


def _check_torch(network: Network) -> None:
    """torch's module has our names and shapes, and treats every row by itself."""
    import torch

    from lamina.nets.convert.torch_out import to_torch

    layer = network.nodes[0].layer
    module = to_torch(network, initial_weights(network, "normal", seed=1)).eval()
    wanted = {name: shape for name, shape in network.parameters().items()}
    found = {name: tuple(p.shape) for name, p in module.named_parameters()}
    assert found == wanted, f"{layer.kind}: torch has the parameters {found}; stated are {wanted}"
    saved = {name: tuple(b.shape) for name, b in module.named_buffers()}
    stated = network.buffers()
    assert saved == stated, f"{layer.kind}: torch has the buffers {saved}; stated are {stated}"
    trained = sum(p.numel() for p in module.parameters())
    assert network.parameter_count() == trained, f"{layer.kind}: parameter counts differ"
    rows = tuple(torch.from_numpy(array) for array in rows_for(network, 3))
    with torch.no_grad(), warnings.catch_warnings():
        warnings.simplefilter("ignore")
        out = module(*rows)
        pair = module(*(array[1:] for array in rows))
    expected = (3, *network.shapes["layer"])
    assert tuple(out.shape) == expected, f"{layer.kind} gives {tuple(out.shape)}, not {expected}"
    if network.buffers() or not _sees_batch(layer):
        close = torch.allclose(out[1:], pair, rtol=1e-4, atol=1e-5)
        assert close, f"{layer.kind}: a row's result depends on the other rows"
    assert size(expected) == out.numel()


def _sees_batch(layer: Layer) -> bool:
    """Whether the layer uses the batch's own statistics even in prediction."""
    return getattr(layer, "track_running_stats", True) is False
