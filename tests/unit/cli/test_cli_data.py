"""`lamina data` and `lamina doctor`."""

from __future__ import annotations

import hashlib
from pathlib import Path

import pytest
from commandline import done, write_rows

from lamina.data import sources
from lamina.data.tables import read_table


def test_named_sets_are_listed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("LAMINA_DATA", raising=False)
    assert "breast-cancer             569 x 5" in done("data", "list").out
    found = done("data", "list", "--json").json
    assert {"title", "licence", "citation", "sha256", "address", "here"} <= set(found["pima"])


def test_a_named_set_is_fetched_with_its_digest_checked(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    pytest.importorskip("sklearn", reason="no sklearn: pip install 'lamina[datasets]'")
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    monkeypatch.delenv("LAMINA_DATA", raising=False)
    path = Path(done("data", "fetch", "iris").out.strip())
    assert path.is_relative_to(tmp_path)
    assert hashlib.sha256(path.read_bytes()).hexdigest() == sources.source("iris").sha256
    done("data", "fetch", "iris", "-o", tmp_path / "new" / "iris.parquet")
    assert read_table(tmp_path / "new" / "iris.parquet").rows == 150


def test_a_file_is_described(tmp_path: Path) -> None:
    data = write_rows(tmp_path / "rows.csv", gap=True)
    text = done("data", "describe", data, "--target", "label").out
    assert "60 rows, 1 of them with empty values" in text
    assert "classes of label: 0: " in text
    found = done("data", "describe", data, "--json").json
    assert [column["name"] for column in found["columns"]] == ["a", "b", "label"]


def test_a_split_keeps_every_row_once_and_the_shares_of_the_classes(tmp_path: Path) -> None:
    data = write_rows(tmp_path / "rows.csv")
    out = tmp_path / "parts"
    ran = done("data", "split", data, "-o", out, "--test", "0.25", "--target", "label")
    assert ran.out == f"{out / 'train.csv'}  45 rows\n{out / 'test.csv'}  15 rows\n"
    parts = [read_table(out / f"{name}.csv") for name in ("train", "test")]
    rows = sorted(row for part in parts for row in zip(*part.columns.values(), strict=True))
    assert rows == sorted(zip(*read_table(data).columns.values(), strict=True))
    shares = [part.columns["label"].mean() for part in parts]
    assert abs(shares[0] - shares[1]) < 0.05


def test_the_doctor_names_extras_devices_and_data() -> None:
    found = done("doctor", "--json").json
    assert set(found) == {"machine", "extras", "devices", "runs", "data", "engines"}
    assert found["runs"]["workers"]["ok"]
    assert found["machine"]["lamina"]["ok"]
    assert "breast-cancer" in done("doctor").out
