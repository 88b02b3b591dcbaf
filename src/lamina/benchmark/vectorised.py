"""The torch engine's two forms on five folds of a convolutional network: together, one by one."""

from __future__ import annotations

import statistics
import time
from typing import Any

import numpy as np

from lamina.benchmark.cases import FOLDS, PICTURES
from lamina.benchmark.jobs import Task
from lamina.data.sources import load_arrays
from lamina.data.split import kfold
from lamina.nets.zoo import ZOO
from lamina.training.engines.torch import TorchEngine
from lamina.training.program import Member, Portion, Program
from lamina.training.settings import Settings

FORMS = ("one by one", "vectorised")
BATCH_SIZE = 64


class VectorisedBench:
    """Measures both forms in turn, and asks the engine which one it would take.

    The device of a task stands in its `group`.
    """

    def __init__(self, device: str, threads: int) -> None:
        del device
        self._threads = threads

    def __call__(self, task: Task) -> dict[str, Any]:
        """Median seconds of `advance` in each form, `ratio`, and what "auto" picks."""
        program = digits(task.epochs, task.seed)
        device = task.group
        refusal = TorchEngine().refusal(program, device)
        if refusal:
            return {"refusal": refusal}
        picked = TorchEngine("auto").start(program, device, self._threads).form
        times: dict[str, list[float]] = {form: [] for form in FORMS}
        accuracy: dict[str, float] = {}
        # The first turn warms up both forms and gives the accuracies.
        for turn in range(task.repeats + 1):
            for form in FORMS:
                spent, right = self._train(program, device, form)
                accuracy.setdefault(form, right)
                if turn:
                    times[form].append(spent)
        seconds = {form: statistics.median(values) for form, values in times.items()}
        return {
            "seconds": seconds,
            "ratio": seconds["one by one"] / seconds["vectorised"],
            "auto": picked,
            "auto_over_quicker": seconds[picked] / min(seconds.values()),
            "accuracy": accuracy,
            "batch_size": BATCH_SIZE,
        }

    def _train(self, program: Program, device: str, form: str) -> tuple[float, float]:
        session = TorchEngine(form).start(program, device, self._threads)
        before = session.compile_seconds
        start = time.perf_counter()
        session.advance(program.epochs, np.ones(len(program.members), dtype=np.bool_))
        seconds = time.perf_counter() - start - (session.compile_seconds - before)
        return seconds, _accuracy(program, session.outputs("test"))


def digits(epochs: int, seed: int) -> Program:
    """Five folds of scikit-learn's digits (1797 pictures of 8 x 8) for the zoo's network."""
    pictures, classes = load_arrays("digits", offline=True)
    settings = Settings(
        epochs=epochs, batch_size=BATCH_SIZE, loss="cross-entropy", learning_rate=0.05, seed=seed
    )
    parts = kfold(len(pictures), FOLDS, seed, labels=classes)
    none = np.empty(0, dtype=np.int64)
    portions = tuple(Portion(train, test, none) for train, test in parts)
    members = tuple(Member(f"fold {k + 1}", k, settings, seed + k) for k in range(FOLDS))
    network = ZOO.get(PICTURES)()
    scaled = (pictures / np.float32(16.0)).astype(np.float32)
    return Program(network, scaled, classes, portions, members, "cross-entropy")


def _accuracy(program: Program, outputs: list[Any]) -> float:
    right = [
        np.mean(output.argmax(axis=1) == program.targets[program.portions[m.portion].test])
        for output, m in zip(outputs, program.members, strict=True)
    ]
    return float(np.mean(right))
