"""Every layer of the table, and one of somebody else, keeps what networks expect."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from lamina.nets.layers import LAYERS, Layer, ModuleCall, Shape, ShapeProblem
from lamina.testing.layer_strategies import fitting
from lamina.testing.layers import check_layer

BUILT_IN = LAYERS.names()


@dataclass(frozen=True)
class Maxout(Layer):
    """The largest of `pieces` neighbouring values: a layer that the table does not have."""

    pieces: int = 2

    def output(self, inputs: tuple[Shape, ...]) -> Shape:
        (shape,) = inputs
        if len(shape) != 1 or shape[0] % self.pieces:
            raise ShapeProblem(f"features that {self.pieces} divides", str(shape))
        return (shape[0] // self.pieces,)

    def module(self, inputs: tuple[Shape, ...]) -> ModuleCall:
        return ModuleCall(f"{__name__}:maxout_module", {"pieces": self.pieces})


@dataclass(frozen=True)
class Wrong(Maxout):
    """Says one feature more than it gives."""

    def output(self, inputs: tuple[Shape, ...]) -> Shape:
        return (super().output(inputs)[0] + 1,)


def maxout_module(pieces: int) -> object:
    from torch import Tensor, nn

    class Module(nn.Module):
        def forward(self, x: Tensor) -> Tensor:
            return x.reshape(len(x), -1, pieces).amax(-1)

    return Module()


@pytest.fixture
def plugged_in() -> Iterator[None]:
    with LAYERS.having("Maxout", Maxout), LAYERS.having("Wrong", Wrong):
        yield


@pytest.mark.parametrize("kind", BUILT_IN)
@settings(deadline=None, max_examples=8, suppress_health_check=[HealthCheck.filter_too_much])
@given(data=st.data())
def test_a_built_in_layer_conforms(kind: str, data: st.DataObject) -> None:
    layer, shapes = data.draw(fitting(kind))
    codes = getattr(layer, "num_embeddings", 2)
    if codes >= 2:
        check_layer(layer, shapes)


@pytest.mark.usefixtures("plugged_in")
def test_a_layer_of_somebody_else_conforms() -> None:
    check_layer(Maxout(3), [(12,)])


@pytest.mark.usefixtures("plugged_in")
def test_a_layer_that_misstates_its_output_is_caught() -> None:
    with pytest.raises(AssertionError, match=r"Wrong gives \(3, 4\), not \(3, 5\)"):
        check_layer(Wrong(3), [(12,)])


def test_a_layer_that_is_not_in_the_table_is_caught() -> None:
    with pytest.raises(Exception, match="unknown layer 'Maxout'"):
        check_layer(Maxout(3), [(12,)])
