"""Tables: frozen columns of equal length, from anything in memory."""

from __future__ import annotations

import datetime
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import openpyxl
import pandas as pd
import pyarrow as pa
import pytest

from lamina.data.tables import Table, read_table, write_table
from lamina.errors import DataError, MissingExtraError


def made(columns: Mapping[str, Any], origin: str = "table") -> Table:
    return Table(columns, origin)


def test_a_table_knows_its_rows_and_names() -> None:
    table = made({"a": [1, 2, 3], "b": ["x", None, "y"]})
    assert (table.rows, len(table), table.names) == (3, 3, ("a", "b"))
    assert table["b"].tolist() == ["x", None, "y"]


def test_columns_cannot_be_written_or_replaced() -> None:
    table = made({"a": np.arange(3)})
    with pytest.raises(ValueError, match="read-only"):
        table["a"][0] = 9
    with pytest.raises(TypeError):
        table.columns["b"] = table["a"]  # type: ignore[index]


def test_unequal_lengths_are_named() -> None:
    with pytest.raises(DataError, match="a 2, b 3"):
        made({"a": [1, 2], "b": [1, 2, 3]})


def test_rows_are_taken_by_number_and_by_mask() -> None:
    table = made({"a": [10, 11, 12], "b": ["x", "y", "z"]})
    assert table.take([2, 0])["a"].tolist() == [12, 10]
    assert table.take(np.array([False, True, False]))["b"].tolist() == ["y"]
    assert table.take([]).rows == 0


def test_a_row_that_is_not_there_is_refused() -> None:
    with pytest.raises(DataError, match="0 to 1"):
        made({"a": [1, 2]}).take([5])


def test_columns_are_selected_in_order_and_misspelled_ones_hinted() -> None:
    table = made({"age": [1], "balance": [2]}, "bank")
    assert table.select(["balance", "age"]).names == ("balance", "age")
    with pytest.raises(DataError, match="bank has no column 'balanse'") as caught:
        table.select(["balanse"])
    assert "did you mean 'balance'" in caught.value.way_out


def test_columns_are_added_without_touching_the_first_table() -> None:
    table = made({"a": [1, 2]})
    wider = table.with_columns({"b": [0.5, 1.5]})
    assert (table.names, wider.names) == (("a",), ("a", "b"))


def test_equal_content_gives_equal_digests() -> None:
    table = made({"a": [1.0, None], "b": ["x", None]}, "one")
    same = made({"a": np.array([1.0, -np.nan]), "b": ["x", None]}, "two")
    assert table.digest() == same.digest()
    assert table.digest().startswith("sha256:")
    assert table.equals(same)


@pytest.mark.parametrize(
    "other",
    [{"a": [1, 2]}, {"a": [1.0, 3.0]}, {"b": [1.0, 2.0]}, {"a": ["1", "2"]}, {"a": [1.0, None]}],
)
def test_other_content_gives_another_digest(other: dict[str, Any]) -> None:
    assert made({"a": [1.0, 2.0]}).digest() != made(other).digest()


def test_an_array_becomes_numbered_columns_or_named_ones() -> None:
    array = np.arange(6.0).reshape(3, 2)
    assert read_table(array).names == ("c0", "c1")
    assert read_table(array, names=["x", "y"])["y"].tolist() == [1.0, 3.0, 5.0]
    assert read_table(np.arange(3)).names == ("c0",)


def test_a_structured_array_keeps_its_fields() -> None:
    array = np.array([(1, "a"), (2, "b")], dtype=[("n", "i4"), ("t", "U1")])
    table = read_table(array)
    assert table["n"].tolist() == [1, 2]
    assert table["t"].tolist() == ["a", "b"]


def test_a_pandas_frame_keeps_names_types_and_gaps() -> None:
    frame = pd.DataFrame(
        {
            "n": [1, 2],
            "f": [0.5, None],
            "t": ["x", None],
            "k": pd.Categorical(["u", "v"]),
            "i": pd.array([1, None], dtype="Int64"),
            "b": [True, False],
            "d": pd.to_datetime(["2020-01-01", None]),
        }
    )
    table = read_table(frame)
    kinds = "".join(values.dtype.kind for values in table.columns.values())
    assert kinds == "ifOOfbO"
    assert table["t"].tolist() == ["x", None]
    assert table["d"][1] is None


