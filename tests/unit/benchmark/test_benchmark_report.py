"""Tables, pages and figures from a results document."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from lamina.benchmark import report
from lamina.benchmark.figures import draw
from lamina.benchmark.sheets import Sheet, number, sheets
from lamina.errors import DocumentError


def test_columns_are_aligned_for_a_terminal() -> None:
    text = Sheet("Title", ("name", "value"), (("a", "1.5"), ("longer", "22.25"))).text()
    lines = text.splitlines()
    assert lines[0] == "Title"
    assert lines[1:] == [
        "  name    value",
        "  ------  -----",
        "  a         1.5",
        "  longer  22.25",
    ]


def test_a_page_has_a_table_of_the_same_cells() -> None:
    page = Sheet("Title", ("name", "value"), (("a", "1.5"),), ("A note.",)).markdown()
    assert page == "## Title\n\n| name | value |\n| :-- | --: |\n| a | 1.5 |\n\nA note."


@pytest.mark.parametrize(
    ("value", "text"), [(None, "-"), (0.0012345, "0.00123"), (12.345, "12.3"), (333.3, "333")]
)
def test_numbers_have_three_digits(value: float | None, text: str) -> None:
    assert number(value) == text


def test_the_text_names_who_is_absent_and_what_failed(results: dict[str, Any]) -> None:
    text = report.text(results)
    assert "absent: pima: it is not on this machine" in text
    assert "failed: jax on banknote I: ImportError: no jaxlib" in text


def test_scaled_times_are_marked_and_explained(results: dict[str, Any]) -> None:
    table = next(sheet for sheet in sheets(results) if sheet.title.startswith("Group I,"))
    loader = next(row for row in table.rows if "DataLoader" in row[0])
    assert loader[1] == "6*"
    assert "* scaled from 10 epochs: PyTorch, DataLoader loop." in table.notes


def test_a_busy_machine_is_said_to_have_been_busy(results: dict[str, Any]) -> None:
    assert "busy" not in report.text(results)
    assert "busy" in report.text({**results, "load_before": 1.7})


def test_ours_stand_above_the_peers(results: dict[str, Any]) -> None:
    table = next(sheet for sheet in sheets(results) if sheet.title.startswith("Group I,"))
    assert [row[0].startswith("Lamina") for row in table.rows[:3]] == [True, True, False]


def test_a_page_is_written_from_the_document_alone(results: dict[str, Any], tmp_path: Path) -> None:
    files = report.write(results, tmp_path / "out")
    page = (tmp_path / "out" / "results.md").read_text(encoding="utf-8")
    assert "| Lamina, fused engine | 0.02 |" in page
    assert "![Figure 7 train and test](figure-7-train-and-test.png)" in page
    assert report.read(tmp_path / "out" / "results.json") == json.loads(json.dumps(results))
    assert {file.suffix for file in files} == {".json", ".md", ".png", ".svg"}


def test_three_figures_are_drawn_as_png_and_svg(results: dict[str, Any], tmp_path: Path) -> None:
    files = draw(results, tmp_path)
    assert [file.name[:8] for file in files[::2]] == ["figure-7", "figure-8", "figure-9"]
    assert all(file.stat().st_size > 1000 for file in files)
    svg = next(f for f in files if f.suffix == ".svg").read_text(encoding="utf-8")
    assert svg.startswith("<?xml")


def test_figures_without_values_are_left_out(results: dict[str, Any], tmp_path: Path) -> None:
    del results["group3"]
    assert not any("figure-9" in file.name for file in draw(results, tmp_path))


@pytest.mark.parametrize("content", ["", "{", "[]", '{"lamina": "lamina: network/1"}'])
def test_another_file_is_refused_with_a_way_out(content: str, tmp_path: Path) -> None:
    (tmp_path / "results.json").write_text(content, encoding="utf-8")
    with pytest.raises(DocumentError, match="lamina benchmark networks"):
        report.read(tmp_path / "results.json")
    with pytest.raises(DocumentError, match="No such file"):
        report.read(tmp_path / "none.json")
