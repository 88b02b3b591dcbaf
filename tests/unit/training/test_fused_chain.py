"""What the fused engine refuses, and how it reads what it takes."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from lamina.nets.layers import LAYERS, Layer
from lamina.nets.layers.activations import LeakyReLU, ReLU, Sigmoid, Softmax, Tanh
from lamina.nets.layers.linear import Linear
from lamina.nets.network import Network, Wiring, sequential
from lamina.training.engines import fused_chain
from lamina.training.engines.fused import FusedEngine
from lamina.training.engines.fused_kernel.plan import Core, Dense
from lamina.training.program import Member, Portion, Program
from lamina.training.settings import Settings

CORE = Core(lanes=16, registers=32, x86=True)


def program(network: Network, loss: str, **values: Any) -> Program:
    rows = np.arange(4)
    features = np.zeros((4, *network.inputs[0].shape))
    targets = np.zeros((4, *network.shapes[network.outputs[0]]), dtype=np.float32)
    member = Member("one", 0, Settings(**values), 0)
    portion = Portion(rows, rows[:0], rows[:0])
    return Program(network, features, targets, (portion,), (member,), loss)


def refusal(loss: str, *layers: Layer, shape: int | tuple[int, ...] = 3) -> str:
    return FusedEngine().refusal(program(sequential(layers, shape), loss), "cpu")


@pytest.mark.parametrize(
    ("loss", "layers", "word"),
    [
        ("mse", [ReLU(), Linear(3, 1)], "ReLU r1"),
        ("mse", [Linear(3, 2), ReLU(), Tanh(), Linear(2, 1)], "Tanh t1"),
        ("mse", [Linear(3, 2), Softmax()], "Softmax"),
        ("mse", [Linear(3, 2), Softmax(), Linear(2, 1)], "Softmax"),
        ("bce", [Linear(3, 1)], "Sigmoid"),
        ("cross-entropy", [Linear(3, 2), ReLU()], "ReLU"),
        ("mse", [Linear(3, 5000), ReLU(), Linear(5000, 1)], "4096"),
        ("mse", [Linear(3, 2), LeakyReLU(-0.1), Linear(2, 1)], "slopes"),
        ("mse", [Linear(3, 2), LAYERS.get("Dropout")(), Linear(2, 1)], "Dropout"),
    ],
    ids=lambda value: str(value),
)
def test_what_the_kernel_lacks_is_refused_with_its_name(
    loss: str, layers: list[Layer], word: str
) -> None:
    said = refusal(loss, *layers)
    assert word in said
    assert "\n" not in said


def test_rows_of_more_than_one_axis_are_refused() -> None:
    assert "shape (2, 3)" in refusal("mse", Linear(3, 1), shape=(2, 3))


def test_a_network_that_branches_is_refused() -> None:
    wiring = Wiring()
    source = wiring.input("x", 3)
    left, right = wiring.add(Linear(3, 2), source), wiring.add(Linear(3, 2), source)
    network = wiring.network(wiring.add(LAYERS.get("Add")(), left, right))
    assert "branches" in FusedEngine().refusal(program(network, "mse"), "cpu")


@pytest.mark.parametrize("device", ["cuda", "cuda:1", "abacus"])
def test_other_devices_are_refused(device: str) -> None:
    wanted = program(sequential([Linear(3, 1)]), "mse")
    assert device in FusedEngine().refusal(wanted, device)


def test_a_final_sigmoid_is_folded_into_the_loss_and_kept_for_predictions() -> None:
    network = sequential([Linear(3, 2), ReLU(), Linear(2, 1, bias=False), Sigmoid()])
    plan = fused_chain.plan(program(network, "bce"), CORE)
    assert plan.layers == (Dense(3, 2, True, "relu"), Dense(2, 1, False))
    assert (plan.loss, plan.final) == ("logistic", "sigmoid")


def test_a_final_sigmoid_stays_a_layer_with_other_losses() -> None:
    plan = fused_chain.plan(program(sequential([Linear(3, 1), Sigmoid()]), "mse"), CORE)
    assert plan.layers[-1].activation == "sigmoid"
    assert plan.final == ""


def test_operations_count_multiply_adds_twice() -> None:
    network = sequential([Linear(4, 2), ReLU(), Linear(2, 1), Sigmoid()])
    plan = fused_chain.plan(program(network, "bce"), CORE)
    products = 2 * (8 + 2) + 2 * (8 + 2) + 2 * 2
    biases_and_activations = 2 * (2 + 2 + 1)
    assert plan.operations == products + biases_and_activations
