"""Fitted starts: every hidden unit sees the data."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from lamina.nets.initial import LAST, fits_start, fitted_start, initial_weights
from lamina.nets.layers.activations import LeakyReLU, ReLU, Sigmoid, Tanh
from lamina.nets.layers.dropout import Dropout
from lamina.nets.layers.linear import Linear
from lamina.nets.network import Network, sequential

ROWS = np.random.default_rng(0).random((400, 5)).astype(np.float32)
CHAIN = sequential(
    [Linear(5, 4), ReLU(), Dropout(0.1), Linear(4, 3), LeakyReLU(), Linear(3, 1), Sigmoid()]
)


def active_shares(network: Network, seed: int) -> list[np.ndarray]:
    weights = fitted_start(network, initial_weights(network, "xavier", seed), ROWS)
    x, shares = ROWS.astype(np.float64), []
    for name, slope in (("l1", 0.0), ("l2", 0.01)):
        z = x @ weights[f"{name}.weight"].T + weights[f"{name}.bias"]
        shares.append((z > 0).mean(axis=0))
        x = np.where(z > 0, z, slope * z)
    return shares


@settings(deadline=None, max_examples=30)
@given(st.integers(0, 10_000))
def test_every_hidden_unit_is_active_on_most_rows(seed: int) -> None:
    for shares in active_shares(CHAIN, seed):
        assert np.all((shares > 0.9) & (shares < 1.0))


def test_weights_stay_and_the_last_layer_is_small() -> None:
    drawn = initial_weights(CHAIN, "xavier", 1)
    fitted = fitted_start(CHAIN, drawn, ROWS)
    assert np.array_equal(fitted["l1.weight"], drawn["l1.weight"])
    assert np.array_equal(fitted["l4.weight"], drawn["l4.weight"] * np.float32(LAST))
    assert np.array_equal(fitted["l4.bias"], drawn["l4.bias"])


def test_given_weights_are_not_changed() -> None:
    drawn = initial_weights(CHAIN, "xavier", 1)
    fitted_start(CHAIN, drawn, ROWS)
    assert not drawn["l1.bias"].any()


def test_a_unit_that_sees_one_value_only_is_kept_on() -> None:
    fitted = fitted_start(CHAIN, initial_weights(CHAIN, "xavier", 1), np.ones((50, 5), np.float32))
    pre = fitted["l1.weight"].sum(axis=1) + fitted["l1.bias"]
    assert np.all(pre > 0)


@pytest.mark.parametrize(
    "network",
    [
        sequential([Linear(5, 1), Sigmoid()]),
        sequential([Linear(5, 3), Tanh(), Linear(3, 1)]),
        sequential([Linear(5, 3), Linear(3, 1)]),
        sequential([Linear(5, 3), ReLU(), Linear(3, 1)], (4, 5)),
    ],
    ids=["no hidden layer", "no rectifier", "nothing between", "rows of two axes"],
)
def test_other_networks_start_plain(network: Network) -> None:
    drawn = initial_weights(network, "xavier", 0)
    assert not fits_start(network)
    assert fitted_start(network, drawn, ROWS) is drawn


def test_layers_without_bias_only_get_the_small_last_layer() -> None:
    network = sequential([Linear(5, 3, bias=False), ReLU(), Linear(3, 1, bias=False)])
    fitted = fitted_start(network, initial_weights(network, "xavier", 0), ROWS)
    assert sorted(fitted) == ["l1.weight", "l2.weight"]
