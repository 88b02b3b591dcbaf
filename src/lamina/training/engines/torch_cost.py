"""What the torch engine costs: seconds per batch from layers, multiplications and values."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from itertools import pairwise
from time import perf_counter

import numpy as np

from lamina.nets.layers import Layer
from lamina.nets.layers.activations import ReLU
from lamina.nets.layers.base import size
from lamina.nets.layers.convolution import Conv2d
from lamina.nets.layers.linear import Linear
from lamina.nets.layers.pooling import MaxPool2d
from lamina.nets.layers.reshaping import Flatten
from lamina.nets.network import Network, sequential
from lamina.training.engines import cost
from lamina.training.engines.base import Estimate, Session
from lamina.training.program import Member, Portion, Program
from lamina.training.settings import Settings
from lamina.workflow.machine import cores

BACKWARD = 2.0
"""Cost of the backward pass in forward passes."""

FOLDED_OVERHEAD = 1.4
"""Cost of starting a batch of several members, in starts of one member's."""

THREAD_GAIN = 0.7
"""What a further thread adds in arithmetic, of what the first one does."""

Start = Callable[[Program], Session]

RECURRENT = ("LSTM", "GRU")

USUAL = {"dense": 5e-12, "convolved": 1.6e-11, "value": 2.4e-9}
"""Seconds per multiplication and per value on a usual core: for choices that must not depend on
a measurement, since sums over another number of threads are rounded in another order."""

WORTH_THREADS = 2.5e-4
"""Seconds of arithmetic per layer of a batch from which on several threads pay."""


@dataclass(frozen=True)
class Work:
    """What one batch of one member asks for.

    Args:
        starts: operations to start, counted in layers.
        dense, convolved: floating-point operations forward and backward, of matrix products
            and of convolutions.
        values: values that layers write.
    """

    starts: float
    dense: float
    convolved: float
    values: float


def estimate(program: Program, device: str, form: str, start: Start) -> Estimate:
    """Predicted seconds of a program.

    A batch takes a fixed time, a time per layer (several steps for recurrent ones), and a
    time per multiplication and per value written. The five constants are measured on this
    machine with five small trainings on one thread, which other processes disturb least.

    Args:
        program: what is to be trained.
        device: where.
        form: "auto", "vectorised" or "one by one".
        start: starts a session for a small program, one member at a time, one thread.
    """
    kind = device.partition(":")[0]
    constants = cost.constants(f"torch-{kind}", lambda: measure(start), ("torch",))
    settings = program.members[0].settings
    rows = max(len(program.portions[m.portion].train) for m in program.members)
    batches = len(settings.bounds(rows)) - 1
    work = work_of(program.network, rows / batches)
    count = len(program.members)
    alone = count * seconds_of(work, constants, _gain(work, kind))
    folded = seconds_of(work, constants, _gain(work, kind, count), count)
    recurrent = any(node.layer.kind in RECURRENT for node in program.network.nodes)
    one_by_one = form == "one by one" or recurrent or count == 1
    per_batch = alone if one_by_one or (form == "auto" and alone < folded) else folded
    steps = program.epochs * batches
    manner = "one by one" if per_batch == alone else "together"
    members = f"{count} members {manner}" if count > 1 else "one member"
    reason = f"{steps} batches of {cost.seconds_in_words(per_batch)}, {members}"
    return Estimate(steps * per_batch, 0.0, reason)


def useful_threads(program: Program, members: int, threads: int) -> int:
    """How many of some threads the operations of a batch are worth: all, or one.

    Threads meet after every operation. For the small tensors of small networks that takes as
    long as the work, and many times longer while other processes keep one of the cores.

    Args:
        program: what is trained.
        members: that run together.
        threads: that may be used.
    """
    rows = max(len(program.portions[m.portion].train) for m in program.members)
    batches = len(program.members[0].settings.bounds(rows)) - 1
    return threads if _pays(work_of(program.network, rows / batches), members) else 1


def _pays(work: Work, members: int) -> bool:
    idle = {"batch": 0.0, "layer": 0.0}
    return seconds_of(work, {**USUAL, **idle}, members=members) >= WORTH_THREADS * work.starts


