"""Losses of rows in torch: one number per row, before any mean."""

from __future__ import annotations

from collections.abc import Callable

import torch
import torch.nn.functional as F  # noqa: N812 - torch's own customary name
from torch import Tensor

RowLoss = Callable[[Tensor, Tensor], Tensor]
"""(values, targets) -> losses; the leading axes (members and rows, or rows) remain."""


def row_loss(loss: str, leading: int, delta: float | Tensor = 1.0) -> RowLoss:
    """The function that gives the loss of each row.

    Args:
        loss: a resolved loss; bce reads probabilities, bce-logits and cross-entropy logits.
        leading: number of leading axes that are not averaged (1: rows; 2: members, rows).
        delta: of huber; a tensor has one value per member, shape (members, 1, ...).
    """
    if loss == "cross-entropy":
        return _cross_entropy
    values = _values(loss, delta)

    def rows(z: Tensor, y: Tensor) -> Tensor:
        each = values(z, y)
        if each[(0,) * leading].numel() == 1:
            return each.view(each.shape[:leading])
        return each.flatten(leading).mean(-1)

    return rows


def _cross_entropy(z: Tensor, y: Tensor) -> Tensor:
    rows = F.cross_entropy(z.reshape(-1, z.shape[-1]), y.reshape(-1), reduction="none")
    return rows.view(y.shape)


def _values(loss: str, delta: float | Tensor) -> RowLoss:
    if loss == "bce-logits":
        return lambda z, y: F.binary_cross_entropy_with_logits(z, y, reduction="none")
    if loss == "bce":
        return _bce
    if loss == "mse":
        return lambda z, y: F.mse_loss(z, y, reduction="none")
    if loss == "l1":
        return lambda z, y: F.l1_loss(z, y, reduction="none")

    def huber(z: Tensor, y: Tensor) -> Tensor:
        away = (z - y).abs()
        return torch.where(away <= delta, 0.5 * away * away, delta * (away - 0.5 * delta))

    return huber


def _bce(p: Tensor, y: Tensor) -> Tensor:
    # Logarithms are kept above -100, as torch does, so that a sure mistake stays finite.
    return -(y * p.log().clamp(min=-100.0) + (1.0 - y) * (-p).log1p().clamp(min=-100.0))
