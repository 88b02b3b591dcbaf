"""Layers of Keras as layers: one function per kind, found by name in HANDLERS."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import numpy as np

from lamina.nets.convert import keras_sequences as sequences
from lamina.nets.convert import keras_windows as windows
from lamina.nets.convert.keras_build import (
    Builder,
    Floats,
    Tensor,
    Unsupported,
    layer,
    number,
    only,
)
from lamina.nets.convert.keras_graph import Step

ACTIVATIONS = ("relu", "sigmoid", "tanh", "softmax", "gelu", "silu", "swish", "leaky_relu")
"""Activations by Keras's names that have a counterpart, besides "linear"."""

_PLAIN = {"relu": "ReLU", "sigmoid": "Sigmoid", "tanh": "Tanh", "gelu": "GELU"}

Handler = Callable[[Builder, Step, list[Tensor]], Tensor]


def activated(builder: Builder, step: Step, x: Tensor) -> Tensor:
    """What a layer's `activation` makes of its result."""
    name = step.config.get("activation", "linear")
    if name in (None, "linear"):
        return x
    return _activation(builder, f"{step.name}_{name}", name, x)


def _activation(builder: Builder, place: str, name: Any, x: Tensor) -> Tensor:
    if name in ("silu", "swish"):
        return builder.add(place, layer("SiLU"), x)
    if name == "leaky_relu":
        return builder.add(place, layer("LeakyReLU", negative_slope=0.2), x)
    if name == "softmax":
        return builder.add(place, layer("Softmax", dim=x.axis(-1)), x)
    if not isinstance(name, str) or name not in _PLAIN:
        raise Unsupported(
            f"activation {name!r} has no counterpart; known: {', '.join(ACTIVATIONS)}"
        )
    return builder.add(place, layer(_PLAIN[name]), x)


def _single(convert: Callable[[Builder, Step, Tensor], Tensor], then: bool = False) -> Handler:
    """A handler of layers that read one tensor; then: an `activation` follows."""

    def handler(builder: Builder, step: Step, inputs: list[Tensor]) -> Tensor:
        if len(inputs) != 1:
            raise Unsupported(f"it is called with {len(inputs)} tensors")
        made = convert(builder, step, inputs[0])
        return activated(builder, step, made) if then else made

    return handler


def _dense(builder: Builder, step: Step, x: Tensor) -> Tensor:
    x = builder.last(x)
    bias = bool(step.config.get("use_bias", True))
    kernel, *biases = builder.arrays(step, 1 + bias)
    weight = kernel.T
    if x.order is not None and weight.shape[-1] == len(x.order):
        weight = weight[:, x.order]
    units = number(step, "units")
    made = layer("Linear", in_features=x.shape[-1], out_features=units, bias=bias)
    arrays = {"weight": weight, **({"bias": biases[0]} if bias else {})}
    return replace(builder.add(step.name, made, x, arrays=arrays), order=None)


def _named_activation(builder: Builder, step: Step, x: Tensor) -> Tensor:
    name = step.config.get("activation")
    return x if name in (None, "linear") else _activation(builder, step.name, name, x)


def _relu(builder: Builder, step: Step, x: Tensor) -> Tensor:
    only(step, max_value=(None,), threshold=(0, 0.0))
    slope = float(step.config.get("negative_slope") or 0.0)
    made = layer("LeakyReLU", negative_slope=slope) if slope else layer("ReLU")
    return builder.add(step.name, made, x)


def _leaky_relu(builder: Builder, step: Step, x: Tensor) -> Tensor:
    slope = step.config.get("negative_slope", step.config.get("alpha", 0.3))
    return builder.add(step.name, layer("LeakyReLU", negative_slope=float(slope)), x)


def _softmax(builder: Builder, step: Step, x: Tensor) -> Tensor:
    axis = step.config.get("axis", -1)
    if not isinstance(axis, int):
        raise Unsupported(f"axis={axis!r}: one axis has a counterpart")
    return builder.add(step.name, layer("Softmax", dim=x.axis(axis)), x)


def _dropout(builder: Builder, step: Step, x: Tensor) -> Tensor:
    only(step, noise_shape=(None,))
    return builder.add(step.name, layer("Dropout", p=float(step.config.get("rate", 0.5))), x)


