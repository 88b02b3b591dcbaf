"""Models to and from other systems."""

from __future__ import annotations

import shutil
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from lamina.errors import BundleError, UsageError
from lamina.nets.bundle import Bundle
from lamina.nets.initial import initial_weights
from lamina.nets.zoo import mlp
from lamina.workspace.exchange import export, from_file
from lamina.workspace.models import evaluate, numbered, predict

KERAS = Path(__file__).parents[2] / "golden" / "keras" / "dense.keras"


@pytest.fixture
def model(tmp_path: Path) -> Path:
    """A network with initial weights, saved without a preparation."""
    network = mlp(2, [3], 1)
    made = Bundle(network, initial_weights(network, "xavier", 1), task="binary", loss="bce")
    return made.save(tmp_path / "m.lamina")


@pytest.fixture
def rows(tmp_path: Path) -> Path:
    path = tmp_path / "rows.csv"
    path.write_text("a,b,label\n1,2,0\n2,1,1\n0,1,1\n", encoding="utf-8")
    return path


def test_classes_without_names_are_numbered(model: Path) -> None:
    assert numbered(Bundle.load(model)).labels == ("0", "1")
    named = replace(Bundle.load(model), labels=("no", "yes"))
    assert numbered(named) is named


def test_a_model_without_preparation_predicts_and_is_evaluated(model: Path, rows: Path) -> None:
    predicted = predict(model, rows, target="label")
    assert predicted.rows == 3
    found = evaluate(model, rows, target="label")
    truth = np.array([0, 1, 1])
    assert found["accuracy"] == pytest.approx((predicted["prediction"] == truth).mean())


def test_a_keras_file_becomes_a_model(tmp_path: Path) -> None:
    pytest.importorskip("h5py", reason="no h5py: pip install 'lamina[keras]'")
    made = from_file(KERAS, tmp_path / "k.lamina")
    loaded = Bundle.load(tmp_path / "k.lamina")
    assert loaded.digest == made.digest
    assert loaded.name == "dense"
    assert loaded.settings["source"] == "Keras file dense.keras"


def test_labels_of_another_number_are_refused(model: Path, tmp_path: Path) -> None:
    papers = tmp_path / "m.json"
    export(model, papers)
    with pytest.raises(BundleError, match="3 labels"):
        from_file(papers, tmp_path / "x.lamina", ["a", "b", "c"])


def test_the_form_of_an_export_follows_its_suffix(model: Path, tmp_path: Path) -> None:
    assert "model@ file" in export(model, tmp_path / "m.json")
    with pytest.raises(UsageError, match=r"no model format has the suffix '\.pt'"):
        export(model, tmp_path / "m.pt")


def test_a_foreign_file_is_not_imported(tmp_path: Path) -> None:
    odd = tmp_path / "odd.pt"
    shutil.copyfile(__file__, odd)
    with pytest.raises(UsageError, match="cannot be imported"):
        from_file(odd, tmp_path / "x.lamina")
