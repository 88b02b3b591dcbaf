"""Functions and tensor methods of torch as layers; torch.fx's names and aten's are the same."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

from torch import Tensor

from lamina.nets.convert.torch_build import (
    Builder,
    Handler,
    Result,
    Unsupported,
    Wire,
    layer,
    named,
    one,
    place,
    wire,
    wires,
)
from lamina.nets.convert.torch_recurrent import Recurrence, element_of, last_state
from lamina.nets.convert.torch_trace import ROWS, Call
from lamina.nets.convert.torch_weighted import WEIGHTED


def row_axis(call: Call, dim: int, rank: int) -> int:
    """torch's axis, which counts the batch, as a row's. Raises Unsupported for the batch axis."""
    axis = dim + rank + 1 if dim < 0 else dim
    if not 0 < axis <= rank:
        raise Unsupported(f"axis {dim} is the batch axis; rows stay apart")
    return axis - 1


def _activation(kind: str) -> Handler:
    def convert(builder: Builder, call: Call, input: Result, inplace: bool = False) -> Result:
        del inplace
        return builder.add(place(call), layer(kind), wire(input))

    return convert


def _leaky_relu(
    builder: Builder,
    call: Call,
    input: Result,
    negative_slope: float = 0.01,
    inplace: bool = False,
) -> Result:
    del inplace
    made = layer("LeakyReLU", negative_slope=float(negative_slope))
    return builder.add(place(call), made, wire(input))


def _gelu(builder: Builder, call: Call, input: Result, approximate: str = "none") -> Result:
    return builder.add(place(call), layer("GELU", approximate=approximate), wire(input))


def _softmax(
    builder: Builder,
    call: Call,
    input: Result,
    dim: int | None = None,
    dtype: Any = None,
    **options: Any,
) -> Result:
    if dim is None or dtype is not None:
        raise Unsupported("say its dim and leave out dtype")
    del options
    x = wire(input)
    return builder.add(place(call), layer("Softmax", dim=row_axis(call, dim, len(x.shape))), x)


def _dropout(
    builder: Builder, call: Call, input: Result, p: float = 0.5, *modes: bool, **named: bool
) -> Result:
    del modes, named
    return builder.add(place(call), layer("Dropout", p=float(p)), wire(input))


def _same(builder: Builder, call: Call, input: Result, *arguments: Any, **options: Any) -> Result:
    """What changes no value: contiguous, clone, detach, float."""
    del builder, call, arguments, options
    return wire(input)


def _add(builder: Builder, call: Call, input: Result, other: Result, alpha: Any = 1) -> Result:
    if not isinstance(input, Wire) or not isinstance(other, Wire):
        raise Unsupported("Add sums tensors of the network, not numbers or constants")
    if alpha != 1:
        raise Unsupported(f"alpha={alpha} has no counterpart")
    if input.shape != other.shape:
        raise Unsupported(f"Add needs equal shapes; it gets {input.shape} and {other.shape}")
    return builder.add(place(call), layer("Add"), input, other)


def _cat(
    builder: Builder, call: Call, tensors: Sequence[Result], dim: int = 0, **named: Any
) -> Result:
    inputs = wires(tensors)
    axis = row_axis(call, int(named.get("axis", dim)), len(inputs[0].shape))
    if len(inputs) == 1:
        return inputs[0]
    return builder.add(place(call), layer("Concat", dim=axis), *inputs)


def _pool(kind: str) -> Handler:
    def convert(builder: Builder, call: Call, given: dict[str, Any]) -> Result:
        if given.pop("return_indices", False) or given.pop("divisor_override", None) is not None:
            raise Unsupported("return_indices and divisor_override have no counterpart")
        x = wire(given.pop("input"))
        return builder.add(place(call), layer(kind, **{k: one(v) for k, v in given.items()}), x)

    window = "input kernel_size stride padding"
    if kind.startswith("Max"):
        return named(f"{window} dilation ceil_mode return_indices", convert)
    return named(f"{window} ceil_mode count_include_pad divisor_override", convert)


def _adaptive_avg_pool(axes: int) -> Handler:
    def convert(builder: Builder, call: Call, input: Result, output_size: Any) -> Result:
        x = wire(input)
        if axes < 3:
            made = layer(f"AdaptiveAvgPool{axes}d", output_size=one(output_size))
            return builder.add(place(call), made, x)
        if one(output_size) != 1:
            raise Unsupported("output_size other than 1 has no counterpart over three axes")
        return _mean_over(builder, call, x, (1, 2, 3))

    return convert


def _adaptive_max_pool(axes: int) -> Handler:
    def convert(
        builder: Builder, call: Call, input: Result, output_size: Any, return_indices: bool = False
    ) -> Result:
        x = wire(input)
        if one(output_size) != 1 or return_indices:
            raise Unsupported("only output_size=1 has a counterpart")
        return builder.add(place(call), layer(f"MaxPool{axes}d", kernel_size=x.shape[1:]), x)

    return convert


def _interpolate(builder: Builder, call: Call, given: dict[str, Any]) -> Result:
    x = wire(given.pop("input"))
    if given.pop("recompute_scale_factor", None) or given.pop("antialias", False):
        raise Unsupported("recompute_scale_factor and antialias have no counterpart")
    factor = one(given.pop("scale_factor", None))
    if isinstance(factor, int):
        factor = float(factor)
    size = one(given.pop("size", None))
    return builder.add(place(call), layer("Upsample", size=size, scale_factor=factor, **given), x)


def _reshape(builder: Builder, call: Call, input: Result, *shape: Any, **named: Any) -> Result:
    """view, reshape, flatten, squeeze, unsqueeze: the recorded shape says it all."""
    del shape, named
    if isinstance(input, Recurrence):
        return last_state(input, call.value)
    x = wire(input)
    if not isinstance(call.value, Tensor) or call.value.dim() < 2 or len(call.value) != ROWS:
        raise Unsupported("it changes the batch axis; rows stay apart")
    made = tuple(call.value.shape[1:])
    if made == x.shape:
        return x
    flat = len(made) == 1
    return builder.add(place(call), layer("Flatten") if flat else layer("Reshape", shape=made), x)


def _flatten(
    builder: Builder, call: Call, input: Result, start_dim: int = 0, end_dim: int = -1
) -> Result:
    x = wire(input)
    rank = len(x.shape)
    start, end = (row_axis(call, dim, rank) for dim in (start_dim, end_dim))
    if start == end and not call.path:
        return x
    end_setting = -1 if end == rank - 1 else end
    return builder.add(place(call), layer("Flatten", start_dim=start, end_dim=end_setting), x)


def _permute(builder: Builder, call: Call, input: Result, *dims: Any, **named: Any) -> Result:
    x = wire(input)
    given = list(named.get("dims", dims[0] if dims and isinstance(dims[0], list) else dims))
    rank = len(x.shape)
    if not given or given[0] % (rank + 1) != 0:
        raise Unsupported("it moves the batch axis; rows stay apart")
    order = tuple(row_axis(call, dim, rank) for dim in given[1:])
    return builder.add(place(call), layer("Permute", dims=order), x)


def _transpose(builder: Builder, call: Call, input: Result, dim0: int, dim1: int) -> Result:
    x = wire(input)
    order = list(range(len(x.shape)))
    one, other = (row_axis(call, dim, len(order)) for dim in (dim0, dim1))
    order[one], order[other] = order[other], order[one]
    return builder.add(place(call), layer("Permute", dims=order), x)


def _mean(
    builder: Builder,
    call: Call,
    input: Result,
    dim: Any = None,
    keepdim: bool = False,
    **named: Any,
) -> Result:
    x = wire(input)
    if dim is None or named.get("dtype") is not None:
        raise Unsupported("say its dim; the mean over the batch has no counterpart")
    dims = dim if isinstance(dim, list) else [dim]
    axes = tuple(sorted(row_axis(call, one, len(x.shape)) for one in dims))
    del keepdim
    return _mean_over(builder, call, x, axes)


def _mean_over(builder: Builder, call: Call, x: Wire, axes: tuple[int, ...]) -> Wire:
    """The mean over some axes, as the adaptive pool that it is, with reshapes around it."""
    rank = len(x.shape)
    kept = tuple(axis for axis in range(rank) if axis not in axes)
    pooled = x
    if kept == (0,) and rank in (2, 3):
        pooled = builder.add(place(call), layer(f"AdaptiveAvgPool{rank - 1}d", output_size=1), x)
    else:
        if (*kept, *axes) != tuple(range(rank)):
            pooled = builder.add(f"{place(call)}_order", layer("Permute", dims=(*kept, *axes)), x)
        sizes = (math.prod(x.shape[a] for a in kept), math.prod(x.shape[a] for a in axes))
        if pooled.shape != sizes:
            pooled = builder.add(f"{place(call)}_rows", layer("Reshape", shape=sizes), pooled)
        pooled = builder.add(place(call), layer("AdaptiveAvgPool1d", output_size=1), pooled)
    wanted = tuple(call.value.shape[1:])
    if pooled.shape == wanted:
        return pooled
    made = layer("Flatten") if len(wanted) == 1 else layer("Reshape", shape=wanted)
    return builder.add(f"{place(call)}_shape", made, pooled)


def _getitem(builder: Builder, call: Call, value: Result, index: Any) -> Result:
    del builder
    if isinstance(value, Recurrence):
        return element_of(value, index)
    raise Unsupported("picking elements of a tensor has no counterpart")


FUNCTIONS: dict[str, Handler] = {
    **{
        name: _activation(kind)
        for name, kind in {
            "relu": "ReLU",
            "silu": "SiLU",
            "sigmoid": "Sigmoid",
            "tanh": "Tanh",
        }.items()
    },
    "leaky_relu": _leaky_relu,
    "gelu": _gelu,
    "softmax": _softmax,
    "dropout": _dropout,
    **dict.fromkeys(("contiguous", "clone", "detach", "float", "alias"), _same),
    "add": _add,
    **dict.fromkeys(("cat", "concat", "concatenate"), _cat),
    **{f"max_pool{axes}d": _pool(f"MaxPool{axes}d") for axes in (1, 2, 3)},
    **{f"avg_pool{axes}d": _pool(f"AvgPool{axes}d") for axes in (1, 2, 3)},
    **{f"adaptive_avg_pool{axes}d": _adaptive_avg_pool(axes) for axes in (1, 2, 3)},
    **{f"adaptive_max_pool{axes}d": _adaptive_max_pool(axes) for axes in (1, 2, 3)},
    "interpolate": named(
        "input size scale_factor mode align_corners recompute_scale_factor antialias", _interpolate
    ),
    "flatten": _flatten,
    **dict.fromkeys(("view", "reshape", "squeeze", "unsqueeze", "unflatten"), _reshape),
    "permute": _permute,
    **dict.fromkeys(("transpose", "swapaxes"), _transpose),
    "mean": _mean,
    "getitem": _getitem,
    **WEIGHTED,
}
"""Handlers by the function's plain name."""
