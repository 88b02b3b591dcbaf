"""Five folds of a small convolutional network: as one network, one by one, and in a plain loop.

Run: python benchmarks/members.py [--threads 2] [--runs 7] [--epochs 2] [--device cpu]
Runs are interleaved, so that a busy machine disturbs all alike; medians are printed.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Callable
from itertools import pairwise
from statistics import median
from time import perf_counter

import numpy as np
import torch
from sklearn.datasets import load_digits
from torch.nn import functional

from lamina.data.split import kfold
from lamina.nets.convert.torch_out import to_torch
from lamina.nets.zoo import ZOO
from lamina.training.engines.torch import TorchEngine
from lamina.training.program import Member, Portion, Program
from lamina.training.settings import Settings


def digits(network: str, folds: int) -> Program:
    """A program of some folds on scikit-learn's digits."""
    images, labels = load_digits(return_X_y=True)
    nothing = np.arange(0)
    portions = tuple(
        Portion(train, test, nothing) for train, test in kfold(len(labels), folds, seed=0)
    )
    settings = Settings(epochs=100_000, batches=6, learning_rate=0.05)
    members = tuple(Member(f"fold {k}", k, settings, k) for k in range(folds))
    features = (images / 16.0).reshape(-1, 1, 8, 8)
    return Program(
        ZOO.get(network)(), features, labels.astype(np.int64), portions, members, "cross-entropy"
    )


def session_of(program: Program, form: str, device: str, threads: int) -> Callable[[int], None]:
    """Trains some epochs in a form of the torch engine."""
    session = TorchEngine(form=form).start(program, device, threads)
    active = np.ones(len(program.members), dtype=np.bool_)
    sys.stdout.write(f"{form}: members run {session.form}\n")

    def run(epochs: int) -> None:
        session.advance(epochs, active)

    return run


def plain(program: Program, device: str, threads: int) -> Callable[[int], None]:
    """Trains some epochs of every fold in the usual loop, data in memory."""
    parts = []
    for member in program.members:
        portion = program.portions[member.portion]
        module = to_torch(program.network, program.start_weights(member)).to(device)
        x = torch.from_numpy(program.prepared(portion, "train")).to(device)
        y = torch.from_numpy(program.targets[portion.train]).to(device)
        optimiser = torch.optim.SGD(module.parameters(), lr=0.05, momentum=0.9)
        parts.append((module, optimiser, x, y, member.settings.bounds(len(x)).tolist()))

    def run(epochs: int) -> None:
        before = torch.get_num_threads()
        torch.set_num_threads(threads)
        for module, optimiser, x, y, bounds in parts:
            for _ in range(epochs):
                for start, end in pairwise(bounds):
                    optimiser.zero_grad()
                    loss = functional.cross_entropy(module(x[start:end]), y[start:end])
                    torch.autograd.backward(loss)
                    optimiser.step()
        if device != "cpu":
            torch.cuda.synchronize()
        torch.set_num_threads(before)

    return run


def main() -> None:
    """Measures and prints seconds per epoch of all folds, and ratios."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--network", default="digits-cnn")
    parser.add_argument("--folds", type=int, default=5)
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--runs", type=int, default=7)
    parser.add_argument("--epochs", type=int, default=2)
    parser.add_argument("--device", default="cpu")
    chosen = parser.parse_args()
    program = digits(chosen.network, chosen.folds)
    forms: dict[str, Callable[[int], None]] = {
        form: session_of(program, form, chosen.device, chosen.threads)
        for form in ("vectorised", "one by one", "auto")
    }
    forms["plain torch"] = plain(program, chosen.device, chosen.threads)
    seconds: dict[str, list[float]] = {form: [] for form in forms}
    for run in forms.values():
        run(3)
    for _ in range(chosen.runs):
        for form, run in forms.items():
            begin = perf_counter()
            run(chosen.epochs)
            seconds[form].append((perf_counter() - begin) / chosen.epochs)
    for form, values in seconds.items():
        sys.stdout.write(
            f"{form:12s} {1e3 * median(values):8.1f} ms per epoch of {chosen.folds} folds "
            f"(best {1e3 * min(values):.1f})\n"
        )
    together = median(seconds["vectorised"])
    for form in ("one by one", "plain torch"):
        sys.stdout.write(f"{form} / vectorised: {median(seconds[form]) / together:.2f}\n")


if __name__ == "__main__":
    main()