def _same(builder: Builder, step: Step, x: Tensor) -> Tensor:
    """What changes no value in prediction and trains nothing."""
    del builder, step
    return x


def _flatten(builder: Builder, step: Step, x: Tensor) -> Tensor:
    only(step, data_format=("channels_last", None))
    if len(x.shape) < 2:
        return x
    # The next Dense takes the values in our order: no need to turn the image for it.
    keeps = x.first and step.target in builder.absorbed
    source = x if keeps else builder.last(x)
    order = None
    if keeps:
        count = math.prod(x.shape)
        grid = np.arange(count, dtype=np.int64).reshape(*x.shape[1:], x.shape[0])
        order = np.moveaxis(grid, -1, 0).ravel()
    made = builder.add(step.name, layer("Flatten"), source)
    return replace(made, first=False, order=order)


def _reshape(builder: Builder, step: Step, x: Tensor) -> Tensor:
    shape = step.config.get("target_shape")
    if not isinstance(shape, list) or not all(isinstance(size, int) for size in shape):
        raise Unsupported(f"target_shape={shape!r} is no shape")
    made = builder.add(step.name, layer("Reshape", shape=tuple(shape)), builder.last(x))
    return replace(made, first=False)


def _permute(builder: Builder, step: Step, x: Tensor) -> Tensor:
    dims = step.config.get("dims")
    if not isinstance(dims, list) or not all(isinstance(dim, int) for dim in dims):
        raise Unsupported(f"dims={dims!r} is no order of axes")
    made = layer("Permute", dims=tuple(dim - 1 for dim in dims))
    return replace(builder.add(step.name, made, builder.last(x)), first=False)


def _batch_norm(builder: Builder, step: Step, x: Tensor) -> Tensor:
    x = builder.first(x)
    if x.axis(_one_axis(step)) != 0:
        raise Unsupported("only the channels, Keras's last axis, have a counterpart")
    scale, center = (bool(step.config.get(key, True)) for key in ("scale", "center"))
    found = builder.arrays(step, 2 + scale + center)
    mean, variance = found[-2:]
    arrays: dict[str, Floats] = {"running_mean": mean, "running_var": variance}
    arrays |= _gains(found[:-2], scale, center, mean)
    if x.order is not None:
        arrays = {key: array[x.order] for key, array in arrays.items()}
    settings: dict[str, Any] = {
        "num_features": x.shape[0],
        "eps": float(step.config.get("epsilon", 1e-3)),
        "momentum": 1.0 - float(step.config.get("momentum", 0.99)),
        "affine": scale or center,
    }
    if len(x.shape) < 4:
        kind = "BatchNorm2d" if len(x.shape) == 3 else "BatchNorm1d"
        return builder.add(step.name, layer(kind, **settings), x, arrays=arrays)
    rows = layer("Reshape", shape=(x.shape[0], x.shape[1], math.prod(x.shape[2:])))
    flat = builder.add(f"{step.name}_rows", rows, x)
    normal = builder.add(step.name, layer("BatchNorm2d", **settings), flat, arrays=arrays)
    return builder.add(f"{step.name}_shape", layer("Reshape", shape=x.shape), normal)


def _layer_norm(builder: Builder, step: Step, x: Tensor) -> Tensor:
    only(step, rms_scaling=(False,))
    x = builder.last(x)
    given = step.config.get("axis", -1)
    axes = sorted(x.axis(axis) for axis in (given if isinstance(given, list) else [given]))
    if axes != list(range(axes[0], len(x.shape))):
        raise Unsupported(f"axis={given!r}: only the last axes have a counterpart")
    scale, center = (bool(step.config.get(key, True)) for key in ("scale", "center"))
    found = builder.arrays(step, scale + center)
    tail = x.shape[axes[0] :]
    made = layer(
        "LayerNorm",
        normalized_shape=tail,
        eps=float(step.config.get("epsilon", 1e-3)),
        elementwise_affine=scale or center,
        bias=center or not scale,
    )
    like = np.zeros(tail, np.float32)
    return builder.add(step.name, made, x, arrays=_gains(found, scale, center, like))


