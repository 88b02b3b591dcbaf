"""Networks as torch modules, with the same names for weights on both sides."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from importlib import import_module
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from lamina.errors import ConversionError
from lamina.nets.initial import Weights, initial_weights
from lamina.nets.layers import ModuleCall
from lamina.nets.network import Network
from lamina.nets.parts import Node


class NetworkModule(nn.Module):
    """A network in torch: one child per layer, run in topological order.

    The state dict's names are "<node>.<parameter>", those of Lamina's weights.
    """

    def __init__(self, network: Network) -> None:
        super().__init__()
        self.network = network
        with torch.random.fork_rng(devices=[]):
            for node in network.nodes:
                # Straight into the table: a layer may be called "forward" or "block.0".
                self._modules[node.name] = node_module(network, node)

    def forward(
        self, *inputs: Tensor, outputs: Sequence[str] | None = None
    ) -> Tensor | tuple[Tensor, ...] | dict[str, Tensor]:
        """Runs the network.

        Args:
            inputs: one tensor per input, (rows, *shape).
            outputs: names of inputs or layers to tap; their values come back by name.

        Returns:
            The network's output; a tuple when it has several; a dict when `outputs` is given.
        """
        values = {given.name: x for given, x in zip(self.network.inputs, inputs, strict=True)}
        for node in self.network.nodes:
            module = self._modules[node.name]
            assert module is not None
            values[node.name] = module(*(values[source] for source in node.sources))
        if outputs is not None:
            return {name: values[name] for name in outputs}
        leaving = tuple(values[name] for name in self.network.outputs)
        return leaving[0] if len(leaving) == 1 else leaving


def to_torch(network: Network, weights: Mapping[str, Any] | None = None) -> NetworkModule:
    """A network as a torch module on the CPU, float32, in training mode.

    Args:
        network: any network whose layers have a torch module.
        weights: arrays by "node.parameter"; None for Xavier's with seed 0. torch's own
            random state is left alone.

    Raises:
        ConversionError: arrays that are missing, unknown or of another shape (all at once).
    """
    module = NetworkModule(network)
    load_weights(module, initial_weights(network, "xavier", 0) if weights is None else weights)
    return module


def load_weights(module: nn.Module, weights: Mapping[str, Any]) -> None:
    """Copies arrays by name into a module's parameters and buffers.

    Raises:
        ConversionError: arrays that are missing, unknown or of another shape (all at once).
    """
    slots = {**dict(module.named_parameters()), **dict(module.named_buffers())}
    mistakes = [f"{name} is missing" for name in slots if name not in weights]
    for name, array in weights.items():
        if name not in slots:
            mistakes.append(f"{name} has no place in the network")
        elif tuple(np.shape(array)) != tuple(slots[name].shape):
            wanted, got = tuple(slots[name].shape), tuple(np.shape(array))
            mistakes.append(f"{name} has shape {got}; the network needs {wanted}")
    if mistakes:
        known = ", ".join(slots) or "none"
        raise ConversionError("weights do not fit the network", mistakes, f"it has: {known}")
    with torch.no_grad():
        for name, array in weights.items():
            slots[name].copy_(torch.from_numpy(np.array(array)))


def from_state(module: nn.Module) -> Weights:
    """A copy of a module's parameters and buffers as float32 arrays by name."""
    return {
        name: np.array(tensor.detach().cpu().numpy(), dtype=np.float32)
        for name, tensor in module.state_dict().items()
    }


def node_module(network: Network, node: Node) -> nn.Module:
    """The torch module of one layer; running statistics carry no batch counter."""
    module = make_module(node.layer.module(network.input_shapes(node)))
    # With a fixed momentum torch never reads the counter, and Lamina does not store it.
    if getattr(module, "num_batches_tracked", None) is not None:
        module.num_batches_tracked = None  # type: ignore[assignment]
    return module


def make_module(call: ModuleCall) -> nn.Module:
    """A module from its dotted name ("torch.nn:Linear") and arguments."""
    home, _, attribute = call.target.partition(":")
    module: nn.Module = getattr(import_module(home), attribute)(**call.arguments)
    return module
