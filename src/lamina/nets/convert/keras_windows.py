"""Convolutions, pools and upsampling of Keras, channels last, as layers with channels first."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import numpy as np

from lamina.nets.convert.keras_build import (
    Builder,
    Floats,
    Tensor,
    Unsupported,
    layer,
    number,
    numbers,
    only,
)
from lamina.nets.convert.keras_graph import Step
from lamina.nets.layers import Layer

Handler = Callable[[Builder, Step, Tensor], Tensor]


def convolution(axes: int) -> Handler:
    """Conv1D, Conv2D, Conv3D."""

    def convert(builder: Builder, step: Step, x: Tensor) -> Tensor:
        only(step, data_format=("channels_last", None), padding=("same", "valid"))
        x = builder.first(x)
        bias = bool(step.config.get("use_bias", True))
        kernel, *biases = builder.arrays(step, 1 + bias)
        if kernel.ndim != axes + 2:
            raise Unsupported(f"its kernel has {kernel.ndim} axes")
        weight = np.moveaxis(kernel, (-1, -2), (0, 1))
        return _convolved(builder, step, x, weight, biases)

    return convert


def depthwise(builder: Builder, step: Step, x: Tensor) -> Tensor:
    """DepthwiseConv2D: a convolution with a group per channel."""
    only(step, data_format=("channels_last", None), padding=("same", "valid"))
    x = builder.first(x)
    bias = bool(step.config.get("use_bias", True))
    kernel, *biases = builder.arrays(step, 1 + bias)
    if kernel.ndim != 4:
        raise Unsupported(f"its kernel has {kernel.ndim} axes")
    height, width, channels, times = kernel.shape
    weight = kernel.transpose(2, 3, 0, 1).reshape(channels * times, 1, height, width)
    return _convolved(builder, step, x, weight, biases, groups=channels)


def transposed(builder: Builder, step: Step, x: Tensor) -> Tensor:
    """Conv2DTranspose; "same" cuts what the kernel has more cells than the stride."""
    only(
        step,
        data_format=("channels_last", None),
        padding=("same", "valid"),
        dilation_rate=(1, [1, 1]),
        output_padding=(None,),
    )
    x = builder.first(x)
    kernel_size, strides = numbers(step, "kernel_size", 2), numbers(step, "strides", 2)
    pairs = list(zip(kernel_size, strides, strict=True))
    same = step.config.get("padding") == "same"
    cuts = [max(0, k - s) if same else 0 for k, s in pairs]
    bias = bool(step.config.get("use_bias", True))
    kernel, *biases = builder.arrays(step, 1 + bias)
    # An uneven cut takes one cell more behind; as in _convolved, a zero in front makes it even.
    odd = [(cut % 2, 0) for cut in cuts]
    weight = np.pad(kernel.transpose(3, 2, 0, 1), [(0, 0), (0, 0), *odd])
    made = layer(
        "ConvTranspose2d",
        in_channels=x.shape[0],
        out_channels=number(step, "filters"),
        kernel_size=weight.shape[2:],
        stride=strides,
        padding=tuple(cut - cut // 2 for cut in cuts),
        output_padding=tuple(max(0, s - k) for k, s in pairs),
        bias=bias,
    )
    return builder.add(step.name, made, x, arrays=_arrays(weight, biases))


def pool(kind: str, axes: int) -> Handler:
    """MaxPooling and AveragePooling; "same" ends with a window that sticks out."""

    def convert(builder: Builder, step: Step, x: Tensor) -> Tensor:
        only(step, data_format=("channels_last", None), padding=("same", "valid"))
        x = builder.first(x)
        size = numbers(step, "pool_size", axes, 2)
        strides = numbers(step, "strides", axes, list(size))
        settings: dict[str, Any] = {"kernel_size": size, "stride": strides}
        if step.config.get("padding") == "same":
            before, _ = _same(x.shape[1:], size, strides)
            settings |= {"padding": tuple(before), "ceil_mode": True}
            settings |= {} if kind == "Max" else {"count_include_pad": False}
        made = layer(f"{kind}Pool{axes}d", **settings)
        wanted = _places(step, x.shape[1:], size, strides)
        result = builder.add(step.name, made, x)
        if result.shape[1:] != wanted:
            raise Unsupported(f"pool {size} with strides {strides} on {x.shape[1:]} is uneven")
        return result

    return convert


def global_pool(kind: str, axes: int) -> Handler:
    """GlobalAveragePooling and GlobalMaxPooling."""

    def convert(builder: Builder, step: Step, x: Tensor) -> Tensor:
        only(step, data_format=("channels_last", None))
        x = builder.first(x)
        if kind == "Max":
            made = layer(f"MaxPool{axes}d", kernel_size=x.shape[1:])
            pooled = builder.add(step.name, made, x)
        elif axes < 3:
            pooled = builder.add(step.name, layer(f"AdaptiveAvgPool{axes}d", output_size=1), x)
        else:
            rows = layer("Reshape", shape=(x.shape[0], math.prod(x.shape[1:])))
            flat = builder.add(f"{step.name}_rows", rows, x)
            pooled = builder.add(step.name, layer("AdaptiveAvgPool1d", output_size=1), flat)
        if step.config.get("keepdims"):
            shape = (x.shape[0], *[1] * axes)
            if pooled.shape == shape:
                return pooled
            return builder.add(f"{step.name}_shape", layer("Reshape", shape=shape), pooled)
        flattened = builder.add(f"{step.name}_flat", layer("Flatten"), pooled)
        return replace(flattened, first=False)

    return convert


def upsample(axes: int) -> Handler:
    """UpSampling1D, 2D and 3D."""

    def convert(builder: Builder, step: Step, x: Tensor) -> Tensor:
        only(
            step,
            data_format=("channels_last", None),
            interpolation=("nearest", "bilinear"),
        )
        x = builder.first(x)
        size = numbers(step, "size", axes, 2)
        mode = step.config.get("interpolation", "nearest")
        made = layer("Upsample", scale_factor=tuple(map(float, size)), mode=mode)
        return builder.add(step.name, made, x)

    return convert


def _convolved(
    builder: Builder,
    step: Step,
    x: Tensor,
    weight: Floats,
    biases: list[Floats],
    groups: int = 0,
) -> Tensor:
    axes = weight.ndim - 2
    groups = groups or number(step, "groups", 1)
    strides, dilation = numbers(step, "strides", axes), numbers(step, "dilation_rate", axes)
    padding: Any = 0
    if step.config.get("padding") == "same":
        padding = "same"
        if set(strides) != {1}:
            before, after = _same(x.shape[1:], weight.shape[2:], strides)
            # Keras pads one cell more behind than in front; as much on both sides and a kernel
            # that begins with a zero there computes the same.
            extra = [b - a for a, b in zip(before, after, strict=True)]
            weight = np.pad(weight, [(0, 0), (0, 0), *((e, 0) for e in extra)])
            padding = tuple(after)
    made: Layer = layer(
        f"Conv{axes}d",
        in_channels=weight.shape[1] * groups,
        out_channels=weight.shape[0],
        kernel_size=weight.shape[2:],
        stride=strides,
        padding=padding,
        dilation=dilation,
        groups=groups,
        bias=bool(biases),
    )
    return builder.add(step.name, made, x, arrays=_arrays(weight, biases))


def _arrays(weight: Floats, biases: list[Floats]) -> dict[str, Floats]:
    return {"weight": weight, **({"bias": biases[0]} if biases else {})}


def _same(
    sizes: tuple[int, ...], kernel: tuple[int, ...], strides: tuple[int, ...]
) -> tuple[list[int], list[int]]:
    """Cells that padding "same" adds in front and behind, on each axis."""
    before, after = [], []
    for size, reach, stride in zip(sizes, kernel, strides, strict=True):
        total = max(0, (math.ceil(size / stride) - 1) * stride + reach - size)
        before.append(total // 2)
        after.append(total - total // 2)
    return before, after


def _places(
    step: Step, sizes: tuple[int, ...], pool_size: tuple[int, ...], strides: tuple[int, ...]
) -> tuple[int, ...]:
    pairs = zip(sizes, pool_size, strides, strict=True)
    if step.config.get("padding") == "same":
        return tuple(math.ceil(size / stride) for size, _, stride in pairs)
    return tuple((size - reach) // stride + 1 for size, reach, stride in pairs)
