"""Training of dense networks in plain float64 NumPy: what every engine is compared with."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass, field
from itertools import pairwise
from typing import Any

import numpy as np
from numpy.typing import NDArray

from lamina.nets.layers.activations import LeakyReLU
from lamina.nets.layers.base import Layer
from lamina.training.parts import own_rate
from lamina.training.program import Member, Program
from lamina.training.settings import Settings

Array = NDArray[np.float64]


@dataclass(eq=False)
class Reference:
    """One member of a program, trained slowly and readably.

    Args:
        program: a chain of Linear layers and activations, no normalising layers.
        member: which member.
    """

    program: Program
    member: Member
    weights: dict[str, Array] = field(init=False)
    taken: int = field(init=False, default=0)

    def __post_init__(self) -> None:
        start = self.program.start_weights(self.member)
        self.weights = {name: array.astype(np.float64) for name, array in start.items()}
        self._first = {name: np.zeros_like(array) for name, array in self.weights.items()}
        self._second = {name: np.zeros_like(array) for name, array in self.weights.items()}

    def train(self, epochs: int) -> Array:
        """Costs of the first epochs, (epochs,), as Session.advance defines them."""
        settings = self.member.settings
        rows = self.program.portions[self.member.portion].train
        bounds = settings.bounds(len(rows))
        costs = np.zeros(epochs)
        for epoch in range(epochs):
            order = self.program.epoch_order(self.member, epoch)
            taken = np.arange(len(rows)) if order is None else order
            rate = float(settings.learning_rates()[epoch])
            for start, end in pairwise(bounds):
                cost = self._batch(taken[start:end], rate)
                costs[epoch] += cost * (end - start) / len(rows)
        return costs

    def outputs(self, part: str) -> Array:
        """The network's output on a part of the portion, (rows, *output shape)."""
        portion = self.program.portions[self.member.portion]
        x = self.program.prepared(portion, part).astype(np.float64)
        for node in self.program.network.nodes:
            x = self._forward(node.name, node.layer, x)
        return x

    def _batch(self, positions: NDArray[np.int64], rate: float) -> float:
        portion = self.program.portions[self.member.portion]
        rows = portion.train[positions]
        x = self.program.prepared(portion, "train")[positions].astype(np.float64)
        given = self.program.weights(portion, "train")
        weights = np.ones(len(rows)) if given is None else given[positions].astype(np.float64)
        targets = self.program.wanted(portion, "train")[positions]
        nodes, loss = list(self.program.network.nodes), self.program.loss
        if (loss, nodes[-1].layer.kind) in (("bce", "Sigmoid"), ("cross-entropy", "Softmax")):
            nodes, loss = nodes[:-1], "bce-logits" if loss == "bce" else loss
        values = [x]
        for node in nodes:
            values.append(self._forward(node.name, node.layer, values[-1]))
        settings = self.member.settings
        losses, slope = LOSSES[loss](values[-1], targets, settings)
        shares = weights / weights.sum()
        slope = slope * shares.reshape(-1, *[1] * (slope.ndim - 1))
        gradients: dict[str, Array] = {}
        for node, before, after in zip(
            reversed(nodes), reversed(values[:-1]), reversed(values[1:]), strict=True
        ):
            if node.layer.kind == "Linear":
                gradients[f"{node.name}.weight"] = slope.T @ before
                if f"{node.name}.bias" in self.weights:
                    gradients[f"{node.name}.bias"] = slope.sum(axis=0)
                slope = slope @ self.weights[f"{node.name}.weight"]
            else:
                slope = slope * _slope(node.layer, before, after)
        self._step(gradients, rate)
        return float((losses * shares).sum())

    def _forward(self, name: str, layer: Layer, x: Array) -> Array:
        if layer.kind == "Linear":
            y = x @ self.weights[f"{name}.weight"].T
            return np.asarray(y + self.weights.get(f"{name}.bias", 0.0))
        return _activate(layer, x)

    def _step(self, gradients: dict[str, Array], rate: float) -> None:
        settings = self.member.settings
        self.taken += 1
        own = {name: own_rate(name.rpartition(".")[0], settings) for name in gradients}
        gradients = {name: g for name, g in gradients.items() if own[name] != 0.0}
        if settings.clip_norm > 0:
            norm = math.sqrt(sum(float((g**2).sum()) for g in gradients.values()))
            factor = min(1.0, settings.clip_norm / (norm + 1e-6))
            gradients = {name: g * factor for name, g in gradients.items()}
        for name, gradient in gradients.items():
            move = self._sgd if settings.optimiser == "sgd" else self._adam
            share = (own[name] or settings.learning_rate) / settings.learning_rate
            self.weights[name] = move(name, gradient, rate * share, settings)

    def _sgd(self, name: str, gradient: Array, rate: float, settings: Settings) -> Array:
        gradient = gradient + settings.weight_decay * self.weights[name]
        velocity = self._first[name] = settings.momentum * self._first[name] + gradient
        step = gradient + settings.momentum * velocity if settings.nesterov else velocity
        return self.weights[name] - rate * step

    def _adam(self, name: str, gradient: Array, rate: float, settings: Settings) -> Array:
        weight, s = self.weights[name], settings
        if s.optimiser == "adamw":
            weight = weight * (1.0 - rate * s.weight_decay)
        else:
            gradient = gradient + s.weight_decay * weight
        mean = self._first[name] = s.beta1 * self._first[name] + (1 - s.beta1) * gradient
        square = self._second[name] = s.beta2 * self._second[name] + (1 - s.beta2) * gradient**2
        mean, square = mean / (1 - s.beta1**self.taken), square / (1 - s.beta2**self.taken)
        return np.asarray(weight - rate * mean / (np.sqrt(square) + s.epsilon))


