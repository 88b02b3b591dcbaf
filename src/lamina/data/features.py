"""Feature columns: numbers as they are, texts as codes or one-hot, learned once and applied."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from lamina.data.columns import (
    NUMBER,
    Column,
    decimal_mark,
    empty,
    numbers_in_text,
    objects,
    texts_of,
)
from lamina.errors import DataError

ENCODINGS = ("code", "one-hot")
UNKNOWN = ("error", "code")
LARGEST = 1e300


@dataclass(frozen=True)
class Repair:
    """Something that was put right, and in how many rows, cells or columns.

    Args:
        sentence: says what and where, with the count.
        count: how many.
    """

    sentence: str
    count: int

    def __str__(self) -> str:
        return self.sentence


@dataclass(frozen=True)
class Feature:
    """How one column of a table becomes features.

    Args:
        name: the column.
        kind: "number" or "category".
        categories: the known texts of a category, in the order of their codes.
        encode: "code" (one feature: the number of the text) or "one-hot" (one 0/1 feature
            for each text).
        decimal: the decimal mark of numbers that come as texts, "." or ",".
    """

    name: str
    kind: str = "number"
    categories: tuple[str, ...] = ()
    encode: str = "code"
    decimal: str = "."

    @property
    def width(self) -> int:
        """How many features it gives."""
        return len(self.categories) if self._spread else 1

    @property
    def names(self) -> tuple[str, ...]:
        """Names of its features: "age", or "job=student", ..."""
        return tuple(f"{self.name}={c}" for c in self.categories) if self._spread else (self.name,)

    @property
    def _spread(self) -> bool:
        return self.kind == "category" and self.encode == "one-hot"

    def to_document(self) -> dict[str, Any]:
        """Plain values for a document."""
        if self.kind == "number":
            return {"name": self.name, "kind": "number", "decimal": self.decimal}
        return {
            "name": self.name,
            "kind": "category",
            "encode": self.encode,
            "categories": list(self.categories),
        }

    @classmethod
    def from_document(cls, document: Mapping[str, Any]) -> Feature:
        """A feature from `to_document`'s values. Raises TypeError for what is no text."""
        return cls(
            _text(document["name"]),
            _text(document["kind"]),
            tuple(_text(one) for one in document.get("categories", ())),
            _text(document.get("encode", "code")),
            _text(document.get("decimal", ".")),
        )

    def values(self, column: Column, unknown: str) -> tuple[NDArray[np.float64], list[Repair]]:
        """Features of a column without empty cells, float64 of shape (rows, width).

        Raises:
            DataError: a text where a number must be, or an unknown category (unless
                `unknown` is "code": then it gets the code behind the last one, and zeros
                in one-hot).
        """
        if self.kind == "number":
            numbers, repairs = as_numbers(self.name, column, self.decimal)
            return numbers[:, None], repairs
        codes, repairs = self._codes(column, unknown)
        if not self._spread:
            return codes.astype(np.float64)[:, None], repairs
        spread = np.zeros((len(codes), len(self.categories) + 1))
        spread[np.arange(len(codes)), codes] = 1.0
        return spread[:, :-1], repairs

    def _codes(self, column: Column, unknown: str) -> tuple[NDArray[np.int64], list[Repair]]:
        table = {text: code for code, text in enumerate(self.categories)}
        texts = texts_of(column).tolist()
        found = {text: table.get(text, len(table)) for text in set(texts)}
        codes = np.array([found[text] for text in texts], dtype=np.int64)
        strange = int((codes == len(table)).sum())
        if not strange:
            return codes, []
        new = sorted(set(texts) - set(table))
        said = ", ".join(map(repr, new[:5])) + (", ..." if len(new) > 5 else "")
        if unknown == "error":
            raise DataError(
                f"column {self.name!r} holds {said} in {strange} rows; "
                "such values were not there when the preparation was learned",
                f"known: {_listed(self.categories)}. Correct the values, or use "
                "with_unknown('code') to give them a code of their own",
            )
        sentence = f"{strange} cells of {self.name!r} hold values not seen in training: {said}"
        return codes, [Repair(sentence, strange)]


