"""How each layer runs for several members at once: one rule per module."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import torch
import torch.nn.functional as F  # noqa: N812 - torch's own customary name
from torch import Tensor, nn
from torch.func import functional_call, vmap

from lamina.nets.convert.modules import Add, Concat, Permute, Reshape, SelfAttention
from lamina.nets.layers import Shape
from lamina.nets.layers.activations import Activation
from lamina.training.engines.torch_data import rows_last
from lamina.training.engines.torch_steps import Step

Function = Callable[..., Tensor]
Arrays = Mapping[str, Tensor]
"""Stacked arrays of one layer by torch's names, (members, ...)."""


@dataclass(frozen=True, eq=False)
class Place:
    """Where a layer is made: the step, its stacked arrays, the members, what reaches it."""

    step: Step
    arrays: Arrays
    members: int
    layouts: tuple[str, ...]
    mask: Callable[[], Tensor | None]
    """(members, rows) one for real rows, zero for fillers; None when all are real."""
    drop: Callable[[Shape, float], Tensor]
    """A dropout mask (members, rows, *shape) for the current batch."""


@dataclass(frozen=True, eq=False)
class Made:
    """A layer for all members: its function, the layout it wants, the layout it gives."""

    run: Function
    wants: str
    gives: str


Rule = Callable[[Place], Made]


def make(place: Place) -> Made:
    """A step for all members at once.

    Raises:
        ValueError: the layer can only run for one member at a time.
    """
    if reason := unfoldable(place.step):
        raise ValueError(reason)
    rule = RULES.get(type(place.step.module))
    if rule is None:
        is_activation = isinstance(place.step.layer, Activation)
        rule = _elementwise if is_activation else _mapped
    return rule(place)


def unfoldable(step: Step) -> str:
    """Why a step can only run for one member at a time; empty when it can for several."""
    kind = step.layer.kind
    if isinstance(step.module, nn.RNNBase):
        return f"{kind} has no form for several members"
    return f"{kind} draws its own random numbers" if draws_inside(step.module) else ""


def convert(x: Tensor, gives: str, wants: str, members: int) -> Tensor:
    """A value in another layout."""
    if gives == wants:
        return x
    if gives == "rows":
        if wants == "members":
            return x.unsqueeze(0).expand(members, *x.shape)
        return rows_last(x.repeat(1, members, *[1] * (x.dim() - 2)))
    if wants == "channels":
        return rows_last(x.transpose(0, 1).flatten(1, 2))
    return x.view(x.shape[0], members, -1, *x.shape[2:]).transpose(0, 1)


def _elementwise(place: Place) -> Made:
    (layout,) = place.layouts
    return Made(place.step.module, layout, layout)


def _linear(place: Place) -> Made:
    weight, bias = place.arrays["weight"], place.arrays.get("bias")
    return Made(lambda x: _dense(x, weight, bias), "members", "members")


def _dense(x: Tensor, weight: Tensor, bias: Tensor | None) -> Tensor:
    """x (members, rows, ..., in), weight (members, out, in), bias (members, out)."""
    flat = x if x.dim() == 3 else x.reshape(len(weight), -1, x.shape[-1])
    # Made anew each time: a view kept from before the last step has a slow gradient.
    columns = weight.transpose(1, 2)
    y = flat.bmm(columns) if bias is None else bias.unsqueeze(1).baddbmm(flat, columns)
    return y if x.dim() == 3 else y.view(*x.shape[:-1], -1)


def _convolution(function: Function) -> Rule:
    def rule(place: Place) -> Made:
        module: Any = place.step.module
        images = isinstance(module, nn.Conv2d)
        mode = module.padding_mode
        edges = module._reversed_padding_repeated_twice if mode != "zeros" else None
        padding = module.padding if edges is None else 0
        alike = place.layouts[0] == "rows" and module.groups == 1
        groups = 1 if alike else module.groups * place.members

        def run(x: Tensor) -> Tensor:
            if edges is not None:
                x = F.pad(x, edges, mode=mode)
            weight = place.arrays["weight"].flatten(0, 1)
            bias = _flat(place.arrays.get("bias"))
            if images:
                weight = rows_last(weight)
            return function(x, weight, bias, module.stride, padding, module.dilation, groups)

        return Made(run, "rows" if alike else "channels", "channels")

    return rule


def _transposed(place: Place) -> Made:
    module: Any = place.step.module
    groups = module.groups * place.members

    def run(x: Tensor) -> Tensor:
        weight = place.arrays["weight"].flatten(0, 1)
        bias = _flat(place.arrays.get("bias"))
        stride, padding, extra = module.stride, module.padding, module.output_padding
        return F.conv_transpose2d(x, weight, bias, stride, padding, extra, groups, module.dilation)

    return Made(run, "channels", "channels")