def _group_norm(builder: Builder, step: Step, x: Tensor) -> Tensor:
    x = builder.first(x)
    if x.axis(_one_axis(step)) != 0:
        raise Unsupported("only the channels, Keras's last axis, have a counterpart")
    scale, center = (bool(step.config.get(key, True)) for key in ("scale", "center"))
    groups = step.config.get("groups", 32)
    made = layer(
        "GroupNorm",
        num_groups=x.shape[0] if groups == -1 else groups,
        num_channels=x.shape[0],
        eps=float(step.config.get("epsilon", 1e-3)),
        affine=scale or center,
    )
    like = np.zeros(x.shape[:1], np.float32)
    arrays = _gains(builder.arrays(step, scale + center), scale, center, like)
    return builder.add(step.name, made, x, arrays=arrays)


def _gains(found: list[Floats], scale: bool, center: bool, like: Floats) -> dict[str, Floats]:
    """weight and bias; ones and zeros where Keras has none."""
    weight = found[0] if scale else np.ones_like(like)
    bias = found[-1] if center else np.zeros_like(like)
    return {"weight": weight, "bias": bias}


def _one_axis(step: Step) -> int:
    axis = step.config.get("axis", -1)
    axis = axis[0] if isinstance(axis, list) and len(axis) == 1 else axis
    if not isinstance(axis, int):
        raise Unsupported(f"axis={axis!r}: one axis has a counterpart")
    return axis


def _add(builder: Builder, step: Step, inputs: list[Tensor]) -> Tensor:
    return builder.add(step.name, layer("Add"), *builder.alike(_several(inputs)))


def _concatenate(builder: Builder, step: Step, inputs: list[Tensor]) -> Tensor:
    alike = builder.alike(_several(inputs))
    axis = alike[0].axis(_one_axis(step))
    return builder.add(step.name, layer("Concat", dim=axis), *alike)


def _several(inputs: list[Tensor]) -> list[Tensor]:
    if len(inputs) < 2:
        raise Unsupported(f"it is called with {len(inputs)} tensors; two or more fit")
    return inputs


NEUTRAL = ("Dropout", "Activation", "ReLU", "LeakyReLU", "ActivityRegularization", "Identity")
"""Kinds that treat every value alike, wherever it stands."""

_WINDOWED = (
    *("Conv", "MaxPooling", "AveragePooling", "UpSampling"),
    *("GlobalAveragePooling", "GlobalMaxPooling"),
)

SPATIAL = (
    *(f"{name}{axes}D" for axes in (1, 2, 3) for name in _WINDOWED),
    *("DepthwiseConv2D", "Conv2DTranspose", "BatchNormalization", "GroupNormalization"),
)
"""Kinds that want channels in front."""

HANDLERS: dict[str, Handler] = {
    "Dense": _single(_dense, then=True),
    "Activation": _single(_named_activation),
    "ReLU": _single(_relu),
    "LeakyReLU": _single(_leaky_relu),
    "Softmax": _single(_softmax),
    "Dropout": _single(_dropout),
    "Identity": _single(_same),
    "ActivityRegularization": _single(_same),
    "Flatten": _single(_flatten),
    "Reshape": _single(_reshape),
    "Permute": _single(_permute),
    "BatchNormalization": _single(_batch_norm),
    "LayerNormalization": _single(_layer_norm),
    "GroupNormalization": _single(_group_norm),
    "Embedding": _single(sequences.embedding),
    "LSTM": _single(sequences.recurrent),
    "GRU": _single(sequences.recurrent),
    "Bidirectional": _single(sequences.bidirectional),
    "Add": _add,
    "Concatenate": _concatenate,
    **{f"Conv{n}D": _single(windows.convolution(n), then=True) for n in (1, 2, 3)},
    "DepthwiseConv2D": _single(windows.depthwise, then=True),
    "Conv2DTranspose": _single(windows.transposed, then=True),
    **{f"MaxPooling{n}D": _single(windows.pool("Max", n)) for n in (1, 2, 3)},
    **{f"AveragePooling{n}D": _single(windows.pool("Avg", n)) for n in (1, 2, 3)},
    **{f"GlobalMaxPooling{n}D": _single(windows.global_pool("Max", n)) for n in (1, 2, 3)},
    **{f"GlobalAveragePooling{n}D": _single(windows.global_pool("Avg", n)) for n in (1, 2, 3)},
    **{f"UpSampling{n}D": _single(windows.upsample(n)) for n in (1, 2, 3)},
}
"""Handlers by Keras's class name."""
