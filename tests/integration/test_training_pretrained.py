"""Fine-tuning, whole path: trained on some digits, taken up by file, adapted to others."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from lamina.nets.bundle import Bundle
from lamina.nets.convert.torch_out import to_torch
from lamina.nets.document import read_network
from lamina.training.result import TrainingResult, bundle
from lamina.training.settings import Settings
from lamina.training.tasks import predict_arrays
from lamina.training.trainer import train

torch = pytest.importorskip("torch", reason="no torch: pip install 'lamina[torch]'")
datasets = pytest.importorskip(
    "sklearn.datasets", reason="no sklearn: pip install 'lamina[datasets]'"
)

NETWORK = "resnet-18:shape=3x32x32,width=0.125"
ADAM = Settings(epochs=4, batch_size=32, optimiser="adam", learning_rate=0.003, seed=2)


def digits(classes: range, rows: int) -> tuple[NDArray[Any], NDArray[Any]]:
    """Digits of some classes as colour pictures four times as large, values from 0 to 1."""
    images, targets = datasets.load_digits(return_X_y=True)
    chosen = np.flatnonzero(np.isin(targets, classes))[:rows]
    small = images[chosen].reshape(-1, 1, 8, 8) / 16.0
    return np.repeat(small.repeat(4, axis=2).repeat(4, axis=3), 3, axis=1), targets[chosen]


def fit(text: str, data: Any, settings: Settings, **options: Any) -> TrainingResult:
    given: dict[str, Any] = {"engine": "torch", "threads": 1, "normalise": "none", **options}
    return train(read_network(f"{NETWORK},{text}"), data, "", settings, "holdout:0.3", **given)


def test_a_body_learned_on_some_digits_serves_others_through_a_head_of_its_own(
    tmp_path: Path,
) -> None:
    first = fit("classes=6", digits(range(6), 600), ADAM)
    assert (first.metric("accuracy")["mean"] or 0.0) > 0.9
    assert first.model is not None
    # As torchvision's users keep it: a state dict with torch's counters, not a model of ours.
    state = to_torch(first.network, first.model.weights).state_dict()
    state["bn1.num_batches_tracked"] = torch.tensor(7)
    torch.save(state, tmp_path / "body.pth")

    body = ("conv1", "bn1", "layer1", "layer2", "layer3", "layer4")
    few = digits(range(6, 10), 120)
    tuned = ADAM.changed(epochs=12, frozen=body, learning_rate=0.01)
    path = tmp_path / "body.pth"
    begun = fit("classes=4,head=two-layer", few, tuned, weights=path)
    scratch = fit("classes=4,head=two-layer", few, tuned)
    assert begun.model is not None
    for name, array in begun.model.weights.items():
        assert name.startswith("head.") or np.array_equal(array, first.model.weights[name]), name
    # The same head over a body that has seen digits is better than over a random one.
    losses = [result.metric("log_loss")["mean"] or 0.0 for result in (begun, scratch)]
    assert losses[0] < losses[1]
    assert (begun.metric("accuracy")["mean"] or 0.0) > 0.6

    model = Bundle.load(bundle(begun).save(tmp_path / "tuned.lamina"))
    assert "begun with body.pth" in model.settings["model"]
    tested = begun.chosen.folds[0].test_rows
    found = predict_arrays(model, few[0][tested])
    accuracy = np.mean(found["prediction"] == few[1][tested])
    assert accuracy == pytest.approx(begun.metric("accuracy")["mean"])
