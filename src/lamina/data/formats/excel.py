"""Excel workbooks (.xlsx), through openpyxl."""

from __future__ import annotations

import math
import warnings
from collections.abc import Mapping
from importlib import import_module
from pathlib import Path
from typing import Any

from lamina.data.columns import EMPTY, Column, from_cells, text_of
from lamina.data.formats import ReadOptions, distinct, named
from lamina.data.formats.separated import has_header
from lamina.errors import DataError, MissingExtraError, UnknownNameError

EXACT = 2**53
"""Excel keeps numbers as float64."""


class Excel:
    """One sheet of a workbook: the first one, or the one asked for."""

    def read(self, path: Path, options: ReadOptions) -> dict[str, Column]:
        """Columns of a sheet; formulas give their stored values."""
        rows = _rows(path, options.sheet)
        if not rows:
            raise DataError(f"{path.name} is empty", "give a sheet with at least one row")
        width = max(len(row) for row in rows)
        rows = [[*row, *[None] * (width - len(row))] for row in rows]
        header = options.header
        if header == "auto":
            header = has_header([[_shown(cell) for cell in row] for row in rows[:200]])
        names = None
        if header:
            names = [_shown(cell).strip() or f"c{i}" for i, cell in enumerate(rows[0])]
            rows = rows[1:]
        if not rows:
            raise DataError(
                f"{path.name} has a header and no rows", "give a sheet with at least one row"
            )
        columns = [from_cells(f"c{i}", [row[i] for row in rows]) for i in range(width)]
        if names is None or options.names is not None:
            return named(columns, options.names, path.name)
        distinct(names, path.name)
        return dict(zip(names, columns, strict=True))

    def write(self, columns: Mapping[str, Column], path: Path, suffix: str) -> None:
        """One sheet with a header."""
        openpyxl = _openpyxl("writing Excel files")
        wide = [n for n, v in columns.items() if v.dtype.kind == "i" and (abs(v) > EXACT).any()]
        if wide:
            raise DataError(
                f"Excel changes whole numbers beyond 2^53, as in {', '.join(wide)}",
                "write csv, parquet or npz instead",
            )
        book = openpyxl.Workbook(write_only=True)
        sheet = book.create_sheet("table")
        sheet.append(list(columns))
        for row in zip(*(values.tolist() for values in columns.values()), strict=True):
            sheet.append([_written(v) for v in row])
        book.save(path)


EXCEL = Excel()


def _rows(path: Path, sheet: str | int | None) -> list[list[Any]]:
    openpyxl = _openpyxl(f"reading {path.name}")
    with path.open("rb") as file:
        if file.read(4) == b"\xd0\xcf\x11\xe0":
            raise DataError(
                f"{path.name} is encrypted, or an old .xls file",
                "open it in a spreadsheet and save it as .xlsx without a password, or as .csv",
            )
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        try:
            book = openpyxl.load_workbook(path, read_only=True, data_only=True)
        except Exception as error:  # openpyxl lets errors of zipfile and of XML parsers through
            raise DataError(
                f"{path.name} is not a whole Excel workbook: {str(error)[:200]}",
                "save it again as .xlsx or .csv",
            ) from error
        try:
            found = book[_sheet_name(book.sheetnames, sheet)]
            rows = [[_cell(value) for value in row] for row in found.iter_rows(values_only=True)]
        finally:
            book.close()
    return [row for row in (_trimmed(row) for row in rows) if row]


def _cell(value: Any) -> Any:
    if isinstance(value, str) and value.strip() in EMPTY:
        return None
    return value


def _shown(value: Any) -> str:
    return str(value or "") if not isinstance(value, (int, float)) else text_of(value) or ""


def _written(value: Any) -> Any:
    return None if isinstance(value, float) and math.isnan(value) else value


def _trimmed(row: list[Any]) -> list[Any]:
    last = max((i for i, value in enumerate(row) if value is not None), default=-1)
    return row[: last + 1]


def _sheet_name(names: list[str], sheet: str | int | None) -> str:
    sheet = 0 if sheet is None else sheet
    if isinstance(sheet, int):
        if not -len(names) <= sheet < len(names):
            raise DataError(
                f"the workbook has no sheet number {sheet}",
                f"it has {len(names)}: {', '.join(names) or 'none'} (counted from 0)",
            )
        return names[sheet]
    if sheet not in names:
        unknown = UnknownNameError("sheet", sheet, names)
        raise DataError(unknown.message, unknown.way_out)
    return sheet


def _openpyxl(purpose: str) -> Any:
    try:
        return import_module("openpyxl")
    except ModuleNotFoundError as error:
        raise MissingExtraError("openpyxl", "excel", purpose) from error
