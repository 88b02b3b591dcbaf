"""Training with taps as a task: what layers gave leaves through a port."""

from __future__ import annotations

from typing import Any

import pytest

from lamina.data.sources import load
from lamina.errors import SettingsError
from lamina.nets.zoo import ZOO
from lamina.training.tapped import train_tapped

SETTINGS = {"epochs": 25, "seed": 3}


def test_each_look_of_each_layer_and_fold_is_handed_on() -> None:
    taps = [{"layer": "r1", "every": 10, "limit": 7}, {"layer": "l2", "every": 25, "part": "train"}]
    options = {"plan": "kfold:2", "engine": "fused"}
    network, table = ZOO.get("papers-1")(), load("breast-cancer")
    found = train_tapped(network, table, "label", taps, SETTINGS, options)
    looks = [(look.layer, look.epoch, look.member) for look in found.tapped]
    folds = ("fold 1", "fold 2")
    assert looks[:4] == [("r1", epoch, fold) for epoch in (10, 20) for fold in folds]
    assert sorted(looks[4:]) == sorted((n, 25, fold) for n in ("r1", "l2") for fold in folds)
    assert found.tapped[0].values.shape == (7, 3)
    assert found.model.network.name == "papers-1"


@pytest.mark.parametrize(
    ("tap", "why"),
    [
        ({}, "names no layer"),
        ({"layer": "r1", "evry": 3}, "unknown 'evry'"),
        ({"layer": "r1", "every": "x"}, "every = 'x' is no whole number"),
        ({"layer": "r1", "every": 0}, "at least 1 epoch"),
        ({"layer": "r1", "part": "all"}, "choose from train, validation, test"),
        ({"layer": "r9"}, "there is no layer 'r9' to tap"),
    ],
)
def test_a_tap_that_does_not_hold_is_refused(tap: dict[str, Any], why: str) -> None:
    with pytest.raises(SettingsError, match=why):
        train_tapped(ZOO.get("papers-1")(), load("breast-cancer"), "label", [tap], SETTINGS)
