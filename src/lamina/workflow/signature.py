"""Ports of a Python function, from the annotations of a function at hand."""

from __future__ import annotations

import dataclasses
import inspect
import sys
import types
import typing
from collections.abc import Callable
from typing import Any

from lamina.errors import UsageError
from lamina.workflow.hints import Hint, output_ports, port_of, yielded
from lamina.workflow.ports import Port, Signature, keepable
from lamina.workflow.source import hint_in_source
from lamina.workflow.types import dotted_name


def signature_of(function: Callable[..., Any]) -> Signature:
    """Ports of a function: its parameters, and what it returns.

    A returned NamedTuple, dataclass or TypedDict gives one output port per field, `None` none,
    anything else one port called "result". What has no annotation is of type any.

    Raises:
        UsageError: *args, or positional-only parameters, which no port can name.
        UnknownNameError: `Annotated[..., "type"]` with a type that does not exist.
    """
    try:
        parameters = inspect.signature(function).parameters.values()
    except (TypeError, ValueError) as error:
        raise UsageError(
            f"the parameters of {function!r} cannot be read", "wrap it in a function of your own"
        ) from error
    name = getattr(function, "__qualname__", repr(function))
    annotations = _annotations(function)
    inputs = []
    for parameter in parameters:
        if parameter.kind in (parameter.VAR_POSITIONAL, parameter.POSITIONAL_ONLY):
            raise UsageError(
                f"{name} has the parameter {parameter}, which no port can name",
                "give every parameter a name: def f(a, b), not def f(*a) or def f(a, /)",
            )
        if parameter.kind is not parameter.VAR_KEYWORD:
            inputs.append(_input(parameter, annotations))
    outputs = _outputs(annotations.get("return", inspect.Parameter.empty))
    code = _coded(function)
    yields = inspect.isgeneratorfunction(code) or inspect.isasyncgenfunction(code)
    return Signature(tuple(inputs), yielded(outputs) if yields else outputs)


def _coded(function: Callable[..., Any]) -> Any:
    """What has the annotations and the code: the function itself, or how an object is called."""
    target: Any = inspect.unwrap(function)
    return target if hasattr(target, "__annotations__") else type(target).__call__


def _annotations(function: Callable[..., Any]) -> dict[str, Any]:
    target = _coded(function)
    try:
        return typing.get_type_hints(target, include_extras=True)
    except Exception:  # a name that only exists for type checkers: it is told by the text then
        given = getattr(target, "__annotations__", {})
        return {name: _annotation(hint, target) for name, hint in given.items()}


def _annotation(given: Any, holder: Any) -> Any:
    if not isinstance(given, str):
        return given
    module = sys.modules.get(getattr(holder, "__module__", ""))
    known = getattr(holder, "__globals__", None) or getattr(module, "__dict__", {})
    one = types.SimpleNamespace(__annotations__={"it": given})
    try:
        return typing.get_type_hints(one, known, include_extras=True)["it"]
    except Exception:
        return hint_in_source(given, getattr(getattr(holder, "__code__", None), "co_filename", ""))


def _input(parameter: inspect.Parameter, annotations: dict[str, Any]) -> Port:
    given = annotations.get(parameter.name, inspect.Parameter.empty)
    port = port_of(parameter.name, hint_of(given))
    if parameter.default is inspect.Parameter.empty:
        return port
    default = parameter.default
    plain = keepable(default) and not isinstance(default, tuple) and not port.problem(default)
    return Port(port.name, port.type, True, default if plain else None)


def _outputs(annotation: Any) -> tuple[Port, ...]:
    fields = fields_of(annotation)
    if fields is not None:
        return tuple(port_of(name, hint_of(given)) for name, given in fields.items())
    return output_ports(hint_of(annotation))


def fields_of(annotation: Any) -> dict[str, Any] | None:
    """Field -> annotation of a NamedTuple, TypedDict or dataclass that is no type of a port."""
    record = isinstance(annotation, type) and (
        dataclasses.is_dataclass(annotation)
        or typing.is_typeddict(annotation)
        or (issubclass(annotation, tuple) and hasattr(annotation, "_fields"))
    )
    if not record or str(port_of("x", hint_of(annotation)).type) not in (
        "any",
        "json",
        "list[any]",
    ):
        return None
    if dataclasses.is_dataclass(annotation):
        names = [field.name for field in dataclasses.fields(annotation)]
    else:
        names = list(getattr(annotation, "_fields", None) or annotation.__annotations__)
    hints = _annotations(annotation)
    return {name: hints.get(name, inspect.Parameter.empty) for name in names} or None


def hint_of(annotation: Any) -> Hint:
    """The annotation as dotted names, the form that is also read from source text."""
    simple = _simple_hint(annotation)
    if simple is not None:
        return simple
    origin, arguments = typing.get_origin(annotation), typing.get_args(annotation)
    if origin is typing.Annotated:
        texts = tuple(note for note in arguments[1:] if isinstance(note, str))
        return Hint("typing.Annotated", (hint_of(arguments[0]),), texts)
    if origin in (typing.Union, types.UnionType):
        return Hint("typing.Union", tuple(map(hint_of, arguments)))
    if origin is typing.Literal:
        return Hint("typing.Union", tuple(hint_of(type(value)) for value in arguments))
    if origin is not None:
        name, bases = _class_names(origin)
        return Hint(name, tuple(hint_of(a) for a in arguments if a is not ...), (), bases)
    supertype = getattr(annotation, "__supertype__", None)
    if supertype is not None:
        return hint_of(supertype)
    return Hint(*_class_names(annotation)[:1], (), (), _class_names(annotation)[1])


def _simple_hint(annotation: Any) -> Hint | None:
    if isinstance(annotation, Hint):
        return annotation
    if annotation is inspect.Parameter.empty or isinstance(annotation, (str, typing.TypeVar)):
        return Hint("typing.Any")
    return Hint("None") if annotation is None or annotation is type(None) else None


def _class_names(cls: Any) -> tuple[str, tuple[str, ...]]:
    if not isinstance(cls, type):
        return getattr(cls, "__qualname__", "typing.Any"), ()
    return dotted_name(cls), tuple(dotted_name(base) for base in cls.__mro__[1:])
