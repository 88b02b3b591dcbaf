"""Dropout: values left out at random in training, all of them in prediction."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from lamina.nets.layers.base import Layer, ModuleCall, SettingProblem, Shape, size


@dataclass(frozen=True)
class Dropout(Layer):
    """Each value is zero with probability p and else divided by 1 - p (Srivastava et al., 2014)."""

    family: ClassVar[str] = "norm"
    p: float = 0.5

    def output(self, inputs: tuple[Shape, ...]) -> Shape:
        """The shape that comes in."""
        check_probability("p", self.p)
        return inputs[0]

    def module(self, inputs: tuple[Shape, ...]) -> ModuleCall:
        """torch.nn.Dropout."""
        del inputs
        return ModuleCall("torch.nn:Dropout", self.settings())

    def cost(self, inputs: tuple[Shape, ...]) -> int:
        """One operation per value."""
        return size(inputs[0])


def check_probability(name: str, value: float) -> None:
    """Raises SettingProblem when the value is not a probability."""
    if not 0.0 <= value <= 1.0:
        raise SettingProblem(f"{name} from 0 to 1", str(value))
