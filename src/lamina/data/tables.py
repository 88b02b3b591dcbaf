"""Tables: named columns of equal length, read from files, arrays and data frames."""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType
from typing import Any

import numpy as np
from numpy.typing import ArrayLike

from lamina.data.columns import Column, column, refuse_infinite
from lamina.data.formats import FORMATS, ReadOptions, file_format, named
from lamina.errors import DataError, LaminaError

_SHOWN_COLUMNS = 12


def _cell(value: Any) -> str:
    if isinstance(value, float):
        return "" if value != value else f"{value:.6g}"  # noqa: PLR0124 - NaN is an empty cell
    return "" if value is None else f"{value}"[:80]


def _more(names: Sequence[str]) -> str:
    return f" and {len(names) - 20} more" if len(names) > 20 else ""


@dataclass(frozen=True, eq=False)
class Table:
    """Named columns of equal length; frozen, its arrays read-only.

    Args:
        columns: name -> float64, int64, bool, or object array of str and None, each of shape
            (rows,). Other number widths, lists and text arrays are converted; arrays of these
            types are not copied. NaN and None are empty cells.
        origin: where it came from, for messages.

    Raises:
        DataError: no columns, unequal lengths, or values that are neither number nor text.
    """

    columns: Mapping[str, Column]
    origin: str = "table"

    def __post_init__(self) -> None:
        if not self.columns:
            raise DataError(f"{self.origin} has no columns", "a table has at least one column")
        made: dict[str, Column] = {}
        for name, values in self.columns.items():
            made[str(name)] = _frozen(column(str(name), values))
        lengths = {name: len(values) for name, values in made.items()}
        if len(set(lengths.values())) > 1:
            said = ", ".join(f"{name} {length}" for name, length in list(lengths.items())[:8])
            raise DataError(
                f"{self.origin} has columns of unequal length: {said}",
                "every column has one value per row",
            )
        object.__setattr__(self, "columns", MappingProxyType(made))

    @property
    def rows(self) -> int:
        """Number of rows."""
        return len(next(iter(self.columns.values())))

    @property
    def names(self) -> tuple[str, ...]:
        """Column names in order."""
        return tuple(self.columns)

    def __getitem__(self, name: str) -> Column:
        if name not in self.columns:
            raise missing_columns([name], self)
        return self.columns[name]

    def __len__(self) -> int:
        return self.rows

    def __repr__(self) -> str:
        return f"<table of {self.rows} rows: {', '.join(self.names[:20])}{_more(self.names)}>"

    def _repr_html_(self) -> str:
        """A notebook shows the first rows and columns."""
        from lamina.workflow.draw.html import table_html

        names = self.names[:_SHOWN_COLUMNS]
        rows = [[_cell(self.columns[n][row]) for n in names] for row in range(min(10, self.rows))]
        note = f"{self.rows:,} rows, {len(self.names)} columns"
        return table_html(names, rows, note)

    def take(self, rows: ArrayLike) -> Table:
        """The rows of these numbers (or where a mask is true), in that order."""
        picked = np.asarray(rows)
        if picked.size == 0:
            picked = picked.astype(np.int64)
        try:
            return Table({n: v[picked] for n, v in self.columns.items()}, self.origin)
        except IndexError as error:
            raise DataError(
                f"{self.origin} has no such rows: {error}",
                f"row numbers go from 0 to {self.rows - 1}",
            ) from error

    def select(self, names: Iterable[str]) -> Table:
        """These columns, in this order.

        Raises:
            DataError: names all unknown columns and the nearest known ones.
        """
        wanted = list(names)
        unknown = [name for name in wanted if name not in self.columns]
        if unknown:
            raise missing_columns(unknown, self)
        return Table({name: self.columns[name] for name in wanted}, self.origin)

    def with_columns(self, columns: Mapping[str, Any]) -> Table:
        """The same table with columns added or replaced."""
        added = {str(name): column(str(name), values) for name, values in columns.items()}
        return Table({**self.columns, **added}, self.origin)

    def digest(self) -> str:
        """ "sha256:..." of names, types and values; equal content gives equal digests."""
        state = hashlib.sha256()
        for name, values in self.columns.items():
            state.update(json.dumps([name, values.dtype.kind, len(values)]).encode())
            state.update(_content(values))
        return f"sha256:{state.hexdigest()}"

    def equals(self, other: Table) -> bool:
        """Whether names, types and values are the same (empty cells equal each other)."""
        return self.digest() == other.digest()


