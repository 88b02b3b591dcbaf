"""Initial weights: the same for everybody with the same seed, with the promised spread."""

from __future__ import annotations

import math

import numpy as np
import pytest

from lamina.errors import UnknownNameError
from lamina.nets.initial import INITIALISATIONS, initial_weights
from lamina.nets.layers.convolution import Conv2d
from lamina.nets.layers.linear import Linear
from lamina.nets.layers.normalisation import BatchNorm2d
from lamina.nets.network import sequential
from lamina.nets.zoo import digits_residual

WIDE = sequential([Linear(300, 200)])


def test_equal_seeds_give_equal_weights_and_others_do_not() -> None:
    first, second, other = (initial_weights(WIDE, "xavier", seed) for seed in (3, 3, 4))
    assert np.array_equal(first["l1.weight"], second["l1.weight"])
    assert not np.array_equal(first["l1.weight"], other["l1.weight"])


def test_weights_are_those_of_every_machine() -> None:
    drawn = initial_weights(sequential([Linear(2, 1)]), "xavier", 1)["l1.weight"]
    assert np.allclose(drawn, [[0.0334366, 1.2741038]], atol=1e-6)


def test_the_spread_is_that_of_the_initialisation() -> None:
    xavier = initial_weights(WIDE, "xavier", 0)["l1.weight"]
    bound = math.sqrt(6 / 500)
    assert np.abs(xavier).max() <= bound
    assert np.abs(xavier).max() > 0.99 * bound
    kaiming = initial_weights(WIDE, "kaiming", 0)["l1.weight"]
    assert math.isclose(kaiming.std(), math.sqrt(2 / 300), rel_tol=0.02)
    normal = initial_weights(WIDE, "normal", 0)["l1.weight"]
    assert math.isclose(normal.std(), 0.05, rel_tol=0.02)


def test_a_convolution_counts_its_kernel_in_the_fan() -> None:
    network = sequential([Conv2d(8, 32, 5)], (8, 5, 5))
    drawn = initial_weights(network, "kaiming", 0)["c1.weight"]
    assert math.isclose(drawn.std(), math.sqrt(2 / (8 * 25)), rel_tol=0.05)


def test_gains_and_variances_start_at_one_and_the_rest_at_zero() -> None:
    weights = initial_weights(sequential([BatchNorm2d()], (4, 2, 2)), "xavier", 0)
    assert {name: float(array[0]) for name, array in weights.items()} == {
        "b1.weight": 1.0,
        "b1.bias": 0.0,
        "b1.running_mean": 0.0,
        "b1.running_var": 1.0,
    }


def test_every_array_of_a_network_is_there_as_float32() -> None:
    network = digits_residual()
    weights = initial_weights(network, "xavier", 0)
    shapes = {**network.parameters(), **network.buffers()}
    assert {name: array.shape for name, array in weights.items()} == shapes
    assert {array.dtype for array in weights.values()} == {np.dtype(np.float32)}


def test_an_unknown_initialisation_is_answered_with_the_known_ones() -> None:
    with pytest.raises(UnknownNameError, match="known: kaiming, normal, xavier"):
        initial_weights(WIDE, "glorot", 0)
    assert INITIALISATIONS.names() == ("kaiming", "normal", "xavier")
