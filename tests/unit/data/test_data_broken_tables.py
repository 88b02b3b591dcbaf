"""A corpus of broken tables: each gives one error of ours, which names the thing and a way out."""

from __future__ import annotations

import io
import os
import pickle
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import openpyxl
import pandas as pd
import pyarrow as pa
import pytest
from pyarrow import parquet

from lamina.data.prepare import learn
from lamina.data.tables import Table, read_table
from lamina.errors import DataError

GOOD = b"a,b,label\n1,2,0\n3,4,1\n5,6,0\n"


def parquet_bytes(table: Any) -> bytes:
    sink = io.BytesIO()
    parquet.write_table(table, sink)
    return sink.getvalue()


def npy_bytes(array: np.ndarray[Any, Any], allow_pickle: bool = True) -> bytes:
    sink = io.BytesIO()
    np.save(sink, array, allow_pickle=allow_pickle)
    return sink.getvalue()


def npz_bytes(**arrays: Any) -> bytes:
    sink = io.BytesIO()
    np.savez(sink, **arrays)
    return sink.getvalue()


def zip_bytes(**members: bytes) -> bytes:
    sink = io.BytesIO()
    with zipfile.ZipFile(sink, "w") as archive:
        for name, data in members.items():
            archive.writestr(name, data)
    return sink.getvalue()


def xlsx_bytes(rows: list[list[Any]]) -> bytes:
    book = openpyxl.Workbook()
    for row in rows:
        book.active.append(row)
    sink = io.BytesIO()
    book.save(sink)
    return sink.getvalue()


ARROW = pa.table({"a": list(range(500)), "b": [0.5] * 500})

