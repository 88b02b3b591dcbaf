"""Pictures: written whole, readable, and refused where there is nothing to draw."""

from __future__ import annotations

import sys
from pathlib import Path

import numpy as np
import pytest

from lamina.data.tables import Table
from lamina.errors import MissingExtraError, UsageError
from lamina.nets.network import Network
from lamina.nets.zoo import mlp
from lamina.training import pictures
from lamina.training.plans import Plan
from lamina.training.result import TrainingResult
from lamina.training.settings import Settings
from lamina.training.trainer import train

pytest.importorskip("matplotlib", reason="no matplotlib: pip install 'lamina[pictures]'")


@pytest.fixture
def sweep(table: Table, network: Network, reference: str) -> TrainingResult:
    plan = Plan.parse("kfold:3", {"learning_rate": [0.1, 0.5]})
    return train(network, table, "label", Settings(epochs=12), plan, engine=reference)


def test_every_picture_of_a_sweep_is_drawn(sweep: TrainingResult, tmp_path: Path) -> None:
    drawn = pictures.draw_all(sweep, tmp_path / "new" / "folder")
    assert [path.name for path in drawn] == [
        "loss-curve.png",
        "confusion.png",
        "roc.png",
        "sweep.png",
    ]
    for path in drawn:
        assert path.read_bytes().startswith(b"\x89PNG")
        assert path.stat().st_size > 8000


def test_svg_holds_text_and_is_the_same_each_time(sweep: TrainingResult, tmp_path: Path) -> None:
    first, second = (pictures.loss_curve(sweep, tmp_path / f"{k}.svg") for k in (1, 2))
    assert first.read_bytes() == second.read_bytes()
    text = first.read_text()
    assert "epoch" in text
    assert "tiny: loss, 3 trainings" in text
    matrix = pictures.confusion_picture(sweep, tmp_path / "c.svg").read_text()
    found = sweep.chosen.confusion
    assert found is not None
    assert all(f">{number}<" in matrix for number in found.ravel())


def test_early_stopping_shows_the_best_epoch(
    table: Table, network: Network, reference: str, tmp_path: Path
) -> None:
    settings = Settings(epochs=200, patience=3, learning_rate=0.8)
    result = train(network, table, "label", settings, engine=reference)
    text = pictures.loss_curve(result, tmp_path / "l.svg").read_text()
    assert f"best epoch {result.members[0].best_epoch}" in text
    assert "validation" in text


def test_many_classes_say_what_is_left_out(reference: str, tmp_path: Path) -> None:
    generator = np.random.default_rng(0)
    targets = np.arange(180) % 9
    features = generator.normal(size=(180, 2)) + targets[:, None]
    result = train(
        mlp(2, [8], 9), (features, targets), settings=Settings(epochs=10), engine=reference
    )
    text = pictures.roc_curve(result, tmp_path / "r.svg").read_text()
    assert text.count("against the rest") == 7
    assert "2 classes more" in text
    assert len(pictures.draw_all(result, tmp_path)) == 3


def test_a_regression_has_a_loss_curve_only(table: Table, reference: str, tmp_path: Path) -> None:
    result = train(
        mlp(2, [3], 1, last=""),
        table,
        "a",
        Settings(epochs=5, learning_rate=0.01),
        engine=reference,
    )
    assert [path.name for path in pictures.draw_all(result, tmp_path)] == ["loss-curve.png"]
    with pytest.raises(UsageError, match="confusion"):
        pictures.confusion_picture(result, tmp_path / "c.png")
    with pytest.raises(UsageError, match="ROC"):
        pictures.roc_curve(result, tmp_path / "r.png")


def test_a_diverged_set_is_marked(table: Table, reference: str, tmp_path: Path) -> None:
    result = train(
        mlp(2, [4], 1, last=""),
        table,
        "label",
        Settings(epochs=30, loss="mse", learning_rate=0.01),
        Plan.parse("kfold:2", {"learning_rate": [1e30, 0.01]}),
        engine=reference,
    )
    assert "diverged" in pictures.sweep_picture(result, tmp_path / "s.svg").read_text()


def test_another_ending_is_refused(sweep: TrainingResult, tmp_path: Path) -> None:
    with pytest.raises(UsageError, match=r"end it in \.png"):
        pictures.loss_curve(sweep, tmp_path / "x.bmp")
    assert not list(tmp_path.iterdir())


def test_without_matplotlib_the_extra_is_named(
    sweep: TrainingResult, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "matplotlib", None)
    with pytest.raises(MissingExtraError, match="drawing needs matplotlib"):
        pictures.loss_curve(sweep, tmp_path / "x.png")
