"""Initial weights: Xavier, Kaiming, normal; from a seed, the same for every engine."""

from __future__ import annotations

import math
from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

from lamina.nets.layers import Shape
from lamina.nets.network import Network
from lamina.registry import Registry

Weights = dict[str, NDArray[np.float32]]
"""Arrays by "node.parameter"."""

Draw = Callable[[np.random.Generator, Shape], NDArray[np.float64]]


def xavier(generator: np.random.Generator, shape: Shape) -> NDArray[np.float64]:
    """Uniform within sqrt(6 / (fan_in + fan_out)) (Glorot and Bengio, 2010)."""
    fan_in, fan_out = _fans(shape)
    bound = math.sqrt(6.0 / (fan_in + fan_out))
    return generator.uniform(-bound, bound, shape)


def kaiming(generator: np.random.Generator, shape: Shape) -> NDArray[np.float64]:
    """Normal with deviation sqrt(2 / fan_in) (He et al., 2015)."""
    return generator.normal(0.0, math.sqrt(2.0 / _fans(shape)[0]), shape)


def normal(generator: np.random.Generator, shape: Shape) -> NDArray[np.float64]:
    """Normal with deviation 0.05."""
    return generator.normal(0.0, 0.05, shape)


INITIALISATIONS: Registry[Draw] = Registry(
    "initialisations",
    "initialisation",
    {name: f"lamina.nets.initial:{name}" for name in ("xavier", "kaiming", "normal")},
)


def initial_weights(network: Network, initialisation: str, seed: int) -> Weights:
    """Parameters and buffers before training, float32.

    Arrays of two and more axes are drawn by `initialisation`; gains of normalising layers
    and running variances start at one, biases and running means at zero. One generator
    (PCG64 from `seed`) runs over the parameters in topological order, so that equal
    networks and seeds give equal weights on every machine.
    """
    draw = INITIALISATIONS.get(initialisation)
    generator = np.random.default_rng(seed)
    weights: Weights = {}
    for name, shape in network.parameters().items():
        if len(shape) >= 2:
            weights[name] = draw(generator, shape).astype(np.float32)
        else:
            start = 1.0 if name.endswith(".weight") else 0.0
            weights[name] = np.full(shape, start, dtype=np.float32)
    for name, shape in network.buffers().items():
        start = 1.0 if name.endswith("running_var") else 0.0
        weights[name] = np.full(shape, start, dtype=np.float32)
    return weights


def _fans(shape: Shape) -> tuple[int, int]:
    field = math.prod(shape[2:])
    return shape[1] * field, shape[0] * field
