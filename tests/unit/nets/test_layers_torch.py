"""Layers against torch: the same shapes, parameters and refusals for any settings."""

from __future__ import annotations

import warnings

import pytest
import torch
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from lamina.nets.convert.torch_out import make_module
from lamina.nets.layers import LAYERS, Layer, Shape, ShapeProblem
from lamina.testing.layer_strategies import layers_of


def torch_says(layer: Layer, shapes: tuple[Shape, ...]) -> Shape | str:
    """The shape that torch computes for a row, or why it refuses."""
    kind = torch.int64 if layer.values == "int" else torch.float32
    rows = [torch.zeros((2, *shape), dtype=kind) for shape in shapes]
    try:
        with torch.no_grad(), warnings.catch_warnings():
            warnings.simplefilter("ignore")
            module = make_module(layer.module(shapes)).eval()
            found = tuple(module(*rows).shape)
    except (RuntimeError, ValueError, AssertionError, IndexError, TypeError) as error:
        return f"{type(error).__name__}: {error}"
    return found[1:] if found[0] == 2 and 0 not in found else "rows are mixed, or nothing is left"


@pytest.mark.parametrize("kind", LAYERS.names())
@settings(deadline=None, max_examples=40, suppress_health_check=[HealthCheck.too_slow])
@given(data=st.data())
def test_shape_or_refusal_is_that_of_torch(kind: str, data: st.DataObject) -> None:
    layer, shapes = data.draw(layers_of(kind))
    try:
        shape = layer.output(shapes)
    except ShapeProblem as problem:
        # torch may take an axis that we refuse: the batch, which is not an axis of a row.
        batch = problem.needs.startswith("an axis")
        assert batch or isinstance(torch_says(layer, shapes), str), (problem.needs, layer, shapes)
    else:
        assert torch_says(layer, shapes) == shape, (layer, shapes)


@pytest.mark.parametrize("kind", LAYERS.names())
@settings(deadline=None, max_examples=20, suppress_health_check=[HealthCheck.too_slow])
@given(data=st.data())
def test_parameters_and_buffers_have_the_names_order_and_shapes_of_torch(
    kind: str, data: st.DataObject
) -> None:
    layer, shapes = data.draw(layers_of(kind))
    try:
        layer.output(shapes)
    except ShapeProblem:
        return
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        module = make_module(layer.module(shapes))
    found = [(name, tuple(p.shape)) for name, p in module.named_parameters()]
    assert found == list(layer.parameters(shapes).items())
    saved = {n: tuple(b.shape) for n, b in module.named_buffers() if n != "num_batches_tracked"}
    assert saved == layer.buffers(shapes)
