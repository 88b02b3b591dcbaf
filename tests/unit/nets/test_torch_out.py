"""Networks in torch: names, values, taps."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from lamina.errors import ConversionError
from lamina.nets.convert.modules import Add, Concat, Reshape, SelfAttention, SequenceLSTM
from lamina.nets.convert.torch_out import from_state, to_torch
from lamina.nets.initial import initial_weights
from lamina.nets.layers.activations import ReLU, Sigmoid
from lamina.nets.layers.linear import Linear
from lamina.nets.network import Network, sequential


def small() -> Network:
    return sequential([Linear(4, 3), ReLU(), Linear(3, 1), Sigmoid()])


def test_state_names_are_those_of_the_weights() -> None:
    weights = initial_weights(small(), "xavier", 3)
    assert list(to_torch(small(), weights).state_dict()) == list(weights)


def test_weights_come_back_as_they_went_in() -> None:
    weights = initial_weights(small(), "kaiming", 3)
    back = from_state(to_torch(small(), weights))
    for name, array in weights.items():
        np.testing.assert_array_equal(back[name], array)


def test_values_are_those_of_plain_numpy() -> None:
    weights = initial_weights(small(), "xavier", 1)
    x = np.random.default_rng(0).normal(size=(7, 4)).astype(np.float32)
    hidden = np.maximum(x @ weights["l1.weight"].T + weights["l1.bias"], 0)
    logits = hidden @ weights["l2.weight"].T + weights["l2.bias"]
    y = to_torch(small(), weights)(torch.from_numpy(x)).detach().numpy()
    np.testing.assert_allclose(y, 1 / (1 + np.exp(-logits)), rtol=1e-5)


def test_taps_return_chosen_layers_by_name() -> None:
    module = to_torch(small())
    x = torch.ones(2, 4)
    tapped = module(x, outputs=("r1", "s1", "x"))
    assert list(tapped) == ["r1", "s1", "x"]
    assert tapped["r1"].shape == (2, 3)
    torch.testing.assert_close(tapped["s1"], module(x))


def test_a_layer_may_bear_the_name_of_a_method() -> None:
    network = sequential([("forward", Linear(2, 2)), ("block.0", Linear(2, 1))])
    module = to_torch(network)
    assert list(module.state_dict()) == list(network.parameters())
    assert module(torch.ones(3, 2)).shape == (3, 1)


def test_all_misfits_of_weights_are_named_at_once() -> None:
    weights = initial_weights(small(), "xavier", 0)
    weights["l1.weight"] = weights["l1.weight"].T
    weights["l9.bias"] = weights.pop("l2.bias")
    with pytest.raises(ConversionError) as caught:
        to_torch(small(), weights)
    assert len(caught.value.mistakes) == 3
    assert "l1.weight has shape (4, 3); the network needs (3, 4)" in caught.value.message


def test_the_global_seed_of_torch_is_left_alone() -> None:
    before = torch.random.get_rng_state()
    to_torch(small())
    assert torch.equal(before, torch.random.get_rng_state())


def test_wrappers_return_one_tensor() -> None:
    x = torch.ones(2, 3, 4)
    assert torch.equal(Add()(x, x, x), 3 * x)
    assert Concat(dim=-1)(x, x).shape == (2, 3, 8)
    assert Reshape((4, -1))(x).shape == (2, 4, 3)
    assert SequenceLSTM(input_size=4, hidden_size=5)(x).shape == (2, 3, 5)
    assert SequenceLSTM(input_size=4, hidden_size=5, last=True)(x).shape == (2, 5)
    assert SelfAttention(embed_dim=4, num_heads=2)(x).shape == (2, 3, 4)
