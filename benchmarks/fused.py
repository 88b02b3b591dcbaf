"""Times the fused kernel on the papers' five networks: seconds, GFLOP/s, share of sgemm.

    python benchmarks/fused.py [--epochs 1000] [--repeat 5] [--torch]

Rows are generated in the shapes of the papers' data sets, or read where LAMINA_DATA is set.
Seconds are the smallest of some repeats: processor time with one thread, wall time with two.
Compiling is apart: cold (empty cache) and warm (from disk).
"""

from __future__ import annotations

import argparse
import os
import subprocess
import sys
import time
from collections.abc import Callable
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

from lamina.nets.zoo import ZOO
from lamina.training.engines import fused_chain
from lamina.training.engines.fused_kernel import build, kernel
from lamina.training.engines.fused_session import FusedSession
from lamina.training.program import Member, Portion, Program
from lamina.training.settings import Settings

SETS = {
    "breast-cancer": ("papers-1", 569),
    "pima": ("papers-2", 768),
    "banknote": ("papers-3", 1372),
    "grid-stability": ("papers-4", 10000),
    "bank-marketing": ("papers-5", 45211),
}
SGEMM = """
import time
import numpy as np
left = np.random.default_rng(0).random((1024, 1024), dtype=np.float32)
found = float("inf")
for _ in range(15):
    start = time.thread_time()
    np.matmul(left, left)
    found = min(found, time.thread_time() - start)
print(found)
"""
ACTIVE = np.array([True])


def main() -> None:
    """Prints one line per set."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--epochs", type=int, default=1000)
    parser.add_argument("--repeat", type=int, default=5)
    parser.add_argument("--torch", action="store_true", help="also PyTorch, data in memory")
    options = parser.parse_args()
    peak = sgemm()
    say(f"{build.host().cpu}, sgemm 1024 on one thread: {peak / 1e9:.0f} GFLOP/s")
    say(
        f"{'set':<15}{'cold s':>8}{'warm s':>8}{'1 thread s':>12}{'GFLOP/s':>9}{'share':>7}"
        f"{'2 threads s':>13}{'torch s':>9}{'ratio':>7}"
    )
    for name, (network, rows) in SETS.items():
        program = example(name, network, rows, options.epochs)
        cold, warm = compile_times(program)
        one = best(program, 1, options, time.thread_time)
        two = best(program, 2, options, time.perf_counter)
        rate = operations(program) / one
        line = (
            f"{name:<15}{cold:8.3f}{warm:8.4f}{one:12.4f}{rate / 1e9:9.1f}{rate / peak:7.0%}"
            f"{two:13.4f}"
        )
        if options.torch:
            torch_seconds = in_memory(program, min(options.epochs, 20))
            line += f"{torch_seconds:9.2f}{torch_seconds / one:7.0f}"
        say(line)


def example(name: str, network: str, rows: int, epochs: int) -> Program:
    """One training on all rows, as the papers' first group without its test rows."""
    chosen = ZOO.get(network)()
    features, labels = data(name, rows, chosen.inputs[0].shape[0])
    portion = Portion(np.arange(len(features)), np.arange(0), np.arange(0))
    member = Member(name, 0, Settings(epochs=epochs), 1)
    targets = labels.reshape(-1, 1).astype(np.float32)
    return Program(chosen, features, targets, (portion,), (member,), "bce")


def data(name: str, rows: int, width: int) -> tuple[NDArray[np.float64], NDArray[np.int64]]:
    """The real rows when LAMINA_DATA is set, else generated ones; features in 0..1, shuffled."""
    generator = np.random.default_rng(3)
    if os.environ.get("LAMINA_DATA"):
        from lamina.data.sources import load_arrays

        found, labels = load_arrays(name)
        raw = found[:, :width].astype(np.float64)
        spread = np.ptp(raw, axis=0)
        order = generator.permutation(len(raw))
        features = (raw - raw.min(axis=0)) / np.where(spread > 0, spread, 1.0)
        return features[order], labels[order]
    features = generator.random((rows, width))
    score = features @ generator.normal(size=width) + generator.normal(0.0, 0.3, rows)
    return features, (score > np.median(score)).astype(np.int64)


def compile_times(program: Program) -> tuple[float, float]:
    """Seconds to compile with an empty cache, and to load from disk."""
    plan = fused_chain.plan(program, build.host().core)
    start = time.perf_counter()
    native = build.compile_module(kernel.write(plan))
    cold = time.perf_counter() - start
    start = time.perf_counter()
    build.load(native)
    return cold, time.perf_counter() - start


def best(
    program: Program, threads: int, options: argparse.Namespace, clock: Callable[[], float]
) -> float:
    """Seconds of a training; long ones are scaled from a part of the epochs."""
    session = FusedSession(program, fused_chain.plan(program, build.host().core), threads)
    work = operations(program) / program.epochs
    epochs = min(program.epochs, max(1, int(3e9 / work)))
    session.advance(2, ACTIVE)
    found = float("inf")
    for _ in range(options.repeat):
        start = clock()
        session.advance(epochs, ACTIVE)
        found = min(found, clock() - start)
    return found * program.epochs / epochs


def operations(program: Program) -> float:
    """Nominal floating-point operations of a training (see `Plan.operations`)."""
    plan = fused_chain.plan(program, build.host().core)
    return float(plan.operations) * len(program.features) * program.epochs


def sgemm() -> float:
    """Operations per second of NumPy's float32 product of 1024 x 1024 on one thread.

    In a process of its own: the number of threads is read when NumPy is imported.
    """
    one = dict.fromkeys(("OPENBLAS_NUM_THREADS", "OMP_NUM_THREADS", "MKL_NUM_THREADS"), "1")
    call = [sys.executable, "-c", SGEMM]
    done = subprocess.run(call, env={**os.environ, **one}, check=True, capture_output=True)
    return 2.0 * 1024**3 / float(done.stdout)


def in_memory(program: Program, epochs: int) -> float:
    """PyTorch on one thread with all rows in memory, scaled to the program's epochs."""
    import torch

    torch.set_num_threads(1)
    widths = [shape[1] for shape in _shapes(program)]
    modules: list[torch.nn.Module] = []
    for inputs, outputs in zip(widths, [*widths[1:], 1], strict=True):
        modules += [torch.nn.Linear(inputs, outputs), torch.nn.ReLU()]
    net = torch.nn.Sequential(*modules[:-1], torch.nn.Sigmoid())
    optimiser = torch.optim.SGD(net.parameters(), 0.1, 0.9)
    x = torch.from_numpy(program.features.astype(np.float32))
    y = torch.from_numpy(program.targets)
    cut = program.members[0].settings.bounds(len(x)).tolist()
    found = float("inf")
    for _ in range(epochs):
        start = time.thread_time()
        for begin, end in pairwise(cut):
            optimiser.zero_grad()
            loss = torch.nn.functional.binary_cross_entropy(net(x[begin:end]), y[begin:end])
            loss.backward()  # type: ignore[no-untyped-call]
            optimiser.step()
        found = min(found, time.thread_time() - start)
    return found * program.epochs


def _shapes(program: Program) -> list[tuple[int, ...]]:
    return [shape for shape in program.network.parameters().values() if len(shape) == 2]


def say(line: str) -> None:
    """A line on standard output."""
    sys.stdout.write(line + "\n")
    sys.stdout.flush()


if __name__ == "__main__":
    main()
