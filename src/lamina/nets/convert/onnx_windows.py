"""Convolutions, pools and upsampling as ONNX operators."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
from numpy.typing import NDArray

from lamina.nets.convert.onnx_graph import Place
from lamina.nets.layers.windows import spread

_PAD_MODES = {"reflect": "reflect", "replicate": "edge"}
_RESIZE: dict[str, dict[str, Any]] = {
    "nearest": {
        "mode": "nearest",
        "nearest_mode": "floor",
        "coordinate_transformation_mode": "asymmetric",
    },
    "nearest-exact": {
        "mode": "nearest",
        "nearest_mode": "round_prefer_ceil",
        "coordinate_transformation_mode": "half_pixel",
    },
    "linear": {"mode": "linear"},
    "bilinear": {"mode": "linear"},
    "trilinear": {"mode": "linear"},
    "bicubic": {"mode": "cubic", "cubic_coeff_a": -0.75},
}


def convolution(place: Place) -> str:
    """Conv; paddings other than zeros are operators of their own in front."""
    layer, axes = place.layer, place.layer.axes
    kernel = spread("kernel_size", layer.kernel_size, axes, 1)
    dilation = spread("dilation", layer.dilation, axes, 1)
    if layer.padding == "same":
        total = [d * (k - 1) for d, k in zip(dilation, kernel, strict=True)]
        begins = [t // 2 for t in total]
        ends = [t - b for t, b in zip(total, begins, strict=True)]
    else:
        padding = 0 if layer.padding == "valid" else layer.padding
        begins = ends = list(spread("padding", padding, axes, 0))
    x = place.x
    if layer.padding_mode != "zeros":
        x = _padded(place, x, begins, ends)
        begins = ends = [0] * axes
    bias = [place.parameter("bias")] if layer.bias else []
    return place.end(
        "Conv",
        [x, place.parameter("weight"), *bias],
        kernel_shape=list(kernel),
        strides=list(spread("stride", layer.stride, axes, 1)),
        pads=[*begins, *ends],
        dilations=list(dilation),
        group=layer.groups,
    )


def transposed_convolution(place: Place) -> str:
    """ConvTranspose; output_padding as less padding at the end, and zeros where that is not enough.

    onnxruntime refuses an output_padding that reaches the stride, which dilation allows in torch.
    """
    layer = place.layer
    begins = spread("padding", layer.padding, 2, 0)
    more = spread("output_padding", layer.output_padding, 2, 0)
    ends = [max(0, b - m) for b, m in zip(begins, more, strict=True)]
    missing = [max(0, m - b) for b, m in zip(begins, more, strict=True)]
    attributes = {
        "kernel_shape": list(spread("kernel_size", layer.kernel_size, 2, 1)),
        "strides": list(spread("stride", layer.stride, 2, 1)),
        "pads": [*begins, *ends],
        "dilations": list(spread("dilation", layer.dilation, 2, 1)),
        "group": layer.groups,
    }
    weight = place.parameter("weight")
    if not any(missing):
        bias = [place.parameter("bias")] if layer.bias else []
        return place.end("ConvTranspose", [place.x, weight, *bias], **attributes)
    # onnxruntime also refuses an output that is empty before it is padded: padding is cut off here.
    made = place.add("ConvTranspose", place.x, weight, **{**attributes, "pads": [0, 0, 0, 0]})
    made = _constant_padded(
        place, made, [-b for b in begins], [m - b for b, m in zip(begins, more, strict=True)], 0.0
    )
    if not layer.bias:
        return place.end("Identity", [made])
    return place.end("Add", [made, place.floats(place.weight("bias")[:, None, None], "bias")])


def max_pool(place: Place) -> str:
    """MaxPool, with the padding at the end that ceil_mode amounts to."""
    kernel, stride, begins, ends = _window(place)
    dilation = spread("dilation", place.layer.dilation, place.layer.axes, 1)
    x = place.x
    if any(e >= k for e, k in zip(ends, kernel, strict=True)):
        # onnxruntime takes no padding as wide as the kernel, which dilation may ask for.
        x = _constant_padded(place, x, begins, ends, -math.inf)
        begins = ends = [0] * len(kernel)
    return place.end(
        "MaxPool",
        [x],
        kernel_shape=kernel,
        strides=stride,
        pads=[*begins, *ends],
        dilations=list(dilation),
    )


def average_pool(place: Place) -> str:
    """AveragePool; cells that only ceil_mode adds never count, as in torch."""
    kernel, stride, begins, ends = _window(place)
    x, counted = place.x, place.layer.count_include_pad
    if counted and any(begins) and ends != begins:
        x = _constant_padded(place, x, begins, begins, 0.0)
        ends = [max(0, e - b) for e, b in zip(ends, begins, strict=True)]
        begins = [0] * len(begins)
    counts_padding = counted and begins == ends
    return place.end(
        "AveragePool",
        [x],
        kernel_shape=kernel,
        strides=stride,
        pads=[*begins, *ends],
        count_include_pad=int(counts_padding),
    )


def adaptive_average(place: Place) -> str:
    """GlobalAveragePool, or products with matrices that average each share."""
    sizes, wanted = place.shape[1:], place.output[1:]
    if all(size == 1 for size in wanted):
        return place.end("GlobalAveragePool", [place.x])
    last = place.floats(_shares(sizes[-1], wanted[-1]).T, "columns")
    if len(sizes) == 1:
        return place.end("MatMul", [place.x, last])
    first = place.floats(_shares(sizes[0], wanted[0]), "rows")
    return place.end("MatMul", [place.add("MatMul", first, place.x), last])


def upsample(place: Place) -> str:
    """Resize: by sizes, or by the scales that torch computes its coordinates from."""
    layer = place.layer
    attributes = dict(_RESIZE[layer.mode])
    if attributes["mode"] != "nearest":
        corners = "align_corners" if layer.align_corners else "half_pixel"
        attributes["coordinate_transformation_mode"] = corners
    given, sizes = layer.scale_factor, place.shape[1:]
    factors = given if isinstance(given, tuple) else (given,) * len(sizes)
    if given is None or layer.align_corners:
        start, stop = (place.constant(np.array([n], np.int64), "axis") for n in (0, 2))
        head = place.add("Slice", place.add("Shape", place.x), start, stop)
        tail = place.constant(np.array(place.output[1:], np.int64), "sizes")
        whole = place.add("Concat", head, tail, axis=0)
        return place.end("Resize", [place.x, "", "", whole], **attributes)
    scales = place.floats([1.0, 1.0, *map(float, factors)], "scales")
    return place.end("Resize", [place.x, "", scales], **attributes)


def _window(place: Place) -> tuple[list[int], list[int], list[int], list[int]]:
    """Kernel, stride, and the padding at begin and end; ceil_mode as padding at the end."""
    layer, axes = place.layer, place.layer.axes
    kernel = spread("kernel_size", layer.kernel_size, axes, 1)
    stride = kernel if layer.stride is None else spread("stride", layer.stride, axes, 1)
    begins = spread("padding", layer.padding, axes, 0)
    if not layer.ceil_mode:
        return list(kernel), list(stride), list(begins), list(begins)
    dilation = spread("dilation", getattr(layer, "dilation", 1), axes, 1)
    ends = []
    for axis in range(axes):
        reach = dilation[axis] * (kernel[axis] - 1) + 1
        needed = (place.output[axis + 1] - 1) * stride[axis] + reach
        ends.append(max(0, needed - place.shape[axis + 1] - begins[axis]))
    return list(kernel), list(stride), list(begins), ends


def _padded(place: Place, x: str, begins: list[int], ends: list[int]) -> str:
    mode = place.layer.padding_mode
    if mode in _PAD_MODES:
        pads = np.array([0, 0, *begins, 0, 0, *ends], np.int64)
        return place.add("Pad", x, place.constant(pads, "pads"), mode=_PAD_MODES[mode])
    for axis, (begin, end) in enumerate(zip(begins, ends, strict=True)):
        size = place.shape[axis + 1]
        parts = [
            *([_slice(place, x, axis + 2, size - begin, size)] if begin else []),
            x,
            *([_slice(place, x, axis + 2, 0, end)] if end else []),
        ]
        x = place.add("Concat", *parts, axis=axis + 2) if len(parts) > 1 else x
    return x


def _constant_padded(place: Place, x: str, begins: list[int], ends: list[int], value: float) -> str:
    pads = place.constant(np.array([0, 0, *begins, 0, 0, *ends], np.int64), "pads")
    return place.add("Pad", x, pads, place.floats(value, "outside"), mode="constant")


def _slice(place: Place, x: str, axis: int, start: int, stop: int) -> str:
    bounds = [place.constant(np.array([n], np.int64), "slice") for n in (start, stop, axis)]
    return place.add("Slice", x, *bounds)


def _shares(size: int, wanted: int) -> NDArray[np.float64]:
    """(wanted, size): each row averages one share, with torch's bounds of shares."""
    matrix = np.zeros((wanted, size))
    for row in range(wanted):
        start, stop = row * size // wanted, math.ceil((row + 1) * size / wanted)
        matrix[row, start:stop] = 1.0 / (stop - start)
    return matrix