def _gain(work: Work, kind: str, members: int = 1) -> float:
    """How much faster all cores are than one, in arithmetic."""
    if kind != "cpu" or not _pays(work, members):
        return 1.0
    return 1.0 + THREAD_GAIN * (cores() - 1)


def seconds_of(work: Work, constants: cost.Constants, gain: float = 1.0, members: int = 1) -> float:
    """Seconds of a batch for members that run together.

    Args:
        work: of one member.
        constants: of this machine.
        gain: how much faster all threads are than one, in arithmetic.
        members: how many.
    """
    start = constants["batch"] + constants["layer"] * work.starts
    each = (
        constants["dense"] * work.dense
        + constants["convolved"] * work.convolved
        + constants["value"] * work.values
    )
    return start * (FOLDED_OVERHEAD if members > 1 else 1.0) + each * members / gain


def work_of(network: Network, rows: float) -> Work:
    """What a batch of `rows` asks for."""
    starts = dense = convolved = values = 0.0
    for node in network.nodes:
        shapes = network.input_shapes(node)
        operations = (1.0 + BACKWARD) * rows * node.layer.cost(shapes)
        parameters = node.layer.parameters(shapes)
        starts += 1.0
        values += rows * size(network.shapes[node.name])
        if node.layer.kind in RECURRENT:
            starts += shapes[0][0] * len(parameters) / 2.0
        if node.layer.kind.startswith("Conv"):
            convolved += operations
        elif any(len(shape) > 1 for shape in parameters.values()):
            dense += operations
    return Work(starts, dense, convolved, values)


def measure(start: Start) -> dict[str, float]:
    """Seconds per batch, layer, multiplication and value, from five small trainings."""
    tiny = _timed(_dense(4, 4, 1), 32, start)
    deep = _timed(_dense(4, *[4] * 12, 1), 32, start)
    long = _timed(_dense(16, 8, 5, 3, 1), 6000, start)
    wide = _timed(_dense(512, 512, 512, 10), 256, start)
    images = _timed(_images(), 240, start)
    found = dict.fromkeys(("batch", "layer", "dense", "convolved", "value"), 0.0)
    found["layer"] = max(1e-7, (deep[1] - tiny[1]) / (deep[0].starts - tiny[0].starts))
    found["batch"] = max(1e-7, tiny[1] - found["layer"] * tiny[0].starts)
    # Each explains what the other leaves over; two rounds settle it.
    for _ in range(2):
        found["dense"] = _left(wide, found, "dense", wide[0].dense)
        found["value"] = _left(long, found, "value", long[0].values)
    found["convolved"] = _left(images, found, "convolved", images[0].convolved)
    return found


def _left(timed: tuple[Work, float], found: dict[str, float], name: str, amount: float) -> float:
    """Seconds per unit that the other constants do not explain."""
    explained = seconds_of(timed[0], {**found, name: 0.0})
    return max(0.05 * timed[1], timed[1] - explained) / amount


def _timed(network: Network, rows: int, start: Start) -> tuple[Work, float]:
    """Work and seconds of one batch: the best of a few epochs of four batches."""
    generator = np.random.default_rng(0)
    features = generator.normal(size=(4 * rows, *network.inputs[0].shape))
    width = size(network.shapes[network.outputs[0]])
    everything, nothing = np.arange(4 * rows), np.arange(0)
    program = Program(
        network,
        features,
        generator.normal(size=(4 * rows, width)).astype(np.float32),
        (Portion(everything, nothing, nothing),),
        (Member("", 0, Settings(epochs=1000, batches=4, learning_rate=1e-6), 0),),
        "mse",
    )
    session = start(program)
    active = np.ones(1, dtype=np.bool_)
    session.advance(2, active)
    best, begin = float("inf"), perf_counter()
    while perf_counter() - begin < 0.1:
        before = perf_counter()
        session.advance(1, active)
        best = min(best, perf_counter() - before)
    return work_of(network, rows), best / 4


def _dense(*sizes: int) -> Network:
    layers: list[Layer] = []
    for taken, given in pairwise(sizes):
        layers += [Linear(taken, given), ReLU()]
    return sequential(layers[:-1])


def _images() -> Network:
    chain = [Conv2d(1, 16, 3), ReLU(), Conv2d(16, 16, 3), ReLU(), MaxPool2d(2), Flatten()]
    return sequential([*chain, Linear(64, 10)], shape=(1, 8, 8))
