"""Functions of torch that are given their weights (F.linear, aten.conv2d, ...) as layers."""

from __future__ import annotations

from typing import Any

from torch import Tensor
from torch._ops import OpOverload

from lamina.nets.convert.torch_build import (
    Builder,
    Handler,
    Result,
    Unsupported,
    layer,
    named,
    one,
    wire,
)
from lamina.nets.convert.torch_trace import Call

_TENSORS = ("weight", "bias", "running_mean", "running_var")


def _linear(builder: Builder, call: Call, given: dict[str, Any]) -> Result:
    tensors = _tensors(builder, call, given)
    out, taken = tensors["weight"].shape
    made = layer("Linear", in_features=taken, out_features=out, bias="bias" in tensors)
    return builder.add(_owner(call), made, wire(given["input"]), tensors=tensors)


def _conv(axes: int) -> Handler:
    def convert(builder: Builder, call: Call, given: dict[str, Any]) -> Result:
        tensors = _tensors(builder, call, given)
        out, taken, *kernel = tensors["weight"].shape
        groups = given.get("groups", 1)
        told = {key: one(given.get(key)) for key in ("stride", "padding", "dilation")}
        made = layer(
            f"Conv{axes}d",
            in_channels=taken * groups,
            out_channels=out,
            kernel_size=one(kernel),
            groups=groups,
            bias="bias" in tensors,
            **told,
        )
        return builder.add(_owner(call), made, wire(given["input"]), tensors=tensors)

    return named("input weight bias stride padding dilation groups", convert)


def _batch_norm(builder: Builder, call: Call, given: dict[str, Any]) -> Result:
    tensors, x = _tensors(builder, call, given), wire(given["input"])
    made = layer(
        "BatchNorm2d" if len(x.shape) == 3 else "BatchNorm1d",
        num_features=x.shape[0],
        eps=given.get("eps"),
        momentum=given.get("momentum"),
        affine="weight" in tensors,
        track_running_stats="running_mean" in tensors,
    )
    return builder.add(_owner(call), made, x, tensors=tensors)


def _layer_norm(builder: Builder, call: Call, given: dict[str, Any]) -> Result:
    tensors = _tensors(builder, call, given)
    made = layer(
        "LayerNorm",
        normalized_shape=tuple(given["normalized_shape"]),
        eps=given.get("eps"),
        elementwise_affine="weight" in tensors,
        bias="bias" in tensors or "weight" not in tensors,
    )
    return builder.add(_owner(call), made, wire(given["input"]), tensors=tensors)


def _group_norm(builder: Builder, call: Call, given: dict[str, Any]) -> Result:
    tensors, x = _tensors(builder, call, given), wire(given["input"])
    made = layer(
        "GroupNorm",
        num_groups=given["num_groups"],
        num_channels=x.shape[0],
        eps=given.get("eps"),
        affine="weight" in tensors,
    )
    return builder.add(_owner(call), made, x, tensors=tensors)


def _tensors(builder: Builder, call: Call, given: dict[str, Any]) -> dict[str, Tensor]:
    """Tensors that the function is given as weights; each belongs to one layer only."""
    tensors = {key: given[key] for key in _TENSORS if given.get(key) is not None}
    for key, tensor in tensors.items():
        if not isinstance(tensor, Tensor):
            raise Unsupported(f"its {key} is computed by the network")
        builder.claim(tensor, call.label)
    return tensors


def _owner(call: Call) -> str:
    """The name of the module that owns the weights ("fc" of fc.weight)."""
    for node in call.node.all_input_nodes:
        path, _, last = str(node.target).rpartition(".")
        if node.op == "get_attr" and last == "weight" and path:
            return path
    return call.node.name


_ATEN_NORM = "input weight bias running_mean running_var training momentum eps cudnn_enabled"
_TORCH_NORM = "input running_mean running_var weight bias training momentum eps"


def _batch_norm_of(builder: Builder, call: Call, *arguments: Any, **options: Any) -> Result:
    """aten.batch_norm and torch.nn.functional.batch_norm differ in their order."""
    aten = isinstance(call.node.target, OpOverload)
    handler = named(_ATEN_NORM if aten else _TORCH_NORM, _batch_norm)
    return handler(builder, call, *arguments, **options)


WEIGHTED: dict[str, Handler] = {
    "linear": named("input weight bias", _linear),
    **{f"conv{axes}d": _conv(axes) for axes in (1, 2, 3)},
    "batch_norm": _batch_norm_of,
    "layer_norm": named("input normalized_shape weight bias eps cudnn_enable", _layer_norm),
    "group_norm": named("input num_groups weight bias eps cudnn_enabled", _group_norm),
}
"""Handlers by the function's plain name."""
