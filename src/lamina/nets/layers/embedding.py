"""Embedding: a trained vector for each category code."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from lamina.nets.layers.base import Layer, ModuleCall, SettingProblem, Shape
from lamina.nets.layers.windows import at_least


@dataclass(frozen=True)
class Embedding(Layer):
    """A vector in place of each whole number from 0 to num_embeddings - 1.

    Reads an input declared with values "int".

    Args:
        num_embeddings: number of codes.
        embedding_dim: length of each vector.
        padding_idx: a code whose vector is not trained, or None.
    """

    values: ClassVar[str] = "int"
    num_embeddings: int
    embedding_dim: int
    padding_idx: int | None = None

    def output(self, inputs: tuple[Shape, ...]) -> Shape:
        """The shape that comes in, and embedding_dim behind it."""
        count = at_least("num_embeddings", self.num_embeddings, 1)
        at_least("embedding_dim", self.embedding_dim, 1)
        if self.padding_idx is not None and not -count <= self.padding_idx < count:
            raise SettingProblem(f"padding_idx below {count}", str(self.padding_idx))
        return (*inputs[0], self.embedding_dim)

    def module(self, inputs: tuple[Shape, ...]) -> ModuleCall:
        """torch.nn.Embedding."""
        del inputs
        return ModuleCall("torch.nn:Embedding", self.settings())

    def parameters(self, inputs: tuple[Shape, ...]) -> dict[str, Shape]:
        """weight (num_embeddings, embedding_dim)."""
        del inputs
        return {"weight": (self.num_embeddings, self.embedding_dim)}
