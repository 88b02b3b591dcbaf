"""The cost model: constants kept per machine, choices remembered, engines chosen."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from lamina.errors import SettingsError
from lamina.nets.layers.activations import ReLU
from lamina.nets.layers.linear import Linear
from lamina.nets.network import Network, sequential
from lamina.nets.zoo import ZOO
from lamina.training.engines import cost, torch_cost
from lamina.training.engines.torch import TorchEngine
from lamina.training.program import Member, Portion, Program
from lamina.training.settings import Settings
from lamina.workflow.machine import cores


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    return tmp_path


class Meter:
    def __init__(self, value: float = 1.0) -> None:
        self.value = value
        self.calls = 0

    def __call__(self) -> dict[str, float]:
        self.calls += 1
        return {"rate": self.value}


def program(network: Network, rows: int, loss: str, members: int = 1) -> Program:
    generator = np.random.default_rng(0)
    features = generator.normal(size=(rows, *network.inputs[0].shape))
    width = network.shapes[network.outputs[0]][0]
    targets: Any = generator.normal(size=(rows, width)).astype(np.float32)
    if loss == "cross-entropy":
        targets = generator.integers(0, width, rows)
    if loss == "bce":
        targets = (targets > 0).astype(np.float32)
    portion = Portion(np.arange(rows), np.arange(0), np.arange(0))
    group = tuple(Member("", 0, Settings(epochs=1000), k) for k in range(members))
    return Program(network, features, targets, (portion,), group, loss)


def test_constants_are_measured_once(folder: Path) -> None:
    meter = Meter()
    for _ in range(3):
        assert cost.constants("some", meter, ("torch",)) == {"rate": 1.0}
    assert meter.calls == 1
    stored = json.loads(cost.calibration_file().read_text(encoding="utf-8"))
    assert stored["constants"][f"some, {cores()} cores"]["values"] == {"rate": 1.0}
    assert cost.calibration_file().parent.parent == folder


def test_constants_are_read_by_another_process(folder: Path) -> None:
    cost.constants("some", Meter(3.0))
    cost._memory.clear()
    assert cost.constants("some", Meter(9.0)) == {"rate": 3.0}


def _other_version(text: str) -> str:
    return text.replace('"numpy": "', '"numpy": "0.')


def _other_cores(text: str) -> str:
    return text.replace(f"{cores()} cores", "999 cores")


def _cut(text: str) -> str:
    return text[: len(text) // 2]


def _older(text: str) -> str:
    return text.replace(f'"format": {cost.FORMAT}', '"format": 0')


def _without_values(text: str) -> str:
    return text.replace('"values"', '"was"')


def _words(text: str) -> str:
    return text.replace("1.0", '"fast"')


SPOILED = [_other_version, _other_cores, _cut, _older, _without_values, _words]


@pytest.mark.parametrize("spoil", SPOILED)
@pytest.mark.usefixtures("folder")
def test_stale_or_damaged_constants_are_measured_again(spoil: Callable[[str], str]) -> None:
    cost.constants("some", Meter(1.0))
    file = cost.calibration_file()
    file.write_text(spoil(file.read_text(encoding="utf-8")), encoding="utf-8")
    cost._memory.clear()
    assert cost.constants("some", Meter(2.0)) == {"rate": 2.0}


@pytest.mark.usefixtures("folder")
def test_a_folder_that_cannot_be_written_costs_one_measurement(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "file").write_text("", encoding="utf-8")
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "file"))
    meter = Meter()
    for _ in range(2):
        assert cost.constants("some", meter) == {"rate": 1.0}
    assert meter.calls == 1


@pytest.mark.usefixtures("folder")
def test_sections_of_other_processes_survive() -> None:
    cost.constants("one", Meter(1.0))
    mine = dict(cost._memory)
    cost._memory.clear()
    cost.constants("two", Meter(2.0))
    cost._memory.clear()
    cost._memory.update(mine)
    cost.remember("forms", "key", 5)
    cost._memory.clear()
    assert cost.constants("two", Meter(9.0)) == {"rate": 2.0}
    assert cost.recall("forms", "key") == 5


@pytest.mark.usefixtures("folder")
def test_only_the_latest_choices_are_kept(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(cost, "KEPT_CHOICES", 3)
    for number in range(5):
        cost.remember("forms", str(number), number)
    assert [cost.recall("forms", str(number)) for number in range(5)] == [None, None, 2, 3, 4]


@pytest.mark.parametrize(
    ("seconds", "words"),
    [
        (8.5e-5, "85 µs"),
        (0.004, "4 ms"),
        (0.014, "0.014 s"),
        (2.84, "2.8 s"),
        (61.0, "61 s"),
        (190.0, "3.2 min"),
    ],
)
def test_durations_are_worded(seconds: float, words: str) -> None:
    assert cost.seconds_in_words(seconds) == words


def test_small_dense_networks_go_to_fused() -> None:
    made = program(ZOO.get("papers-1")(), 569, "bce", members=5)
    engine, reason = cost.choose(made, "cpu")
    assert engine == "fused"
    assert reason.startswith("fused: ")
    assert "predicted against" in reason
    assert reason.endswith("with torch")


def test_wide_dense_networks_go_to_torch() -> None:
    wide = sequential(
        [Linear(1024, 2048), ReLU(), Linear(2048, 2048), ReLU(), Linear(2048, 10)], name="wide"
    )
    assert cost.choose(program(wide, 3000, "cross-entropy"), "cpu")[0] == "torch"


def test_what_fused_refuses_goes_to_torch_and_says_why() -> None:
    made = program(ZOO.get("digits-cnn")(), 300, "cross-entropy")
    engine, reason = cost.choose(made, "cpu")
    assert engine == "torch"
    assert "fused is left out: " in reason


def test_when_nobody_can_all_say_why() -> None:
    made = program(ZOO.get("papers-1")(), 60, "bce")
    with pytest.raises(SettingsError) as caught:
        cost.choose(made, "abacus")
    assert {m.partition(":")[0] for m in caught.value.mistakes} >= {"fused", "torch"}


def test_more_work_is_predicted_to_take_longer() -> None:
    small = ZOO.get("papers-1")()
    engine = TorchEngine()
    few = engine.estimate(program(small, 600, "bce"), "cpu").seconds
    many = engine.estimate(program(small, 60000, "bce"), "cpu").seconds
    several = engine.estimate(program(small, 600, "bce", members=20), "cpu").seconds
    assert 0 < few < many
    assert few < several < 20 * few


def test_recurrent_layers_cost_their_steps() -> None:
    recurrent = torch_cost.work_of(ZOO.get("sequence-lstm")(), 10)
    assert recurrent.starts > 2 * len(ZOO.get("sequence-lstm")().nodes)
