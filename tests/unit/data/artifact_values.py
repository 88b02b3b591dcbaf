"""Values for the artifact tests: strategies, an equality that sees types, classes to be pickled."""

from __future__ import annotations

import datetime
import math
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from lamina.data.tables import Table


class Pair(NamedTuple):
    """A record."""

    left: Any
    right: Any


@dataclass(frozen=True)
class Record:
    """Another record."""

    name: str
    values: tuple[Any, ...]


SCALARS = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(),
    st.floats(),
    st.text(st.characters(codec=None), max_size=20),
)
PLAIN = st.recursive(
    SCALARS,
    lambda inner: st.lists(inner, max_size=5) | st.dictionaries(st.text(max_size=5), inner),
    max_leaves=20,
)
HASHABLE = st.one_of(
    st.none(), st.booleans(), st.integers(), st.text(max_size=5), st.binary(max_size=5)
)
NUMBERS = hnp.arrays(
    st.sampled_from(["f8", "f4", "f2", "i8", "u1", ">i4", "?", "c16", "<M8[s]", "<m8[D]", "S3"]),
    (),
).map(lambda array: array[()])
PYTHON = st.recursive(
    st.one_of(
        SCALARS,
        st.binary(max_size=600),
        st.binary(max_size=9).map(bytearray),
        st.complex_numbers(),
        st.dates(),
        st.times(),
        st.datetimes(timezones=st.none() | st.just(datetime.UTC)),
        st.timedeltas(),
        st.just(Path("no/such/file")),
        NUMBERS,
        st.integers(2**20000, 2**20001),
    ),
    lambda inner: st.one_of(
        st.lists(inner, max_size=4),
        st.lists(inner, max_size=4).map(tuple),
        st.dictionaries(st.text(max_size=4) | st.just("$"), inner, max_size=4),
        st.dictionaries(HASHABLE, inner, max_size=4),
        st.sets(HASHABLE, max_size=4),
        st.frozensets(HASHABLE, max_size=4),
    ),
    max_leaves=8,
)
DTYPES = st.one_of(
    hnp.scalar_dtypes(), hnp.unicode_string_dtypes(), hnp.array_dtypes(), hnp.byte_string_dtypes()
)
ARRAYS = hnp.arrays(DTYPES, hnp.array_shapes(min_dims=0, max_dims=4, min_side=0, max_side=5))
TEXTS = st.text(max_size=5) | st.none()


@st.composite
def tables(draw: st.DrawFn) -> Table:
    """Tables of every kind of column, with empty cells."""
    rows = draw(st.integers(0, 6))
    kinds = st.one_of(
        hnp.arrays(np.float64, rows),
        hnp.arrays(np.int64, rows),
        hnp.arrays(np.bool_, rows),
        st.lists(TEXTS, min_size=rows, max_size=rows),
    )
    columns = draw(st.dictionaries(st.text(max_size=5), kinds, min_size=1, max_size=5))
    return Table(columns, draw(st.text(max_size=8)))


def same(one: Any, other: Any) -> bool:
    """Whether two values are of the same types and equal, where NaN equals NaN."""
    if type(one) is not type(other):
        return False
    if isinstance(one, Table):
        kinds = [(name, cells.dtype) for name, cells in one.columns.items()]
        return (
            kinds == [(name, cells.dtype) for name, cells in other.columns.items()]
            and one.origin == other.origin
            and one.equals(other)
        )
    if isinstance(one, np.ndarray | np.generic):
        return (one.dtype, one.shape) == (other.dtype, other.shape) and same_bytes(one, other)
    if isinstance(one, list | tuple):
        return len(one) == len(other) and all(map(same, one, other))
    if isinstance(one, dict):
        return same(list(one), list(other)) and same(list(one.values()), list(other.values()))
    if isinstance(one, float):
        alike = one == other and math.copysign(1, one) == math.copysign(1, other)
        return alike or (math.isnan(one) and math.isnan(other))
    if isinstance(one, complex):
        return same([one.real, one.imag], [other.real, other.imag])
    return bool(one == other)


def same_bytes(one: Any, other: Any) -> bool:
    """Whether arrays hold the same bytes in the order of their elements."""
    return np.ascontiguousarray(one).tobytes() == np.ascontiguousarray(other).tobytes()
