"""Settings of layers: their names, types and defaults, read from a layer's fields."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import MISSING, Field, fields
from functools import cache
from types import NoneType, UnionType
from typing import Any, Union, get_args, get_origin, get_type_hints

from lamina.nets.layers.base import Layer

_WORDS: dict[Any, str] = {
    int: "a whole number",
    float: "a finite number",
    bool: "true or false",
    str: "text",
    NoneType: "nothing (null)",
}


@cache
def setting_types(layer: type[Layer]) -> Mapping[str, Any]:
    """Names and types of the settings of a kind of layer, in its order."""
    hints = get_type_hints(layer)
    return {f.name: hints[f.name] for f in _own(layer)}


def required_settings(layer: type[Layer]) -> tuple[str, ...]:
    """Settings without a default."""
    return tuple(
        f.name for f in _own(layer) if f.default is MISSING and f.default_factory is MISSING
    )


def wrong_types(layer: Layer) -> list[str]:
    """What is wrong with the types of a layer's values; empty when all fit."""
    return [
        f"{name} must be {described(kind)}; it is {getattr(layer, name)!r}"
        for name, kind in setting_types(type(layer)).items()
        if not fits(getattr(layer, name), kind)
    ]


def setting_mistakes(layer: type[Layer], settings: Mapping[str, Any]) -> list[str]:
    """What keeps `layer(**settings)` from being made: unknown, missing and mistyped settings."""
    types = setting_types(layer)
    known = ", ".join(types) or "none"
    mistakes = []
    for name, value in settings.items():
        if name not in types:
            mistakes.append(f"has no setting {name!r}; known: {known}")
        elif not fits(value, types[name]):
            mistakes.append(f"{name} must be {described(types[name])}; it is {value!r}")
    missing = [name for name in required_settings(layer) if name not in settings]
    return mistakes + [f"needs {name} ({described(types[name])})" for name in missing]


def fits(value: Any, kind: Any) -> bool:
    """Whether a value belongs to a setting's type; types that are not plain take anything."""
    origin = get_origin(kind)
    if origin in (Union, UnionType):
        return any(fits(value, option) for option in get_args(kind))
    if origin is tuple:
        inner = get_args(kind)[0]
        return isinstance(value, (list, tuple)) and all(fits(item, inner) for item in value)
    if kind is int:
        return isinstance(value, int) and not isinstance(value, bool)
    if kind is float:
        return fits(value, int) or (isinstance(value, float) and math.isfinite(value))
    return isinstance(value, kind) if kind in _WORDS else True


def described(kind: Any) -> str:
    """A setting's type in words: "a whole number or a list of whole numbers"."""
    origin = get_origin(kind)
    if origin in (Union, UnionType):
        return " or ".join(described(option) for option in get_args(kind))
    if origin is tuple:
        return f"a list, each {described(get_args(kind)[0])}"
    return _WORDS.get(kind, str(kind))


def _own(layer: type[Layer]) -> tuple[Field[Any], ...]:
    return tuple(f for f in fields(layer) if f.init)
