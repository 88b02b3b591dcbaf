"""Networks of the zoo by their text: a name, or a name with arguments behind a colon."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any, get_type_hints

from lamina.errors import DocumentError
from lamina.nets.network import Network
from lamina.nets.zoo import ZOO

_FORMS: dict[Any, str] = {
    int: "a whole number from 1",
    float: "a number",
    str: "a word",
    tuple[int, ...]: "sizes such as 3x64x64",
}
"""Kinds of arguments that text can give."""


def from_zoo(text: str) -> Network | None:
    """The network that text such as "resnet-18:classes=4,head=two-layer" means.

    Args:
        text: a name of the zoo, and behind a colon `name=value` for the arguments of its
            function, parted by commas; shapes are written 3x64x64.

    Returns:
        The network, or None where the text before the colon is no name of the zoo.

    Raises:
        DocumentError: arguments that it does not have or whose values do not hold; all at once.
        NetworkError: as the network's function.
    """
    name, colon, rest = text.partition(":")
    if name not in ZOO:
        return None
    make = ZOO.get(name)
    if not colon:
        return make()
    return make(**_arguments(make, text, rest))


def takes(name: str, argument: str) -> bool:
    """Whether a name is one of the zoo, and its function has such an argument."""
    return name in ZOO and argument in _kinds(ZOO.get(name))


def _arguments(make: Callable[..., Network], text: str, rest: str) -> dict[str, Any]:
    kinds = _kinds(make)
    known = ", ".join(f"{name} ({_FORMS[kind]})" for name, kind in kinds.items())
    found: dict[str, Any] = {}
    mistakes = []
    for part in rest.split(","):
        key, equals, value = (piece.strip() for piece in part.partition("="))
        if not equals or not value:
            mistakes.append(f"{part!r}: an argument is written name=value")
        elif key not in kinds:
            mistakes.append(f"there is no argument {key!r}")
        elif key in found:
            mistakes.append(f"{key} is given twice")
        elif (read := _read(kinds[key], value)) is None:
            mistakes.append(f"{key} = {value!r}: it is {_FORMS[kinds[key]]}")
        else:
            found[key] = read
    if mistakes:
        way_out = f"arguments: {known}" if known else "it takes no arguments: leave out the colon"
        raise DocumentError(text, mistakes, way_out)
    return found


def _kinds(make: Callable[..., Network]) -> dict[str, Any]:
    """Arguments that text can give, by name."""
    hints = get_type_hints(make)
    hints.pop("return", None)
    return {name: kind for name, kind in hints.items() if kind in _FORMS}


def _read(kind: Any, value: str) -> Any:
    """A value of a kind, or None for text that is none."""
    if kind is str:
        return value
    if kind is int:
        return int(value) if re.fullmatch(r"[1-9][0-9]{0,8}", value) else None
    if kind is not float:
        sized = re.fullmatch(r"[1-9][0-9]{0,5}(x[1-9][0-9]{0,5})*", value)
        return tuple(map(int, value.split("x"))) if sized else None
    try:
        return float(value)
    except ValueError:
        return None
