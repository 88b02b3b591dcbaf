"""The published JSON Schema of workflow documents, and its findings in words."""

from __future__ import annotations

import json
from collections.abc import Iterator
from difflib import get_close_matches
from functools import cache
from importlib.resources import files
from typing import Any, NamedTuple

from lamina.workflow.marks import Path
from lamina.workflow.obvious import is_obvious


def workflow_schema() -> dict[str, Any]:
    """The JSON Schema (draft 2020-12) of `lamina: workflow/1`, as shipped in the package."""
    text = files("lamina.workflow").joinpath("workflow.schema.json").read_text(encoding="utf-8")
    schema: dict[str, Any] = json.loads(text)
    return schema


class Breach(NamedTuple):
    """One breach of the schema: where it stands, the part to name, and a sentence."""

    spot: Path
    part: Path
    sentence: str


def breaches(document: Any) -> list[Breach]:
    """What in a document does not obey the schema, each with a way out."""
    if is_obvious(document):
        return []
    found: dict[Breach, None] = {}
    for error in _validator().iter_errors(document):
        for breach in _worded(error):
            found[breach] = None
    return list(found)


@cache
def _validator() -> Any:
    from jsonschema import Draft202012Validator

    schema = workflow_schema()
    return Draft202012Validator({**_inlined(schema, schema["$defs"], ()), "$defs": schema["$defs"]})


def _inlined(part: Any, definitions: dict[str, Any], inside: tuple[str, ...]) -> Any:
    """The schema with references replaced, but for the recursion: following them costs most."""
    if isinstance(part, list):
        return [_inlined(item, definitions, inside) for item in part]
    if not isinstance(part, dict):
        return part
    name = str(part.get("$ref", "")).removeprefix("#/$defs/")
    if name and name not in inside:
        return _inlined(definitions[name], definitions, (*inside, name))
    return {key: _inlined(item, definitions, inside) for key, item in part.items()}


def _worded(error: Any) -> Iterator[Breach]:
    path: Path = tuple(error.absolute_path)
    if error.validator == "additionalProperties":
        known = sorted(error.schema["properties"])
        for key in error.instance:
            if key not in known:
                yield Breach((*path, str(key)), path, _unknown_key(key, known))
    elif error.validator == "required":
        missing = [key for key in error.validator_value if key not in error.instance]
        for key in missing:
            yield Breach(path, path, f"the key {key!r} is missing; add it")
    elif "propertyNames" in error.absolute_schema_path:
        yield Breach((*path, str(error.instance)), path, _bad_name(error))
    elif error.validator == "oneOf":
        ways = " or ".join(way["required"][0] for way in error.validator_value)
        yield Breach(path, path, f"it needs either {ways}; give exactly one of them")
    else:
        sentence = f"needs {_wanted(error)}; it is {_shown(error.instance)}"
        yield Breach(path, path, sentence)


def _bad_name(error: Any) -> str:
    if isinstance(error.instance, str):
        return f"{error.instance!r} is not allowed here; write {_wanted(error)}"
    return f"the key {_shown(error.instance)} is no text; put it in quotes"


def _unknown_key(key: Any, known: list[str]) -> str:
    near = get_close_matches(str(key), known, n=1)
    hint = f"did you mean {near[0]!r}? " if near else ""
    return f"unknown key {key!r}; {hint}known: {', '.join(known)}"


def _wanted(error: Any) -> str:
    """The schema's own words for the place; keywords such as uniqueItems say it themselves."""
    if error.validator == "uniqueItems":
        return "items that differ from each other"
    described: str = error.schema.get("description") or f"{error.validator} {error.validator_value}"
    return described


def _shown(value: Any) -> str:
    if isinstance(value, dict):
        return "a mapping" if value else "an empty mapping"
    if isinstance(value, list):
        return "a list" if value else "an empty list"
    if value is None:
        return "empty"
    text = json.dumps(value, default=str) if not isinstance(value, str) else repr(value)
    return text if len(text) <= 60 else text[:57] + "..."
