"""`lamina predict`, `evaluate` and `models`: trained models, those of other systems too."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from commandline import done, run, train_small, write_rows

from lamina.data.tables import read_table
from lamina.nets.bundle import Bundle
from lamina.nets.convert.dataview import write_model


@pytest.fixture(scope="module")
def trained(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with m.lamina, its table m.csv, gaps.csv, and the model as a model@ file."""
    folder = tmp_path_factory.mktemp("models")
    model = train_small(folder)
    write_rows(folder / "gaps.csv", gap=True)
    write_model(Bundle.load(model), folder)
    return folder


@pytest.fixture
def here(trained: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(trained)
    return trained


@pytest.fixture
def papers(here: Path) -> Path:
    """The same model as a file of the papers."""
    return next(here.glob("model@*"))


def test_predictions_are_a_row_per_row(here: Path) -> None:
    ran = done("predict", "m.lamina", "m.csv")
    lines = ran.out.splitlines()
    assert lines[0] == '"row","prediction","probability","p_0","p_1"'
    assert len(lines) == 61


@pytest.mark.parametrize("suffix", ["csv", "tsv", "parquet", "npz"])
def test_predictions_go_to_a_file_of_any_table_format(
    suffix: str, here: Path, tmp_path: Path
) -> None:
    target = tmp_path / "new" / f"p.{suffix}"
    assert done("predict", "m.lamina", "m.csv", "-o", target).out == f"{target}  60 rows\n"
    assert read_table(target).names[:2] == ("row", "prediction")


def test_a_row_with_an_empty_value_has_no_prediction_and_that_is_said(here: Path) -> None:
    ran = done("predict", "m.lamina", "gaps.csv")
    assert ran.out.splitlines()[2] == "1,,,,"
    assert "note: 1 of 60 rows have empty values and no prediction" in ran.err


def test_predictions_as_json_hold_no_nan(here: Path) -> None:
    found = done("predict", "m.lamina", "gaps.csv", "--json").json
    assert set(found) == {"rows", "columns"}
    assert found["columns"]["prediction"][1] is None
    assert found["columns"]["prediction"][2] in (0, 1)


def test_evaluation_has_these_keys(here: Path) -> None:
    found = done("evaluate", "m.lamina", "m.csv", "--json").json
    metrics = ["accuracy", "precision", "recall", "f1", "auc", "log_loss"]
    assert list(found) == ["rows", "skipped", *metrics, "notes", "confusion"]
    assert found["rows"] == 60


def test_evaluation_as_text_has_metrics_and_the_confusion_matrix(here: Path) -> None:
    ran = done("evaluate", "m.lamina", "gaps.csv")
    assert "skipped" in ran.out
    assert "true \\ predicted" in ran.out


def test_the_confusion_matrix_is_drawn(here: Path, tmp_path: Path) -> None:
    pytest.importorskip("matplotlib", reason="no matplotlib: pip install 'lamina[pictures]'")
    ran = done("evaluate", "m.lamina", "m.csv", "--pictures", tmp_path / "p")
    assert f"picture: {tmp_path / 'p' / 'confusion.png'}" in ran.err
    assert (tmp_path / "p" / "confusion.png").stat().st_size > 1000


def test_another_column_can_be_judged(here: Path, tmp_path: Path) -> None:
    renamed = tmp_path / "renamed.csv"
    text = Path("m.csv").read_text(encoding="utf-8").replace("label", "truth", 1)
    renamed.write_text(text, encoding="utf-8")
    assert run("evaluate", "m.lamina", renamed).code == 2
    found = done("evaluate", "m.lamina", renamed, "--target", "truth", "--json").json
    assert found == done("evaluate", "m.lamina", "m.csv", "--json").json


def test_models_are_listed_with_broken_ones_named(here: Path, tmp_path: Path) -> None:
    (tmp_path / "sub").mkdir()
    (tmp_path / "sub" / "good.lamina").write_bytes(Path("m.lamina").read_bytes())
    (tmp_path / "bad.lamina").write_bytes(b"nothing")
    lines = done("models", "list", tmp_path).out.splitlines()
    assert any("good.lamina  2-3-1  2-3-1  13 parameters  accuracy" in line for line in lines)
    assert any("bad.lamina  broken: " in line for line in lines)
    found = done("models", "list", tmp_path, "--json").json["models"]
    assert sorted("error" in model for model in found) == [False, True]


def test_a_folder_without_models_says_so(tmp_path: Path) -> None:
    assert done("models", "list", tmp_path).out == "no models here\n"


def test_a_model_is_shown(here: Path) -> None:
    text = done("models", "show", "m.lamina").out
    assert "l1" in text and "Linear    (3,)           9" in text
    assert "trained by" in text
    found = done("models", "show", "m.lamina", "--json").json
    assert {"name", "task", "layers", "metrics", "settings", "digests", "seed"} <= set(found)


def test_a_model_of_the_papers_is_shown_listed_and_drawn(here: Path, papers: Path) -> None:
    assert "from DATAVIEW model@ file" in done("models", "show", papers).out
    assert str(papers.name) in done("models", "list", here).out
    assert "Linear l1" in done("graph", papers).out
    assert "<svg" in done("graph", papers, "--format", "neurons").out
    assert done("lint", papers).out == "1 file(s), 0 finding(s)\n"


def test_a_model_of_the_papers_predicts_from_the_columns_as_they_are(papers: Path) -> None:
    refused = run("predict", papers, "m.csv")
    assert refused.code == 2
    assert "--target COLUMN leaves one out" in refused.err
    assert len(done("predict", papers, "m.csv", "--target", "label").out.splitlines()) == 61


def test_a_model_of_the_papers_is_evaluated_with_its_target_named(papers: Path) -> None:
    assert "--target COLUMN" in run("evaluate", papers, "m.csv").err
    found = done("evaluate", papers, "m.csv", "--target", "label", "--json").json
    assert (found["rows"], found["skipped"]) == (60, 0)
    gaps = done("evaluate", papers, "gaps.csv", "--target", "label", "--json").json
    assert (gaps["rows"], gaps["skipped"]) == (59, 1)


def test_a_model_goes_to_onnx_and_is_checked(here: Path, tmp_path: Path) -> None:
    pytest.importorskip("onnx", reason="no onnx: pip install 'lamina[onnx]'")
    pytest.importorskip("onnxruntime", reason="no onnxruntime: pip install 'lamina[onnx]'")
    ran = done("models", "export", "m.lamina", "-o", tmp_path / "m.onnx")
    assert "checked on 16 rows" in ran.out
    assert (tmp_path / "m.onnx").stat().st_size > 100


def test_a_model_goes_to_the_papers_form_and_back(here: Path, tmp_path: Path) -> None:
    done("models", "export", "m.lamina", "-o", tmp_path / "m.json")
    assert "SavedModel" in json.loads((tmp_path / "m.json").read_text(encoding="utf-8"))
    back = tmp_path / "back.lamina"
    done("models", "import", tmp_path / "m.json", "-o", back, "--labels", "no, yes")
    made = Bundle.load(back)
    assert made.labels == ("no", "yes")
    assert made.network.parameter_count() == 13
