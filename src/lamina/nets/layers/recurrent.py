"""Recurrent layers: LSTM and GRU over rows of steps x features."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from lamina.nets.layers.base import Layer, ModuleCall, Shape, ShapeProblem
from lamina.nets.layers.dropout import check_probability
from lamina.nets.layers.joining import MODULES
from lamina.nets.layers.windows import at_least, words


@dataclass(frozen=True)
class Recurrent(Layer):
    """A recurrent layer over steps x features, starting from a state of zeros.

    Args:
        input_size: features of a step; None takes what comes.
        hidden_size: features of the state.
        num_layers: layers on top of each other.
        bias: whether there are biases.
        dropout: probability of dropping a value between two layers.
        bidirectional: a second pass from the last step to the first; features double.
        last: False gives the output of every step; True that of the last step only, one
            vector per row.
    """

    gates: ClassVar[int] = 4
    wrapper: ClassVar[str] = "SequenceLSTM"
    input_size: int | None = None
    hidden_size: int = 0
    num_layers: int = 1
    bias: bool = True
    dropout: float = 0.0
    bidirectional: bool = False
    last: bool = False

    def output(self, inputs: tuple[Shape, ...]) -> Shape:
        """(steps, hidden_size), or (hidden_size,); doubled when bidirectional."""
        (shape,) = inputs
        at_least("hidden_size", self.hidden_size, 1)
        at_least("num_layers", self.num_layers, 1)
        check_probability("dropout", self.dropout)
        if len(shape) != 2:
            raise ShapeProblem("2 axes (steps x features)", words(shape))
        if self.input_size is not None and shape[1] != self.input_size:
            raise ShapeProblem(f"{self.input_size} features per step", str(shape[1]))
        width = self.hidden_size * self._directions
        return (width,) if self.last else (shape[0], width)

    def module(self, inputs: tuple[Shape, ...]) -> ModuleCall:
        """A subclass of torch's module with batch_first=True and the argument `last`.

        forward(x) with x (batch, steps, features) returns one tensor: the outputs
        (batch, steps, width), or with last=True the last of them (batch, width).
        """
        arguments = {**self.settings(), "input_size": inputs[0][-1]}
        return ModuleCall(f"{MODULES}:{self.wrapper}", arguments)

    def parameters(self, inputs: tuple[Shape, ...]) -> dict[str, Shape]:
        """weight_ih_l0, weight_hh_l0, bias_ih_l0, bias_hh_l0, ..., with _reverse and l1, ...

        The rows of the gates stand one below the other, in torch's order.
        """
        found: dict[str, Shape] = {}
        rows = self.gates * self.hidden_size
        for level in range(self.num_layers):
            width = inputs[0][-1] if level == 0 else self.hidden_size * self._directions
            for suffix in ("", "_reverse")[: self._directions]:
                found[f"weight_ih_l{level}{suffix}"] = (rows, width)
                found[f"weight_hh_l{level}{suffix}"] = (rows, self.hidden_size)
                if self.bias:
                    found[f"bias_ih_l{level}{suffix}"] = (rows,)
                    found[f"bias_hh_l{level}{suffix}"] = (rows,)
        return found

    def cost(self, inputs: tuple[Shape, ...]) -> int:
        """Per step two operations per weight, one per bias, and ten per unit for the gates."""
        shapes = self.parameters(inputs).values()
        products = sum(2 * s[0] * s[1] if len(s) == 2 else s[0] for s in shapes)
        units = self.num_layers * self._directions * self.hidden_size
        return inputs[0][0] * (products + 10 * units)

    @property
    def _directions(self) -> int:
        return 2 if self.bidirectional else 1


@dataclass(frozen=True)
class LSTM(Recurrent):
    """Long short-term memory (Hochreiter and Schmidhuber, 1997).

    Gates in torch's order: input, forget, cell, output.
    """

    gates: ClassVar[int] = 4
    wrapper: ClassVar[str] = "SequenceLSTM"


@dataclass(frozen=True)
class GRU(Recurrent):
    """Gated recurrent unit (Cho et al., 2014); gates in torch's order: reset, update, new."""

    gates: ClassVar[int] = 3
    wrapper: ClassVar[str] = "SequenceGRU"
