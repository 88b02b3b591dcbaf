"""Inside a measuring process: time a peer or an engine on one case."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from lamina.benchmark.cases import Case
from lamina.benchmark.jobs import Job, Task, enough
from lamina.benchmark.peers.base import Lesson, Peer
from lamina.training.engines.base import Engine
from lamina.training.program import Member, Program

Values = dict[str, Any]


def lesson(program: Program, member: Member, threads: int) -> Lesson:
    """A member of a program in the words of the peers."""
    rows = program.portions[member.portion].train
    settings, start = member.settings, program.start_weights(member)
    return Lesson(
        features=program.prepared(program.portions[member.portion], "train").astype(np.float32),
        targets=np.ascontiguousarray(program.targets[rows, 0], dtype=np.float32),
        bounds=settings.bounds(len(rows)),
        layers=tuple(
            (start[f"{node.name}.weight"], start[f"{node.name}.bias"])
            for node in program.network.nodes
            if f"{node.name}.weight" in start
        ),
        epochs=settings.epochs,
        learning_rate=settings.learning_rate,
        momentum=settings.momentum,
        seed=member.seed,
        threads=threads,
    )


class PeerBench:
    """Measures one peer, case after case."""

    def __init__(self, peer: Peer, threads: int) -> None:
        self._peer = peer
        self._threads = threads
        self._warm = False

    def __call__(self, task: Task) -> Values:
        """Trains every member of the group, one after another; repeats the whole group.

        `seconds` are of the epochs of all members, per repeat; `compile` of the first repeat.
        """
        case = Case.load(Path(task.case))
        values: Values = {"seconds": [], "wall": [], "compile": 0.0, "form": "one by one"}
        for program in _repeats(case, task, values):
            lessons = [lesson(program, member, self._threads) for member in program.members]
            self._warm_up(lessons[0])
            start = time.perf_counter()
            trained = [self._peer.train(each) for each in lessons]
            guessed = [
                each.probabilities(_test_rows(program, member))
                for each, member in zip(trained, program.members, strict=True)
            ]
            compiling = sum(each.compile_seconds for each in trained)
            values["compile"] = max(values["compile"], compiling)
            values["seconds"].append(sum(each.seconds for each in trained))
            values["wall"].append(time.perf_counter() - start - compiling)
            _note_accuracies(values, task, program, guessed)
        return values

    def _warm_up(self, first: Lesson) -> None:
        if not self._warm:
            self._peer.train(replace(first, epochs=1))
            self._warm = True


class EngineBench:
    """Measures one of our engines: the group's trainings as one program."""

    def __init__(self, engine: Engine, device: str, threads: int) -> None:
        self._engine = engine
        self._device = device
        self._threads = threads
        self._warm = False

    def __call__(self, task: Task) -> Values:
        """Starts a session and trains it, repeatedly.

        `seconds` are of `advance`; `start` of sending data and weights to the device, without
        `compile` (of the first session); `wall` of both and of predicting the test rows.
        """
        case = Case.load(Path(task.case))
        values: Values = {"seconds": [], "wall": [], "start": [], "compile": 0.0}
        for program in _repeats(case, task, values):
            refusal = self._engine.refusal(program, self._device)
            if refusal:
                return {"refusal": refusal}
            active = np.ones(len(program.members), dtype=np.bool_)
            self._warm_up(program, active, values)
            begin = time.perf_counter()
            session = self._engine.start(program, self._device, self._threads)
            started, before = time.perf_counter(), session.compile_seconds
            session.advance(task.epochs, active)
            trained = time.perf_counter()
            # An engine may compile on its first epoch, too.
            later = session.compile_seconds - before
            guessed = [output.reshape(-1) for output in session.outputs("test")]
            ended = time.perf_counter()
            values["compile"] = max(values["compile"], session.compile_seconds)
            values["start"].append(max(0.0, started - begin - before))
            values["seconds"].append(trained - started - later)
            values["wall"].append(ended - begin - session.compile_seconds)
            values["form"] = session.form
            _note_accuracies(values, task, program, guessed)
        return values

    def _warm_up(self, program: Program, active: NDArray[np.bool_], values: Values) -> None:
        if not self._warm:
            first = self._engine.start(program, self._device, self._threads)
            first.advance(1, active)
            values["compile"] = first.compile_seconds
            self._warm = True


