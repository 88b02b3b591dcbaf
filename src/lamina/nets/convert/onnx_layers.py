"""Layers as ONNX operators: one function per kind, found by name in EXPORTERS."""

from __future__ import annotations

import math
from collections.abc import Callable

import numpy as np

from lamina.nets.convert.onnx_graph import Place
from lamina.nets.convert.onnx_sequences import attention, gru, lstm
from lamina.nets.convert.onnx_windows import (
    adaptive_average,
    average_pool,
    convolution,
    max_pool,
    transposed_convolution,
    upsample,
)

Exporter = Callable[[Place], str]
"""Adds a layer's operators and returns the name of their result."""


class Refusal(Exception):  # noqa: N818 - not an error a user meets: to_onnx collects it
    """Why a layer has no counterpart in ONNX."""


def _plain(kind: str) -> Exporter:
    return lambda place: place.end(kind, [place.x])


def _linear(place: Place) -> str:
    weight = place.weight("weight")
    if len(place.shape) == 1:
        bias = [place.parameter("bias")] if place.layer.bias else []
        return place.end("Gemm", [place.x, place.parameter("weight"), *bias], transB=1)
    transposed = place.floats(weight.T, "weight")
    if not place.layer.bias:
        return place.end("MatMul", [place.x, transposed])
    product = place.add("MatMul", place.x, transposed)
    return place.end("Add", [product, place.parameter("bias")])


def _leaky_relu(place: Place) -> str:
    return place.end("LeakyRelu", [place.x], alpha=float(place.layer.negative_slope))


def _gelu(place: Place) -> str:
    half = place.floats(0.5, "half")
    one = place.floats(1.0, "one")
    if place.layer.approximate == "tanh":
        cube = place.add("Mul", place.add("Mul", place.x, place.x), place.x)
        bent = place.add("Mul", cube, place.floats(0.044715, "cubic"))
        bent = place.add("Add", place.x, bent)
        root = place.floats(math.sqrt(2.0 / math.pi), "root")
        curve = place.add("Tanh", place.add("Mul", bent, root))
    else:
        curve = place.add("Erf", place.add("Mul", place.x, place.floats(math.sqrt(0.5), "root")))
    share = place.add("Mul", place.add("Add", curve, one), half)
    return place.end("Mul", [place.x, share])


def _silu(place: Place) -> str:
    return place.end("Mul", [place.x, place.add("Sigmoid", place.x)])


def _softmax(place: Place) -> str:
    return place.end("Softmax", [place.x], axis=_axis(place.layer.dim))


def _dropout(place: Place) -> str:
    return place.end("Identity", [place.x])


def _reshape(place: Place) -> str:
    return place.end("Reshape", [place.x, place.shape_of(*place.output)])


def _permute(place: Place) -> str:
    return place.end("Transpose", [place.x], perm=[0, *(axis + 1 for axis in place.layer.dims)])


def _embedding(place: Place) -> str:
    return place.end("Gather", [place.parameter("weight"), place.x], axis=0)


def _add(place: Place) -> str:
    return place.end("Sum", place.sources)


def _concat(place: Place) -> str:
    return place.end("Concat", place.sources, axis=_axis(place.layer.dim))


def _batch_norm(place: Place) -> str:
    layer, channels = place.layer, place.shape[0]
    if not layer.track_running_stats:
        raise Refusal("without running statistics it depends on the other rows of a batch")
    if layer.affine:
        gains = [place.parameter("weight"), place.parameter("bias")]
    else:
        gains = [place.floats(np.ones(channels), "ones"), place.floats(np.zeros(channels), "zeros")]
    statistics = [place.parameter("running_mean"), place.parameter("running_var")]
    return place.end("BatchNormalization", [place.x, *gains, *statistics], epsilon=float(layer.eps))


def _layer_norm(place: Place) -> str:
    layer = place.layer
    given = layer.normalized_shape
    tail = (given,) if isinstance(given, int) else given or place.shape[-1:]
    if layer.elementwise_affine:
        gains = [place.parameter("weight"), *([place.parameter("bias")] if layer.bias else [])]
    else:
        gains = [place.floats(np.ones(tail), "ones")]
    return place.end(
        "LayerNormalization", [place.x, *gains], axis=-len(tail), epsilon=float(layer.eps)
    )


def _group_norm(place: Place) -> str:
    layer, groups = place.layer, place.layer.num_groups
    grouped = place.reshaped(place.x, groups, -1)
    ones, zeros = place.floats(np.ones(groups), "ones"), place.floats(np.zeros(groups), "zeros")
    normal = place.add("InstanceNormalization", grouped, ones, zeros, epsilon=float(layer.eps))
    if not layer.affine:
        return place.end("Reshape", [normal, place.shape_of(*place.shape)])
    spread = (place.shape[0], *[1] * (len(place.shape) - 1))
    scaled = place.add(
        "Mul",
        place.reshaped(normal, *place.shape),
        place.floats(place.weight("weight").reshape(spread), "weight"),
    )
    return place.end("Add", [scaled, place.floats(place.weight("bias").reshape(spread), "bias")])


def _axis(dim: int) -> int:
    """A row's axis as ONNX counts it, with the batch."""
    return dim if dim < 0 else dim + 1


EXPORTERS: dict[str, Exporter] = {
    "Linear": _linear,
    "ReLU": _plain("Relu"),
    "Sigmoid": _plain("Sigmoid"),
    "Tanh": _plain("Tanh"),
    "LeakyReLU": _leaky_relu,
    "GELU": _gelu,
    "SiLU": _silu,
    "Softmax": _softmax,
    "Dropout": _dropout,
    "Flatten": _reshape,
    "Reshape": _reshape,
    "Permute": _permute,
    "Embedding": _embedding,
    "Add": _add,
    "Concat": _concat,
    "BatchNorm1d": _batch_norm,
    "BatchNorm2d": _batch_norm,
    "LayerNorm": _layer_norm,
    "GroupNorm": _group_norm,
    **dict.fromkeys(("Conv1d", "Conv2d", "Conv3d"), convolution),
    "ConvTranspose2d": transposed_convolution,
    **dict.fromkeys(("MaxPool1d", "MaxPool2d", "MaxPool3d"), max_pool),
    **dict.fromkeys(("AvgPool1d", "AvgPool2d", "AvgPool3d"), average_pool),
    **dict.fromkeys(("AdaptiveAvgPool1d", "AdaptiveAvgPool2d"), adaptive_average),
    "Upsample": upsample,
    "LSTM": lstm,
    "GRU": gru,
    "MultiheadAttention": attention,
}
"""Exporters by the layer's kind; a plug-in may add its own."""
