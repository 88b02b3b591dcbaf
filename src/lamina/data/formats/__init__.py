"""File formats of tables: one file each, found by suffix, imported when asked for."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from difflib import get_close_matches
from pathlib import Path
from typing import Protocol

from lamina.data.columns import Column
from lamina.errors import DataError
from lamina.registry import Registry


@dataclass(frozen=True)
class ReadOptions:
    """What a caller says about a source: see `read_table`."""

    header: bool | str = "auto"
    names: tuple[str, ...] | None = None
    sheet: str | int | None = None
    separator: str | None = None

    @classmethod
    def checked(
        cls,
        header: bool | str,
        names: Sequence[str] | None,
        sheet: str | int | None,
        separator: str | None,
    ) -> ReadOptions:
        """Options that hold.

        Raises:
            DataError: names that repeat, an unknown header rule, a separator of two letters.
        """
        if header not in (True, False, "auto"):
            raise DataError(f"header = {header!r}", "choose True, False or 'auto'")
        if separator is not None and (len(separator) != 1 or separator in '"\r\n'):
            raise DataError(
                f"separator = {separator!r}", r"give one character, such as ',', ';' or '\t'"
            )
        if isinstance(names, str):
            raise DataError(f"names = {names!r}", "give a list of names, one for each column")
        if names is not None:
            distinct(list(names), "the given names")
        return cls(header, tuple(names) if names is not None else None, sheet, separator)


class Format(Protocol):
    """One kind of file: reads a path into named columns, writes columns to a path."""

    def read(self, path: Path, options: ReadOptions) -> dict[str, Column]:
        """Columns of the file, named with `named`; mistakes are DataErrors."""

    def write(self, columns: Mapping[str, Column], path: Path, suffix: str) -> None:
        """Writes all columns; `suffix` is that of the final name."""


FORMATS: Registry[Format] = Registry(
    "formats",
    "table format",
    {
        "csv": "lamina.data.formats.separated:CSV",
        "parquet": "lamina.data.formats.parquet:PARQUET",
        "excel": "lamina.data.formats.excel:EXCEL",
        "numpy": "lamina.data.formats.numpy_files:NUMPY",
    },
)

SUFFIXES = {
    ".csv": "csv",
    ".tsv": "csv",
    ".tab": "csv",
    ".txt": "csv",
    ".data": "csv",
    ".dat": "csv",
    ".parquet": "parquet",
    ".pq": "parquet",
    ".xlsx": "excel",
    ".xlsm": "excel",
    ".npy": "numpy",
    ".npz": "numpy",
}
"""Suffix -> name in FORMATS; a plug-in's format is also found by a suffix equal to its name."""


def file_format(path: Path, *, writing: bool = False) -> str:
    """The name of the format of a file, by its suffix.

    Raises:
        DataError: a missing file, a folder, or an unknown suffix.
    """
    if not writing:
        _there(path)
    suffix = path.suffix.lower()
    if suffix in SUFFIXES:
        return SUFFIXES[suffix]
    if suffix.lstrip(".") in FORMATS:
        return suffix.lstrip(".")
    raise DataError(
        f"{path.name!r}: no table format has the suffix {suffix!r}"
        if suffix
        else f"{path.name!r} has no suffix that tells its format",
        f"use one of {' '.join(sorted(SUFFIXES))} (old .xls files and archives: convert or unpack "
        "them first)",
    )


def named(
    columns: Mapping[str, Column] | Sequence[Column], names: Sequence[str] | None, origin: str
) -> dict[str, Column]:
    """Columns under the given names, or under their own, or as c0, c1, ...

    Raises:
        DataError: a wrong count of names.
    """
    if isinstance(columns, Mapping):
        own, arrays = list(columns), list(columns.values())
    else:
        own, arrays = [f"c{i}" for i in range(len(columns))], list(columns)
    if names is not None and len(names) != len(arrays):
        raise DataError(
            f"{origin} has {len(arrays)} columns, and {len(names)} names are given",
            "give one name for each column",
        )
    return dict(zip(own if names is None else names, arrays, strict=True))


def distinct(names: Sequence[str], origin: str) -> None:
    """Raises DataError if a name stands twice."""
    twice = sorted({name for name in names if names.count(name) > 1})
    if twice:
        where = "; ".join(
            f"{name!r} in columns {', '.join(str(i + 1) for i, n in enumerate(names) if n == name)}"
            for name in twice[:5]
        )
        raise DataError(
            f"{origin}: column names stand twice: {where}",
            "rename the columns, or give names=[...] of your own",
        )


def _there(path: Path) -> None:
    try:
        if path.is_dir():
            raise DataError(f"{str(path)!r} is a folder", "give a file in it")
        if path.exists():
            return
        beside = [p.name for p in path.parent.iterdir()] if path.parent.is_dir() else None
    except (OSError, ValueError) as error:
        raise DataError(f"{str(path)!r:.200} cannot be read: {error}", "check the path") from error
    if beside is None:
        way_out = f"the folder {str(path.parent)!r} is not there either: check the path"
    else:
        near = get_close_matches(path.name, beside, n=3, cutoff=0.5)
        way_out = f"did you mean {', '.join(map(repr, near))}?" if near else "check the path"
    raise DataError(f"file {str(path)!r} is not there", way_out)
