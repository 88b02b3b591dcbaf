"""Modules of torch as layers: the same settings, read from the module's attributes."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import fields
from typing import Any

from torch import Tensor, nn

from lamina.nets.convert import modules, torch_recurrent
from lamina.nets.convert.torch_build import Builder, Result, Unsupported, wire
from lamina.nets.convert.torch_functions import FUNCTIONS
from lamina.nets.convert.torch_out import NetworkModule
from lamina.nets.convert.torch_trace import Call
from lamina.nets.layers import LAYERS, Layer

SAME = (
    *(
        "Linear",
        "Conv1d",
        "Conv2d",
        "Conv3d",
        "ConvTranspose2d",
        "Embedding",
        "Dropout",
        "Upsample",
    ),
    *("MaxPool1d", "MaxPool2d", "MaxPool3d", "AvgPool1d", "AvgPool2d", "AvgPool3d"),
    *("AdaptiveAvgPool1d", "AdaptiveAvgPool2d"),
    *("BatchNorm1d", "BatchNorm2d", "LayerNorm", "GroupNorm"),
    *("ReLU", "LeakyReLU", "GELU", "SiLU", "Sigmoid", "Tanh"),
)
"""Layers whose settings are attributes of the torch module of the same name."""

_ONLY: dict[str, dict[str, tuple[Any, ...]]] = {
    "ConvTranspose2d": {"padding_mode": ("zeros",)},
    "MaxPool1d": {"return_indices": (False,)},
    "MaxPool2d": {"return_indices": (False,)},
    "MaxPool3d": {"return_indices": (False,)},
    "AvgPool2d": {"divisor_override": (None,)},
    "AvgPool3d": {"divisor_override": (None,)},
    "Embedding": {"max_norm": (None,)},
    "Upsample": {"recompute_scale_factor": (None, False)},
}
_FUNCTIONAL: dict[str, tuple[str, tuple[str, ...]]] = {
    "Flatten": ("flatten", ("start_dim", "end_dim")),
    "Unflatten": ("unflatten", ("dim", "unflattened_size")),
    "Softmax": ("softmax", ("dim",)),
    "AdaptiveAvgPool3d": ("adaptive_avg_pool3d", ("output_size",)),
    "AdaptiveMaxPool1d": ("adaptive_max_pool1d", ("output_size",)),
    "AdaptiveMaxPool2d": ("adaptive_max_pool2d", ("output_size",)),
    "AdaptiveMaxPool3d": ("adaptive_max_pool3d", ("output_size",)),
    "UpsamplingNearest2d": ("interpolate", ("size", "scale_factor", "mode")),
    "Identity": ("contiguous", ()),
}


def convert_module(builder: Builder, call: Call, arguments: Any, options: Any) -> Result:
    """The layers of a module call. Raises Unsupported with the reason."""
    module, name = call.target, type(call.target).__name__
    assert isinstance(module, nn.Module)
    _claim(builder, call, module)
    special = _SPECIAL.get(name)
    if special is not None:
        return special(builder, call, *arguments, **options)
    if name in _FUNCTIONAL:
        function, attributes = _FUNCTIONAL[name]
        told = {attribute: getattr(module, attribute) for attribute in attributes}
        return FUNCTIONS[function](builder, call, *arguments, **options, **told)
    if name not in SAME or type(module).__module__.partition(".")[0] != "torch":
        raise Unsupported("there is no such layer")
    if len(arguments) != 1 or options:
        raise Unsupported("it is called with more than one tensor")
    layer = _same_settings(module, LAYERS.get(name), name)
    return builder.add(call.path, layer, wire(arguments[0]), tensors=dict(module.state_dict()))


def _claim(builder: Builder, call: Call, module: nn.Module) -> None:
    """Refuses a second use of parameters; without them a module may be used again."""
    owner = f"{type(module).__name__} {call.path}"
    for tensor in module.parameters():
        builder.claim(tensor, owner)
    if call.path in {node.name for node in builder.nodes} and list(module.state_dict()):
        raise Unsupported("it is used twice with the same weights; a layer has one place")


def _same_settings(module: nn.Module, layer: type[Layer], name: str) -> Layer:
    for attribute, allowed in _ONLY.get(name, {}).items():
        value = getattr(module, attribute)
        if value not in allowed:
            raise Unsupported(f"{attribute}={value!r} has no counterpart")
    settings = {}
    for entry in fields(layer):
        value = getattr(module, entry.name)
        if isinstance(value, Tensor) or (entry.name == "bias" and value is None):
            value = value is not None
        settings[entry.name] = tuple(value) if isinstance(value, list | tuple) else value
    if name.startswith("BatchNorm") and settings["momentum"] is None:
        raise Unsupported("momentum=None (cumulative statistics) has no counterpart")
    return layer(**settings)


def _add(builder: Builder, call: Call, *inputs: Result) -> Result:
    return builder.add(call.path, LAYERS.get("Add")(), *map(wire, inputs))


def _concat(builder: Builder, call: Call, *inputs: Result) -> Result:
    assert isinstance(call.target, modules.Concat)
    return FUNCTIONS["cat"](builder, call, inputs, call.target.dim)


def _reshape(builder: Builder, call: Call, x: Result) -> Result:
    assert isinstance(call.target, modules.Reshape)
    layer: Any = LAYERS.get("Reshape")
    return builder.add(call.path, layer(call.target.shape), wire(x))


def _permute(builder: Builder, call: Call, x: Result) -> Result:
    assert isinstance(call.target, modules.Permute)
    layer: Any = LAYERS.get("Permute")
    return builder.add(call.path, layer(call.target.dims), wire(x))


def _network(builder: Builder, call: Call, *inputs: Result) -> Result:
    """One of Lamina's own networks inside a module: its layers, with the path in front."""
    assert isinstance(call.target, NetworkModule)
    network, state = call.target.network, dict(call.target.state_dict())
    placed = {i.name: wire(x) for i, x in zip(network.inputs, inputs, strict=True)}
    for node in network.nodes:
        own = {k.removeprefix(f"{node.name}."): v for k, v in state.items()}
        sources = (placed[source] for source in node.sources)
        name = f"{call.path}.{node.name}"
        placed[node.name] = builder.add(name, node.layer, *sources, tensors=own)
    if len(network.outputs) != 1:
        raise Unsupported("a network with several outputs inside a module")
    return placed[network.outputs[0]]


_SPECIAL: dict[str, Callable[..., Result]] = {
    "Add": _add,
    "Concat": _concat,
    "Reshape": _reshape,
    "Permute": _permute,
    "NetworkModule": _network,
    "LSTM": torch_recurrent.convert_recurrent,
    "GRU": torch_recurrent.convert_recurrent,
    "SequenceLSTM": torch_recurrent.convert_recurrent,
    "SequenceGRU": torch_recurrent.convert_recurrent,
    "MultiheadAttention": torch_recurrent.convert_attention,
    "SelfAttention": torch_recurrent.convert_attention,
    "TransformerEncoderLayer": torch_recurrent.convert_encoder_layer,
    "TransformerEncoder": torch_recurrent.convert_encoder,
}