def test_repeated_pandas_columns_are_refused() -> None:
    frame = pd.DataFrame(np.ones((2, 2)), columns=["a", "a"])
    with pytest.raises(DataError, match="'a' in columns 1, 2"):
        read_table(frame)


def test_an_arrow_table_is_read() -> None:
    arrow = pa.table(
        {
            "i": pa.array([1, None]),
            "s": pa.array(["a", "b"]).dictionary_encode(),
            "b": pa.array([True, None]),
            "d": pa.array([b"raw", None]),
            "n": pa.nulls(2),
        }
    )
    table = read_table(arrow)
    assert "".join(v.dtype.kind for v in table.columns.values()) == "fOfOf"
    assert table["s"].tolist() == ["a", "b"]


def test_any_frame_that_speaks_arrow_is_read() -> None:
    class Frame:
        """Stands for polars, duckdb and the like, which are not installed here."""

        def __arrow_c_stream__(self, schema: object = None) -> object:
            return pa.table({"a": [1, 2]}).__arrow_c_stream__(schema)

    assert read_table(Frame())["a"].tolist() == [1, 2]


def test_a_table_read_again_is_the_same() -> None:
    table = made({"a": [1, 2]})
    assert read_table(table).equals(table)
    assert read_table(table, names=["b"]).names == ("b",)


@pytest.mark.parametrize("suffix", ["csv", "tsv", "parquet", "xlsx", "npz", "npy"])
def test_what_is_written_is_read_back(tmp_path: Path, suffix: str) -> None:
    columns: dict[str, Any] = {"a": [1.5, None, 0.1], "b": [1.0, 2.0, 3.5]}
    if suffix != "npy":
        columns |= {"t": ["x, y", None, 'quote "q"'], "i": [1, 2, 3], "u": ["ä", "β", "漢"]}
    table = made(columns)
    path = write_table(table, tmp_path / f"t.{suffix}")
    again = read_table(path, names=table.names) if suffix == "npy" else read_table(path)
    assert again.equals(table)
    assert [p.name for p in tmp_path.iterdir()] == [f"t.{suffix}"]


@pytest.mark.parametrize("name", ["t.docx", "t", "nowhere/t.csv"])
def test_a_path_that_cannot_be_written_is_refused(tmp_path: Path, name: str) -> None:
    with pytest.raises(DataError) as caught:
        write_table(made({"a": [1]}), tmp_path / name)
    assert caught.value.way_out


def test_texts_do_not_go_into_npy(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="texts: t"):
        write_table(made({"a": [1], "t": ["x"]}), tmp_path / "t.npy")
    assert not list(tmp_path.iterdir())


def test_whole_numbers_that_excel_would_change_are_refused(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="beyond 2"):
        write_table(made({"a": [2**53 + 1]}), tmp_path / "t.xlsx")


def test_a_sheet_is_chosen_by_name_or_number(tmp_path: Path) -> None:
    book = openpyxl.Workbook()
    book.active.append(["a"])
    book.active.append([1])
    second = book.create_sheet("second")
    for row in (["x", "d"], [2, datetime.date(2020, 1, 1)], [None, None], [3, None]):
        second.append(row)
    book.save(tmp_path / "t.xlsx")
    assert read_table(tmp_path / "t.xlsx").names == ("a",)
    for sheet in ("second", 1, -1):
        table = read_table(tmp_path / "t.xlsx", sheet=sheet)
        assert table["x"].tolist() == [2, 3]
        assert table["d"].tolist() == ["2020-01-01T00:00:00", None]


def test_without_openpyxl_the_extra_is_said(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "openpyxl", None)
    path = tmp_path / "t.xlsx"
    path.write_bytes(b"")
    with pytest.raises(MissingExtraError, match="needs openpyxl") as caught:
        read_table(path)
    assert "lamina[excel]" in caught.value.way_out


def test_npz_arrays_of_two_axes_become_several_columns(tmp_path: Path) -> None:
    np.savez(tmp_path / "t.npz", x=np.ones((2, 2)), y=np.array(["a", ""]))
    table = read_table(tmp_path / "t.npz")
    assert table.names == ("x0", "x1", "y")
    assert table["y"].tolist() == ["a", None]