def _activate(layer: Layer, x: Array) -> Array:
    if layer.kind == "Softmax":
        powers = np.exp(x - x.max(axis=-1, keepdims=True))
        return np.asarray(powers / powers.sum(axis=-1, keepdims=True))
    return ACTIVATIONS[layer.kind](x, layer)


def _slope(layer: Layer, x: Array, y: Array) -> Array:
    """Derivative of an activation at x, where it gives y."""
    if layer.kind == "Sigmoid":
        return y * (1.0 - y)
    if layer.kind == "Tanh":
        return 1.0 - y * y
    if layer.kind in ("ReLU", "LeakyReLU"):
        return np.where(x > 0, 1.0, _negative(layer))
    # Smooth ones by a central difference, exact to about ten digits.
    near = 1e-5
    return (_activate(layer, x + near) - _activate(layer, x - near)) / (2 * near)


def _negative(layer: Layer) -> float:
    return layer.negative_slope if isinstance(layer, LeakyReLU) else 0.0


def _sigmoid(x: Array) -> Array:
    return np.asarray(1.0 / (1.0 + np.exp(-x)))


def _gelu(x: Array, layer: Layer) -> Array:
    if getattr(layer, "approximate", "none") == "tanh":
        bent = np.tanh(math.sqrt(2.0 / math.pi) * (x + 0.044715 * x**3))
    else:
        bent = np.array([math.erf(v) for v in (x / math.sqrt(2.0)).flat]).reshape(x.shape)
    return np.asarray(0.5 * x * (1.0 + bent))


ACTIVATIONS: dict[str, Callable[[Array, Layer], Array]] = {
    "ReLU": lambda x, _: np.maximum(x, 0.0),
    "LeakyReLU": lambda x, layer: np.where(x > 0, x, _negative(layer) * x),
    "Sigmoid": lambda x, _: _sigmoid(x),
    "Tanh": lambda x, _: np.tanh(x),
    "SiLU": lambda x, _: x * _sigmoid(x),
    "GELU": _gelu,
}

Loss = Callable[[Array, NDArray[Any], Settings], tuple[Array, Array]]
"""(values, targets, settings) -> losses (rows,) and their slopes at the values."""


def _logistic(z: Array, y: NDArray[Any], _: Settings) -> tuple[Array, Array]:
    losses = np.logaddexp(0.0, z) - y * z
    return _mean(losses), (_sigmoid(z) - y) / z[0].size


def _probability(p: Array, y: NDArray[Any], _: Settings) -> tuple[Array, Array]:
    wanted = y.astype(np.float64)
    losses = -(wanted * np.log(p) + (1 - wanted) * np.log1p(-p))
    return _mean(losses), (p - wanted) / (p * (1 - p)) / p[0].size


def _classes(z: Array, y: NDArray[Any], _: Settings) -> tuple[Array, Array]:
    top = z.max(axis=1, keepdims=True)
    logs = z - top - np.log(np.exp(z - top).sum(axis=1, keepdims=True))
    chosen = np.eye(z.shape[1])[y.astype(np.int64)]
    return -(logs * chosen).sum(axis=1), np.exp(logs) - chosen


def _mse(z: Array, y: NDArray[Any], _: Settings) -> tuple[Array, Array]:
    return _mean((z - y) ** 2), 2.0 * (z - y) / z[0].size


def _l1(z: Array, y: NDArray[Any], _: Settings) -> tuple[Array, Array]:
    return _mean(np.abs(z - y)), np.sign(z - y) / z[0].size


def _huber(z: Array, y: NDArray[Any], settings: Settings) -> tuple[Array, Array]:
    away, delta = z - y, settings.huber_delta
    near = np.abs(away) <= delta
    losses = np.where(near, 0.5 * away**2, delta * (np.abs(away) - 0.5 * delta))
    return _mean(losses), np.where(near, away, delta * np.sign(away)) / z[0].size


def _mean(values: Array) -> Array:
    return np.asarray(values.reshape(len(values), -1).mean(axis=1))


LOSSES: dict[str, Loss] = {
    "bce": _probability,
    "bce-logits": _logistic,
    "cross-entropy": _classes,
    "mse": _mse,
    "l1": _l1,
    "huber": _huber,
}
