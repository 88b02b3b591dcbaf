"""Permute: the axes of a row in another order."""

from __future__ import annotations

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from lamina.errors import NetworkError
from lamina.nets.convert.torch_out import to_torch
from lamina.nets.layers.permuting import Permute
from lamina.nets.network import sequential


@given(dims=st.integers(1, 4).flatmap(lambda n: st.permutations(list(range(n)))))
@settings(deadline=None, max_examples=20)
def test_shapes_and_values_are_those_of_torch(dims: list[int]) -> None:
    shape = tuple(range(2, 2 + len(dims)))
    network = sequential([Permute(tuple(dims))], shape)
    x = torch.rand(3, *shape)
    made = to_torch(network)(x)
    assert tuple(made.shape[1:]) == network.shapes["p1"]
    assert torch.equal(made, x.permute(0, *(axis + 1 for axis in dims)))


@pytest.mark.parametrize(
    ("dims", "message"),
    [((1, 1), "each axis from 0 on once"), ((1, 2), "each axis"), ((0, 1, 2), "3 axes")],
)
def test_dims_that_are_no_order_of_the_axes_are_refused(
    dims: tuple[int, ...], message: str
) -> None:
    with pytest.raises(NetworkError, match=message):
        sequential([Permute(dims)], (2, 3))
