"""JAX with the whole training in one compiled scan over epochs and batches."""

from __future__ import annotations

import time
from typing import Any, final

import jax
import jax.numpy as jnp
import numpy as np
from jax import lax

from lamina.benchmark.peers.base import Floats, Lesson, Peer, Trained


@final
class JaxScan(Peer):
    """float32; batches are padded to one size with rows of weight zero, so one program fits all.

    A program is compiled ahead of its first run and kept: lessons of the same shapes share it.
    """

    def __init__(self) -> None:
        self._programs: dict[Any, Any] = {}

    def train(self, lesson: Lesson) -> Trained:
        """Trains one network; compiling is timed apart."""
        layers = [(jnp.asarray(weight), jnp.asarray(bias)) for weight, bias in lesson.layers]
        batches = tuple(jnp.asarray(part) for part in padded(lesson))
        rates = (jnp.float32(lesson.learning_rate), jnp.float32(lesson.momentum))
        start = time.perf_counter()
        program = self._program(lesson.epochs, layers, batches, rates)
        compiled = time.perf_counter()
        trained = jax.block_until_ready(program(layers, batches, rates))
        ended = time.perf_counter()

        def predict(features: Floats) -> Floats:
            return np.asarray(jax.nn.sigmoid(_logits(trained, jnp.asarray(features))))

        return Trained(ended - compiled, compiled - start, predict)

    def _program(self, epochs: int, layers: Any, batches: Any, rates: Any) -> Any:
        key = (epochs, *(part.shape for part in batches), *(w.shape for w, _ in layers))
        if key not in self._programs:
            training = jax.jit(_training(epochs))
            self._programs[key] = training.lower(layers, batches, rates).compile()
        return self._programs[key]


def padded(lesson: Lesson) -> tuple[Floats, Floats, Floats]:
    """Features (batches, size, inputs), targets and row weights (batches, size).

    A weight is 1 / (rows of its batch), and 0 for rows that only fill up.
    """
    shape = (lesson.batches, lesson.batch_size)
    features = np.zeros((*shape, lesson.features.shape[1]), np.float32)
    targets, weights = np.zeros(shape, np.float32), np.zeros(shape, np.float32)
    for number in range(lesson.batches):
        begin, end = lesson.bounds[number], lesson.bounds[number + 1]
        features[number, : end - begin] = lesson.features[begin:end]
        targets[number, : end - begin] = lesson.targets[begin:end]
        weights[number, : end - begin] = 1.0 / float(end - begin)
    return features, targets, weights


def _logits(layers: Any, rows: Any) -> Any:
    for number, (weight, bias) in enumerate(layers):
        rows = rows @ weight.T + bias
        if number < len(layers) - 1:
            rows = jnp.maximum(rows, 0.0)
    return rows[:, 0]


def _loss(layers: Any, batch: Any) -> Any:
    rows, targets, weights = batch
    logits = _logits(layers, rows)
    return jnp.sum(weights * (jax.nn.softplus(logits) - targets * logits))


def _training(epochs: int) -> Any:
    def training(layers: Any, batches: Any, rates: Any) -> Any:
        learning_rate, momentum = rates

        def step(state: Any, batch: Any) -> Any:
            weights, speeds = state
            gradients = jax.grad(_loss)(weights, batch)
            speeds = jax.tree.map(lambda v, g: momentum * v + g, speeds, gradients)
            weights = jax.tree.map(lambda w, v: w - learning_rate * v, weights, speeds)
            return (weights, speeds), None

        def epoch(state: Any, _: None) -> Any:
            return lax.scan(step, state, batches)[0], None

        start = (layers, jax.tree.map(jnp.zeros_like, layers))
        return lax.scan(epoch, start, None, length=epochs)[0][0]

    return training
