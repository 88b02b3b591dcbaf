"""Descriptions: statistics per column, classes, and what to beware of in a table."""

from __future__ import annotations

from collections import Counter
from typing import Any

import numpy as np
from numpy.typing import NDArray

from lamina.data.columns import Column, empty, texts_of
from lamina.data.labels import learn_labels
from lamina.data.tables import Table, missing_columns
from lamina.errors import DataError

TELLING = 0.99
"""A single feature that sorts so large a share of the rows into their classes is named."""

MOST_VALUES = 8


def describe_table(table: Table, target: str = "") -> dict[str, Any]:
    """What is in a table, as plain values.

    Args:
        table: any table.
        target: its label column; "" for none.

    Returns:
        `rows`; `digest`; `columns`: a list with `name`, `type` ("number", "truth" or "text"),
        `empty`, `distinct`, and `min`, `max`, `mean`, `deviation` (numbers) or `values` (the
        most frequent ones with counts); `empty_rows`: rows with an empty cell; `constant`:
        names of constant columns; `duplicates`: rows that equal an earlier one; `target`,
        `kind`, `classes` (name -> rows), `majority` (share of the largest class); `warnings`.

    Raises:
        DataError: an unknown target.
    """
    if target and target not in table.columns:
        raise missing_columns([target], table)
    columns = [_column(name, values) for name, values in table.columns.items()]
    gaps = np.zeros(table.rows, dtype=bool)
    for values in table.columns.values():
        gaps |= empty(values)
    described = {
        "rows": table.rows,
        "digest": table.digest(),
        "columns": columns,
        "empty_rows": int(gaps.sum()),
        "constant": [c["name"] for c in columns if c["distinct"] <= 1],
        "duplicates": _duplicates(table),
        **_target(table, target),
    }
    return {**described, "warnings": _warnings(table, described)}


def telling_features(table: Table, target: str) -> dict[str, float]:
    """Features that alone give the class of nearly every row: name -> share of rows.

    For numbers the share is that of the best single threshold (two classes), or of the best
    cut into as many intervals as there are classes if it is perfect; for texts that of naming
    the most frequent class of each text.
    """
    filled = ~empty(table[target])
    classes = np.unique(texts_of(table[target][filled]).astype(np.str_), return_inverse=True)[1]
    most = float(np.bincount(classes).max() / len(classes)) if len(classes) else 1.0
    found = {}
    for name, values in table.columns.items():
        if name == target:
            continue
        share = _telling(values[filled], classes.astype(np.int64))
        if share >= TELLING and share > most:
            found[name] = share
    return found


def _column(name: str, values: Column) -> dict[str, Any]:
    gaps = empty(values)
    present = values[~gaps]
    said: dict[str, Any] = {"name": name, "type": _TYPES[values.dtype.kind]}
    said["empty"] = int(gaps.sum())
    if values.dtype.kind == "O":
        counts = Counter(present.tolist())
        values_said = dict(counts.most_common(MOST_VALUES))
        return {**said, "distinct": len(counts), "values": values_said}
    numbers = present.astype(np.float64)
    said["distinct"] = len(np.unique(numbers))
    if not len(numbers):
        return {**said, "min": None, "max": None, "mean": None, "deviation": None}
    return {
        **said,
        "min": float(numbers.min()),
        "max": float(numbers.max()),
        "mean": float(numbers.mean()),
        "deviation": float(numbers.std()),
    }


_TYPES = {"f": "number", "i": "number", "b": "truth", "O": "text"}


def _target(table: Table, target: str) -> dict[str, Any]:
    if not target:
        return {"target": "", "kind": "", "classes": {}, "majority": None}
    values = table[target]
    present = values[~empty(values)]
    try:
        kind, labels = learn_labels(target, present, "auto")
    except DataError:
        kind, labels = "unclear", ()
    if not labels:
        return {"target": target, "kind": kind, "classes": {}, "majority": None}
    counts = Counter(texts_of(present).tolist())
    classes = {label: counts[label] for label in labels}
    majority = max(classes.values()) / max(1, sum(classes.values()))
    return {"target": target, "kind": kind, "classes": classes, "majority": majority}


def _duplicates(table: Table) -> int:
    coded = [
        np.unique(texts_of(v).astype(np.str_) if v.dtype.kind == "O" else v, return_inverse=True)[1]
        for v in table.columns.values()
    ]
    return table.rows - len(np.unique(np.column_stack(coded), axis=0))


def _warnings(table: Table, described: dict[str, Any]) -> list[str]:
    said = []
    if described["empty_rows"]:
        said.append(f"{described['empty_rows']} rows have an empty cell; training drops them")
    if described["constant"]:
        said.append(f"constant columns carry nothing: {', '.join(described['constant'])}")
    if described["duplicates"]:
        said.append(
            f"rows that equal an earlier row: {described['duplicates']}; a random split may put "
            "such a row on both sides"
        )
    if not described["classes"]:
        return said
    for name, share in telling_features(table, described["target"]).items():
        said.append(
            f"feature {name!r} alone gives the class of {100 * share:.1f} % of the rows: "
            "it may give the label away"
        )
    if described["majority"] > 0.8:
        said.append(
            f"the largest class has {100 * described['majority']:.1f} % of the rows: "
            "read accuracy beside it"
        )
    return said


def _telling(values: Column, classes: NDArray[np.int64]) -> float:
    if values.dtype.kind == "O":
        groups = np.unique([str(v) for v in values], return_inverse=True)[1]
        if len(values) and groups.max() >= len(values) // 2:
            return 0.0
        counts = np.zeros((int(groups.max(initial=0)) + 1, int(classes.max(initial=0)) + 1))
        np.add.at(counts, (groups, classes), 1)
        return float(counts.max(axis=1).sum() / max(1, len(values)))
    numbers = values.astype(np.float64)
    present = ~np.isnan(numbers)
    numbers, classes = numbers[present], classes[present]
    if not len(numbers):
        return 0.0
    return _best_cut(numbers, classes)


def _best_cut(numbers: NDArray[np.float64], classes: NDArray[np.int64]) -> float:
    """Share of rows that the best threshold sorts right; 1.0 for intervals that are all pure."""
    order = np.argsort(numbers, kind="stable")
    numbers, classes = numbers[order], classes[order]
    ends = np.append(np.flatnonzero(np.diff(numbers)), len(numbers) - 1)
    kinds = int(classes.max()) + 1
    if kinds == 2:
        ones_left = np.cumsum(classes)[ends]
        zeros_left = ends + 1 - ones_left
        ones, zeros = classes.sum(), len(classes) - classes.sum()
        right = np.maximum(zeros_left + ones - ones_left, ones_left + zeros - zeros_left)
        return float(right.max() / len(classes))
    changes = np.flatnonzero(np.diff(classes))
    pure = len(changes) == kinds - 1 and bool(np.isin(changes, ends).all())
    return 1.0 if pure else 0.0
