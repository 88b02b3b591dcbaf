"""Random events of runs, for properties of whatever reads them."""

from __future__ import annotations

from dataclasses import fields
from typing import Any

from hypothesis import strategies as st
from hypothesis.strategies import SearchStrategy

from lamina.workflow import log

_TEXTS = st.text(max_size=12)
_TIMES = st.floats(0, 4e9, allow_nan=False)
_PLAIN = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**53), 2**53) | st.floats(allow_nan=False) | _TEXTS,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(_TEXTS, inner, max_size=3),
    max_leaves=6,
)
_TABLES = st.dictionaries(_TEXTS, _PLAIN, max_size=3)
_UNITS = st.sampled_from(["sort", "count[0]", "count[1]", "inner/sort", "loop#2/step"])
_DIGESTS = st.sampled_from(["", "ab" * 32, "cd" * 32])
_REFERENCES = st.dictionaries(
    st.sampled_from(["x", "y", "table"]),
    st.fixed_dictionaries(
        {"codec": st.sampled_from(["json", "arrow", "file"]), "digest": _DIGESTS},
        optional={"size": st.integers(0, 2**40), "inline": _TEXTS, "origin": _TEXTS},
    ),
    max_size=2,
)
_SPANS = st.dictionaries(st.sampled_from(log.PHASES), st.tuples(_TIMES, _TIMES), max_size=3)
_USAGE = st.dictionaries(st.sampled_from(["cpu", "memory_peak"]), st.floats(0, 1e12), max_size=2)
_BY_TYPE: dict[str, SearchStrategy[Any]] = {
    "str": _TEXTS,
    "int": st.integers(0, 5),
    "float": _TIMES,
    "int | None": st.none() | st.integers(-9, 255),
    "tuple[str, ...]": st.lists(_TEXTS, max_size=2).map(tuple),
    "Mapping[str, Any]": _TABLES,
    "Mapping[str, int]": st.dictionaries(st.sampled_from(log.COUNTS), st.integers(0, 99)),
    "Mapping[str, float]": _USAGE,
    "Mapping[str, tuple[float, float]]": _SPANS,
}
_BY_NAME: dict[str, SearchStrategy[Any]] = {
    "task": _UNITS,
    "attempt": st.integers(1, 3),
    "status": st.sampled_from([*log.STATUSES, "cancelled"]),
    "inputs": _REFERENCES,
    "outputs": _REFERENCES,
    "key": st.sampled_from(["", "k1", "k2"]),
}


def events() -> SearchStrategy[log.Event]:
    """An event of any kind, with plain values in all its fields."""
    return st.one_of([_of(kind) for kind in log.KINDS])


def _of(kind: type[log.Event]) -> SearchStrategy[log.Event]:
    named = {f.name: _BY_TYPE[str(f.type)] for f in fields(kind)}
    return st.builds(kind, **{name: _BY_NAME.get(name, usual) for name, usual in named.items()})
