"""Images, whole path: a convolutional network trained, saved, loaded, predicting, tapped."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from lamina.nets.bundle import Bundle
from lamina.nets.zoo import ZOO
from lamina.training.model_input import array_input
from lamina.training.result import bundle
from lamina.training.settings import Settings
from lamina.training.taps import Tap, Tapped
from lamina.training.tasks import evaluate_arrays, predict_arrays
from lamina.training.trainer import train

pytest.importorskip("torch", reason="no torch: pip install 'lamina[torch]'")
datasets = pytest.importorskip(
    "sklearn.datasets", reason="no sklearn: pip install 'lamina[datasets]'"
)


def test_digits_are_learned_saved_and_predicted(tmp_path: Path) -> None:
    images, targets = datasets.load_digits(return_X_y=True)
    images = images[:900].reshape(-1, 1, 8, 8)
    targets = targets[:900]
    maps: list[Tapped] = []
    result = train(
        ZOO.get("digits-cnn")(),
        (images, targets),
        settings=Settings(epochs=8, optimiser="adam", learning_rate=0.01, batch_size=64),
        plan="holdout:0.25",
        engine="auto",
        threads=1,
        checkpoint=tmp_path / "checkpoints",
        every_epochs=3,
        taps=[Tap("c1", maps.append, every=4, limit=5)],
    )
    assert result.resource.engine == "torch"
    accuracy = result.metric("accuracy")["mean"]
    assert accuracy is not None and accuracy > 0.85
    assert [tapped.epoch for tapped in maps] == [4, 8]
    assert maps[0].values.shape[0] == 5
    assert len(maps[0].values.shape) == 4, "feature maps: rows x channels x height x width"
    model = Bundle.load(bundle(result).save(tmp_path / "digits.lamina"))
    tested = result.chosen.folds[0].test_rows
    found = predict_arrays(model, images[tested])
    assert np.mean(found["prediction"] == targets[tested]) == pytest.approx(accuracy)
    assert evaluate_arrays(model, images[tested], targets[tested])["accuracy"] == pytest.approx(
        accuracy
    )
    one = predict_arrays(model, images[tested][7:8])
    assert one["p_3"][0] == found["p_3"][7]
    assert array_input(model, images[:2]).outputs("c1").shape == (2, *maps[0].values.shape[1:])
