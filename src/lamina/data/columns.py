"""Columns: any sequence of values as one of four array types, or a clear refusal."""

from __future__ import annotations

import datetime
import math
import re
from collections.abc import Iterable, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from lamina.errors import DataError

Column = NDArray[Any]
"""One axis; float64, int64, bool, or object holding str and None."""

EMPTY = ("", "?", "NA", "N/A", "n/a", "#N/A", "nan", "NaN", "-nan", "-NaN", "null", "NULL")
"""Texts that stand for an empty cell, after spaces around them are cut. ("None" is a text.)"""

NUMBER = re.compile(r"[-+]?(\d+(\.\d*)?|\.\d+)([eE][-+]?\d+)?")
"""A number as text; `fullmatch` decides."""

WHOLE = re.compile(r"[-+]?\d+")

DECIMAL_COMMA = re.compile(r"[-+]?\d+(,\d+)?")

TRUTHS = {"true": True, "True": True, "TRUE": True, "false": False, "False": False, "FALSE": False}


def column(name: str, values: Any) -> Column:
    """`values` as a column.

    Integers and floats of any width become int64 and float64, booleans bool, texts object;
    None, NaN and NaT become NaN among numbers and None among texts. Dates become ISO texts.

    Raises:
        DataError: not one axis, complex numbers, or values that are neither number nor text.
    """
    array = values if isinstance(values, np.ndarray) else _array(name, values)
    if isinstance(array, np.ma.MaskedArray):
        hidden = np.ma.getmaskarray(array)
        array = array.data.astype(object)
        array[hidden] = None
    if array.ndim != 1:
        raise DataError(
            f"column {name!r} has {array.ndim} axes, shape {array.shape}",
            "a column is one value per row",
        )
    return _canonical(name, array)


def refuse_infinite(name: str, values: Column, origin: str) -> None:
    """Raises DataError if a column holds infinite numbers."""
    if values.dtype.kind != "f":
        return
    infinite = np.flatnonzero(np.isinf(values))
    if len(infinite):
        raise DataError(
            f"column {name!r} of {origin} is infinite in {len(infinite)} of {len(values)} rows "
            f"(first: row {infinite[0] + 1})",
            "replace those cells by numbers, or leave them empty so that the rows are dropped",
        )


def empty(values: Column) -> NDArray[np.bool_]:
    """True where a cell is empty."""
    if values.dtype.kind == "f":
        return np.isnan(values)
    if values.dtype.kind == "O":
        return np.array([value is None for value in values.tolist()], dtype=bool)
    return np.zeros(len(values), dtype=bool)


def from_texts(texts: Iterable[str | None]) -> Column:
    """Texts as the narrowest column that holds them all: int64, float64, bool or texts."""
    cells = [_cell(text) for text in texts]
    present = [cell for cell in cells if cell is not None]
    if all(NUMBER.fullmatch(cell) for cell in present):
        return _numbers(cells, present)
    if all(cell in TRUTHS for cell in present):
        if len(present) == len(cells):
            return np.array([TRUTHS[cell] for cell in present], dtype=bool)
        return np.array([np.nan if c is None else float(TRUTHS[c]) for c in cells])
    return objects(cells)


def decimal_mark(values: Column) -> str:
    """ "," if a column of texts can only mean decimal commas, else ".".

    Every text allows it, and at least one comma cannot be a thousands mark (it is not followed
    by exactly three digits).
    """
    if values.dtype.kind != "O":
        return "."
    texts = {cell.strip() for cell in set(values.tolist()) if cell is not None}
    plain = all(DECIMAL_COMMA.fullmatch(t) for t in texts)
    certain = any("," in t and len(t.partition(",")[2]) != 3 for t in texts)
    return "," if plain and certain else "."


def numbers_in_text(
    values: Column, decimal: str = "."
) -> tuple[NDArray[np.float64], NDArray[np.bool_]]:
    """Numbers that stand in a column of texts, and where the text is no number.

    Args:
        values: texts and None.
        decimal: the decimal mark, "." or ","; with a comma, points are read too.

    Returns:
        float64 (NaN where empty or no number) and a mask of the texts that are no numbers.
    """
    cells = values.tolist()
    known: dict[str | None, float] = {None: math.nan}
    for cell in set(cells) - {None}:
        plain = cell.strip().replace(decimal, ".")
        if NUMBER.fullmatch(plain):
            known[cell] = float(plain)
    found = np.array([known.get(cell, math.nan) for cell in cells], dtype=np.float64)
    return found, np.array([cell not in known for cell in cells], dtype=bool)


def texts_of(values: Column) -> Column:
    """A column's values as texts (None where empty): whole numbers without a point."""
    if values.dtype.kind == "O":
        return values
    if values.dtype.kind == "b":
        values = values.astype(np.int64)
    distinct, where = np.unique(values, return_inverse=True)
    names = objects([text_of(v) for v in distinct.tolist()])
    taken: Column = names[where] if len(names) else objects([])
    return taken


