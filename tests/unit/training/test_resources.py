"""Resources: engine and device chosen with a reason, torch left alone where it is not needed."""

from __future__ import annotations

import subprocess
import sys
from typing import Any

import numpy as np
import pytest

from lamina.errors import SettingsError
from lamina.nets.layers.convolution import Conv2d
from lamina.nets.layers.linear import Linear
from lamina.nets.layers.reshaping import Flatten
from lamina.nets.network import Network, sequential
from lamina.nets.zoo import mlp
from lamina.training import resources
from lamina.training.engines import ENGINES
from lamina.training.engines.base import Engine, Estimate, Session
from lamina.training.examples import Reading, as_examples
from lamina.training.groups import lay_out
from lamina.training.plans import Plan
from lamina.training.program import Program
from lamina.training.resources import Resource, resolve
from lamina.training.settings import Settings


def program_of(network: Network, epochs: int = 5) -> Program:
    shape = (30, *network.inputs[0].shape)
    features = np.random.default_rng(0).random(shape)
    data = as_examples(network, (features, np.arange(30) % 2), "", Reading())
    return lay_out(network, data, Settings(epochs=epochs), Plan())[0].program


def engine_class(seconds: dict[str, float]) -> type[Engine]:
    class Priced(Engine):
        name = "priced"

        def refusal(self, program: Program, device: str) -> str:
            return "" if device.partition(":")[0] in seconds else f"not on {device}"

        def estimate(self, program: Program, device: str) -> Estimate:
            return Estimate(seconds[device.partition(":")[0]], 0.0, "made up")

        def start(self, program: Program, device: str, threads: int) -> Session:
            raise AssertionError

    return Priced


def with_engines(monkeypatch: pytest.MonkeyPatch, cuda: bool, **prices: dict[str, float]) -> None:
    for name, seconds in prices.items():
        monkeypatch.setitem(ENGINES._targets, name, engine_class(seconds))
    monkeypatch.setattr(resources, "cuda_is_there", lambda: cuda)


def test_what_is_asked_for_is_taken(reference: str) -> None:
    found = resolve(Resource(reference, "cpu", 3), program_of(mlp(2, [3])))
    assert (found.engine, found.device, found.threads) == ("reference", "cpu", 3)
    assert found.reason == "asked for"


def test_no_threads_means_all_cores(reference: str) -> None:
    assert resolve(Resource(reference), program_of(mlp(2, [3]))).threads >= 1


def test_an_engine_goes_where_it_is_faster(monkeypatch: pytest.MonkeyPatch) -> None:
    program = program_of(mlp(2, [3]))
    with_engines(monkeypatch, True, torch={"cpu": 9.0, "cuda": 2.0})
    found = resolve(Resource("torch"), program)
    assert found.device == "cuda"
    assert found.reason == "2 s with torch on cuda predicted against 9 s with torch on cpu"
    with_engines(monkeypatch, True, torch={"cpu": 1.0, "cuda": 2.0})
    assert resolve(Resource("torch"), program).device == "cpu"
    with_engines(monkeypatch, False, torch={"cpu": 9.0, "cuda": 2.0})
    assert resolve(Resource("torch"), program).device == "cpu"


def test_auto_never_takes_the_slower_one(monkeypatch: pytest.MonkeyPatch) -> None:
    program = program_of(mlp(2, [3]))
    monkeypatch.setitem(sys.modules, "torch", sys.modules.get("torch", sys))
    with_engines(monkeypatch, True, torch={"cpu": 30.0, "cuda": 5.0}, fused={"cpu": 7.0})
    found = resolve(Resource(), program)
    assert (found.engine, found.device) == ("torch", "cuda")
    assert "against 7 s with fused on cpu" in found.reason
    with_engines(monkeypatch, False, torch={"cpu": 30.0, "cuda": 5.0}, fused={"cpu": 7.0})
    found = resolve(Resource(), program)
    assert (found.engine, found.device) == ("fused", "cpu")
    with_engines(monkeypatch, True, torch={"cpu": 30.0, "cuda": 5.0}, fused={"cpu": 3.0})
    assert resolve(Resource(), program).engine == "fused"
    assert resolve(Resource(device="cuda"), program).engine == "torch"


