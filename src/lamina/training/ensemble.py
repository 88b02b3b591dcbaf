"""Ensembles as one network: the members side by side, their outputs averaged."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from lamina.nets.initial import Weights
from lamina.nets.layers.joining import Add
from lamina.nets.layers.linear import Linear
from lamina.nets.network import Network
from lamina.nets.parts import Node


def averaged(network: Network, weights: Sequence[Weights]) -> tuple[Network, Weights]:
    """A network that gives the mean of the outputs of equal networks with different weights.

    Args:
        network: one input, one output whose last axis holds the values.
        weights: of at least two members.

    Returns:
        The network, whose layers are called m1.<name>, m2.<name>, ..., and its weights; a
        Linear without bias takes the mean.
    """
    given = {i.name for i in network.inputs}
    (out,) = network.outputs
    nodes: list[Node] = []
    joined: Weights = {}
    for number, own in enumerate(weights, start=1):
        for node in network.nodes:
            sources = tuple(s if s in given else f"m{number}.{s}" for s in node.sources)
            nodes.append(Node(f"m{number}.{node.name}", node.layer, sources))
        joined.update({f"m{number}.{key}": array for key, array in own.items()})
    ends = tuple(f"m{number}.{out}" for number in range(1, len(weights) + 1))
    width = network.shapes[out][-1]
    nodes += [Node("sum", Add(), ends), Node("mean", Linear(width, width, bias=False), ("sum",))]
    joined["mean.weight"] = np.eye(width, dtype=np.float32) / np.float32(len(weights))
    name = f"{network.name}, mean of {len(weights)}"
    return Network(network.inputs, tuple(nodes), ("mean",), name), joined
