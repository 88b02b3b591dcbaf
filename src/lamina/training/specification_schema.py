"""The JSON Schema of training specifications, and its findings in words."""

from __future__ import annotations

import json
from collections.abc import Iterable
from functools import cache
from importlib.resources import files
from typing import Any


def schema() -> dict[str, Any]:
    """The JSON Schema (draft 2020-12) of the document."""
    text = files("lamina.training").joinpath("training.schema.json").read_text("utf-8")
    return dict(json.loads(text))


def schema_mistakes(document: Any) -> list[str]:
    """What the schema finds wrong, each with its place; empty when it holds."""
    found = sorted(
        _validator().iter_errors(document), key=lambda e: (list(map(str, e.path)), e.message)
    )
    return [f"{_place(error.absolute_path)}{_worded(error)}" for error in found]


@cache
def _validator() -> Any:
    from jsonschema import Draft202012Validator

    return Draft202012Validator(schema())


def _place(path: Iterable[Any]) -> str:
    steps = [f"[{step}]" if isinstance(step, int) else f".{step}" for step in path]
    return f"{''.join(steps).lstrip('.')}: " if steps else ""


def _worded(error: Any) -> str:
    if error.validator == "additionalProperties" and isinstance(error.validator_value, bool):
        known = error.schema["properties"]
        odd = [repr(key) for key in error.instance if key not in known]
        return f"unknown {', '.join(odd)}; known: {', '.join(known)}"
    if error.validator == "enum":
        return f"{error.instance!r}: choose from {', '.join(map(str, error.validator_value))}"
    if error.validator == "type":
        wanted = error.validator_value
        kinds = wanted if isinstance(wanted, str) else " or ".join(wanted)
        return f"{error.instance!r} is not of type {kinds}"
    if error.validator == "const":
        return f"is {error.instance!r}; this Lamina reads {error.validator_value!r}"
    return str(error.message)
