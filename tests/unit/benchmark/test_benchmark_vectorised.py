"""The torch engine's two forms on the digits."""

from __future__ import annotations

import pytest

from lamina.benchmark.jobs import Task
from lamina.benchmark.vectorised import FORMS, VectorisedBench, digits


def test_both_forms_train_the_same_networks() -> None:
    found = VectorisedBench("cpu", 1)(Task("digits-cnn", group="cpu", epochs=1, repeats=1))
    one, together = (found["accuracy"][form] for form in FORMS)
    assert one == pytest.approx(together, abs=0.02)
    assert found["auto"] in FORMS
    assert found["ratio"] > 0


def test_a_device_that_is_not_there_is_refused() -> None:
    found = VectorisedBench("cpu", 1)(Task("digits-cnn", group="cuda:99", epochs=1))
    assert "CUDA" in found["refusal"] or "cuda" in found["refusal"]


def test_the_digits_are_five_folds_with_their_own_weights() -> None:
    program = digits(1, seed=4)
    assert program.features.shape == (1797, 1, 8, 8)
    assert program.features.max() == 1.0
    assert [member.seed for member in program.members] == [4, 5, 6, 7, 8]
