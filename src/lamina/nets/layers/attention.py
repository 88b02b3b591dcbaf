"""Attention: every step looks at every step."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from lamina.nets.layers.base import Layer, ModuleCall, SettingProblem, Shape, ShapeProblem
from lamina.nets.layers.dropout import check_probability
from lamina.nets.layers.joining import MODULES
from lamina.nets.layers.windows import at_least, words


@dataclass(frozen=True)
class MultiheadAttention(Layer):
    """Scaled dot-product attention in several heads (Vaswani et al., 2017).

    One source is self-attention; three are query (steps x embed_dim), key and value (both
    with steps of their own, of any width).

    Args:
        embed_dim: width of query and output; None takes the query's.
        num_heads: number of heads; divides embed_dim.
        dropout: probability of dropping an attention weight in training.
        bias: whether the projections have biases.
    """

    arity: ClassVar[int | tuple[int, ...] | None] = (1, 3)
    embed_dim: int | None = None
    num_heads: int = 1
    dropout: float = 0.0
    bias: bool = True

    def output(self, inputs: tuple[Shape, ...]) -> Shape:
        """The shape of the query."""
        at_least("num_heads", self.num_heads, 1)
        check_probability("dropout", self.dropout)
        for shape in inputs:
            if len(shape) != 2:
                raise ShapeProblem("2 axes (steps x features)", words(shape))
        query, key, value = self._three(inputs)
        if self.embed_dim is not None and query[1] != self.embed_dim:
            raise ShapeProblem(f"{self.embed_dim} features per step", str(query[1]))
        if key[0] != value[0]:
            raise ShapeProblem("key and value with equal steps", f"{key[0]} and {value[0]}")
        if query[1] % self.num_heads:
            raise SettingProblem(
                f"num_heads that divides the {query[1]} features", str(self.num_heads)
            )
        return query

    def module(self, inputs: tuple[Shape, ...]) -> ModuleCall:
        """modules.SelfAttention, a subclass of torch.nn.MultiheadAttention with batch_first.

        SelfAttention(embed_dim, num_heads, dropout, bias, kdim, vdim): forward(query,
        key=None, value=None) returns the output (batch, steps, embed_dim) only, no weights;
        without key and value it is self-attention.
        """
        query, key, value = self._three(inputs)
        arguments = {
            "embed_dim": query[1],
            "num_heads": self.num_heads,
            "dropout": self.dropout,
            "bias": self.bias,
            "kdim": key[1],
            "vdim": value[1],
        }
        return ModuleCall(f"{MODULES}:SelfAttention", arguments)

    def parameters(self, inputs: tuple[Shape, ...]) -> dict[str, Shape]:
        """in_proj_weight (3 E, E), or q_, k_ and v_proj_weight when widths differ; out_proj."""
        query, key, value = self._three(inputs)
        width = query[1]
        found: dict[str, Shape] = {}
        if key[1] == width == value[1]:
            found["in_proj_weight"] = (3 * width, width)
        else:
            found["q_proj_weight"] = (width, width)
            found["k_proj_weight"] = (width, key[1])
            found["v_proj_weight"] = (width, value[1])
        if self.bias:
            found["in_proj_bias"] = (3 * width,)
        found["out_proj.weight"] = (width, width)
        if self.bias:
            found["out_proj.bias"] = (width,)
        return found

    def cost(self, inputs: tuple[Shape, ...]) -> int:
        """The four projections, and two products of steps x steps x embed_dim with a softmax."""
        (steps, width), (others, kdim), (_, vdim) = self._three(inputs)
        projections = 2 * width * (2 * steps * width + others * (kdim + vdim))
        biases = 2 * width * (steps + others) if self.bias else 0
        return projections + biases + steps * others * (4 * width + 5 * self.num_heads)

    def _three(self, inputs: tuple[Shape, ...]) -> tuple[Shape, Shape, Shape]:
        query = inputs[0]
        return (query, query, query) if len(inputs) == 1 else (query, inputs[1], inputs[2])
