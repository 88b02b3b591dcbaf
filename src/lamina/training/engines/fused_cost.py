"""What a training on the fused kernel takes: vector operations, counted and measured."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise
from time import perf_counter

import numpy as np

from lamina.nets.layers import Layer
from lamina.nets.layers.activations import ReLU, Sigmoid
from lamina.nets.layers.linear import Linear
from lamina.nets.network import sequential
from lamina.training.engines import cost, fused_chain
from lamina.training.engines.base import Estimate
from lamina.training.engines.fused_kernel import build, kernel
from lamina.training.engines.fused_kernel.plan import Core, Plan, slices
from lamina.training.engines.fused_session import FusedSession
from lamina.training.program import Member, Portion, Program
from lamina.training.settings import Settings
from lamina.workflow.machine import cores

_ACTIVATION = {"none": 0, "relu": 3, "leaky": 4, "sigmoid": 25, "tanh": 32}
"""Vector operations per unit, forward and backward; others take about 40."""

_LOSS = {"logistic": 45, "softmax": 55}
"""Vector operations per output; others take about 10."""

_WIDE = 1024
"""Weights from which on a layer's products run at the rate of wide layers."""

_STEP = {"adam": 48, "adamw": 48}
"""Vector operations per vector of parameters that a step takes beyond SGD's."""

_SHUFFLE_SECONDS = 2.5e-8
"""Per row, for a new order in every epoch."""


def estimate(program: Program, core: Core) -> Estimate:
    """Predicted seconds: row vectors times operations, and a fixed time per batch."""
    plan = fused_chain.plan(program, core)
    known = cost.constants("fused", calibrate, ("llvmlite",))
    rows = max(len(program.portions[m.portion].train) for m in program.members)
    settings = program.members[0].settings
    sizes = np.diff(settings.bounds(rows))
    vectors = -(-sizes // plan.lanes)
    cut = max(slices(int(v), plan.parameters) for v in vectors)
    one = program.epochs * (
        float(vectors.sum()) * _row_seconds(plan, known)
        + len(sizes) * (known["batch"] + _step_seconds(plan, cut, known))
        + rows * _SHUFFLE_SECONDS * (settings.shuffle == "epoch")
    )
    threads, members = cores(), len(program.members)
    whole, rest = divmod(members, threads)
    rounds = whole + (rest / threads * 1.2 if cut >= threads else float(rest > 0))
    rate = plan.operations * rows * program.epochs / one / 1e9
    compiled = 0.01 if build.kept(repr(plan)) else _lines(plan) * known["line"]
    reason = f"{plan.operations} operations per row and epoch at {rate:.0f} GFLOP/s"
    return Estimate(one * rounds, compiled, reason)


def calibrate() -> dict[str, float]:
    """What the kernel takes on this machine, in seconds.

    Returns:
        operation: per vector operation in narrow layers; product: per one of a product in wide
        layers; batch: per batch; weights: per batch and vector of parameters; line: per line of
        code to compile.
    """
    narrow, row, _ = _measured((16, 8, 5, 3, 1), 4096, 1, 20)
    operation = narrow / row.narrow
    small, row, _ = _measured((4, 2, 1), 16, 4, 300)
    batch = max(1e-8, (small - row.narrow * operation) / 4)
    # The same rows in one batch and in eight: the difference is what seven more batches take.
    whole, row, vectors = _measured(_BROAD, 512, 1, 3)
    cut, _, _ = _measured(_BROAD, 512, 8, 3)
    weights = max(0.0, (cut - whole) / 7 - batch) / vectors
    rest = whole - row.narrow * operation - batch - weights * vectors
    product = max(0.1 * operation, rest / row.wide)
    found = {"operation": operation, "product": product, "batch": batch, "weights": weights}
    return {**found, "line": _line_seconds()}


_BROAD = (256, 256, 1)
"""A network whose weights fill a good part of the second-level cache."""


@dataclass(frozen=True)
class _Work:
    """Vector operations: products of wide layers, and all others."""

    narrow: float
    wide: float


def _measured(
    widths: tuple[int, ...], rows: int, batches: int, epochs: int
) -> tuple[float, _Work, float]:
    """Seconds of an epoch, its work, and vectors of parameters."""
    program = _example(widths, rows, batches)
    plan = fused_chain.plan(program, build.host().core)
    bounds = program.members[0].settings.bounds(rows)
    count = float((-(-np.diff(bounds) // plan.lanes)).sum())
    work = _work(plan)
    seconds = _seconds(FusedSession(program, plan, 1), epochs)
    return seconds, _Work(count * work.narrow, count * work.wide), plan.padded / plan.lanes


def _line_seconds() -> float:
    plan = fused_chain.plan(_example((16, 8, 5, 3, 1), 64, 1), build.host().core)
    start = perf_counter()
    text = kernel.write(plan)
    build.assembly(text)
    return (perf_counter() - start) / text.count("\n")


def _work(plan: Plan) -> _Work:
    """Vector operations per row vector."""
    narrow, wide = float(_LOSS.get(plan.loss, 10) * plan.width), 0.0
    for number, layer in enumerate(plan.layers):
        products = layer.inputs * layer.outputs
        taken = products * (2 if number == 0 else 3)
        wide += taken * (products >= _WIDE)
        narrow += taken * (products < _WIDE)
        narrow += layer.outputs * (1 + _ACTIVATION.get(layer.activation, 40))
    return _Work(narrow + 4.0 * plan.parameters / plan.block, wide)


def _row_seconds(plan: Plan, known: cost.Constants) -> float:
    """Seconds per row vector."""
    work = _work(plan)
    return work.narrow * known["operation"] + work.wide * known["product"]


def _step_seconds(plan: Plan, cut: int, known: cost.Constants) -> float:
    """Seconds per batch for the sum of the slices and the optimiser's step."""
    more = _STEP.get(plan.optimiser, 0) + 3 * (cut - 1)
    return plan.padded / plan.lanes * (known["weights"] + more * known["operation"])


def _lines(plan: Plan) -> int:
    return kernel.write(plan).count("\n")


def _example(widths: tuple[int, ...], rows: int, batches: int) -> Program:
    chain: list[Layer] = [Linear(widths[0], widths[1])]
    for inputs, outputs in pairwise(widths[1:]):
        chain += [ReLU(), Linear(inputs, outputs)]
    network = sequential([*chain, Sigmoid()])
    generator = np.random.default_rng(0)
    features = generator.normal(size=(rows, widths[0]))
    targets = (features[:, :1] > 0).astype(np.float32)
    portion = Portion(np.arange(rows), np.arange(0), np.arange(0))
    member = Member("calibration", 0, Settings(epochs=10_000, batches=batches), 0)
    return Program(network, features, targets, (portion,), (member,), "bce")


def _seconds(session: FusedSession, epochs: int) -> float:
    """Seconds per epoch, the best of some runs."""
    active = np.array([True])
    session.advance(epochs, active)
    best = float("inf")
    for _ in range(15):
        start = perf_counter()
        session.advance(epochs, active)
        best = min(best, perf_counter() - start)
    return best / epochs
