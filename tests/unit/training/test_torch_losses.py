"""Losses of rows in torch."""

from __future__ import annotations

import pytest
import torch
import torch.nn.functional as F  # noqa: N812 - torch's own customary name

from lamina.training.engines.torch_losses import row_loss

Z = torch.linspace(-3, 3, 24).view(4, 6)
Y = torch.linspace(0, 1, 24).flip(0).view(4, 6)
EXPECTED = {
    "bce": lambda z, y: F.binary_cross_entropy(z.sigmoid(), y, reduction="none"),
    "bce-logits": lambda z, y: F.binary_cross_entropy_with_logits(z, y, reduction="none"),
    "mse": lambda z, y: F.mse_loss(z, y, reduction="none"),
    "l1": lambda z, y: F.l1_loss(z, y, reduction="none"),
    "huber": lambda z, y: F.huber_loss(z, y, delta=0.7, reduction="none"),
}


@pytest.mark.parametrize("loss", EXPECTED)
def test_row_losses_are_the_means_of_torchs_losses(loss: str) -> None:
    values = Z.sigmoid() if loss == "bce" else Z
    rows = row_loss(loss, 1, 0.7)(values, Y)
    torch.testing.assert_close(rows, EXPECTED[loss](Z, Y).mean(dim=1))


@pytest.mark.parametrize("loss", EXPECTED)
def test_members_and_rows_stay_apart(loss: str) -> None:
    values = (Z.sigmoid() if loss == "bce" else Z).view(2, 2, 6)
    rows = row_loss(loss, 2, 0.7)(values, Y.view(2, 2, 6))
    torch.testing.assert_close(rows, EXPECTED[loss](Z, Y).mean(dim=1).view(2, 2))


def test_cross_entropy_reads_logits_and_class_numbers() -> None:
    classes = torch.tensor([[0, 5], [2, 2]])
    rows = row_loss("cross-entropy", 2)(Z.view(2, 2, 6), classes)
    expected = F.cross_entropy(Z, classes.view(-1), reduction="none").view(2, 2)
    torch.testing.assert_close(rows, expected)


def test_a_sure_mistake_stays_finite() -> None:
    rows = row_loss("bce", 1)(torch.tensor([[0.0], [1.0]]), torch.tensor([[1.0], [0.0]]))
    assert rows.tolist() == [100.0, 100.0]


def test_each_member_may_have_its_own_delta() -> None:
    deltas = torch.tensor([0.1, 2.0]).view(2, 1, 1)
    z, y = Z.view(2, 2, 6), Y.view(2, 2, 6)
    rows = row_loss("huber", 2, deltas)(z, y)
    for member, delta in enumerate((0.1, 2.0)):
        expected = F.huber_loss(z[member], y[member], delta=delta, reduction="none").mean(1)
        torch.testing.assert_close(rows[member], expected)
