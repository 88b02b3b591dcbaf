"""Networks from torch modules: layers, functional forms and skips, with their weights."""

from __future__ import annotations

from typing import Any

from torch import nn

from lamina.nets.convert.torch_build import Builder, Result, Unsupported
from lamina.nets.convert.torch_functions import FUNCTIONS
from lamina.nets.convert.torch_modules import convert_module
from lamina.nets.convert.torch_out import NetworkModule, from_state
from lamina.nets.convert.torch_trace import Call, trace
from lamina.nets.initial import Weights
from lamina.nets.network import Network


def from_torch(module: nn.Module, example: Any) -> tuple[Network, Weights]:
    """A network and its weights from a torch module, computing the same in evaluation mode.

    The module is traced by torch.fx, or by torch.export where fx cannot. Names of layers are
    the module's own ("features.0"), so that names of weights are those of its state dict;
    functional forms (F.relu, +, torch.cat, x.view) become layers of their own.

    Args:
        module: a torch module with batch-first tensors; it is left as it was.
        example: shape of one row (16 or (1, 28, 28)), or a tensor with a batch axis (an
            integer one for category codes); a list of them for several inputs.

    Raises:
        ConversionError: with the full list of what has no counterpart, by name.
    """
    if isinstance(module, NetworkModule):
        return module.network, from_state(module)
    builder = Builder(trace(module, example))
    for call in builder.trace.calls:
        try:
            builder.results[call.node] = _converted(builder, call)
        except Unsupported as problem:
            builder.mistakes.append(f"{call.label}: {problem}")
            builder.results[call.node] = builder.stand_in(call)
    return builder.network(type(module).__name__)


def _converted(builder: Builder, call: Call) -> Result:
    arguments, options = builder.resolved(call.node.args), builder.resolved(call.node.kwargs)
    try:
        if isinstance(call.target, nn.Module):
            return convert_module(builder, call, arguments, options)
        handler = FUNCTIONS.get(call.target)
        if handler is None:
            raise Unsupported("there is no such layer")
        return handler(builder, call, *arguments, **options)
    except TypeError as error:
        raise Unsupported("it is called with arguments that no layer has") from error
