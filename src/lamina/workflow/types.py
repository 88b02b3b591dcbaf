"""Types of ports: which value fits where, by name; an open table that plug-ins extend."""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import lru_cache
from importlib import import_module
from numbers import Integral, Real
from pathlib import Path
from typing import Any

from lamina.errors import UsageError
from lamina.registry import Registry


@dataclass(frozen=True)
class TypeRule:
    """What a type name means.

    Args:
        name: as it stands in documents.
        wider: types that this one fits besides itself and "any".
        classes: dotted names of the Python classes that hold such values; looked up by name,
            so that no library is imported for it.
        check: whether a value is of this type; without it the value's class decides.
        reader: "module:function" that makes a value of what a document can hold: a text or a
            mapping, and the folder that relative paths begin in. So a parameter of type network
            can be "papers-1". Imported when a run needs it.
        quick: whether the reader needs neither data nor time, so that lint may call it.
    """

    name: str
    wider: tuple[str, ...] = ()
    classes: tuple[str, ...] = ()
    check: Callable[[Any], bool] | None = None
    reader: str = ""
    quick: bool = False

    def holds(self, value: Any) -> bool:
        """Whether the value is of this type."""
        if self.check is not None:
            return self.check(value)
        return any(dotted_name(base) in self.classes for base in type(value).__mro__)

    def reads(self, value: Any) -> bool:
        """Whether the reader can be asked to make a value of this text or mapping."""
        return bool(self.reader) and isinstance(value, (str, Mapping))

    def made(self, value: Any, folder: Path) -> Any:
        """What the reader makes of it. Raises LaminaError."""
        module, _, name = self.reader.partition(":")
        return getattr(import_module(module), name)(value, folder)


def dotted_name(cls: type) -> str:
    """Module and qualified name of a class."""
    return f"{cls.__module__}.{cls.__qualname__}"


def _is_bool(value: Any) -> bool:
    return isinstance(value, bool) or dotted_name(type(value)) in ("numpy.bool", "numpy.bool_")


def _is_int(value: Any) -> bool:
    return isinstance(value, Integral) and not isinstance(value, bool)


def _is_float(value: Any) -> bool:
    return isinstance(value, Real) and not isinstance(value, bool)


def _is_path(value: Any) -> bool:
    return isinstance(value, (str, os.PathLike))


def is_json(value: Any) -> bool:
    """Whether JSON can hold the value: text, numbers, booleans, None, lists, text-keyed maps."""
    if isinstance(value, Mapping):
        return all(isinstance(key, str) and is_json(item) for key, item in value.items())
    if isinstance(value, (list, tuple)):
        return all(map(is_json, value))
    return value is None or isinstance(value, (bool, int, float, str))


def _is_tensor(value: Any) -> bool:
    names = {dotted_name(base) for base in type(value).__mro__}
    return bool(names & {"torch.Tensor", "numpy.ndarray"})


_NUMPY = ("numpy.ndarray", "numpy.typing.NDArray")
_BUILT_IN = (
    TypeRule("any", check=lambda value: True, classes=("builtins.object",)),
    TypeRule("bool", ("json",), ("builtins.bool",), _is_bool),
    TypeRule("int", ("float", "json"), ("builtins.int",), _is_int),
    TypeRule("float", ("json",), ("builtins.float",), _is_float),
    TypeRule("str", ("json",), ("builtins.str",), lambda value: isinstance(value, str)),
    TypeRule("json", classes=("builtins.dict", "collections.abc.Mapping"), check=is_json),
    TypeRule("metrics", ("json",), check=lambda value: isinstance(value, Mapping)),
    TypeRule("file", (), ("pathlib.Path", "pathlib._local.Path"), _is_path),
    TypeRule("folder", check=_is_path),
    TypeRule("array", ("tensor",), _NUMPY),
    TypeRule("tensor", (), ("torch.Tensor",), _is_tensor),
    TypeRule(
        "table", classes=("lamina.data.tables.Table",), reader="lamina.data.sources:told_table"
    ),
    TypeRule("model", classes=("lamina.nets.bundle.Bundle",), reader="lamina.nets.told:told_model"),
    TypeRule(
        "network",
        classes=("lamina.nets.network.Network",),
        reader="lamina.nets.told:told_network",
        quick=True,
    ),
)

TYPES: Registry[TypeRule] = Registry("types", "type", {rule.name: rule for rule in _BUILT_IN})
"""Type name -> rule; `TYPES.register(name, TypeRule(...))` or the entry points `lamina.types`."""


