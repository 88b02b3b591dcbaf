"""Sources in memory: numpy arrays, mappings, pyarrow tables, data frames of any library."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from lamina.data.columns import Column, column
from lamina.data.formats import distinct
from lamina.errors import DataError


def columns_of(source: Any) -> tuple[dict[str, Column], str]:
    """Columns and origin of something in memory; no data frame library is imported.

    Raises:
        DataError: something else, or columns that cannot be used.
    """
    library = type(source).__module__.partition(".")[0]
    if isinstance(source, np.ndarray):
        return from_array(source, "array"), "array"
    if isinstance(source, Mapping):
        distinct([str(name) for name in source], "mapping")
        return {str(name): column(str(name), values) for name, values in source.items()}, "mapping"
    if library == "pandas" and hasattr(source, "columns"):
        return _from_pandas(source), "pandas DataFrame"
    if library == "pyarrow" and hasattr(source, "column_names"):
        return from_arrow(source, "pyarrow Table"), "pyarrow Table"
    if hasattr(source, "__arrow_c_stream__"):
        import pyarrow

        kind = f"{library} {type(source).__name__}"
        try:
            table = pyarrow.table(source)
        except (pyarrow.ArrowException, TypeError) as error:
            raise DataError(f"{kind} is not a table: {error}", "give a DataFrame") from error
        return from_arrow(table, kind), kind
    raise DataError(
        f"a {type(source).__name__} is not a table",
        "give a path, a numpy array, a mapping of name -> values, a pandas or polars DataFrame, "
        "or a pyarrow Table",
    )


def from_array(array: NDArray[Any], origin: str) -> dict[str, Column]:
    """Columns c0, c1, ... of an array (rows, columns), or the fields of a structured one."""
    if array.dtype.names is not None:
        return {name: column(name, array[name]) for name in array.dtype.names}
    if array.ndim == 1:
        return {"c0": column("c0", array)}
    if array.ndim != 2 or array.shape[1] == 0:
        raise DataError(
            f"{origin} has shape {array.shape}, which is no table",
            "give an array of shape (rows, columns)",
        )
    return {f"c{i}": column(f"c{i}", array[:, i]) for i in range(array.shape[1])}


def from_arrow(table: Any, origin: str) -> dict[str, Column]:
    """Columns of a pyarrow Table."""
    distinct(list(table.column_names), origin)
    return {
        name: _arrow_column(name, values, origin)
        for name, values in zip(table.column_names, table.columns, strict=True)
    }


def _arrow_column(name: str, values: Any, origin: str) -> Column:
    import pyarrow
    from pyarrow import types

    kind = values.type
    if types.is_dictionary(kind):
        values = values.cast(kind.value_type)
        kind = kind.value_type
    if types.is_boolean(kind) and values.null_count:
        values = values.cast(pyarrow.int8())
        kind = values.type
    if types.is_integer(kind) or types.is_floating(kind) or types.is_boolean(kind):
        if values.null_count:
            values = values.cast(pyarrow.float64(), safe=False)
        return column(name, values.to_numpy())
    if types.is_null(kind):
        return np.full(len(values), np.nan)
    if types.is_nested(kind):
        raise DataError(
            f"column {name!r} of {origin} holds {kind} values",
            "spread them over columns of their own, one number or text per cell",
        )
    listed = values.to_pylist()
    if types.is_binary(kind) or types.is_large_binary(kind):
        listed = [None if v is None else v.decode("utf-8", errors="replace") for v in listed]
    return column(name, listed)


def _from_pandas(frame: Any) -> dict[str, Column]:
    names = [str(name) for name in frame.columns]
    distinct(names, "pandas DataFrame")
    columns: dict[str, Column] = {}
    for position, name in enumerate(names):
        series = frame.iloc[:, position]
        values = series.to_numpy()
        if values.dtype.kind == "O" or values.dtype.kind not in "iufbmM":
            values = series.astype(object).where(series.notna(), None).to_numpy(dtype=object)
        columns[name] = column(name, values)
    return columns
