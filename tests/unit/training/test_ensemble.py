"""Ensembles: one network that gives the mean of its members."""

from __future__ import annotations

import numpy as np
import pytest

from lamina.nets.initial import initial_weights
from lamina.nets.zoo import mlp
from lamina.training.ensemble import averaged
from lamina.training.forward import apply


@pytest.mark.parametrize(("members", "outputs"), [(2, 1), (3, 1), (5, 4)])
def test_the_joined_network_gives_the_mean(members: int, outputs: int) -> None:
    network = mlp(3, [4], outputs)
    weights = [initial_weights(network, "kaiming", seed) for seed in range(members)]
    joined, kept = averaged(network, weights)
    assert sorted(kept) == sorted(joined.parameters())
    rows = np.random.default_rng(0).normal(size=(20, 3)).astype(np.float32)
    wanted = np.mean([apply(network, own, rows) for own in weights], axis=0)
    np.testing.assert_allclose(apply(joined, kept, rows), wanted, rtol=1e-5, atol=1e-7)
    assert joined.name == f"{network.name}, mean of {members}"
