"""A network applied to rows: in NumPy where its layers allow, in torch otherwise."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from lamina.errors import MissingExtraError, NetworkError, UnknownNameError
from lamina.nets.initial import Weights
from lamina.nets.layers import Layer
from lamina.nets.layers.base import size
from lamina.nets.network import Network

Floats = NDArray[np.float32]
Given = Mapping[str, Floats]
Kernel = Callable[[Any, Sequence[Floats], Given], Floats]

ROWS = 4096
"""Rows per block of the NumPy form; the last block is padded, so every row is computed alike."""

TORCH_ROWS = 256
"""Most rows per block of the torch form."""

TORCH_VALUES = 1 << 24
"""Values of all layers up to which rows go into a block of the torch form; one row always does."""

_SMALL = 16384
"""Weights up to which a dense layer adds its terms one after another, in a fixed order."""


def apply(
    network: Network, weights: Weights, features: NDArray[Any], device: str = "cpu"
) -> Floats:
    """The network's output for each row, (rows, *output shape), float32, evaluation mode.

    A row's output does not depend on the rows beside it: blocks have a fixed size, and the
    last one is padded.

    Args:
        network: one input, one output.
        weights: arrays by "node.parameter".
        features: (rows, *input shape), as the network sees them (normalised).
        device: where torch computes, if it is needed.
    """
    name = network.outputs[0]
    return layer_outputs(network, weights, features, (name,), device)[name]


def layer_outputs(
    network: Network,
    weights: Weights,
    features: NDArray[Any],
    layers: Sequence[str],
    device: str = "cpu",
) -> dict[str, Floats]:
    """Values behind the named layers, each (rows, *shape behind the layer), float32.

    Raises:
        UnknownNameError: no such layer.
        MissingExtraError: a layer needs torch, which is not installed.
        NetworkError: a layer's output for a row depends on the rows beside it.
    """
    for layer in layers:
        if layer not in network.shapes:
            raise UnknownNameError("layer", layer, network.shapes)
    _refuse_batch_statistics(network)
    run = _numpy_form(network, weights, layers)
    step = ROWS
    if run is None:
        run, step = _torch_form(network, weights, layers, device), _torch_rows(network)
    found = {n: np.empty((len(features), *network.shapes[n]), np.float32) for n in layers}
    for start, block in _blocks(features, step):
        count = min(step, len(features) - start)
        for name, values in run(block).items():
            found[name][start : start + count] = values[:count]
    return found


def runs_in_numpy(network: Network) -> bool:
    """Whether predictions of the network need no torch."""
    return all(node.layer.kind in KERNELS for node in network.nodes)


def _refuse_batch_statistics(network: Network) -> None:
    odd = [n.label for n in network.nodes if not getattr(n.layer, "track_running_stats", True)]
    if odd:
        raise NetworkError(
            f"network {network.name!r} cannot predict row by row",
            [f"{label} keeps no running statistics" for label in odd],
            "set track_running_stats=True and train again",
        )


def _blocks(features: NDArray[Any], step: int) -> Iterator[tuple[int, NDArray[Any]]]:
    for start in range(0, len(features), step):
        block = features[start : start + step]
        if len(block) < step:
            block = np.concatenate(
                [block, np.zeros((step - len(block), *block.shape[1:]), block.dtype)]
            )
        yield start, block


def _numpy_form(
    network: Network, weights: Weights, layers: Sequence[str]
) -> Callable[[NDArray[Any]], dict[str, Floats]] | None:
    if not runs_in_numpy(network):
        return None
    own = {
        node.name: {
            key.removeprefix(f"{node.name}."): array
            for key, array in weights.items()
            if key.startswith(f"{node.name}.")
        }
        for node in network.nodes
    }

    def run(block: NDArray[Any]) -> dict[str, Floats]:
        values: dict[str, Floats] = {network.inputs[0].name: block}
        with np.errstate(over="ignore", under="ignore"):
            for node in network.nodes:
                inputs = [values[source] for source in node.sources]
                values[node.name] = KERNELS[node.layer.kind](node.layer, inputs, own[node.name])
        return {name: values[name] for name in layers}

    return run


def _torch_rows(network: Network) -> int:
    values = sum(size(shape) for shape in network.shapes.values())
    return max(1, min(TORCH_ROWS, TORCH_VALUES // max(1, values)))


def _torch_form(
    network: Network, weights: Weights, layers: Sequence[str], device: str
) -> Callable[[NDArray[Any]], dict[str, Floats]]:
    try:
        import torch

        from lamina.nets.convert.torch_out import to_torch
    except ModuleNotFoundError as error:
        if error.name != "torch":
            raise
        kinds = sorted({n.layer.kind for n in network.nodes} - set(KERNELS))
        purpose = f"predicting with {', '.join(kinds)}"
        raise MissingExtraError("torch", "torch", purpose) from None
    module = to_torch(network, weights).to(device).eval()

    def run(block: NDArray[Any]) -> dict[str, Floats]:
        with torch.no_grad():
            given = torch.from_numpy(block).to(device)
            values: Any = module(given, outputs=list(layers))
        return {name: values[name].cpu().numpy() for name in layers}

    return run


def _linear(layer: Layer, inputs: Sequence[Floats], given: Given) -> Floats:
    (x,) = inputs
    weight, bias = given["weight"], given.get("bias")
    flat = x.reshape(-1, x.shape[-1])
    if weight.size <= _SMALL:
        # Sums in a fixed order over long columns: the same bits wherever a row stands.
        columns = np.ascontiguousarray(flat.T)
        total = np.multiply.outer(weight[:, 0], columns[0])
        for k in range(1, len(columns)):
            total += np.multiply.outer(weight[:, k], columns[k])
        y = np.ascontiguousarray(total.T)
    else:
        y = flat @ weight.T
    if bias is not None:
        y += bias
    return y.reshape(*x.shape[:-1], len(weight))


def _sigmoid(layer: Layer, inputs: Sequence[Floats], given: Given) -> Floats:
    (x,) = inputs
    small = np.exp(-np.abs(x))
    return np.asarray(np.where(x >= 0, np.float32(1), small) / (np.float32(1) + small), np.float32)


def _softmax(layer: Any, inputs: Sequence[Floats], given: Given) -> Floats:
    (x,) = inputs
    axis = layer.dim if layer.dim < 0 else layer.dim + 1
    raised = np.exp(x - x.max(axis=axis, keepdims=True))
    return np.asarray(raised / raised.sum(axis=axis, keepdims=True), np.float32)


def _gelu(layer: Any, inputs: Sequence[Floats], given: Given) -> Floats:
    (x,) = inputs
    if layer.approximate == "tanh":
        inner = math.sqrt(2 / math.pi) * (x + 0.044715 * x**3)
        return np.asarray(0.5 * x * (1 + np.tanh(inner)), np.float32)
    error: Any = np.frompyfunc(math.erf, 1, 1)(x.astype(np.float64) / math.sqrt(2))
    return np.asarray(0.5 * x * (1 + error.astype(np.float64)), np.float32)


def _leaky(layer: Any, inputs: Sequence[Floats], given: Given) -> Floats:
    (x,) = inputs
    return np.where(x > 0, x, np.float32(layer.negative_slope) * x)


def _concat(layer: Any, inputs: Sequence[Floats], given: Given) -> Floats:
    return np.concatenate(inputs, axis=layer.dim if layer.dim < 0 else layer.dim + 1)


def _sum(layer: Layer, inputs: Sequence[Floats], given: Given) -> Floats:
    total = inputs[0] + inputs[1]
    for x in inputs[2:]:
        total = total + x
    return total


def _flat(layer: Any, inputs: Sequence[Floats], given: Given) -> Floats:
    (x,) = inputs
    shape = layer.output((x.shape[1:],))
    return x.reshape(len(x), *shape)


def _layer_norm(layer: Any, inputs: Sequence[Floats], given: Given) -> Floats:
    (x,) = inputs
    wanted = layer.normalized_shape
    count = 1 if wanted is None or isinstance(wanted, int) else len(wanted)
    flat = x.reshape(*x.shape[: x.ndim - count], -1)
    away = flat - flat.mean(axis=-1, keepdims=True)
    spread = np.sqrt((away * away).mean(axis=-1, keepdims=True) + np.float32(layer.eps))
    y = (away / spread).reshape(x.shape)
    if "weight" in given:
        y = y * given["weight"]
    return np.asarray(y + given["bias"] if "bias" in given else y, np.float32)


def _batch_norm(layer: Any, inputs: Sequence[Floats], given: Given) -> Floats:
    (x,) = inputs
    shape = (-1, *([1] * (x.ndim - 2)))
    scale = 1.0 / np.sqrt(given["running_var"] + np.float32(layer.eps))
    if "weight" in given:
        scale = scale * given["weight"]
    y = (x - given["running_mean"].reshape(shape)) * scale.reshape(shape)
    return np.asarray(y + given["bias"].reshape(shape) if "bias" in given else y, np.float32)


KERNELS: dict[str, Kernel] = {
    "Linear": _linear,
    "ReLU": lambda layer, inputs, given: np.maximum(inputs[0], np.float32(0)),
    "LeakyReLU": _leaky,
    "GELU": _gelu,
    "SiLU": lambda layer, inputs, given: inputs[0] * _sigmoid(layer, inputs, given),
    "Sigmoid": _sigmoid,
    "Tanh": lambda layer, inputs, given: np.tanh(inputs[0]),
    "Softmax": _softmax,
    "Dropout": lambda layer, inputs, given: inputs[0],
    "Flatten": _flat,
    "Reshape": _flat,
    "Add": _sum,
    "Concat": _concat,
    "LayerNorm": _layer_norm,
    "BatchNorm1d": _batch_norm,
    "BatchNorm2d": _batch_norm,
}
"""Layers that NumPy computes; a network with any other layer runs in torch."""