def read_table(
    source: Any,
    *,
    header: bool | str = "auto",
    names: Sequence[str] | None = None,
    sheet: str | int | None = None,
    separator: str | None = None,
) -> Table:
    """A table from a file, arrays, or a data frame.

    Args:
        source: path of a file (csv, tsv, txt, data, parquet, xlsx, npy, npz), numpy array
            (rows, columns), mapping of name -> values, pandas or polars DataFrame, pyarrow
            Table, or a Table.
        header: True, False, or "auto": the first row is data if a cell of it is a number.
        names: names of the columns; without them headerless columns are c0, c1, ...
        sheet: name or number of an Excel sheet; the first one without it.
        separator: of a text file; found by itself among comma, semicolon, tab and bar.

    Raises:
        DataError: anything that cannot be read as a table, with the line where there is one.
        MissingExtraError: an Excel file without openpyxl.
    """
    options = ReadOptions.checked(header, names, sheet, separator)
    if isinstance(source, Table):
        return _finished(dict(source.columns), source.origin, options)
    if isinstance(source, (str, os.PathLike)):
        path = Path(source).expanduser()
        return _finished(_read(path, options), path.name, options, read_names=True)
    from lamina.data.formats.memory import columns_of

    columns, origin = columns_of(source)
    return _finished(columns, origin, options)


def write_table(table: Table, path: str | os.PathLike[str]) -> Path:
    """Writes a table as csv, tsv, parquet, xlsx, npy or npz, by the path's suffix.

    The file appears whole or not at all. Empty cells are written empty. In csv and tsv a text
    that looks like a number is read back as a number; parquet and npz keep the difference.

    Raises:
        DataError: an unknown suffix, or a folder that is not there.
    """
    target = Path(path).expanduser()
    if not target.parent.is_dir():
        raise DataError(f"folder {str(target.parent)!r} is not there", "make the folder first")
    name = file_format(target, writing=True)
    writer = FORMATS.get(name)
    partial = target.with_name(f".{target.name}.{os.getpid()}.part")
    try:
        writer.write(table.columns, partial, target.suffix.lower())
        partial.replace(target)
    except OSError as error:
        raise DataError(
            f"{str(target)!r} cannot be written: {error.strerror or error}",
            "choose a path that can be written",
        ) from error
    finally:
        partial.unlink(missing_ok=True)
    return target


def missing_columns(missing: Sequence[str], table: Table) -> DataError:
    """The error for columns that a table does not have."""
    from difflib import get_close_matches

    near = {name: get_close_matches(name, table.names, n=1) for name in missing}
    hints = [f"{name!r}: did you mean {found[0]!r}?" for name, found in near.items() if found]
    known = ", ".join(table.names[:30]) + (", ..." if len(table.names) > 30 else "")
    if table.names == tuple(f"c{i}" for i in range(len(table.names))):
        known += " (it has no header: give names, or a target by its number, -1 for the last)"
    plural = "s" if len(missing) > 1 else ""
    return DataError(
        f"{table.origin} has no column{plural} {', '.join(map(repr, missing))}",
        " ".join([*hints, f"known columns: {known}"]),
    )


def _read(path: Path, options: ReadOptions) -> dict[str, Column]:
    kind = file_format(path)
    reader = FORMATS.get(kind)
    try:
        return reader.read(path, options)
    except LaminaError:
        raise
    except Exception as error:  # what libraries raise on damaged files cannot be listed
        raise DataError(
            f"{path.name} cannot be read as {kind}: {type(error).__name__}: {error!s:.200}",
            "the file is damaged, or of another kind than its suffix says: write or fetch it again",
        ) from error


def _finished(
    columns: dict[str, Column], origin: str, options: ReadOptions, read_names: bool = False
) -> Table:
    if not read_names:
        columns = named(columns, options.names, origin)
    table = Table(columns, origin)
    for name, values in table.columns.items():
        refuse_infinite(name, values, origin)
    return table


def _frozen(values: Column) -> Column:
    view = values.view()
    view.flags.writeable = False
    return view


def _content(values: Column) -> bytes:
    if values.dtype.kind == "O":
        return json.dumps(values.tolist()).encode()
    if values.dtype.kind == "f":
        values = np.where(np.isnan(values), np.nan, values)
    return np.ascontiguousarray(values).astype(values.dtype.newbyteorder("<")).tobytes()
