"""Every table format, and one of somebody else, keeps what `read_table` expects."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path

import pytest

from lamina.data.columns import Column, column
from lamina.data.formats import FORMATS, Format, ReadOptions, named
from lamina.data.tables import Table, read_table, write_table
from lamina.errors import DataError
from lamina.testing.formats import check_format


class JsonFormat:
    """One mapping of lists: a format that the table does not have."""

    def read(self, path: Path, options: ReadOptions) -> dict[str, Column]:
        columns = {name: column(name, v) for name, v in json.loads(path.read_text()).items()}
        return named(columns, options.names, path.name)

    def write(self, columns: Mapping[str, Column], path: Path, suffix: str) -> None:
        values = {
            name: [None if v is None or v != v else v for v in column.tolist()]  # noqa: PLR0124
            for name, column in columns.items()
        }
        path.write_text(json.dumps(values))


class Forgetful(JsonFormat):
    """Loses the last row."""

    def read(self, path: Path, options: ReadOptions) -> dict[str, Column]:
        return {name: values[:-1] for name, values in super().read(path, options).items()}


class Unruly(JsonFormat):
    """Takes any names, and an empty file for a table."""

    def read(self, path: Path, options: ReadOptions) -> dict[str, Column]:
        if not path.stat().st_size:
            return {"a": column("a", [])}
        columns = super().read(path, ReadOptions())
        return dict(zip(options.names or columns, columns.values(), strict=False))


@pytest.mark.parametrize(
    ("name", "suffix", "texts"),
    [
        ("csv", ".csv", True),
        ("csv", ".tsv", True),
        ("parquet", ".parquet", True),
        ("excel", ".xlsx", True),
        ("numpy", ".npz", True),
        ("numpy", ".npy", False),
    ],
)
def test_every_format_of_ours_conforms(name: str, suffix: str, texts: bool) -> None:
    check_format(FORMATS.get(name), suffix, texts=texts)


def test_a_format_of_somebody_else_conforms_and_is_found_by_its_name(tmp_path: Path) -> None:
    check_format(JsonFormat(), ".columns")
    broken = r"t\.columns cannot be read as columns: JSONDecodeError"
    with FORMATS.having("columns", JsonFormat()):
        table = Table({"a": column("a", [1, 2])})
        path = write_table(table, tmp_path / "t.columns")
        assert read_table(path).equals(table)
        path.write_text("[")
        with pytest.raises(DataError, match=broken):
            read_table(path)


@pytest.mark.parametrize("wrong", [Forgetful(), Unruly()])
def test_a_format_that_changes_tables_is_found_out(wrong: Format) -> None:
    with pytest.raises(AssertionError):
        check_format(wrong, ".json")
