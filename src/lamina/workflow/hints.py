"""From annotations, live or in source text, to the types of ports."""

from __future__ import annotations

from dataclasses import dataclass

from lamina.workflow.ports import Port
from lamina.workflow.types import ANY, PortType, list_of, port_type, stream_of, type_of_class

_LISTS = frozenset(
    f"{module}.{name}"
    for module in ("builtins", "typing", "collections.abc")
    for name in ("list", "tuple", "List", "Tuple", "Sequence", "Collection")
)
_STREAMS = frozenset(
    f"{module}.{name}"
    for module in ("typing", "collections.abc")
    for start in ("", "Async")
    for name in (f"{start}Iterable", f"{start}Iterator", f"{start}Generator")
)
_MAPS = frozenset(
    f"{module}.{name}"
    for module in ("builtins", "typing", "collections.abc")
    for name in ("dict", "Dict", "Mapping", "MutableMapping")
)
_UNIONS = frozenset({"typing.Union", "typing.Optional"})


@dataclass(frozen=True)
class Hint:
    """An annotation as names: `list[int] | None` is Union(list(int), None).

    Args:
        name: dotted name of the class or form; "None" for None.
        of: what stands in the brackets.
        texts: the texts of an Annotated.
        bases: dotted names of a class's bases, nearest first.
    """

    name: str
    of: tuple[Hint, ...] = ()
    texts: tuple[str, ...] = ()
    bases: tuple[str, ...] = ()


def port_of(name: str, hint: Hint) -> Port:
    """A port of the annotated type; `X | None` makes it optional."""
    return Port(name, type_of(hint), may_be_none(hint))


def may_be_none(hint: Hint) -> bool:
    """Whether it is `X | None`."""
    return hint.name in _UNIONS and (
        hint.name == "typing.Optional" or any(part.name == "None" for part in hint.of)
    )


def output_ports(hint: Hint) -> tuple[Port, ...]:
    """The ports of a returned value: none for None, otherwise one called "result"."""
    return () if hint.name == "None" else (port_of("result", hint),)


def yielded(ports: tuple[Port, ...]) -> tuple[Port, ...]:
    """The ports of a function that yields: one stream, of anything where no annotation says so."""
    if len(ports) == 1 and ports[0].type.streams:
        return ports
    return (Port("result", stream_of(ANY)),)


def type_of(hint: Hint) -> PortType:
    """The type of a port for an annotation; any, where the table has no better.

    Raises:
        UnknownNameError: a text of an Annotated that names no type.
    """
    if hint.name == "typing.Annotated":
        return port_type(hint.texts[0]) if hint.texts else type_of(hint.of[0])
    if hint.name in _UNIONS:
        return _widest([type_of(part) for part in hint.of if part.name != "None"])
    if hint.name in _LISTS:
        return list_of(_widest([ANY if may_be_none(p) else type_of(p) for p in hint.of]))
    if hint.name in _STREAMS:
        return stream_of(type_of(hint.of[0]) if hint.of else ANY)
    if hint.name in _MAPS:
        return PortType("json")
    if hint.name == "typing.Any":
        return ANY
    return type_of_class((hint.name, *hint.bases)) or ANY


def _widest(options: list[PortType]) -> PortType:
    """The option that all others fit; any, where there is none."""
    for option in options:
        if option != ANY and all(other.fits(option) for other in options):
            return option if ANY not in options else ANY
    return ANY
