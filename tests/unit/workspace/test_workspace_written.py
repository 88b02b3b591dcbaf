"""Values as files, as JSON and in one line."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from lamina.data.tables import Table, read_table
from lamina.nets.bundle import Bundle
from lamina.nets.document import read_network
from lamina.nets.initial import initial_weights
from lamina.nets.zoo import ZOO
from lamina.workspace.written import brief, shown, write_value

TABLE = Table({"a": np.arange(3)}, "three")
NETWORK = ZOO.get("papers-1")()
MODEL = Bundle(NETWORK, initial_weights(NETWORK, "xavier", 0), name="m")


def test_every_kind_of_value_is_written_so_that_it_can_be_read(tmp_path: Path) -> None:
    assert read_table(write_value("t", TABLE, tmp_path)).rows == 3
    assert Bundle.load(write_value("m", MODEL, tmp_path)).network == NETWORK
    assert read_network(write_value("n", NETWORK, tmp_path)) == NETWORK
    assert np.load(write_value("a", np.eye(3), tmp_path)).shape == (3, 3)
    assert json.loads(write_value("j", {"x": [1, np.eye(1)]}, tmp_path).read_text())


def test_a_list_of_models_becomes_a_folder_of_models(tmp_path: Path) -> None:
    folder = write_value("models", [MODEL, [MODEL, 3]], tmp_path)
    written = sorted(str(path.relative_to(folder)) for path in folder.rglob("*.*"))
    assert written == ["0.lamina", "1/0.lamina", "1/1.json"]


def test_a_file_keeps_its_ending_and_its_content(tmp_path: Path) -> None:
    (tmp_path / "made").write_text("content")
    assert write_value("made", tmp_path / "made", tmp_path).read_text() == "content"
    assert write_value("copy", tmp_path / "made", tmp_path) == tmp_path / "copy"


@pytest.mark.parametrize(
    ("value", "line"),
    [
        (TABLE, "table of 3 rows: a"),
        (MODEL, "model m, 22 parameters"),
        (NETWORK, "network papers-1, 22 parameters"),
        (np.zeros((4, 2)), "array of 4 x 2"),
        ([MODEL] * 4, "4 values: " + "model m, 22 parameters; " * 3 + "..."),
        ([1, "two"], '[1, "two"]'),
        ("x" * 300, "x" * 197 + "..."),
    ],
)
def test_a_value_is_told_in_one_line(value: Any, line: str) -> None:
    assert brief(value) == line


def test_json_holds_what_it_can_of_a_value() -> None:
    assert shown([Path("a"), np.arange(2), MODEL]) == ["a", [0, 1], "model m, 22 parameters"]
