"""Plain values as text: JSON where it says all, a tagged tree of JSON for Python's other ones.

JSON here keeps what the value is: the order of a mapping, int apart from float, and NaN and the
infinities as the words that Python's reader knows. A value that JSON would change (a tuple, a key
that is no text, a NumPy number) becomes a tree: an object with the entry "$" names what it was.
"""

from __future__ import annotations

import datetime
import json
import sys
from collections.abc import Callable, Iterable
from pathlib import Path
from types import NoneType
from typing import Any

TAG = "$"
_SCALARS = frozenset((NoneType, bool, int, float, str))
SHORT = 256
"""Bytes up to which bytes stand in a tree."""

_WRITER = json.JSONEncoder(ensure_ascii=False, separators=(",", ":"), check_circular=False)

Leaf = Callable[[Any], dict[str, Any]]


def json_text(value: Any) -> str | None:
    """The value's JSON text; None when reading it back would give another value."""
    if type(value) not in _SCALARS and not _exact(value):
        return None
    try:
        return _WRITER.encode(value)
    except ValueError:  # an integer of more digits than Python writes
        return None


def _exact(value: Any) -> bool:
    kind = type(value)
    if kind is list:
        return _all_exact(value)
    if kind is dict:
        return set(map(type, value)) <= {str} and _all_exact(value.values())
    return kind in _SCALARS


def _all_exact(values: Iterable[Any]) -> bool:
    if set(map(type, values)) <= _SCALARS:
        return True
    return all(map(_exact, values))


def tree_text(value: Any, leaf: Leaf) -> str:
    """The text of a tree.

    Args:
        leaf: keeps a value that is none of Python's plain ones; gives its reference's entries.
    """
    return _WRITER.encode(_grown(value, leaf))


def tree_value(text: str, leaf: Callable[[dict[str, Any]], Any]) -> Any:
    """The value of a tree's text; `leaf` gives the value of a reference."""
    return _ripe(json.loads(text), leaf)


def plain_value(text: str, leaf: Callable[[dict[str, Any]], Any]) -> Any:
    """A tree's value as JSON can hold it: tuples and sets as lists, NumPy's numbers as Python's."""
    return _plain(tree_value(text, leaf))


def is_plain_class(value: Any) -> bool:
    """Whether a value is one that a tree has a word for (what stands in it may be anything)."""
    kind = type(value)
    return kind in _GROWN or kind in _SCALARS or _is_numpy(value)


def _is_numpy(value: Any) -> bool:
    """Whether a value is a number of NumPy, which is loaded then: a dry run never pays for it."""
    numpy = sys.modules.get("numpy")
    return numpy is not None and isinstance(value, numpy.generic)


def _numpy(text: str, kind: str) -> Any:
    import numpy as np

    return np.frombuffer(bytes.fromhex(text), np.dtype(kind))[0]


def _tagged(name: str, **entries: Any) -> dict[str, Any]:
    return {TAG: name, **entries}


def _grown(value: Any, leaf: Leaf) -> Any:
    kind = type(value)
    if kind in _GROWN:
        return _GROWN[kind](value, leaf)
    if kind in _SCALARS:
        return value
    if _is_numpy(value) and value.dtype.kind in "biufcmM":
        return _tagged("numpy", type=value.dtype.str, hex=value.tobytes().hex())
    return _tagged("ref", **leaf(value))


def _int(value: int, leaf: Leaf) -> Any:
    return value if value.bit_length() < 14000 else _tagged("int", hex=f"{value:x}")


def _text(value: str, leaf: Leaf) -> Any:
    try:
        value.encode()
    except UnicodeEncodeError:
        return _tagged("str", hex=value.encode("utf-8", "surrogatepass").hex())
    return value


def _mapping(value: dict[Any, Any], leaf: Leaf) -> Any:
    if set(map(type, value)) <= {str} and TAG not in value and _utf8(value):
        return {key: _grown(item, leaf) for key, item in value.items()}
    pairs = [[_grown(key, leaf), _grown(item, leaf)] for key, item in value.items()]
    return _tagged("dict", items=pairs)


def _utf8(texts: Iterable[str]) -> bool:
    try:
        "".join(texts).encode()
    except UnicodeEncodeError:
        return False
    return True


