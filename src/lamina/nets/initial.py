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


ACTIVE, LAST = 0.95, 0.2
"""Measured on training rows only: see docs/why/initialisation.md."""

RECTIFIERS = ("ReLU", "LeakyReLU", "GELU", "SiLU")
_STILL = ("Flatten", "Dropout")
_LAST = ("Sigmoid", "Softmax")


def fitted_start(network: Network, weights: Weights, rows: NDArray[np.generic]) -> Weights:
    """Weights whose hidden units all see the data: biases fitted to some training rows.

    In a dense chain with rectifying units, each unit's bias is set so that it is active on 95 %
    of the rows (thresholds that lie outside the data make units that never learn), and the last
    layer begins at a fifth of its weights (so that the first, large steps settle it before they
    reach the hidden units). Every other network keeps its weights.

    Args:
        network: any network.
        weights: as `initial_weights` gives them; not changed.
        rows: some training rows as the network sees them, (rows, *input shape).
    """
    if not fits_start(network) or not len(rows):
        return weights
    fitted, x = dict(weights), rows.reshape(len(rows), -1).astype(np.float64)
    nodes = [node for node in network.nodes if node.layer.kind not in _STILL]
    dense = [k for k, node in enumerate(nodes) if node.layer.kind == "Linear"]
    for k in dense[:-1]:
        bias, slope = f"{nodes[k].name}.bias", getattr(nodes[k + 1].layer, "negative_slope", 0.0)
        # einsum adds in one fixed order, whatever the number of threads of a matrix library.
        x = np.einsum("ri,oi->ro", x, fitted[f"{nodes[k].name}.weight"].astype(np.float64))
        if bias in fitted:
            fitted[bias] = (-_thresholds(x)).astype(np.float32)
            x = x + fitted[bias]
        x = np.where(x > 0, x, slope * x)
    last = f"{nodes[dense[-1]].name}.weight"
    fitted[last] = fitted[last] * np.float32(LAST)
    return fitted


def fits_start(network: Network) -> bool:
    """Whether `fitted_start` changes a network: Linear layers, each hidden one with a rectifier."""
    kinds = [node.layer.kind for node in network.nodes if node.layer.kind not in _STILL]
    dense = [k for k, kind in enumerate(kinds) if kind == "Linear"]
    return (
        len(dense) > 1
        and network.chain
        and all(kind in ("Linear", *RECTIFIERS) for kind in kinds[:-1])
        and kinds[-1] in ("Linear", *_LAST)
        and all(kinds[k + 1] in RECTIFIERS for k in dense[:-1])
        and network.inputs[0].values == "float"
        and len(network.shapes[network.nodes[0].name]) == 1
    )


def _thresholds(values: NDArray[np.float64]) -> NDArray[np.float64]:
    """Per unit, a value above which about the share ACTIVE of the rows lies.

    It stands in the widest gap near that place: a row just at a threshold would be on or off by
    rounding alone. Where many rows are equal there, it stands below them.
    """
    ordered, count = np.sort(values, axis=0), len(values)
    low, high = int((1.0 - ACTIVE) * 0.4 * count), int((1.0 - ACTIVE) * 1.6 * count) + 1
    window = ordered[low : min(high, count - 1) + 1]
    if len(window) < 2:
        return np.asarray(ordered[0] - 0.1)
    gaps, units = np.diff(window, axis=0), np.arange(values.shape[1])
    widest = gaps.argmax(axis=0)
    middle = 0.5 * (window[widest, units] + window[widest + 1, units])
    below = window[0] - 0.1 * np.maximum(ordered[-1] - ordered[0], 1e-3)
    apart = gaps[widest, units] > 1e-6 * np.abs(ordered).max(axis=0)
    return np.asarray(np.where(apart, middle, below))


def _fans(shape: Shape) -> tuple[int, int]:
    field = math.prod(shape[2:])
    return shape[1] * field, shape[0] * field
