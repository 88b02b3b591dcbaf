"""Values as files, as JSON and in one line."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pandas
import pyarrow
import pytest
from pandas.testing import assert_frame_equal
from pyarrow import parquet

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


def test_data_frames_become_parquet_with_their_types(tmp_path: Path) -> None:
    frame = pandas.DataFrame({"n": [1, 2], "kind": pandas.Categorical(["a", "b"])}, ["x", "y"])
    assert_frame_equal(pandas.read_parquet(write_value("f", frame, tmp_path)), frame)
    table = pyarrow.table({"n": [1, None]})
    assert parquet.read_table(write_value("t", table, tmp_path)).equals(table)
    assert brief(frame) == "table of 2 rows: n, kind"
    assert brief(table) == "table of 2 rows: n"


def test_a_list_of_models_becomes_a_folder_of_models(tmp_path: Path) -> None:
    folder = write_value("models", [MODEL, [MODEL, 3]], tmp_path)
    written = sorted(str(path.relative_to(folder)) for path in folder.rglob("*.*"))
    assert written == ["0.lamina", "1/0.lamina", "1/1.json"]


def test_a_file_keeps_its_ending_and_its_content(tmp_path: Path) -> None:
    (tmp_path / "made").write_text("content")
    assert write_value("made", tmp_path / "made", tmp_path).read_text() == "content"
    assert write_value("copy", tmp_path / "made", tmp_path) == tmp_path / "copy"


def test_a_folder_is_copied_with_all_that_is_in_it(tmp_path: Path) -> None:
    made = tmp_path / "made"
    (made / "deep").mkdir(parents=True)
    (made / "deep/a.txt").write_text("a")
    (made / "run.sh").write_text("#!/bin/sh\n")
    (made / "run.sh").chmod(0o555)
    (made / "link").symlink_to("deep/a.txt")
    (made / "deep").chmod(0o555)
    for _ in range(2):
        there = write_value("out", made, tmp_path)
        assert there == tmp_path / "out"
        assert (there / "link").read_text() == "a"
        assert (there / "link").is_symlink()
        assert (there / "deep/a.txt").stat().st_mode & 0o777 == 0o644
        assert (there / "run.sh").stat().st_mode & 0o777 == 0o755
    assert write_value("inside", made, made).is_dir()
    assert not (made / "inside/inside").exists()


def test_a_mapping_of_tables_and_models_becomes_a_folder_of_files_by_their_names(
    tmp_path: Path,
) -> None:
    folder = write_value("all", {"t": TABLE, "m": [MODEL], "n": 3}, tmp_path)
    written = sorted(str(path.relative_to(folder)) for path in folder.rglob("*.*"))
    assert written == ["m/0.lamina", "n.json", "t.csv"]


@pytest.mark.parametrize("key", ["../t", "/t", "", ".", "..", "a/b", "a\0b", ".hidden", 3])
def test_a_key_that_is_no_name_of_a_file_leads_nowhere(tmp_path: Path, key: Any) -> None:
    inside = tmp_path / "inside"
    inside.mkdir()
    path = write_value("all", {key: TABLE, "x": np.arange(2)}, inside)
    assert path == inside / "all.json"
    assert json.loads(path.read_text()) == {str(key): "table of 3 rows: a", "x": [0, 1]}
    assert [found.name for found in tmp_path.rglob("*")] == ["inside", "all.json"]


@pytest.mark.parametrize(
    ("name", "ending"),
    [("a.csv", ".csv"), ("a.tar.gz", ".tar.gz"), ("a.nii.GZ", ".nii.GZ"), ("v1.2.gz", ".2.gz"),
     ("a", ""), ("my.long-name.gz", ".gz"), ("a.gz", ".gz")],
)  # fmt: skip
def test_an_ending_of_a_packed_file_stays_whole(tmp_path: Path, name: str, ending: str) -> None:
    (tmp_path / name).write_bytes(b"x")
    assert write_value("out", tmp_path / name, tmp_path).name == f"out{ending}"


def test_bytes_and_tensors_are_written_as_they_are(tmp_path: Path) -> None:
    assert write_value("b", b"ab\0", tmp_path).read_bytes() == b"ab\0"
    torch = pytest.importorskip("torch", reason="no torch: pip install 'lamina[torch]'")
    path = write_value("t", torch.arange(3.0), tmp_path)
    assert np.load(path).tolist() == [0.0, 1.0, 2.0]
    assert write_value("h", torch.ones(2, dtype=torch.bfloat16), tmp_path).suffix == ".json"


@pytest.mark.parametrize(
    ("value", "line"),
    [
        (TABLE, "table of 3 rows: a"),
        (MODEL, "model m, 22 parameters"),
        (NETWORK, "network papers-1, 22 parameters"),
        (np.zeros((4, 2)), "array of 4 x 2"),
        ([MODEL] * 4, "4 values: " + "model m, 22 parameters; " * 3 + "..."),
        ([1, "two"], '[1, "two"]'),
        ([np.float32(1.5), {3}], "[1.5, [3]]"),
        ({"t": TABLE, "n": 1}, "2 values: t: table of 3 rows: a; n: 1"),
        ("x" * 300, "x" * 197 + "..."),
    ],
)
def test_a_value_is_told_in_one_line(value: Any, line: str) -> None:
    assert brief(value) == line


def test_json_holds_what_it_can_of_a_value() -> None:
    assert shown([Path("a"), np.arange(2), MODEL]) == ["a", [0, 1], "model m, 22 parameters"]
