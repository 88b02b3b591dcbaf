"""Layers that torch has no module for, or whose module returns more than one tensor."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor, nn


class Add(nn.Module):
    """Sum of its inputs, element by element."""

    def forward(self, *inputs: Tensor) -> Tensor:
        """inputs: two or more tensors of one shape."""
        total = inputs[0]
        for other in inputs[1:]:
            total = total + other
        return total


class Concat(nn.Module):
    """Inputs side by side along one axis.

    Args:
        dim: torch's axis, which counts the batch (1: the first axis of a row; -1: the last).
    """

    def __init__(self, dim: int = 1) -> None:
        super().__init__()
        self.dim = dim

    def forward(self, *inputs: Tensor) -> Tensor:
        """inputs: two or more tensors that agree in all axes but `dim`."""
        return torch.cat(inputs, self.dim)

    def extra_repr(self) -> str:
        """Arguments for printing."""
        return f"dim={self.dim}"


class Reshape(nn.Module):
    """The same values in another shape.

    Args:
        shape: of one row, without the batch axis; one axis may be -1.
    """

    def __init__(self, shape: Sequence[int]) -> None:
        super().__init__()
        self.shape = tuple(int(axis) for axis in shape)

    def forward(self, x: Tensor) -> Tensor:
        """x: (rows, ...)."""
        return x.reshape(x.shape[0], *self.shape)

    def extra_repr(self) -> str:
        """Arguments for printing."""
        return f"shape={self.shape}"


class Permute(nn.Module):
    """The axes of a row in another order.

    Args:
        dims: for each axis of the output, the axis of the input; the batch does not count.
    """

    def __init__(self, dims: Sequence[int]) -> None:
        super().__init__()
        self.dims = tuple(int(axis) for axis in dims)

    def forward(self, x: Tensor) -> Tensor:
        """x: (rows, ...)."""
        return x.permute(0, *(axis + 1 for axis in self.dims))

    def extra_repr(self) -> str:
        """Arguments for printing."""
        return f"dims={self.dims}"


class SequenceLSTM(nn.LSTM):
    """An LSTM over (rows, steps, features) that returns its output sequence.

    Args:
        last: whether only the output of the last step is returned, (rows, features).
        arguments: of torch.nn.LSTM; batch_first is set.
    """

    def __init__(self, *, last: bool = False, **arguments: Any) -> None:
        super().__init__(**{**arguments, "batch_first": True})
        self.last = last

    def forward(self, x: Tensor) -> Tensor:  # type: ignore[override]
        """x: (rows, steps, features)."""
        sequence: Tensor = super().forward(x)[0]
        return sequence[:, -1] if self.last else sequence


class SequenceGRU(nn.GRU):
    """A GRU over (rows, steps, features) that returns its output sequence.

    Args:
        last: whether only the output of the last step is returned, (rows, features).
        arguments: of torch.nn.GRU; batch_first is set.
    """

    def __init__(self, *, last: bool = False, **arguments: Any) -> None:
        super().__init__(**{**arguments, "batch_first": True})
        self.last = last

    def forward(self, x: Tensor) -> Tensor:  # type: ignore[override]
        """x: (rows, steps, features)."""
        sequence: Tensor = super().forward(x)[0]
        return sequence[:, -1] if self.last else sequence


class SelfAttention(nn.MultiheadAttention):
    """Multi-head attention that returns its output only, (rows, steps, embed_dim).

    Args:
        arguments: of torch.nn.MultiheadAttention; batch_first is set.
    """

    def __init__(self, **arguments: Any) -> None:
        super().__init__(**{**arguments, "batch_first": True})

    def forward(  # type: ignore[override]
        self, query: Tensor, key: Tensor | None = None, value: Tensor | None = None
    ) -> Tensor:
        """query, key, value: (rows, steps, features); the query alone attends to itself."""
        if key is None or value is None:
            key = value = query
        attended: Tensor = super().forward(query, key, value, need_weights=False)[0]
        return attended