def text_of(value: Any) -> str | None:
    """One value as text: 1, 1.0 and True are "1"; NaN and None are None."""
    if value is None or (isinstance(value, float) and math.isnan(value)):
        return None
    if isinstance(value, str):
        return value
    if isinstance(value, (bool, np.bool_)):
        return str(int(value))
    return str(int(value)) if float(value).is_integer() else repr(float(value))


def objects(cells: Sequence[str | None]) -> Column:
    """An object array of texts and None."""
    array = np.empty(len(cells), dtype=object)
    array[:] = cells
    return array


def _array(name: str, values: Any) -> NDArray[Any]:
    if isinstance(values, (str, bytes)) or not isinstance(values, Iterable):
        raise DataError(
            f"column {name!r} is {values!r:.60}, not a sequence", "a column is one value per row"
        )
    listed = list(values)
    kinds = set(map(type, listed))
    if kinds <= {int} or kinds <= {float, int} or kinds <= {bool}:
        try:
            return np.array(listed, dtype=np.float64 if float in kinds or not kinds else None)
        except OverflowError:
            return np.array(listed, dtype=np.float64)
    array = np.empty(len(listed), dtype=object)
    for row, value in enumerate(listed):
        array[row] = value
    return array


def _canonical(name: str, array: NDArray[Any]) -> Column:
    kind = array.dtype.kind
    if kind in "fb":
        return np.ascontiguousarray(array, dtype=np.float64 if kind == "f" else np.bool_)
    if kind in "iu":
        fits = kind == "i" or not len(array) or int(array.max()) <= np.iinfo(np.int64).max
        return np.ascontiguousarray(array, dtype=np.int64 if fits else np.float64)
    if kind == "O" and _only_texts(array):
        return array
    if kind in "UTO":
        return from_cells(name, array.tolist())
    if kind == "S":
        return from_cells(name, [_decoded(v) for v in array.tolist()])
    if kind in "mM":
        text = array.astype(str)
        return objects([None if t == "NaT" else str(t) for t in text])
    raise DataError(
        f"column {name!r} holds values of type {array.dtype}",
        "a column holds numbers, true/false, or texts",
    )


def from_cells(name: str, cells: Sequence[Any]) -> Column:
    """Python values as a column; texts stay texts, also when they look like numbers."""
    kinds = set(map(type, cells))
    if kinds <= {str, type(None)}:
        if str not in kinds:
            return np.full(len(cells), np.nan)
        return objects(cells)
    plain = [_plain(name, row, value) for row, value in enumerate(cells)]
    present = [v for v in plain if v is not None]
    if any(isinstance(v, str) for v in present):
        return objects([text_of(v) for v in plain])
    if len(present) == len(plain) and present and all(isinstance(v, bool) for v in present):
        return np.array(present, dtype=bool)
    if len(present) == len(plain) and all(_whole(v) for v in present):
        return np.array(present, dtype=np.int64)
    return np.array([np.nan if v is None else float(v) for v in plain], dtype=np.float64)


def _plain(name: str, row: int, value: Any) -> str | bool | int | float | None:
    if isinstance(value, np.generic):
        value = value.item()
    if value is None or isinstance(value, (str, bool, int)):
        return value
    if isinstance(value, float):
        return None if math.isnan(value) else value
    if isinstance(value, (datetime.date, datetime.time, datetime.timedelta)):
        return value.isoformat() if hasattr(value, "isoformat") else str(value)
    if type(value).__name__ in {"NAType", "NaTType"}:
        return None
    if type(value).__name__ == "Decimal":
        return float(value)
    raise DataError(
        f"column {name!r}, row {row + 1} holds {value!r:.60} ({type(value).__name__})",
        "a column holds numbers, true/false, or texts",
    )


def _whole(value: Any) -> bool:
    return isinstance(value, int) and -(2**63) <= value < 2**63


def _only_texts(array: NDArray[Any]) -> bool:
    kinds = set(map(type, array))
    return str in kinds and kinds <= {str, type(None)}


def _decoded(value: bytes) -> str:
    try:
        return value.decode("utf-8")
    except UnicodeDecodeError:
        return value.decode("latin-1")


def _cell(text: str | None) -> str | None:
    if text is None:
        return None
    cut = text.strip()
    return None if cut in EMPTY else cut


def _numbers(cells: list[str | None], present: list[str]) -> Column:
    full = bool(present) and len(present) == len(cells)
    if full and all(WHOLE.fullmatch(c) for c in present):
        whole = [int(c) for c in present]
        if all(_whole(v) for v in whole):
            return np.array(whole, dtype=np.int64)
    return np.array([np.nan if c is None else float(c) for c in cells], dtype=np.float64)