@dataclass(frozen=True)
class PortType:
    """A type: a name from the table, or "list" or "stream" with the type of the items.

    A stream is a list that arrives item by item, while the task that makes it runs. Made by
    `port_type`, which knows the names.
    """

    name: str
    of: PortType | None = None

    def __str__(self) -> str:
        return f"{self.name}[{self.of}]" if self.of else self.name

    @property
    def streams(self) -> bool:
        """Whether its items arrive one after the other."""
        return self.name == STREAM

    def fits(self, wanted: PortType) -> bool:
        """Whether a value of this type may go where `wanted` is asked for.

        Everything fits "any", and "any" fits everything: then the value itself is checked when
        it arrives. An int fits float, numbers and text fit json, list[int] fits list[float]. A
        list may go where a stream is asked for, and a stream, once it is whole, for a list.
        """
        if ANY in (self, wanted) or self == wanted:
            return True
        if self.of:
            return self.of.fits(wanted.of or wanted) if wanted.of or wanted == JSON else False
        return not wanted.of and wanted.name in TYPES.get(self.name).wider

    def problem(self, value: Any, told: bool = False) -> str:
        """Why a value is not of this type, as "gets str"; empty when it is.

        Args:
            value: any value.
            told: whether it stands in a document or a call, where a text or a mapping that the
                type's reader takes will do.
        """
        if self.of is None:
            rule = TYPES.get(self.name)
            fits = rule.holds(value) or (told and rule.reads(value))
            return "" if fits else f"gets {_worded(value)}"
        if not isinstance(value, (list, tuple)):
            return "" if self.streams and _flows(value) else f"gets {_worded(value)}"
        if self.of == ANY:
            return ""
        for position, item in enumerate(value):
            problem = self.of.problem(item, told)
            if problem:
                return f"item {position} {problem}"
        return ""

    def made(self, value: Any, folder: Path) -> Any:
        """A told value with everything read that a reader takes. Raises LaminaError."""
        if self.of is not None:
            whole = isinstance(value, (list, tuple))
            return [self.of.made(item, folder) for item in value] if whole else value
        rule = TYPES.get(self.name)
        return rule.made(value, folder) if rule.reads(value) else value

    def item(self) -> PortType | None:
        """Type of one item where a list may stand; None where it may not."""
        return ANY if self in (ANY, JSON) else self.of


def _flows(value: Any) -> bool:
    """Whether items come out of it: an iterator, a generator, a reader, an array; no text."""
    if isinstance(value, (str, bytes, Mapping, os.PathLike)):
        return False
    return hasattr(value, "__iter__") or hasattr(value, "__aiter__")


def _worded(value: Any) -> str:
    if isinstance(value, (str, int, float, bool)) or value is None:
        text = repr(value)
        return f"{type(value).__name__} {text if len(text) <= 40 else text[:37] + '...'}"
    return type(value).__name__


@lru_cache(maxsize=4096)
def port_type(text: str) -> PortType:
    """The type that a text names: "int", "table", "list[file]".

    Raises:
        UnknownNameError: a name that the table does not know.
        UsageError: brackets that do not match, or after a name other than "list" and "stream".
    """
    name, bracket, rest = text.strip().partition("[")
    name = name.strip()
    if not bracket:
        if name in _HOLDERS:
            return PortType(name, ANY)
        TYPES.get(name)
        return PortType(name)
    if not rest.endswith("]") or name not in _HOLDERS or text.count("[") > 20:
        raise UsageError(f"{text!r} is not a type", "write a name, list[NAME], or stream[NAME]")
    item = port_type(rest[:-1])
    if name == STREAM and STREAM in rest:
        raise UsageError(f"{text!r} is a stream of streams", "write stream[list[NAME]]")
    return PortType(name, item)


def list_of(item: PortType) -> PortType:
    """The type of a list of such items."""
    return PortType("list", item)


def stream_of(item: PortType) -> PortType:
    """The type of a stream of such items; any, for items that are streams themselves."""
    return PortType(STREAM, ANY if STREAM in str(item) else item)


def as_type(given: str | PortType) -> PortType:
    """A type from its text, or the type itself."""
    return given if isinstance(given, PortType) else port_type(given)


def type_of_class(names: tuple[str, ...]) -> PortType | None:
    """The type whose values are of one of these classes (dotted names, nearest base first)."""
    # Looking for plug-ins takes longer than all the rest: only for classes that nobody here knows.
    near = next((rule.name for rule in _BUILT_IN if names[0] in rule.classes), None)
    if near is not None:
        return PortType(near)
    by_class = {dotted: name for name in TYPES for dotted in TYPES.get(name).classes}
    found = next((by_class[name] for name in names if name in by_class), None)
    return PortType(found) if found else None


def joined_type(kinds: list[PortType], many: bool) -> PortType:
    """The type of one value, or of the list that several values make."""
    if not many:
        return kinds[0]
    return list_of(kinds[0] if len(set(kinds)) == 1 else ANY)


STREAM = "stream"
_HOLDERS = ("list", STREAM)
ANY = PortType("any")
JSON = PortType("json")
