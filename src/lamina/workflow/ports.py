"""Ports: the named, typed ways into and out of tasks and workflows."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Any

from lamina.workflow.types import ANY, PortType, as_type, is_json


@dataclass(frozen=True)
class Port:
    """A named, typed way in or out.

    Args:
        name: a word: letters, digits, "_" and "-", not beginning with a digit.
        type: a type, or its text ("table", "list[int]").
        optional: an input that may be left out; an output that may be None.
        default: what an input gets that is left out; a value other than None makes it optional.

    Raises:
        UnknownNameError: a type that does not exist.
    """

    name: str
    type: PortType = ANY
    optional: bool = False
    default: Any = None

    def __init__(
        self, name: str, type: str | PortType = ANY, optional: bool = False, default: Any = None
    ) -> None:
        object.__setattr__(self, "name", name)
        object.__setattr__(self, "type", as_type(type))
        object.__setattr__(self, "optional", optional or default is not None)
        object.__setattr__(self, "default", default)

    def problem(self, value: Any, told: bool = False) -> str:
        """Why the value does not belong here, as "gets str"; see `PortType.problem`."""
        return "" if value is None and self.optional else self.type.problem(value, told)


@dataclass(frozen=True)
class Signature:
    """The ports of an action."""

    inputs: tuple[Port, ...] = ()
    outputs: tuple[Port, ...] = ()


def ports_from_document(entry: dict[str, Any]) -> tuple[Port, ...]:
    """Ports from their document form: name -> type, or name -> {type, default, optional}."""
    return tuple(
        Port(name, given)
        if isinstance(given, str)
        else Port(
            name, given.get("type", "any"), given.get("optional", False), given.get("default")
        )
        for name, given in entry.items()
    )


def port_to_document(port: Port) -> Any:
    """The document form of one port: its type, or a mapping where there is more to say."""
    if port.default is not None:
        return {"type": str(port.type), "default": port.default}
    return {"type": str(port.type), "optional": True} if port.optional else str(port.type)


_WHOLE = (int, bool, type(None))


def keepable(value: Any) -> bool:
    """Whether a document can keep the value: plain data, finite numbers, text that is Unicode."""
    if isinstance(value, str):
        return value.isascii() or not any("\ud800" <= letter <= "\udfff" for letter in value)
    if isinstance(value, float):
        return value - value == 0
    if type(value) in _WHOLE:
        return True
    if isinstance(value, dict):
        named = all(isinstance(key, str) and (key.isascii() or keepable(key)) for key in value)
        return named and all(map(keepable, value.values()))
    if isinstance(value, (list, tuple)):
        return all(map(keepable, value))
    return is_json(value)


def odd_keys(document: Any) -> Iterator[object]:
    """Keys of mappings that are no text, as `1`, `2.5` and `null` are in YAML."""
    inner: Iterable[Any] = document if isinstance(document, (list, tuple)) else ()
    if isinstance(document, dict):
        yield from (key for key in document if not isinstance(key, str))
        inner = document.values()
    for one in inner:
        yield from odd_keys(one)
