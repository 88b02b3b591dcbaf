"""What a network computes in training: its layers up to the logits, in a good order."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Sequence
from dataclasses import dataclass

import torch
from torch import nn

from lamina.nets.convert.torch_out import node_module
from lamina.nets.layers import Layer, Shape
from lamina.nets.network import Network

FOLDED = {("bce", "Sigmoid"), ("cross-entropy", "Softmax")}
"""Losses that take the last activation into themselves."""


BATCH_NORMS = (nn.BatchNorm1d, nn.BatchNorm2d)
"""Layers that normalise by the batch while they are trained."""

FRESH = {
    nn.Linear,
    nn.Conv1d,
    nn.Conv2d,
    nn.Conv3d,
    nn.BatchNorm1d,
    nn.BatchNorm2d,
    nn.MaxPool1d,
    nn.MaxPool2d,
}
"""Layers whose result is new memory that their own gradient does not read."""


@dataclass(frozen=True, eq=False)
class Step:
    """One layer in training: its name, what it reads, its module (on the CPU) and shapes.

    A `frozen` one keeps its weights and its running statistics.
    """

    name: str
    sources: tuple[str, ...]
    layer: Layer
    module: nn.Module
    inputs: tuple[Shape, ...]
    output: Shape
    frozen: bool = False


def folds(network: Network, loss: str) -> bool:
    """Whether the network's last activation is part of the loss."""
    layer = network[network.outputs[0]].layer
    last_axis = getattr(layer, "dim", -1) in (-1, len(network.shapes[network.outputs[0]]) - 1)
    return (loss, layer.kind) in FOLDED and (layer.kind != "Softmax" or last_axis)


def training_steps(
    network: Network, loss: str, frozen: Collection[str] = ()
) -> tuple[list[Step], str]:
    """The steps that lead to the loss, in order, and the name of the value it reads.

    A last activation that the loss contains is left out, with all that leads nowhere then;
    a ReLU in front of a MaxPool moves behind it, where there are fewer values and the
    result is the same.
    """
    end = network.outputs[0]
    if folds(network, loss):
        end = network[end].sources[0]
    needed = {end}
    for node in reversed(network.nodes):
        if node.name in needed:
            needed.update(node.sources)
    with torch.random.fork_rng(devices=[]):
        steps = [
            Step(
                node.name,
                node.sources,
                node.layer,
                node_module(network, node),
                network.input_shapes(node),
                network.shapes[node.name],
                node.name in frozen,
            )
            for node in network.nodes
            if node.name in needed
        ]
    ordered = _pooled_first(steps, _readers(steps, end))
    _overwrite(ordered, _readers(ordered, end))
    return ordered, end


def _readers(steps: Sequence[Step], end: str) -> Counter[str]:
    """How often each value is read."""
    return Counter([end, *(source for step in steps for source in step.sources)])


def _overwrite(steps: Sequence[Step], readers: Counter[str]) -> None:
    """A ReLU writes over what it reads where neither another layer nor a gradient needs it."""
    made = {step.name: type(step.module) for step in steps}
    for step in steps:
        source = step.sources[0]
        if type(step.module) is nn.ReLU and readers[source] == 1:
            step.module.inplace = made.get(source) in FRESH


def _pooled_first(steps: Sequence[Step], readers: Counter[str]) -> list[Step]:
    """ReLU, MaxPool -> MaxPool, ReLU wherever nothing else reads the ReLU."""
    ordered = list(steps)
    place = {step.name: number for number, step in enumerate(ordered)}
    for number, pool in enumerate(ordered):
        if type(pool.module) not in (nn.MaxPool1d, nn.MaxPool2d, nn.MaxPool3d):
            continue
        before = place.get(pool.sources[0])
        if before is None or type(ordered[before].module) is not nn.ReLU:
            continue
        relu = ordered[before]
        if readers[relu.name] == 1:
            ordered[before] = Step(
                relu.name, relu.sources, pool.layer, pool.module, pool.inputs, pool.output
            )
            ordered[number] = Step(
                pool.name, pool.sources, relu.layer, relu.module, (pool.output,), pool.output
            )
    return ordered