def learn_feature(name: str, column: Column, encode: str | None) -> tuple[Feature, list[Repair]]:
    """How a column without empty cells becomes features.

    Args:
        name: the column's name.
        column: its values.
        encode: "code" or "one-hot" makes it a category whatever it holds; None lets the values
            decide: numbers stay numbers, and so do texts that are all numbers.

    Raises:
        DataError: texts that are mostly, but not all, numbers.
    """
    decimal = decimal_mark(column)
    if encode is None and _numeric(name, column, decimal):
        return Feature(name, decimal=decimal), []
    texts = texts_of(column).tolist()
    categories = tuple(sorted(set(texts), key=_order(texts)))
    repairs = []
    if len(categories) > 50 and len(categories) > len(texts) // 2:
        sentence = (
            f"column {name!r} has {len(categories)} different texts in {len(texts)} rows: "
            "it looks like a name of the row; leave it out with features=[...]"
        )
        repairs.append(Repair(sentence, len(categories)))
    return Feature(name, "category", categories, encode or "code"), repairs


def as_numbers(
    name: str, column: Column, decimal: str = ".", advice: str = ""
) -> tuple[NDArray[np.float64], list[Repair]]:
    """A column without empty cells as float64; texts that are numbers are counted repairs.

    `advice` is the way out where a text is no number.

    Raises:
        DataError: texts that are no numbers, infinite or huge numbers.
    """
    repairs = []
    if column.dtype.kind == "O":
        numbers, odd = numbers_in_text(column, decimal)
        if odd.any():
            raise _not_numbers(name, column, odd, advice or _NOT_A_NUMBER)
        sentence = f"{len(numbers)} texts of column {name!r} read as numbers"
        repairs.append(Repair(sentence, len(numbers)))
    else:
        numbers = column.astype(np.float64)
    huge = np.flatnonzero(~(np.abs(numbers) <= LARGEST))
    if len(huge):
        raise DataError(
            f"column {name!r} holds {numbers[huge[0]]} (and {len(huge) - 1} more such values): "
            "infinite, or beyond what can be normalised",
            "correct those cells, or leave them empty so that the rows are dropped",
        )
    return numbers, repairs


def _numeric(name: str, column: Column, decimal: str) -> bool:
    if column.dtype.kind != "O":
        return True
    distinct = objects(sorted(set(column.tolist())))
    if numbers_in_text(distinct, decimal)[1].all():
        return False
    _, odd = numbers_in_text(column, decimal)
    if not odd.any():
        return True
    if odd.mean() < 0.5:
        raise _not_numbers(name, column, odd, _NOT_A_NUMBER)
    return False


_NOT_A_NUMBER = (
    "correct those cells, leave them empty so that the rows are dropped, or name the column "
    "a category with encode={column: 'code'}"
)


def _not_numbers(name: str, column: Column, odd: NDArray[np.bool_], advice: str) -> DataError:
    counts = Counter(column[odd].tolist()).most_common(5)
    said = ", ".join(f"{text!r} ({count}x)" for text, count in counts)
    return DataError(
        f"column {name!r} holds numbers and {int(odd.sum())} texts that are none: {said}; "
        f"the first in row {int(np.flatnonzero(odd)[0]) + 1}",
        advice,
    )


def _order(texts: list[str]) -> Any:
    """Numbers by value, other texts by their letters."""
    if all(NUMBER.fullmatch(t) for t in set(texts)):
        return lambda t: (float(t), t)
    return str


def _listed(values: tuple[str, ...]) -> str:
    return ", ".join(values[:20]) + (", ..." if len(values) > 20 else "")


def filled_rows(columns: Mapping[str, Column]) -> tuple[NDArray[np.int64], list[Repair]]:
    """Numbers of the rows without an empty cell, and the count of those dropped by column."""
    first = next(iter(columns.values()))
    bad = np.zeros(len(first), dtype=bool)
    said = []
    for name, values in columns.items():
        here = empty(values)
        if here.any():
            said.append(f"{name} {int(here.sum())}")
            bad |= here
    if not said:
        return np.arange(len(first)), []
    dropped = int(bad.sum())
    more = f", and {len(said) - 8} more columns" if len(said) > 8 else ""
    sentence = (
        f"{dropped} of {len(first)} rows dropped for empty values ({', '.join(said[:8])}{more})"
    )
    return np.flatnonzero(~bad), [Repair(sentence, dropped)]


def _text(value: object) -> str:
    if not isinstance(value, str):
        raise TypeError(f"{value!r:.60} is no text")
    return value
