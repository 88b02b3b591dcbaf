"""Conformance of table formats: what any entry of `lamina.formats` must keep."""

from __future__ import annotations

import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from lamina.data.columns import column
from lamina.data.formats import Format, ReadOptions
from lamina.data.tables import Table
from lamina.errors import LaminaError

NUMBERS: Mapping[str, Any] = {"x": [0.1, None, -1e300, 1 / 3], "y": [2.5, 3.5, 1e-300, 0.25]}
MIXED: Mapping[str, Any] = {
    **NUMBERS,
    "whole": [1, -(2**40) - 1, 0, 7],
    "text": ["a", None, "ä, β; 漢", 'two "words"'],
}


def check_format(made: Format, suffix: str, *, texts: bool = True) -> None:
    """Holds a format to its contract.

    What it writes it reads back: values bit for bit, empty cells empty, names in order (`names`
    given by the caller win). A damaged or empty file gives no table of other values silently
    cut short: it raises.

    Args:
        made: the format under test.
        suffix: of its files, such as ".csv".
        texts: False for a format that holds numbers only.

    Raises:
        AssertionError: says what does not hold.
    """
    table = Table({name: column(name, v) for name, v in (MIXED if texts else NUMBERS).items()})
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / f"table{suffix}"
        made.write(table.columns, path, suffix)
        given = tuple(f"n{i}" for i in range(len(table.names)))
        _same(made.read(path, ReadOptions(header=texts, names=given)), table, given)
        if texts:
            _same(made.read(path, ReadOptions()), table, table.names)
        _refuses_names(made, path)
        _refuses_empty(made, Path(folder) / f"empty{suffix}")


def _same(found: Mapping[str, Any], wanted: Table, names: tuple[str, ...]) -> None:
    assert tuple(found) == names, f"it reads names {tuple(found)}, and {names} were written"
    for (name, values), expected in zip(found.items(), wanted.columns.values(), strict=True):
        kind, right = values.dtype.kind, expected.dtype.kind
        assert kind == right, f"column {name!r} is read as {kind!r}, written as {right!r}"
        if right == "O":
            assert values.tolist() == expected.tolist(), f"texts of {name!r} changed"
        else:
            equal = np.array_equal(values, expected, equal_nan=right == "f")
            assert equal, f"numbers of {name!r} changed: {values} for {expected}"


def _refuses_names(made: Format, path: Path) -> None:
    try:
        made.read(path, ReadOptions(names=("only one",)))
    except LaminaError as error:
        assert error.way_out, "too few names are refused without a way out"
    else:
        raise AssertionError("too few names are taken")


def _refuses_empty(made: Format, path: Path) -> None:
    path.write_bytes(b"")
    try:
        found = made.read(path, ReadOptions())
    except Exception:  # `read_table` words what a format's library raises
        return
    raise AssertionError(f"an empty file is read as columns {tuple(found)}")