def _many(name: str) -> Callable[[Any, Leaf], Any]:
    return lambda value, leaf: _tagged(name, items=[_grown(item, leaf) for item in value])


def _unordered(name: str) -> Callable[[Any, Leaf], Any]:
    """Sets, their items in an order that does not change from process to process."""
    return lambda value, leaf: _tagged(
        name, items=sorted((_grown(item, leaf) for item in value), key=_WRITER.encode)
    )


def _bytes(value: bytes, leaf: Leaf) -> Any:
    if len(value) > SHORT:
        return _tagged("ref", **leaf(value))
    return _tagged("bytes", hex=value.hex())


def _complex(value: complex, leaf: Leaf) -> Any:
    return _tagged("complex", parts=[value.real, value.imag])


def _moment(name: str) -> Callable[[Any, Leaf], Any]:
    def grown(value: Any, leaf: Leaf) -> Any:
        zone: Any = getattr(value, "tzinfo", None)
        fold: Any = getattr(value, "fold", 0)
        if not (zone is None or zone == datetime.UTC):
            return _tagged("ref", **leaf(value))
        return _tagged(name, text=value.isoformat(), **({"fold": 1} if fold else {}))

    return grown


def _folded(value: Any, node: dict[str, Any]) -> Any:
    return value.replace(fold=1) if "fold" in node else value


def _span(value: datetime.timedelta, leaf: Leaf) -> Any:
    return _tagged("timedelta", parts=[value.days, value.seconds, value.microseconds])


_GROWN: dict[type, Callable[[Any, Leaf], Any]] = {
    int: _int,
    str: _text,
    list: lambda value, leaf: [_grown(item, leaf) for item in value],
    dict: _mapping,
    tuple: _many("tuple"),
    set: _unordered("set"),
    frozenset: _unordered("frozenset"),
    bytes: _bytes,
    bytearray: lambda value, leaf: _tagged("bytearray", of=_bytes(bytes(value), leaf)),
    complex: _complex,
    type(Path()): lambda value, leaf: _tagged("path", of=_text(str(value), leaf)),
    datetime.date: _moment("date"),
    datetime.datetime: _moment("datetime"),
    datetime.time: _moment("time"),
    datetime.timedelta: _span,
}


def _ripe(node: Any, leaf: Callable[[dict[str, Any]], Any]) -> Any:
    if type(node) is list:
        return [_ripe(item, leaf) for item in node]
    if type(node) is not dict:
        return node
    if TAG not in node:
        return {key: _ripe(item, leaf) for key, item in node.items()}
    name = node[TAG]
    if name == "ref":
        return leaf(node)
    if name in _MADE:
        return _MADE[name](node)
    if name in ("path", "bytearray"):
        inner = _ripe(node["of"], leaf)
        return Path(inner) if name == "path" else bytearray(inner)
    items = _ripe(node["items"], leaf)
    return dict(items) if name == "dict" else _COLLECTED[name](items)


_COLLECTED: dict[str, Callable[[Any], Any]] = {"tuple": tuple, "set": set, "frozenset": frozenset}

_MADE: dict[str, Callable[[dict[str, Any]], Any]] = {
    "numpy": lambda node: _numpy(node["hex"], node["type"]),
    "int": lambda node: int(node["hex"], 16),
    "str": lambda node: bytes.fromhex(node["hex"]).decode("utf-8", "surrogatepass"),
    "bytes": lambda node: bytes.fromhex(node["hex"]),
    "complex": lambda node: complex(*node["parts"]),
    "date": lambda node: datetime.date.fromisoformat(node["text"]),
    "datetime": lambda node: _folded(datetime.datetime.fromisoformat(node["text"]), node),
    "time": lambda node: _folded(datetime.time.fromisoformat(node["text"]), node),
    "timedelta": lambda node: datetime.timedelta(*node["parts"]),
}


def _plain(value: Any) -> Any:
    if _is_numpy(value):
        value = value.item()
    if isinstance(value, dict):
        return {
            key if isinstance(key, str) else str(_plain(key)): _plain(item)
            for key, item in value.items()
        }
    if isinstance(value, list | tuple | set | frozenset):
        return [_plain(item) for item in value]
    if type(value) in _SCALARS:
        return value
    return value.hex() if isinstance(value, bytes | bytearray) else str(value)
