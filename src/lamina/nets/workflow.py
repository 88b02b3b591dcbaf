"""A network as a workflow whose tasks are layers, run by the ordinary executor."""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import Annotated, Any

import numpy as np
from numpy.typing import NDArray

from lamina.errors import DataError
from lamina.nets.bundle import Bundle
from lamina.nets.document import network_to_document
from lamina.nets.network import Network
from lamina.workflow.actions.named import NamedAction
from lamina.workflow.graph import Edge, Port, Task, Workflow

Tensor = Annotated[NDArray[Any], "tensor"]

MODEL = "model"
"""The workflow's input for the weights: a bundle of the same network."""


def as_workflow(network: Network) -> Workflow:
    """The workflow whose tasks are the network's layers.

    Its inputs are the network's (arrays of rows, batch axis first, as the network reads them)
    and `model`, a bundle with the weights; its outputs are the network's. Every task has one
    output port, "result", which any other task can read: a tap. Names that a workflow does
    not allow are spelled with "_". Run in prediction mode, it gives what the whole network
    gives.
    """
    entries = _entries(network)
    names = _task_names(network)
    model = _free(MODEL, set(names.values()))
    tasks, edges = [], []
    for node in network.nodes:
        told = {"layer": entries[node.name], "name": node.name}
        task = Task.of(names[node.name], NamedAction("layer"), told)
        tasks.append(task)
        edges.append(Edge(model, f"{task.name}.model"))
        edges += [
            Edge(_source(network, names, source), f"{task.name}.inputs", position)
            for position, source in enumerate(node.sources)
        ]
    given = {i.name for i in network.inputs}
    outputs = tuple(
        Port(names[name], "tensor" if name in given else "array") for name in network.outputs
    )
    edges += [
        Edge(_source(network, names, name), output.name)
        for name, output in zip(network.outputs, outputs, strict=True)
    ]
    return Workflow(
        re.sub(r"[^A-Za-z0-9 ._+()-]", "_", network.name).lstrip(" ._+()-")[:200] or "network",
        (*(Port(names[i.name], "tensor") for i in network.inputs), Port(model, "model")),
        outputs,
        tuple(tasks),
        tuple(edges),
    )


def run_layer(
    inputs: list[Tensor], model: Bundle, layer: dict[str, Any], name: str
) -> Annotated[NDArray[np.float32], "array"]:
    """One layer of a model on rows of values, in prediction mode; the task called "layer".

    Args:
        inputs: one array per input of the layer, (rows, *shape).
        model: where the weights are.
        layer: what the workflow says of the layer: its kind and settings.
        name: of the layer in the model's network.

    Raises:
        DataError: the model has no such layer, or another one of that name; arrays of other
            shapes.
    """
    import torch

    from lamina.nets.convert.torch_out import load_weights, node_module

    network = model.network
    _check_layer(network, layer, name)
    node = network[name]
    shapes = network.input_shapes(node)
    found = tuple(tuple(np.shape(array))[1:] for array in inputs)
    if found != shapes:
        raise DataError(
            f"layer {name!r} needs rows of shape {_words(shapes)}; it gets {_words(found)}",
            "wire its inputs as the network does; the first axis counts the rows",
        )
    module = node_module(network, node).eval()
    prefix = f"{name}."
    load_weights(
        module,
        {k.removeprefix(prefix): v for k, v in model.weights.items() if k.startswith(prefix)},
    )
    with torch.no_grad():
        result: NDArray[np.float32] = module(*map(_tensor, inputs)).numpy()
    return result


def _tensor(array: NDArray[Any]) -> Any:
    import torch

    whole = np.asarray(array).dtype.kind in "iub"
    return torch.from_numpy(np.ascontiguousarray(array, np.int64 if whole else np.float32))


def _check_layer(network: Network, layer: dict[str, Any], name: str) -> None:
    entries = _entries(network)
    if entries.get(name) != layer:
        there = entries.get(name) or f"none of that name, but {', '.join(entries)}"
        raise DataError(
            f"layer {name!r} is {layer} in the workflow; in the model there is {there}",
            "give the model of this network, or make the workflow anew from the model's network",
        )


def _entries(network: Network) -> dict[str, dict[str, Any]]:
    """What a document says of each layer, without what it reads."""
    return {
        name: {key: value for key, value in entry.items() if key != "from"}
        for item in network_to_document(network)["layers"]
        for name, entry in item.items()
    }


def _words(shapes: Iterable[tuple[int, ...]]) -> str:
    return " and ".join(map(str, shapes))


def _source(network: Network, names: dict[str, str], source: str) -> str:
    given = any(source == i.name for i in network.inputs)
    return names[source] if given else f"{names[source]}.result"


def _task_names(network: Network) -> dict[str, str]:
    names: dict[str, str] = {}
    taken: set[str] = set()
    for name in network.shapes:
        word = re.sub(r"[^A-Za-z0-9_-]", "_", name)[:90]
        names[name] = _free(word if re.match(r"[A-Za-z_]", word) else f"_{word}", taken)
        taken.add(names[name])
    return names


def _free(name: str, taken: set[str]) -> str:
    counter = 2
    free = name
    while free in taken:
        free, counter = f"{name}_{counter}", counter + 1
    return free
