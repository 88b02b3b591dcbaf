"""NumPy files: npy and npz, never with pickled objects."""

from __future__ import annotations

import zipfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from lamina.data.columns import EMPTY, Column, column, empty, objects
from lamina.data.formats import ReadOptions, named
from lamina.data.formats.memory import from_array
from lamina.errors import DataError


class NumpyFiles:
    """npy holds one array (rows, columns); npz one array per column."""

    def read(self, path: Path, options: ReadOptions) -> dict[str, Column]:
        """Columns of an npy or npz file; an array of two axes becomes several columns."""
        try:
            with path.open("rb") as file:
                loaded: Any = np.load(file, allow_pickle=False)
                if isinstance(loaded, np.ndarray):
                    return named(_array(loaded, path.name), options.names, path.name)
                arrays = {name: loaded[name] for name in loaded.files}
        except (ValueError, EOFError, zipfile.BadZipFile) as error:
            raise _unreadable(path, error) from error
        columns: dict[str, Column] = {}
        for name, array in arrays.items():
            columns.update(_named_array(name, np.asarray(array), len(arrays), path.name))
        if not columns:
            raise DataError(f"{path.name} holds no arrays", "write or fetch the file again")
        return named(columns, options.names, path.name)

    def write(self, columns: Mapping[str, Column], path: Path, suffix: str) -> None:
        """npz: one array per column; npy: one float64 array of all columns."""
        if suffix == ".npy":
            with path.open("wb") as file:
                np.lib.format.write_array(file, _matrix(columns), allow_pickle=False)
            return
        with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
            for name, values in columns.items():
                with archive.open(f"{name}.npy", "w", force_zip64=True) as entry:
                    np.lib.format.write_array(entry, _plain(values), allow_pickle=False)


NUMPY = NumpyFiles()


def _array(array: NDArray[Any], origin: str) -> dict[str, Column]:
    return {name: _without_empty(values) for name, values in from_array(array, origin).items()}


def _named_array(name: str, array: NDArray[Any], arrays: int, origin: str) -> dict[str, Column]:
    if array.ndim == 1 and array.dtype.names is None:
        return {name: _without_empty(column(name, array))}
    columns = _array(array, f"array {name!r} of {origin}")
    if arrays == 1:
        return columns
    return {f"{name}{i}": values for i, values in enumerate(columns.values())}


def _without_empty(values: Column) -> Column:
    if values.dtype.kind != "O":
        return values
    return objects([None if v is None or v in EMPTY else v for v in values])


def _plain(values: Column) -> NDArray[Any]:
    if values.dtype.kind != "O":
        return values
    return np.array(["" if v is None else v for v in values], dtype=np.str_)


def _matrix(columns: Mapping[str, Column]) -> NDArray[np.float64]:
    texts = [name for name, values in columns.items() if values.dtype.kind == "O"]
    filled = [n for n in texts if not empty(columns[n]).all()]
    if filled:
        raise DataError(
            f"an npy file holds numbers only, and these columns hold texts: {', '.join(filled)}",
            "write npz, csv or parquet instead",
        )
    return np.column_stack(
        [np.full(len(v), np.nan) if n in texts else v.astype(float) for n, v in columns.items()]
    )


def _unreadable(path: Path, error: Exception) -> DataError:
    if "pickle" in str(error).lower():
        return DataError(
            f"{path.name} holds Python objects (or is no NumPy file), which are never loaded",
            "save it as numbers or texts: array.astype(float) or array.astype(str)",
        )
    cause = (str(error).splitlines() or ["it ends early"])[0]
    return DataError(
        f"{path.name} is not a whole NumPy file: {cause:.200}",
        "write or fetch the file again",
    )
