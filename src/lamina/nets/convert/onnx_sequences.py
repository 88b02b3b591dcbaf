"""Recurrent layers and attention as ONNX operators."""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray

from lamina.nets.convert.onnx_graph import Place

_LSTM_ORDER = (0, 3, 1, 2)
"""Torch's gates (input, forget, cell, output) in ONNX's order: input, output, forget, cell."""

_GRU_ORDER = (1, 0, 2)
"""Torch's gates (reset, update, new) in ONNX's order: update, reset, hidden."""


def lstm(place: Place) -> str:
    """LSTM, one operator per layer."""
    return _recurrent(place, "LSTM", _LSTM_ORDER, {})


def gru(place: Place) -> str:
    """GRU, one operator per layer; the reset gate acts behind the product, as in torch."""
    return _recurrent(place, "GRU", _GRU_ORDER, {"linear_before_reset": 1})


def attention(place: Place) -> str:
    """Scaled dot-product attention, written out."""
    layer, width = place.layer, place.shape[1]
    heads, depth = layer.num_heads, width // layer.num_heads
    sources = place.sources if len(place.sources) == 3 else place.sources * 3
    shapes = place.inputs if len(place.inputs) == 3 else place.inputs * 3
    parts = []
    for index, (source, shape) in enumerate(zip(sources, shapes, strict=True)):
        projected = _projected(place, source, index, width)
        split = place.reshaped(projected, shape[0], heads, depth)
        parts.append(
            place.add("Transpose", split, perm=[0, 2, 3, 1] if index == 1 else [0, 2, 1, 3])
        )
    query, key, value = parts
    scaled = place.add("Mul", query, place.floats(1.0 / math.sqrt(depth), "scale"))
    shares = place.add("Softmax", place.add("MatMul", scaled, key), axis=-1)
    joined = place.add("Transpose", place.add("MatMul", shares, value), perm=[0, 2, 1, 3])
    rows = place.reshaped(joined, place.shape[0], width)
    out = place.floats(place.weight("out_proj.weight").T, "out_proj.weight")
    if not layer.bias:
        return place.end("MatMul", [rows, out])
    return place.end("Add", [place.add("MatMul", rows, out), place.parameter("out_proj.bias")])


def _projected(place: Place, source: str, index: int, width: int) -> str:
    """Query (0), key (1) or value (2), projected to the layer's width."""
    rows = slice(index * width, (index + 1) * width)
    name = "qkv"[index]
    if place.has("in_proj_weight"):
        weight = place.weight("in_proj_weight")[rows]
    else:
        weight = place.weight(f"{name}_proj_weight")
    product = place.add("MatMul", source, place.floats(weight.T, f"{name}_proj_weight"))
    if not place.layer.bias:
        return product
    bias = place.floats(place.weight("in_proj_bias")[rows], f"{name}_proj_bias")
    return place.add("Add", product, bias)


def _recurrent(place: Place, kind: str, order: tuple[int, ...], attributes: dict[str, int]) -> str:
    layer = place.layer
    ways = ("", "_reverse") if layer.bidirectional else ("",)
    direction = "bidirectional" if layer.bidirectional else "forward"
    steps, hidden = place.shape[0], layer.hidden_size
    x = place.add("Transpose", place.x, perm=[1, 0, 2])
    for level in range(layer.num_layers):
        inputs = [x, *_gates(place, level, ways, order)]
        sequence = place.add(kind, *inputs, hidden_size=hidden, direction=direction, **attributes)
        # (steps, ways, rows, hidden) becomes (steps, rows, ways x hidden) for the next layer.
        turned = place.add("Transpose", sequence, perm=[0, 2, 1, 3])
        shape = place.constant(np.array([0, 0, len(ways) * hidden], np.int64), "shape")
        x = place.add("Reshape", turned, shape)
    if not layer.last:
        return place.end("Transpose", [x], perm=[1, 0, 2])
    index = place.constant(np.array(steps - 1, np.int64), "last")
    return place.end("Gather", [x, index], axis=0)


def _gates(place: Place, level: int, ways: tuple[str, ...], order: tuple[int, ...]) -> list[str]:
    """W, R and B of one layer, stacked over directions, gates in ONNX's order."""

    def stacked(name: str) -> NDArray[np.float32]:
        arrays = [place.weight(f"{name}_l{level}{way}") for way in ways]
        return np.stack([_reordered(array, order) for array in arrays])

    found = [
        place.floats(stacked("weight_ih"), f"W{level}"),
        place.floats(stacked("weight_hh"), f"R{level}"),
    ]
    if place.layer.bias:
        biases = np.concatenate([stacked("bias_ih"), stacked("bias_hh")], axis=1)
        found.append(place.floats(biases, f"B{level}"))
    return found


def _reordered(array: NDArray[np.float32], order: tuple[int, ...]) -> NDArray[np.float32]:
    gates = np.split(array, len(order))
    return np.concatenate([gates[gate] for gate in order])
