"""Both engines, held to the suite that ships."""

from __future__ import annotations

import pytest

from lamina.testing.engines import (
    CHECKS,
    NUMERIC_CASES,
    Case,
    check_numbers,
    check_thread_invariance,
    dense_program,
)
from lamina.testing.reference_engine import ReferenceEngine
from lamina.training.engines import ENGINES, Engine, cost
from lamina.training.engines.torch import TorchEngine


@pytest.fixture(autouse=True)
def cache(tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch) -> None:
    file = tmp_path_factory.getbasetemp() / "engines.json"
    monkeypatch.setattr(cost, "calibration_file", lambda: file)


FORMS = ("torch, vectorised", "torch, one by one", "fused", "reference")


def engine(called: str) -> Engine:
    name, _, form = called.partition(", ")
    if name == "reference":
        return ReferenceEngine()
    return TorchEngine(form=form) if form else ENGINES.get(name)()


@pytest.mark.parametrize("check", CHECKS)
@pytest.mark.parametrize("called", ["torch", *FORMS])
def test_engines_keep_their_promises(called: str, check: str) -> None:
    CHECKS[check](engine(called), "cpu")


@pytest.mark.parametrize("case", NUMERIC_CASES, ids=str)
@pytest.mark.parametrize("called", FORMS)
def test_losses_are_those_of_plain_numpy(called: str, case: Case) -> None:
    if check_numbers(engine(called), case):
        return
    refusal = engine(called).refusal(dense_program(case), "cpu")
    at_one_rate = called == "fused" and "all layers at one rate" in refusal
    assert called == "reference" or at_one_rate, refusal
    pytest.skip(f"the engine refuses: {refusal}")


def test_fused_gives_the_same_bits_with_any_number_of_threads() -> None:
    check_thread_invariance(engine("fused"))


@pytest.mark.gpu
@pytest.mark.parametrize("check", CHECKS)
def test_torch_keeps_its_promises_on_cuda(check: str) -> None:
    CHECKS[check](TorchEngine(), "cuda")


@pytest.mark.gpu
@pytest.mark.parametrize("case", NUMERIC_CASES, ids=str)
def test_losses_on_cuda_are_those_of_plain_numpy(case: Case) -> None:
    assert check_numbers(TorchEngine(), case, "cuda")
