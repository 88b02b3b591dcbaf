"""Fixtures of the unit tests: results of a small benchmark; a table, a network, an engine; runs."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from lamina.benchmark.bars import bars
from lamina.benchmark.cases import Case, cut
from lamina.benchmark.jobs import Answer, Job, Task
from lamina.benchmark.plan import Options
from lamina.benchmark.results import FORMAT, assemble
from lamina.data.tables import Table
from lamina.nets.network import Network
from lamina.nets.zoo import mlp
from lamina.testing.disturbed import made_run, made_runs, slower, write_csv
from lamina.testing.reference_engine import ReferenceEngine
from lamina.training.engines import ENGINES


@pytest.fixture
def case() -> Case:
    """Sixty rows of four features; the sum of the first two decides the class."""
    features = np.random.default_rng(7).random((60, 4)) * [1.0, 1.0, 100.0, 0.01]
    classes = (features[:, 0] + features[:, 1] > 1.0).astype(np.int64)
    return cut("banknote", mlp(4, (3,)), features, classes, seed=3)


def answer(
    kind: str, name: str, group: str, seconds: list[float], accuracy: list[float], threads: int = 1
) -> Answer:
    """What a measuring process would have answered for the small case."""
    values = {
        "seconds": seconds,
        "wall": [s + 0.5 for s in seconds],
        "start": [0.5],
        "compile": 0.25,
        "accuracy": accuracy,
        "form": "one by one",
    }
    task = Task("banknote", group=group, epochs=100)
    return Answer(Job(kind, name, threads, (task,)), task, values)


@pytest.fixture
def answers() -> list[Answer]:
    """Two engines' forms and two peers; one measurement failed."""
    rate = {"gflops": 100.0, "library": "numpy", "rates": {"numpy": 100.0}}
    loader = Task("banknote", group="I", epochs=10)
    jax = Task("banknote", group="I", epochs=100)
    return [
        Answer(Job("sgemm", "sgemm", 1, ()), Task("sgemm"), rate),
        answer("engine", "fused", "I", [0.03, 0.01, 0.02], [0.9]),
        answer("engine", "fused", "II", [0.1], [0.8, 0.9, 1.0, 0.9, 0.9]),
        answer("engine", "fused", "III", [0.4], [0.8, 0.9, 1.0, 0.9, 0.9] * 4, threads=2),
        answer("engine", "fused", "I", [0.01], [0.9], threads=2),
        answer("peer", "torch-memory", "I", [4.0], [0.9]),
        answer("peer", "torch-memory", "I", [2.0], [0.9], threads=2),
        answer("peer", "sklearn", "I", [1.0], [0.8]),
        answer("peer", "sklearn", "II", [5.0], [0.7, 0.8, 0.9, 0.8, 0.8]),
        Answer(
            Job("peer", "torch-loader", 1, (loader,)),
            loader,
            answer("peer", "torch-loader", "I", [0.6], [0.5]).values,
        ),
        Answer(
            Job("vectorised", "torch", 2, ()),
            Task("digits-cnn", group="cuda"),
            {"refusal": "no CUDA device"},
        ),
        Answer(Job("peer", "jax", 1, (jax,)), jax, failure="ImportError: no jaxlib"),
    ]


@pytest.fixture
def results(case: Case, answers: list[Answer]) -> dict[str, Any]:
    """A whole results document, as `benchmark_networks` puts it together."""
    document: dict[str, Any] = {
        "lamina": FORMAT,
        "command": "lamina benchmark networks",
        "date": "2026-01-02T03:04:05+00:00",
        "wall_seconds": 12.0,
        "load_before": 0.1,
        "quick": False,
        "epochs": 100,
        "batches": 6,
        "seeds": {"split": 3, "weights": 3},
        "machine": {"cpu": "A processor", "cores": 2, "memory_gib": 8.0, "os": "Some system"},
        "versions": {"python": "3.11.1"},
        "sets": {
            "banknote": {
                "rows": 60,
                "train_rows": 48,
                "features": 4,
                "network": "4-3-1",
                "parameters": 19,
                "majority": 0.55,
            }
        },
        "absent": {"sets": {"pima": "it is not on this machine"}, "contestants": {}},
        **assemble(Options(epochs=100), {"banknote": case}, answers),
    }
    document["bars"] = [bar.to_json() for bar in bars(document)]
    return document


@pytest.fixture
def reference(monkeypatch: pytest.MonkeyPatch) -> str:
    """The NumPy engine under the name "reference", for one test."""
    monkeypatch.setitem(ENGINES._targets, "reference", ReferenceEngine)
    return "reference"


@pytest.fixture
def table() -> Table:
    """120 rows, two features on different scales, two classes that a line parts."""
    generator = np.random.default_rng(5)
    a, b = generator.normal(size=120), 1000.0 * generator.normal(size=120)
    label = (a + b / 1000.0 + 0.2 * generator.normal(size=120) > 0).astype(np.int64)
    return Table({"a": a, "b": b, "label": label}, "moons")


@pytest.fixture
def network() -> Network:
    """2-4-1 with a Sigmoid last."""
    return mlp(2, [4], 1, name="tiny")


@pytest.fixture
def elsewhere(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty folder as the current one, outside every project."""
    monkeypatch.delenv("LAMINA_PROJECT", raising=False)
    monkeypatch.chdir(tmp_path)
    return tmp_path


@pytest.fixture
def good(tmp_path: Path) -> Path:
    """A folder of twelve runs in which nothing went wrong."""
    for number, one in enumerate(made_runs(12), 1):
        write_csv(one, tmp_path / "good", number)
    return tmp_path / "good"


@pytest.fixture
def bad(tmp_path: Path) -> Path:
    """A run of which one worker stages in four times as long."""
    return write_csv(made_run(slower(4.0, "stage_in", host="worker-3"), 100, "loss"), tmp_path)
