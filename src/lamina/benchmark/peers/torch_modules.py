"""The papers' dense networks as plain torch modules, with given initial weights."""

from __future__ import annotations

from typing import cast

import torch
from torch import nn

from lamina.benchmark.peers.base import Floats, Lesson


def dense(lesson: Lesson, *, sigmoid: bool) -> nn.Sequential:
    """Linear layers with ReLU between; a Sigmoid at the end if asked for."""
    parts: list[nn.Module] = []
    for weight, bias in lesson.layers:
        linear = nn.Linear(weight.shape[1], weight.shape[0])
        with torch.no_grad():
            linear.weight.copy_(torch.from_numpy(weight))
            linear.bias.copy_(torch.from_numpy(bias))
        parts.extend((linear, nn.ReLU()))
    parts.pop()
    if sigmoid:
        parts.append(nn.Sigmoid())
    return nn.Sequential(*parts)


def probabilities(network: nn.Module, features: Floats) -> Floats:
    """Output of a network that ends in a Sigmoid, shape (rows,)."""
    with torch.no_grad():
        return cast(Floats, network(torch.from_numpy(features)).squeeze(1).numpy())