def test_a_short_training_does_not_ask_torch(monkeypatch: pytest.MonkeyPatch) -> None:
    program = program_of(mlp(2, [3]))
    monkeypatch.delitem(sys.modules, "torch", raising=False)
    with_engines(monkeypatch, True, torch={"cpu": 0.0, "cuda": 0.0}, fused={"cpu": 0.01})
    found = resolve(Resource(), program)
    assert found.engine == "fused"
    assert "loading torch alone takes longer" in found.reason


def test_a_long_training_asks_torch_too(monkeypatch: pytest.MonkeyPatch) -> None:
    program = program_of(mlp(2, [3]))
    monkeypatch.delitem(sys.modules, "torch", raising=False)
    with_engines(monkeypatch, False, torch={"cpu": 10.0}, fused={"cpu": 100.0})
    assert resolve(Resource(), program).engine == "torch"


def test_what_an_engine_refuses_is_said(monkeypatch: pytest.MonkeyPatch) -> None:
    with_engines(monkeypatch, False, torch={"cpu": 1.0})
    with pytest.raises(SettingsError, match="not on cuda"):
        resolve(Resource("torch", "cuda"), program_of(mlp(2, [3])))
    with_engines(monkeypatch, True, torch={"cuda": 1.0})
    assert resolve(Resource("torch"), program_of(mlp(2, [3]))).device == "cuda"


@pytest.mark.parametrize(
    ("wish", "there", "out"),
    [
        (Resource("torch", "cuda"), {"cpu": 1.0}, "leave the device to 'auto'"),
        (Resource(device="cuda"), {"cpu": 1.0}, "leave the device to 'auto'"),
        (Resource("torch", "cuda"), {}, "leave the engine to 'auto'"),
        (Resource("torch", "cpu"), {"cuda": 1.0}, "leave the engine to 'auto'"),
    ],
)
def test_the_way_out_of_a_refusal_is_what_was_refused(
    monkeypatch: pytest.MonkeyPatch, wish: Resource, there: dict[str, float], out: str
) -> None:
    monkeypatch.setitem(sys.modules, "torch", sys.modules.get("torch", sys))
    with_engines(monkeypatch, False, torch=there, fused={"cpu": 1.0})
    monkeypatch.setattr(resources, "choose", lambda program, device: ("torch", "only"))
    with pytest.raises(SettingsError) as refused:
        resolve(wish, program_of(mlp(2, [3])))
    assert refused.value.way_out == out


@pytest.mark.parametrize(
    "wrong", [{"engine": "x"}, {"device": "gpu"}, {"device": "cuda:a"}, {"threads": -2}]
)
def test_a_resource_that_does_not_hold_is_refused(wrong: dict[str, Any]) -> None:
    with pytest.raises(SettingsError, match=r"choose from|0 for all"):
        Resource(**wrong)


def test_a_convolution_goes_to_torch() -> None:
    pytest.importorskip("torch", reason="no torch: pip install 'lamina[torch]'")
    network = sequential([Conv2d(1, 2, 3), Flatten(), Linear(None, 2)], (1, 4, 4))
    assert resolve(Resource(device="cpu"), program_of(network)).engine == "torch"


def test_a_small_dense_training_leaves_torch_unloaded() -> None:
    code = (
        "import sys, numpy as np\n"
        "from lamina.nets.zoo import mlp\n"
        "from lamina.training.settings import Settings\n"
        "from lamina.training.trainer import train\n"
        "x = np.random.default_rng(0).random((60, 2))\n"
        "r = train(mlp(2, [3]), (x, (x[:, 0] > 0.5) * 1), settings=Settings(epochs=5))\n"
        "assert r.resource.engine == 'fused', r.resource\n"
        "assert 'torch' not in sys.modules\n"
        "assert 'rich' not in sys.modules\n"
        "assert 'matplotlib' not in sys.modules\n"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