FILES: dict[str, tuple[str, bytes, dict[str, Any], str]] = {
    "an empty file": ("t.csv", b"", {}, "t.csv is empty"),
    "blank lines only": ("t.csv", b"\n\r\n\n", {}, "t.csv is empty"),
    "a header only": ("t.csv", b"a,b,c\n", {}, "a header and no rows"),
    "a short row": ("t.csv", b"a,b\n1,2\n3\n", {}, "line 3 has 1"),
    "a long row": ("t.csv", b"a,b\n1,2\n3,4,5\n", {}, "line 3 has 3"),
    "a repeated name": ("t.csv", b"a,a\n1,2\n", {}, "'a' in columns 1, 2"),
    "an open quote": ("t.csv", b'a,b\n"1,2\n3,4\n', {}, "line 2: a quote is never closed"),
    "text after a quote": ("t.csv", b'a,b\n"1"x,2\n', {}, "line 2"),
    "infinity": ("t.csv", b"a,b\n1,2\ninf,3\n-inf,4\n", {}, "'a' of t.csv is infinite in 2 of 3"),
    "zero bytes": ("t.csv", b"a,b\n\x00\x01,2\n", {}, "binary"),
    "random bytes": ("t.csv", bytes(range(256)) * 8, {}, "binary"),
    "a zip called csv": ("t.csv", zip_bytes(a=GOOD), {}, "zip archive"),
    "a gzip called csv": ("t.csv", b"\x1f\x8b\x08" + GOOD, {}, "gzip"),
    "a parquet called csv": ("t.csv", parquet_bytes(ARROW), {}, "Parquet"),
    "a picture called csv": ("t.csv", b"\x89PNG\r\n\x1a\n0000", {}, "picture"),
    "too few names": ("t.csv", GOOD, {"names": ["x"]}, "3 columns, and 1 names"),
    "names twice": ("t.csv", GOOD, {"names": ["x", "x", "y"]}, "stand twice"),
    "names as one text": ("t.csv", GOOD, {"names": "abc"}, "names = 'abc'"),
    "a long separator": ("t.csv", GOOD, {"separator": "::"}, "separator"),
    "an unknown header rule": ("t.csv", GOOD, {"header": "maybe"}, "header = 'maybe'"),
    "an unknown suffix": ("t.docx", GOOD, {}, "suffix '.docx'"),
    "no suffix": ("t", GOOD, {}, "no suffix"),
    "an empty parquet": ("t.parquet", b"", {}, "t.parquet is empty"),
    "a cut parquet": ("t.parquet", parquet_bytes(ARROW)[:-40], {}, "not a whole Parquet"),
    "a parquet without its middle": (
        "t.parquet",
        parquet_bytes(ARROW)[:60] + parquet_bytes(ARROW)[-60:],
        {},
        "not a whole Parquet",
    ),
    "a csv called parquet": ("t.parquet", GOOD, {}, "not a whole Parquet"),
    "lists in parquet": (
        "t.parquet",
        parquet_bytes(pa.table({"a": [[1], [2]]})),
        {},
        "column 'a' of t.parquet holds list",
    ),
    "infinity in parquet": (
        "t.parquet",
        parquet_bytes(pa.table({"a": [1.0, float("inf")]})),
        {},
        "infinite in 1 of 2",
    ),
    "a csv called xlsx": ("t.xlsx", GOOD, {}, "not a whole Excel"),
    "an encrypted xlsx": ("t.xlsx", b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" * 99, {}, "encrypted"),
    "a cut xlsx": ("t.xlsx", xlsx_bytes([["a"], [1]])[:200], {}, "not a whole Excel"),
    "a zip called xlsx": ("t.xlsx", zip_bytes(a=GOOD), {}, "not a whole Excel"),
    "an empty sheet": ("t.xlsx", xlsx_bytes([]), {}, "t.xlsx is empty"),
    "a sheet with a header only": ("t.xlsx", xlsx_bytes([["a", "b"]]), {}, "no rows"),
    "a sheet with a repeated name": ("t.xlsx", xlsx_bytes([["a", "a"], [1, 2]]), {}, "twice"),
    "an unknown sheet": ("t.xlsx", xlsx_bytes([["a"], [1]]), {"sheet": "Shet"}, "sheet 'Shet'"),
    "a sheet number too high": ("t.xlsx", xlsx_bytes([["a"], [1]]), {"sheet": 3}, "number 3"),
    "an empty npy": ("t.npy", b"", {}, "t.npy"),
    "a cut npy": ("t.npy", npy_bytes(np.ones((9, 9)))[:-100], {}, "not a whole NumPy"),
    "a pickle called npy": ("t.npy", pickle.dumps([1, 2]), {}, "never loaded"),
    "objects in npy": ("t.npy", npy_bytes(np.array([{}, None])), {}, "never loaded"),
    "objects in npz": ("t.npz", npz_bytes(a=np.array([{}, None])), {}, "never loaded"),
    "three axes": ("t.npy", npy_bytes(np.ones((2, 2, 2))), {}, r"shape \(2, 2, 2\)"),
    "complex numbers": ("t.npy", npy_bytes(np.array([[1j, 2]])), {}, "complex128"),
    "NaN and infinity in npy": ("t.npy", npy_bytes(np.array([[np.inf, np.nan]])), {}, "infinite"),
    "unequal arrays in npz": ("t.npz", npz_bytes(a=[1, 2], b=[1]), {}, "a 2, b 1"),
    "an npz without arrays": ("t.npz", zip_bytes(), {}, "no arrays"),
    "a cut npz": ("t.npz", npz_bytes(a=np.ones(99))[:-50], {}, "t.npz"),
}


@pytest.mark.parametrize("case", FILES)
def test_a_broken_file_is_refused_with_a_way_out(case: str, tmp_path: Path) -> None:
    name, data, options, said = FILES[case]
    path = tmp_path / name
    path.write_bytes(data)
    with pytest.raises(DataError, match=said) as caught:
        read_table(path, **options)
    assert caught.value.way_out


def test_a_missing_file_hints_at_its_neighbours(tmp_path: Path) -> None:
    (tmp_path / "patients.csv").write_bytes(GOOD)
    with pytest.raises(DataError, match="is not there") as caught:
        read_table(tmp_path / "patient.csv")
    assert "did you mean 'patients.csv'" in caught.value.way_out


def test_a_missing_folder_is_said(tmp_path: Path) -> None:
    with pytest.raises(DataError) as caught:
        read_table(tmp_path / "nowhere" / "t.csv")
    assert "nowhere" in caught.value.way_out


@pytest.mark.parametrize("name", ["", "\0", "x" * 5000 + ".csv"])
def test_a_path_that_cannot_be_is_refused(name: str, tmp_path: Path) -> None:
    with pytest.raises(DataError) as caught:
        read_table(f"{tmp_path}/{name}")
    assert caught.value.way_out


@pytest.mark.skipif(
    os.geteuid() == 0, reason="root reads everything: run the tests as another user"
)
def test_a_file_without_permission_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "t.csv"
    path.write_bytes(GOOD)
    path.chmod(0)
    with pytest.raises(DataError, match="cannot be read"):
        read_table(path)


MEMORY: dict[str, tuple[Any, str]] = {
    "a number": (5, "a int is not a table"),
    "a list": ([1, 2], "a list is not a table"),
    "nothing": (None, "a NoneType is not a table"),
    "an empty mapping": ({}, "no columns"),
    "scalars": ({"a": 1}, "column 'a' is 1"),
    "unequal columns": ({"a": [1], "b": [1, 2]}, "a 1, b 2"),
    "nested lists": ({"a": [[1], [2]]}, "column 'a', row 1"),
    "names that meet": ({1: [1], "1": [2]}, "stand twice"),
    "an array of no columns": (np.ones((3, 0)), "no table"),
    "frames of lists": (pd.DataFrame({"a": [[1], [2]]}), "column 'a'"),
    "an empty frame": (pd.DataFrame(), "no columns"),
    "infinity in a frame": (pd.DataFrame({"a": [np.inf]}), "infinite in 1 of 1"),
}


@pytest.mark.parametrize("case", MEMORY)
def test_a_broken_source_in_memory_is_refused_with_a_way_out(case: str) -> None:
    source, said = MEMORY[case]
    with pytest.raises(DataError, match=said) as caught:
        read_table(source)
    assert caught.value.way_out


def taught(**how: Any) -> Callable[[dict[str, Any]], object]:
    return lambda columns: learn(Table(columns, "t"), how.pop("target", "label"), **how)


LESSONS: dict[str, tuple[dict[str, Any], dict[str, Any], str]] = {
    "a target that is not there": ({"a": [1]}, {"target": "lable"}, "no column 'lable'"),
    "a target number too high": ({"a": [1]}, {"target": 4}, "no column number 4"),
    "only a target": ({"label": [0, 1]}, {}, "none is left"),
    "a target among the features": (
        {"a": [1, 2], "label": [0, 1]},
        {"features": ["a", "label"]},
        "among the features",
    ),
    "features twice": ({"a": [1, 2], "label": [0, 1]}, {"features": ["a", "a"]}, "twice"),
    "features as one text": ({"a": [1, 2], "label": [0, 1]}, {"features": "a"}, "features = 'a'"),
    "an unknown feature": ({"a": [1, 2], "label": [0, 1]}, {"features": ["b"]}, "no column 'b'"),
    "labels from 1": (
        {"a": [1, 2, 3], "label": [1, 2, 2]},
        {"kind": "binary"},
        r"not 0/1: it holds 2 \(2 rows\), 1 \(1 rows\)",
    ),
    "three texts for two classes": (
        {"a": [1, 2, 3], "label": ["x", "y", "z"]},
        {"kind": "binary"},
        "not 0/1",
    ),
    "one class": ({"a": [1, 2], "label": [1, 1]}, {"kind": "binary"}, "one value only"),
    "fractions as classes": (
        {"a": [1, 2], "label": [0.5, 1.5]},
        {"kind": "classes"},
        "not whole, such as 0.5",
    ),
    "texts as quantities": (
        {"a": [1, 2], "label": ["x", "y"]},
        {"kind": "regression"},
        "'x' \\(1x\\)",
    ),
    "an unknown kind": ({"a": [1, 2], "label": [0, 1]}, {"kind": "binry"}, "kind = 'binry'"),
    "an unknown normalisation": (
        {"a": [1, 2], "label": [0, 1]},
        {"normalise": "minmax"},
        "normalise = 'minmax'",
    ),
    "an unknown encoding": ({"a": [1, 2], "label": [0, 1]}, {"encode": "hot"}, "encode = 'hot'"),
    "an encoding of an unknown column": (
        {"a": [1, 2], "label": [0, 1]},
        {"encode": {"b": "code"}},
        "no column 'b'",
    ),
    "numbers with a stray text": (
        {"a": ["1", "2", "3", "oops"], "label": [0, 1, 0, 1]},
        {},
        "'oops' \\(1x\\); the first in row 4",
    ),
    "no row without gaps": (
        {"a": [1, None], "b": [None, 1], "label": [0, 1]},
        {},
        "no row without an empty cell",
    ),
    "labels all empty": ({"a": [1, 2], "label": [None, None]}, {}, "no row without an empty cell"),
    "infinity": ({"a": [1, np.inf], "label": [0, 1]}, {}, "column 'a' holds inf"),
}


@pytest.mark.parametrize("case", LESSONS)
def test_a_table_that_cannot_be_learned_from_is_refused_with_a_way_out(case: str) -> None:
    columns, how, said = LESSONS[case]
    with pytest.raises(DataError, match=said) as caught:
        taught(**how)(columns)
    assert caught.value.way_out