def _by_channel(place: Place) -> Made:
    """Pooling and upsampling: each channel by itself."""
    layout = "rows" if place.layouts == ("rows",) else "channels"
    return Made(place.step.module, layout, layout)


def _batch_norm(place: Place) -> Made:
    module: Any = place.step.module
    mean, variance = place.arrays.get("running_mean"), place.arrays.get("running_var")
    flat_mean = None if mean is None else mean.view(-1)
    flat_variance = None if variance is None else variance.view(-1)

    still = place.step.frozen and mean is not None

    def run(x: Tensor) -> Tensor:
        mask = place.mask()
        if mask is not None and not still:
            return _masked_norm(x, mask, place.arrays, module)
        weight, bias = _flat(place.arrays.get("weight")), _flat(place.arrays.get("bias"))
        return F.batch_norm(
            x, flat_mean, flat_variance, weight, bias, not still, module.momentum, module.eps
        )

    return Made(run, "channels", "channels")


def _masked_norm(x: Tensor, mask: Tensor, arrays: Arrays, module: Any) -> Tensor:
    """Batch normalisation in which rows of mask zero do not count."""
    members = mask.shape[0]
    values = x.reshape(x.shape[0], members, x.shape[1] // members, -1)
    real = mask.t()[:, :, None, None]
    count = (real.sum(dim=(0, 3)) * values.shape[3]).clamp(min=1.0)
    mean = (values * real).sum(dim=(0, 3)) / count
    away = values - mean[None, :, :, None]
    variance = (away * away * real).sum(dim=(0, 3)) / count
    if "running_mean" in arrays:
        with torch.no_grad():
            share = module.momentum * (mask.sum(dim=1, keepdim=True) > 0)
            unbiased = variance * (count / (count - 1.0).clamp(min=1.0))
            arrays["running_mean"].lerp_(mean, share.expand_as(mean))
            arrays["running_var"].lerp_(unbiased, share.expand_as(mean))
    scaled: Tensor = away * (variance + module.eps).rsqrt()[None, :, :, None]
    if "weight" in arrays:
        scaled = scaled * arrays["weight"][None, :, :, None] + arrays["bias"][None, :, :, None]
    return scaled.reshape(x.shape)


def _layer_norm(place: Place) -> Made:
    module: Any = place.step.module
    weight, bias = place.arrays.get("weight"), place.arrays.get("bias")
    tail = tuple(module.normalized_shape)
    spread = (place.members, 1, *[1] * (len(place.step.output) - len(tail)), *tail)

    def run(x: Tensor) -> Tensor:
        y: Tensor = F.layer_norm(x, tail, None, None, module.eps)
        if weight is not None:
            y = y * weight.view(spread)
        return y if bias is None else y + bias.view(spread)

    return Made(run, "members", "members")


def _group_norm(place: Place) -> Made:
    module: Any = place.step.module

    def run(x: Tensor) -> Tensor:
        weight, bias = _flat(place.arrays.get("weight")), _flat(place.arrays.get("bias"))
        return F.group_norm(x, module.num_groups * place.members, weight, bias, module.eps)

    return Made(run, "channels", "channels")


def _embedding(place: Place) -> Made:
    module: Any = place.step.module
    weight, count = place.arrays["weight"], module.num_embeddings
    first = torch.arange(place.members, device=weight.device) * count
    trained = torch.ones(1, count, 1, dtype=torch.bool, device=weight.device)
    if module.padding_idx is not None:
        trained[:, module.padding_idx] = False

    def run(x: Tensor) -> Tensor:
        shifted = x + first.view(-1, *[1] * (x.dim() - 1))
        return F.embedding(shifted, torch.where(trained, weight, weight.detach()).flatten(0, 1))

    return Made(run, "members", "members")


def _attention(place: Place) -> Made:
    """Attention: projections batched over members, heads over members and rows."""
    module: Any = place.step.module
    heads, arrays = module.num_heads, place.arrays

    def projections(xs: Sequence[Tensor]) -> Sequence[Tensor]:
        bias = arrays.get("in_proj_bias")
        if len(xs) == 1:
            return _dense(xs[0], arrays["in_proj_weight"], bias).chunk(3, dim=-1)
        weights: Sequence[Tensor] = (
            [arrays[f"{n}_proj_weight"] for n in "qkv"]
            if ("q_proj_weight" in arrays)
            else arrays["in_proj_weight"].chunk(3, dim=1)
        )
        biases = (None, None, None) if bias is None else bias.chunk(3, dim=1)
        return [_dense(x, w, b) for x, w, b in zip(xs, weights, biases, strict=True)]

    def run(*xs: Tensor) -> Tensor:
        q, k, v = (
            y.reshape(-1, y.shape[2], heads, y.shape[3] // heads).transpose(1, 2)
            for y in projections(xs)
        )
        attended = F.scaled_dot_product_attention(q, k, v).transpose(1, 2)
        together = attended.reshape(*xs[0].shape[:3], -1)
        return _dense(together, arrays["out_proj.weight"], arrays.get("out_proj.bias"))

    return Made(run, "members", "members")


def _dropout(place: Place) -> Made:
    module: Any = place.step.module

    def run(x: Tensor) -> Tensor:
        mask = place.drop(place.step.output, module.p)
        return x * convert(mask, "members", place.layouts[0], place.members)

    if place.layouts == ("rows",):
        return Made(lambda x: x * place.drop(place.step.output, module.p), "members", "members")
    return Made(run, place.layouts[0], place.layouts[0])


def _shifted(axis: int) -> int:
    """An axis of (rows, ...) as one of (members, rows, ...)."""
    return axis if axis < 0 else axis + 1


def _softmax(place: Place) -> Made:
    module: Any = place.step.module
    return Made(lambda x: torch.softmax(x, _shifted(module.dim)), "members", "members")


def _flatten(place: Place) -> Made:
    module: Any = place.step.module
    start, end = _shifted(module.start_dim), _shifted(module.end_dim)
    return Made(lambda x: x.flatten(start, end), "members", "members")


def _reshape(place: Place) -> Made:
    shape = place.step.output
    return Made(lambda x: x.reshape(*x.shape[:2], *shape), "members", "members")


def _permute(place: Place) -> Made:
    module: Any = place.step.module
    axes = (0, 1, *(axis + 2 for axis in module.dims))
    return Made(lambda x: x.permute(axes), "members", "members")


def _add(place: Place) -> Made:
    layout = "channels" if "channels" in place.layouts else "members"
    return Made(place.step.module, layout, layout)


def _concat(place: Place) -> Made:
    module: Any = place.step.module
    dim, members = _shifted(module.dim), place.members
    if set(place.layouts) != {"channels"}:
        return Made(lambda *xs: torch.cat(xs, dim), "members", "members")

    def run(*xs: Tensor) -> Tensor:
        parts = [x.reshape(x.shape[0], members, -1, *x.shape[2:]) for x in xs]
        return rows_last(torch.cat(parts, dim).flatten(1, 2))

    return Made(run, "channels", "channels")


def _mapped(place: Place) -> Made:
    """Any other layer, mapped over the members by torch.func."""
    module = place.step.module
    for array in place.arrays.values():
        module.to(array.device)

    def one(arrays: dict[str, Tensor], *xs: Tensor) -> Tensor:
        result: Tensor = functional_call(module, arrays, xs)
        return result

    together = vmap(one, randomness="different")
    arrays = dict(place.arrays)
    return Made(lambda *xs: together(arrays, *xs), "members", "members")


def draws_inside(module: nn.Module) -> bool:
    """Whether a layer draws random numbers that Lamina cannot seed from outside."""
    if type(module) is nn.Dropout:
        return False
    rates = (getattr(part, "dropout", 0.0) for part in module.modules())
    return any(isinstance(rate, float) and rate > 0.0 for rate in rates) or any(
        isinstance(part, nn.modules.dropout._DropoutNd) for part in module.modules()
    )


def _flat(array: Tensor | None) -> Tensor | None:
    return None if array is None else array.flatten()


RULES: dict[type[nn.Module], Rule] = {
    nn.Linear: _linear,
    nn.Conv1d: _convolution(F.conv1d),
    nn.Conv2d: _convolution(F.conv2d),
    nn.Conv3d: _convolution(F.conv3d),
    nn.ConvTranspose2d: _transposed,
    **dict.fromkeys((nn.MaxPool1d, nn.MaxPool2d, nn.MaxPool3d), _by_channel),
    **dict.fromkeys((nn.AvgPool1d, nn.AvgPool2d, nn.AvgPool3d), _by_channel),
    **dict.fromkeys((nn.AdaptiveAvgPool1d, nn.AdaptiveAvgPool2d), _by_channel),
    nn.Upsample: _by_channel,
    nn.BatchNorm1d: _batch_norm,
    nn.BatchNorm2d: _batch_norm,
    nn.LayerNorm: _layer_norm,
    nn.GroupNorm: _group_norm,
    nn.Embedding: _embedding,
    nn.Dropout: _dropout,
    nn.Softmax: _softmax,
    nn.Flatten: _flatten,
    Reshape: _reshape,
    Permute: _permute,
    SelfAttention: _attention,
    Add: _add,
    Concat: _concat,
}

CHANNEL_RULES = {
    RULES[kind]
    for kind in (
        nn.Conv1d,
        nn.Conv2d,
        nn.Conv3d,
        nn.ConvTranspose2d,
        nn.MaxPool2d,
        nn.BatchNorm2d,
        nn.GroupNorm,
    )
}
