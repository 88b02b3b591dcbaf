"""Losses: what a network and a target ask for; values checked against torch."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from lamina.errors import SettingsError
from lamina.nets.layers.activations import Sigmoid, Softmax
from lamina.nets.layers.linear import Linear
from lamina.nets.network import Network, sequential
from lamina.nets.zoo import mlp
from lamina.training.ensemble import averaged
from lamina.training.losses import (
    gives_probabilities,
    probabilities,
    resolve_loss,
    row_losses,
    targets_for,
)

LOGIT, CHANCE = mlp(3, [2], 1, last=""), mlp(3, [2], 1)
LOGITS, CHANCES = mlp(3, [2], 3), sequential([Linear(3, 3), Softmax()])


@pytest.mark.parametrize(
    ("network", "task", "classes", "loss"),
    [
        (CHANCE, "binary", 2, "bce"),
        (LOGIT, "binary", 2, "bce-logits"),
        (mlp(3, [2], 2), "binary", 2, "cross-entropy"),
        (LOGITS, "classes", 3, "cross-entropy"),
        (CHANCES, "classes", 3, "cross-entropy"),
        (LOGIT, "regression", 0, "mse"),
    ],
)
def test_auto_follows_outputs_and_target(
    network: Network, task: str, classes: int, loss: str
) -> None:
    assert resolve_loss(network, task, classes) == loss


@pytest.mark.parametrize(
    ("network", "task", "classes", "wish", "said"),
    [
        (CHANCE, "classes", 4, "auto", "4 classes need 4 outputs; the network has 1 output"),
        (CHANCE, "classes", 2, "auto", "write them as 0 and 1 or as texts"),
        (LOGITS, "classes", 4, "auto", "the network has 3 outputs"),
        (LOGITS, "binary", 2, "auto", "2 classes need 2 outputs"),
        (LOGIT, "binary", 2, "bce", "needs a Sigmoid last"),
        (CHANCE, "binary", 2, "bce-logits", "takes outputs before the Sigmoid"),
        (LOGIT, "regression", 0, "bce-logits", "needs classes"),
        (LOGIT, "regression", 0, "cross-entropy", "needs classes"),
        (LOGITS, "classes", 3, "mse", "need the loss cross-entropy"),
        (mlp(3, [2], 3, last="Sigmoid"), "classes", 3, "auto", "logits or a Softmax last"),
        (sequential([Linear(3, 1), Softmax()]), "binary", 2, "mse", "is always 1"),
    ],
)
def test_contradictions_are_named(
    network: Network, task: str, classes: int, wish: str, said: str
) -> None:
    with pytest.raises(SettingsError, match=said):
        resolve_loss(network, task, classes, wish)


def torch_losses(loss: str, values: NDArray[np.float64], targets: NDArray[np.float64]) -> Any:
    import torch
    from torch.nn import functional as F  # noqa: N812

    given, wanted = torch.from_numpy(values), torch.from_numpy(targets)
    if loss == "cross-entropy":
        return F.cross_entropy(given, wanted.long(), reduction="none").numpy()
    functions = {
        "bce": lambda: F.binary_cross_entropy(given, wanted, reduction="none"),
        "bce-logits": lambda: F.binary_cross_entropy_with_logits(given, wanted, reduction="none"),
        "mse": lambda: F.mse_loss(given, wanted, reduction="none"),
        "l1": lambda: F.l1_loss(given, wanted, reduction="none"),
        "huber": lambda: F.huber_loss(given, wanted, reduction="none", delta=0.7),
    }
    return functions[loss]().mean(dim=1).numpy()


@pytest.mark.parametrize("loss", ["bce", "bce-logits", "mse", "l1", "huber", "cross-entropy"])
def test_row_losses_are_those_of_torch(loss: str) -> None:
    generator = np.random.default_rng(1)
    values = 3 * generator.normal(size=(40, 3))
    if loss == "bce":
        values = generator.uniform(0.01, 0.99, (40, 3))
    targets = generator.integers(0, 2, (40, 3)).astype(np.float64)
    if loss == "cross-entropy":
        targets = generator.integers(0, 3, 40).astype(np.float64)
    found = row_losses(loss, values, targets, loss == "bce", 0.7)
    np.testing.assert_allclose(found, torch_losses(loss, values, targets), rtol=1e-9)


def test_probabilities_of_a_single_output_have_two_columns() -> None:
    outputs = np.array([[0.0], [100.0], [-100.0]])
    found = probabilities(outputs, "bce-logits", LOGIT)[:, 1]
    np.testing.assert_allclose(found, [0.5, 1, 0], atol=1e-12)
    np.testing.assert_allclose(probabilities(np.array([[0.2]]), "bce", CHANCE), [[0.8, 0.2]])
    np.testing.assert_allclose(probabilities(np.array([[1.2]]), "mse", LOGIT), [[0, 1]])


def test_softmax_is_applied_only_to_logits() -> None:
    given = np.array([[0.2, 0.3, 0.5]])
    np.testing.assert_array_equal(probabilities(given, "cross-entropy", CHANCES), given)
    assert probabilities(given, "cross-entropy", LOGITS).sum() == pytest.approx(1)
    assert probabilities(np.empty((0, 3)), "cross-entropy", LOGITS).shape == (0, 3)


def test_a_mean_of_probabilities_is_one() -> None:
    weights = [{k: np.zeros(s, np.float32) for k, s in CHANCE.parameters().items()}] * 2
    assert gives_probabilities(averaged(CHANCE, weights)[0])
    weights = [{k: np.zeros(s, np.float32) for k, s in LOGIT.parameters().items()}] * 2
    assert not gives_probabilities(averaged(LOGIT, weights)[0])
    assert gives_probabilities(sequential([Linear(2, 1), Sigmoid()]))


def test_targets_take_the_shape_of_the_output() -> None:
    numbers = np.array([0, 1, 1])
    assert targets_for("bce", numbers, CHANCE).shape == (3, 1)
    assert targets_for("cross-entropy", numbers, LOGITS).dtype == np.int64
