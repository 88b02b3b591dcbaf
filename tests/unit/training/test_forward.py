"""Networks applied in NumPy: as torch does, and the same bits wherever a row stands."""

from __future__ import annotations

import sys

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from lamina.errors import MissingExtraError, NetworkError, UnknownNameError
from lamina.nets.initial import Weights, initial_weights
from lamina.nets.layers.activations import GELU, LeakyReLU, ReLU, Sigmoid, SiLU, Softmax, Tanh
from lamina.nets.layers.convolution import Conv2d
from lamina.nets.layers.dropout import Dropout
from lamina.nets.layers.joining import Add, Concat
from lamina.nets.layers.linear import Linear
from lamina.nets.layers.normalisation import BatchNorm1d, LayerNorm
from lamina.nets.layers.reshaping import Flatten, Reshape
from lamina.nets.network import Network, Wiring, sequential
from lamina.nets.zoo import mlp
from lamina.training import forward
from lamina.training.forward import apply, layer_outputs, runs_in_numpy


def joined() -> Network:
    wiring = Wiring("joined")
    x = wiring.input("x", (2, 6))
    flat = wiring.add(Flatten(), x)
    left = wiring.add(SiLU(), wiring.add(Linear(12, 8), flat))
    right = wiring.add(GELU(), wiring.add(Linear(12, 8, bias=False), flat))
    both = wiring.add(Concat(), wiring.add(Add(), left, right), wiring.add(Tanh(), right))
    shaped = wiring.add(Softmax(dim=0), wiring.add(Reshape((4, 4)), both))
    wiring.add(Linear(4, 2), shaped)
    return wiring.network()


NETWORKS = {
    "joined": joined(),
    "activations": sequential(
        [Linear(12, 9), LeakyReLU(0.2), Dropout(0.5), Linear(9, 7), GELU("tanh"), Softmax()]
    ),
    "normalised": sequential(
        [Linear(12, 9), BatchNorm1d(), ReLU(), Linear(9, 7), LayerNorm(), Linear(7, 1), Sigmoid()]
    ),
    "wide": mlp(12, [300, 200], 3),
}


def weights_of(network: Network, seed: int = 0) -> Weights:
    generator = np.random.default_rng(seed)
    drawn = initial_weights(network, "xavier", seed)
    return {
        name: np.abs(a + 0.1 * generator.normal(size=a.shape)).astype(np.float32)
        if name.endswith("running_var")
        else (a + 0.1 * generator.normal(size=a.shape)).astype(np.float32)
        for name, a in drawn.items()
    }


def rows(network: Network, count: int, seed: int = 0) -> NDArray[np.float32]:
    shape = (count, *network.inputs[0].shape)
    return np.random.default_rng(seed).normal(size=shape).astype(np.float32)


@pytest.mark.parametrize("name", NETWORKS)
def test_numpy_gives_what_torch_gives(name: str) -> None:
    torch = pytest.importorskip("torch", reason="no torch: pip install 'lamina[torch]'")
    from lamina.nets.convert.torch_out import to_torch

    network = NETWORKS[name]
    assert runs_in_numpy(network)
    weights, given = weights_of(network), rows(network, 50)
    with torch.no_grad():
        wanted = to_torch(network, weights).eval()(torch.from_numpy(given)).numpy()
    np.testing.assert_allclose(apply(network, weights, given), wanted, rtol=1e-4, atol=1e-6)


@settings(deadline=None, max_examples=25)
@given(st.sampled_from(sorted(NETWORKS)), st.integers(1, 9000), st.data())
def test_a_row_has_the_same_bits_alone_and_among_others(
    name: str, count: int, data: st.DataObject
) -> None:
    network = NETWORKS[name]
    weights, given = weights_of(network), rows(network, count, seed=count)
    whole = apply(network, weights, given)
    for row in data.draw(st.lists(st.integers(0, count - 1), min_size=1, max_size=4)):
        assert np.array_equal(apply(network, weights, given[row : row + 1])[0], whole[row])


def test_convolutions_run_in_torch_with_the_same_bits_everywhere() -> None:
    pytest.importorskip("torch", reason="no torch: pip install 'lamina[torch]'")
    network = sequential([Conv2d(1, 4, 3), ReLU(), Flatten(), Linear(None, 5)], (1, 8, 8))
    assert not runs_in_numpy(network)
    weights, given = weights_of(network), rows(network, 700)
    whole = apply(network, weights, given)
    for row in (0, 3, 255, 256, 699):
        assert np.array_equal(apply(network, weights, given[row : row + 1])[0], whole[row])


def test_any_layer_can_be_looked_at() -> None:
    network = NETWORKS["normalised"]
    found = layer_outputs(network, weights_of(network), rows(network, 10), ("x", "r1", "s1"))
    assert {name: array.shape for name, array in found.items()} == {
        "x": (10, 12),
        "r1": (10, 9),
        "s1": (10, 1),
    }
    assert found["r1"].min() == 0.0


def test_an_unknown_layer_is_named() -> None:
    network = NETWORKS["wide"]
    with pytest.raises(UnknownNameError, match="r9"):
        layer_outputs(network, weights_of(network), rows(network, 1), ("r9",))


def test_no_rows_give_no_outputs() -> None:
    network = NETWORKS["wide"]
    assert apply(network, weights_of(network), rows(network, 0)).shape == (0, 3)


def test_without_torch_the_layers_that_need_it_are_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "torch", None)
    network = sequential([Conv2d(1, 4, 3), Flatten(), Linear(None, 5)], (1, 8, 8))
    with pytest.raises(MissingExtraError, match="Conv2d"):
        apply(network, weights_of(network), rows(network, 1))


def test_large_inputs_do_not_warn() -> None:
    network = sequential([Linear(2, 2), Sigmoid()])
    weights = weights_of(network)
    assert np.isfinite(apply(network, weights, np.full((1, 2), 1e30, np.float32))).all()


def test_blocks_have_one_size() -> None:
    sizes = {len(block) for _, block in forward._blocks(np.zeros((9000, 2)), 4096)}
    assert sizes == {4096}


def test_a_layer_that_mixes_rows_is_refused() -> None:
    network = sequential([Linear(3, 2), BatchNorm1d(track_running_stats=False)])
    with pytest.raises(NetworkError, match="BatchNorm1d b1 keeps no running statistics"):
        apply(network, weights_of(network), rows(network, 3))


def test_blocks_of_large_rows_are_small(monkeypatch: pytest.MonkeyPatch) -> None:
    network = sequential([Conv2d(1, 2, 3), ReLU(), Flatten(), Linear(out_features=2)], (1, 8, 8))
    weights, rows = weights_of(network), np.random.default_rng(0).normal(size=(7, 1, 8, 8))
    whole = apply(network, weights, rows.astype(np.float32))
    assert forward._torch_rows(network) == forward.TORCH_ROWS
    monkeypatch.setattr(forward, "TORCH_VALUES", 1000)
    assert forward._torch_rows(network) == 1000 // (64 + 3 * 72 + 2)
    pieces = apply(network, weights, rows.astype(np.float32))
    np.testing.assert_allclose(pieces, whole, rtol=1e-5, atol=1e-6)
    monkeypatch.setattr(forward, "TORCH_VALUES", 1)
    assert forward._torch_rows(network) == 1