class RateBench:
    """Measures the rate of single-precision matrix multiplication."""

    def __init__(self, threads: int) -> None:
        self._threads = threads

    def __call__(self, task: Task) -> Values:
        """GFLOP/s of (1024, 1024) products, the best of `repeats`, by the quickest library."""
        rates = {"numpy": _numpy_rate(task.repeats)}
        torch_rate = _torch_rate(task.repeats, self._threads)
        if torch_rate:
            rates["torch"] = torch_rate
        library = max(rates, key=lambda name: rates[name])
        return {"gflops": rates[library], "library": library, "rates": rates}


def bench(job: Job) -> Callable[[Task], Values]:
    """The measuring function of a job: Task -> values."""
    if job.kind == "peer":
        from lamina.benchmark.peers import PEERS

        return PeerBench(PEERS.get(job.name)(), job.threads)
    if job.kind == "engine":
        from lamina.training.engines import ENGINES

        return EngineBench(ENGINES.get(job.name)(), job.device, job.threads)
    if job.kind == "vectorised":
        from lamina.benchmark.vectorised import VectorisedBench

        return VectorisedBench(job.device, job.threads)
    return RateBench(job.threads)


def _repeats(case: Case, task: Task, values: Values) -> Iterator[Program]:
    """The group's program until it has been measured often enough.

    Repeats of the single training of group I start from other weights, so that its accuracy
    has a deviation, too.
    """
    while not values["wall"] or not enough(values["wall"], task.repeats, task.patience):
        other = len(values["wall"]) if task.group == "I" else 0
        yield case.program(task.group, task.epochs, task.seed + other)


def _note_accuracies(
    values: Values, task: Task, program: Program, guessed: list[NDArray[np.float32]]
) -> None:
    """Keeps the accuracy of every repeat of group I, and of every member of the others."""
    found = _accuracies(program, guessed)
    if task.group == "I":
        values.setdefault("accuracy", []).extend(found)
    else:
        values.setdefault("accuracy", found)


def _test_rows(program: Program, member: Member) -> NDArray[np.float32]:
    rows = program.prepared(program.portions[member.portion], "test")
    return rows.astype(np.float32, copy=False)


def _accuracies(program: Program, guessed: list[NDArray[np.float32]]) -> list[float]:
    """Share of test rows that each member puts on the right side of one half."""
    right = []
    for member, probabilities in zip(program.members, guessed, strict=True):
        wanted = program.targets[program.portions[member.portion].test, 0]
        right.append(float(np.mean((probabilities >= 0.5) == (wanted >= 0.5))))
    return right


def _numpy_rate(repeats: int) -> float:
    left = np.random.default_rng(0).random((1024, 1024), dtype=np.float32)
    out = np.empty_like(left)
    return _best_rate(repeats, lambda: np.matmul(left, left, out=out))


def _torch_rate(repeats: int, threads: int) -> float:
    try:
        import torch
    except ImportError:
        return 0.0
    torch.set_num_threads(threads)
    left = torch.rand(1024, 1024)
    out = torch.empty_like(left)
    return _best_rate(repeats, lambda: torch.mm(left, left, out=out))


def _best_rate(repeats: int, product: Callable[[], object]) -> float:
    best = float("inf")
    product()
    for _ in range(max(5, 4 * repeats)):
        start = time.perf_counter()
        product()
        best = min(best, time.perf_counter() - start)
    return 2.0 * 1024.0**3 / best / 1e9
