"""What a kernel is written for: sizes, activations, loss, optimiser, and the memory they need."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

STORES_SLOPE = ("gelu", "gelu-tanh", "silu")
"""Activations whose derivative cannot be had from their value."""

HYPER = ("momentum", "look_ahead", "decay", "beta1", "beta2", "epsilon", "clip", "delta")
"""Numbers of a member that the kernel reads, in this order, float32."""

ROW = (
    "data",
    "batches",
    "parameters",
    "first",
    "second",
    "powers",
    "numbers",
    "rates",
    "losses",
    "epochs",
    "batch_count",
)
"""What the kernel is told about a member: addresses and counts, i64."""

BATCH = ("begin", "count", "slices", "share")
"""What it is told about a batch: first row vector, row vectors, slices, share of the rows."""

BLOCK_BYTES = 2**20
"""What a block of rows and its values may take of the second-level cache."""


@dataclass(frozen=True)
class Dense:
    """A dense layer with its activation: none, relu, leaky, sigmoid, tanh, gelu, gelu-tanh, silu.

    slope: of leaky below zero.
    """

    inputs: int
    outputs: int
    bias: bool
    activation: str = "none"
    slope: float = 0.0

    @property
    def parameters(self) -> int:
        """Weights and biases."""
        return self.outputs * (self.inputs + int(self.bias))


@dataclass(frozen=True)
class Core:
    """What the code needs to know of a processor core.

    Args:
        lanes: float32 values per vector.
        registers: vectors it holds.
        x86: whether it is one of Intel's and AMD's family.
    """

    lanes: int
    registers: int
    x86: bool


@dataclass(frozen=True)
class Plan:
    """One kernel: equal plans share machine code.

    Args:
        layers: from the input on.
        loss: logistic (bce from logits), softmax (cross-entropy from logits), mse, l1, huber.
        final: what `outputs` applies behind the last layer: "", sigmoid, softmax.
        optimiser: sgd, adam or adamw.
        core: that it runs on.
    """

    layers: tuple[Dense, ...]
    loss: str
    final: str
    optimiser: str
    core: Core

    @property
    def lanes(self) -> int:
        """float32 values per vector, one row each."""
        return self.core.lanes

    @property
    def step(self) -> int:
        """Bytes per vector."""
        return 4 * self.lanes

    @property
    def features(self) -> int:
        """Width of the input."""
        return self.layers[0].inputs

    @property
    def width(self) -> int:
        """Width of the output."""
        return self.layers[-1].outputs

    @property
    def targets(self) -> int:
        """Values per row that the loss compares with."""
        return 1 if self.loss == "softmax" else self.width

    @cached_property
    def record(self) -> int:
        """Vectors per row vector in the data: features, targets, weight; odd when large.

        Large powers of two would put equal columns of all rows into the same cache set.
        """
        return _odd(self.features + self.targets + 1)

    @cached_property
    def starts(self) -> tuple[int, ...]:
        """Index of each layer's first parameter; the weights (out, in) come before the biases."""
        return _running([layer.parameters for layer in self.layers])[:-1]

    @cached_property
    def parameters(self) -> int:
        """Trained values."""
        return sum(layer.parameters for layer in self.layers)

    @property
    def padded(self) -> int:
        """Trained values, up to a whole number of vectors."""
        return -(-self.parameters // self.lanes) * self.lanes

    @property
    def sums(self) -> int:
        """float32 values per slice's result: gradients, and a vector for the loss."""
        return self.padded + self.lanes

    @cached_property
    def places(self) -> tuple[int, ...]:
        """Vector number in the scratch record at which each layer's values stand."""
        return _running([layer.outputs for layer in self.layers])[:-1]

    @cached_property
    def slopes(self) -> tuple[int, ...]:
        """The same for stored derivatives; -1 where none are stored."""
        following = sum(layer.outputs for layer in self.layers)
        found = []
        for layer in self.layers:
            stored = layer.activation in STORES_SLOPE
            found.append(following if stored else -1)
            following += layer.outputs if stored else 0
        return tuple(found)

    @cached_property
    def scratch(self) -> int:
        """Vectors per row vector in the scratch memory of a block."""
        stored = sum(x.outputs for x in self.layers if x.activation in STORES_SLOPE)
        return _odd(sum(layer.outputs for layer in self.layers) + stored)

    @cached_property
    def block(self) -> int:
        """Row vectors that go forward and backward together, so that they stay in the cache."""
        count = 16 if self.parameters < 2048 else 32
        while count > 8 and count * (self.record + self.scratch) * self.step > BLOCK_BYTES:
            count //= 2
        return count

    @property
    def row_tile(self) -> int:
        """Row vectors per register tile."""
        return 4 if self.core.registers >= 32 else 2

    @property
    def unit_tile(self) -> int:
        """Units per register tile."""
        return 6 if self.core.registers >= 32 else 5

    @property
    def gradient_tile(self) -> tuple[int, int]:
        """Outputs and inputs per register tile of weight gradients."""
        return (4, 4) if self.core.registers >= 32 else (2, 4)

    @cached_property
    def operations(self) -> int:
        """Nominal floating-point operations per row and pass.

        Multiply-adds of forward, weight gradients, and input gradients of all layers but the
        first count two; biases and activations one each, forward and backward.
        """
        total = 0
        for number, layer in enumerate(self.layers):
            products = layer.inputs * layer.outputs
            total += 2 * products * (2 if number == 0 else 3)
            total += 2 * layer.outputs * (int(layer.bias) + int(layer.activation != "none"))
        return total

    @cached_property
    def memory(self) -> dict[str, int]:
        """Where the parts of a thread's work space begin, in bytes; "end" is its size."""
        sizes = {
            "scratch": self.block * self.scratch * self.step,
            "loss": self.step,
            "parameters": 4 * self.padded,
            "first": 4 * self.padded,
            "second": 4 * self.padded,
            "total": 4 * self.padded,
            "sums": 2 * MOST_SLICES * 4 * self.sums,
        }
        offsets, following = {}, 0
        for name, size in sizes.items():
            offsets[name] = following
            following += -(-size // 128) * 128
        return {**offsets, "end": following}


MOST_SLICES = 16
"""Parts into which a batch is cut at most: what threads can share."""


def slices(row_vectors: int, parameters: int) -> int:
    """Parts into which a batch is cut; each has its own sum of gradients.

    Depends on sizes only, never on the number of threads: so that any number of threads
    adds the same numbers in the same order.
    """
    count = 1
    while count < MOST_SLICES and row_vectors >= 2 * count * _least(parameters):
        count *= 2
    return count


def _least(parameters: int) -> int:
    """Row vectors that are worth a slice of their own."""
    return 48 if parameters < 4096 else 24


def _odd(count: int) -> int:
    return count + 1 if count >= 32 and count % 2 == 0 else count


def _running(sizes: list[int]) -> tuple[int, ...]:
    found = [0]
    for size in sizes:
        found.append(found[-1] + size)
    return tuple(found)
