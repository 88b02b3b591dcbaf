"""Taps: a layer's output feeds an ordinary function while a network trains."""

from __future__ import annotations

import numpy as np
import pytest

from lamina.data.tables import Table
from lamina.errors import SettingsError
from lamina.nets.network import Network
from lamina.training.settings import Settings
from lamina.training.taps import Tap, Tapped
from lamina.training.trainer import train


def test_a_tap_sees_the_layer_every_n_epochs_and_at_the_end(
    table: Table, network: Network, reference: str
) -> None:
    seen: list[Tapped] = []
    result = train(
        network,
        table,
        "label",
        Settings(epochs=25),
        "kfold:2",
        engine=reference,
        taps=[Tap("r1", seen.append, every=10, limit=7)],
    )
    assert [(t.epoch, t.member) for t in seen] == [
        (epoch, fold) for epoch in (10, 20, 25) for fold in ("fold 1", "fold 2")
    ]
    assert all(t.values.shape == (7, 4) and t.values.min() >= 0 for t in seen)
    assert np.array_equal(seen[0].rows, result.sets[0].folds[0].test_rows[:7])


def test_the_output_tapped_at_the_end_is_that_of_the_result(
    table: Table, network: Network, reference: str
) -> None:
    seen: list[Tapped] = []
    result = train(
        network,
        table,
        "label",
        Settings(epochs=10),
        engine=reference,
        taps=[Tap("s1", seen.append, every=100)],
    )
    np.testing.assert_allclose(
        seen[-1].values[:, 0], result.sets[0].folds[0].outputs[:, 1], atol=1e-6
    )


def test_a_tap_is_read_when_training_stops_early(
    table: Table, network: Network, reference: str
) -> None:
    epochs: list[int] = []
    train(
        network,
        table,
        "label",
        Settings(epochs=500, patience=2, learning_rate=0.9),
        engine=reference,
        taps=[Tap("r1", lambda tapped: epochs.append(tapped.epoch), every=499)],
    )
    assert len(epochs) == 1


def test_a_layer_that_is_not_there_is_named(table: Table, network: Network, reference: str) -> None:
    with pytest.raises(SettingsError, match="there is no layer 'r7' to tap") as caught:
        train(network, table, "label", engine=reference, taps=[Tap("r7", print)])
    assert "r1" in caught.value.way_out


def test_all_mistakes_of_a_tap_come_at_once() -> None:
    with pytest.raises(SettingsError) as caught:
        Tap("r1", print, every=0, part="all", limit=0)
    assert len(caught.value.mistakes) == 3
