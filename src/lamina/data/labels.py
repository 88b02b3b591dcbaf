"""Targets: two classes, several classes, or numbers; learned once and applied."""

from __future__ import annotations

from collections import Counter

import numpy as np
from numpy.typing import NDArray

from lamina.data.columns import NUMBER, Column, decimal_mark, numbers_in_text, texts_of
from lamina.data.features import Repair, as_numbers
from lamina.errors import DataError

KINDS = ("auto", "binary", "classes", "regression")

Targets = NDArray[np.int64] | NDArray[np.float64]

MANY_CLASSES = 20
"""Beyond so many different whole numbers, "auto" takes a target for a quantity."""


NEARLY = 0.05
"""Up to this share of other numbers, "auto" takes labels of 0 and 1 for labels with mistakes."""


def learn_labels(name: str, column: Column, kind: str) -> tuple[str, tuple[str, ...]]:
    """What a target is, and its class names in the order of their numbers.

    Args:
        name: the target column, for messages.
        column: its values, none of them empty.
        kind: one of KINDS. "auto": two texts, true/false or 0 and 1 are binary; other texts
            and up to 20 different whole numbers are classes; the rest is regression.

    Returns:
        "binary", "classes" or "regression", and the class names (empty for regression).

    Raises:
        DataError: labels that do not fit the kind, with values and counts; a single class;
            with "auto" also labels of which nearly all, but not all, are 0 or 1.
    """
    if kind not in KINDS:
        raise DataError(f"kind = {kind!r}", f"choose from {', '.join(KINDS)}")
    counts = Counter(texts_of(column).tolist())
    if kind == "auto":
        kind = _kind_of(column, counts)
        if kind == "regression":
            _refuse_nearly_binary(name, counts)
    if kind == "regression":
        quantities(name, column)
        return kind, ()
    labels = _class_names(name, counts)
    if len(labels) == 1:
        raise DataError(
            f"target {name!r} has one value only: {_said(counts)}",
            "give rows of at least two classes",
        )
    if kind == "binary":
        _refuse_not_binary(name, counts)
    return kind, labels


def class_numbers(name: str, column: Column, labels: tuple[str, ...]) -> NDArray[np.int64]:
    """The class number of every row.

    Raises:
        DataError: a label that was not there when the preparation was learned.
    """
    table = {label: number for number, label in enumerate(labels)}
    texts = texts_of(column).tolist()
    found = {text: table.get(_plain(text), -1) for text in set(texts)}
    new = sorted(text for text, number in found.items() if number < 0)
    if new:
        raise DataError(
            f"target {name!r} holds {', '.join(map(repr, new[:5]))}, which is no known label",
            f"known labels: {', '.join(labels[:20])}",
        )
    return np.array([found[text] for text in texts], dtype=np.int64)


def quantities(name: str, column: Column) -> tuple[NDArray[np.float64], list[Repair]]:
    """The target of a regression as float64."""
    advice = "correct those cells, or use kind='classes' if they are names of classes"
    return as_numbers(name, column, decimal_mark(column), advice)


def _kind_of(column: Column, counts: Counter[str]) -> str:
    if set(map(_plain, counts)) == {"0", "1"}:
        return "binary"
    if column.dtype.kind == "O" and numbers_in_text(column, decimal_mark(column))[1].any():
        return "binary" if len(counts) == 2 else "classes"
    whole = all(_is_whole(text) for text in counts)
    return "classes" if whole and len(counts) <= MANY_CLASSES else "regression"


def _class_names(name: str, counts: Counter[str]) -> tuple[str, ...]:
    numeric = all(NUMBER.fullmatch(text) for text in counts)
    if not numeric:
        return tuple(sorted(counts))
    fractions = [text for text in counts if not _is_whole(text)]
    if fractions:
        raise DataError(
            f"target {name!r} holds {len(fractions)} numbers that are not whole, such as "
            f"{fractions[0]}: they are no class labels",
            "use kind='regression', or give whole numbers or texts as labels",
        )
    return tuple(sorted({_plain(text) for text in counts}, key=int))


def _refuse_not_binary(name: str, counts: Counter[str]) -> None:
    plain = set(map(_plain, counts))
    numeric = all(NUMBER.fullmatch(text) for text in counts)
    if plain == {"0", "1"} or (not numeric and len(plain) == 2):
        return
    raise DataError(
        f"target {name!r} is not 0/1: it holds {_said(counts)}",
        "a binary label is 0 and 1, or two texts; use kind='classes' for other labels, or check "
        "that this is the label column",
    )


def _refuse_nearly_binary(name: str, counts: Counter[str]) -> None:
    """A few other numbers among labels of 0 and 1 are taken for slips, not for quantities."""
    others = Counter({text: n for text, n in counts.items() if _plain(text) not in ("0", "1")})
    both = {"0", "1"} <= set(map(_plain, counts))
    if both and others.total() <= NEARLY * counts.total():
        raise DataError(
            f"target {name!r} is 0 or 1 but in {others.total()} of {counts.total()} rows: "
            f"{_said(others)}",
            "correct those labels, leave them empty so that the rows are dropped, or use "
            "kind='regression' if they are quantities",
        )


def _said(counts: Counter[str]) -> str:
    said = ", ".join(f"{value} ({count} rows)" for value, count in counts.most_common(6))
    return said + (f", and {len(counts) - 6} more values" if len(counts) > 6 else "")


def _is_whole(text: str) -> bool:
    return bool(NUMBER.fullmatch(text)) and float(text).is_integer()


def _plain(text: str) -> str:
    """ "1.0" and "01" are "1"; other texts are themselves."""
    return str(int(float(text))) if _is_whole(text) else text
