"""The fused engine's predicted time: measured constants times counted work."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from lamina.nets.layers.activations import ReLU, Sigmoid
from lamina.nets.layers.linear import Linear
from lamina.nets.network import sequential
from lamina.training.engines import cost, fused_cost
from lamina.training.engines.fused import FusedEngine
from lamina.training.engines.fused_kernel.build import host
from lamina.training.program import Member, Portion, Program
from lamina.training.settings import Settings

CONSTANTS = {
    "operation": 1e-9,
    "product": 5e-10,
    "batch": 1e-6,
    "weights": 1e-8,
    "line": 1e-5,
}

LANES = host().core.lanes


def program(rows: int = 600, hidden: int = 8, members: int = 1, **values: Any) -> Program:
    network = sequential([Linear(5, hidden), ReLU(), Linear(hidden, 1), Sigmoid()])
    every = np.arange(rows)
    member = Member("one", 0, Settings(**values), 0)
    return Program(
        network,
        np.zeros((rows, 5)),
        np.zeros((rows, 1), dtype=np.float32),
        (Portion(every, every[:0], every[:0]),),
        (member,) * members,
        "bce",
    )


@pytest.fixture(autouse=True)
def known(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    cost.constants("fused", lambda: CONSTANTS, ("llvmlite",))
    monkeypatch.setattr(cost, "cores", lambda: 2)


def seconds(wanted: Program) -> float:
    return FusedEngine().estimate(wanted, "cpu").train


def test_time_grows_with_epochs_rows_and_units() -> None:
    start = seconds(program())
    assert seconds(program(epochs=2000)) == pytest.approx(2 * start)
    assert seconds(program(rows=6000)) > 3 * start
    assert seconds(program(hidden=80)) > 3 * start
    assert seconds(program(batches=60)) > start


def test_members_share_the_threads() -> None:
    one = seconds(program())
    assert seconds(program(members=2)) == pytest.approx(one)
    assert seconds(program(members=3)) == pytest.approx(2 * one)


def test_a_large_member_is_shared_by_the_threads() -> None:
    cut = seconds(program(rows=200_000)) / seconds(program(rows=200_000, members=2))
    assert 0.5 < cut < 0.7


def test_wide_layers_have_a_rate_of_their_own() -> None:
    narrow, wide = seconds(program(hidden=200, batches=1)), seconds(program(hidden=210, batches=1))
    assert wide < 0.8 * narrow


def test_a_step_over_many_weights_costs_time_and_adam_more() -> None:
    few, many = (seconds(program(hidden=190, batches=n)) for n in (1, 100))
    adam = seconds(program(hidden=190, batches=100, optimiser="adam"))
    weights, vectors = 190 * 7 + 1, 100 * 1000
    assert many > few
    assert adam - many == pytest.approx(vectors * weights / LANES * 48e-9, rel=0.05)


def test_a_new_order_per_epoch_costs_time() -> None:
    assert seconds(program(shuffle="epoch")) > seconds(program())


def test_compiling_counts_only_when_the_code_is_not_kept() -> None:
    wanted = program(hidden=9)
    engine = FusedEngine()
    before = engine.estimate(wanted, "cpu").compile
    engine.start(wanted, "cpu", 1)
    assert engine.estimate(wanted, "cpu").compile < before


def test_the_reason_names_the_work_and_the_rate() -> None:
    reason = FusedEngine().estimate(program(), "cpu").reason
    assert "operations per row" in reason
    assert "GFLOP/s" in reason


def test_calibration_measures_positive_numbers() -> None:
    found = fused_cost.calibrate()
    assert set(found) == set(CONSTANTS)
    assert all(0 < value < 1e-2 for value in found.values())
