"""What a training on the fused kernel takes: vector operations, counted and measured."""

from __future__ import annotations

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

_ACTIVATION = {"none": 0, "relu": 3, "leaky": 4, "sigmoid": 25, "tanh": 32}
"""Vector operations per unit, forward and backward; others take about 40."""

_LOSS = {"logistic": 45, "softmax": 55}
"""Vector operations per output; others take about 10."""

_WIDE = 200_000
"""Parameters from which on weights come from beyond the second-level cache."""

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
        float(vectors.sum()) * _operations(plan) * known["operation"]
        + len(sizes) * (known["batch"] + _step_operations(plan, cut) * known["operation"])
        + rows * _SHUFFLE_SECONDS * (settings.shuffle == "epoch")
    )
    threads, members = cost.cores(), len(program.members)
    whole, rest = divmod(members, threads)
    rounds = whole + (rest / threads * 1.2 if cut >= threads else float(rest > 0))
    rate = plan.operations * rows * program.epochs / one / 1e9
    compiled = 0.01 if build.kept(repr(plan)) else _lines(plan) * known["line"]
    reason = f"{plan.operations} operations per row and epoch at {rate:.0f} GFLOP/s"
    return Estimate(one * rounds, compiled, reason)


def calibrate() -> dict[str, float]:
    """Seconds per vector operation, per batch, and per line to compile, on this machine."""
    core = build.host().core
    long, short = _example((16, 8, 5, 3, 1), 4096, 1), _example((4, 2, 1), 16, 4)
    operations = {}
    for name, program, epochs in (("long", long, 20), ("short", short, 300)):
        plan = fused_chain.plan(program, core)
        vectors = program.members[0].settings.bounds(len(program.features))
        count = sum(-(-int(size) // plan.lanes) for size in np.diff(vectors))
        seconds = _seconds(FusedSession(program, plan, 1), epochs)
        operations[name] = (seconds, count * _operations(plan), len(vectors) - 1)
    seconds, work, _ = operations["long"]
    operation = seconds / work
    seconds, work, batches = operations["short"]
    plan = fused_chain.plan(long, core)
    start = perf_counter()
    text = kernel.write(plan)
    build.assembly(text)
    line = (perf_counter() - start) / text.count("\n")
    batch = max(1e-8, (seconds - work * operation) / batches)
    return {"operation": operation, "batch": batch, "line": line}


def _operations(plan: Plan) -> float:
    """Vector operations per row vector."""
    total = float(_LOSS.get(plan.loss, 10) * plan.width)
    for number, layer in enumerate(plan.layers):
        products = layer.inputs * layer.outputs
        total += products * (2 if number == 0 else 3)
        total += layer.outputs * (1 + _ACTIVATION.get(layer.activation, 40))
    total += 4.0 * plan.parameters / plan.block
    return total * (1.3 if plan.parameters > _WIDE else 1.0)


def _step_operations(plan: Plan, cut: int) -> float:
    """Vector operations per batch for the sum of the slices and the optimiser's step."""
    per_vector = 12 if plan.optimiser == "sgd" else 60
    return plan.padded / plan.lanes * (per_vector + 3 * cut)


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
    for _ in range(7):
        start = perf_counter()
        session.advance(epochs, active)
        best = min(best, perf_counter() - start)
    return best / epochs
