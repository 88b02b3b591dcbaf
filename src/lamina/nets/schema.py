"""The JSON Schema of network documents, made from the table of layers and shipped as a file."""

from __future__ import annotations

import json
import sys
from dataclasses import MISSING, fields
from importlib.resources import files
from types import NoneType, UnionType
from typing import Any, Union, get_args, get_origin

from lamina.nets.document import VERSION
from lamina.nets.layers import LAYERS, Layer
from lamina.nets.layers.settings import required_settings, setting_types
from lamina.nets.parts import VALUES

_PLAIN = {int: "integer", float: "number", bool: "boolean", str: "string", NoneType: "null"}
_SIZE = {"type": "integer", "minimum": 1}


def network_schema() -> dict[str, Any]:
    """The JSON Schema (draft 2020-12) of `lamina: network/1`, as shipped in the package."""
    text = files("lamina.nets").joinpath("network.schema.json").read_text(encoding="utf-8")
    schema: dict[str, Any] = json.loads(text)
    return schema


def generated_schema(kinds: tuple[str, ...]) -> dict[str, Any]:
    """The schema with the settings of these kinds of layers; others may have any settings."""
    names = {"type": "array", "items": {"type": "string"}, "minItems": 1}
    entry = {
        "type": "object",
        "required": ["layer"],
        "properties": {"layer": {"type": "string", "examples": list(kinds)}},
        "allOf": [
            {
                "if": {"properties": {"layer": {"const": kind}}},
                "then": {"$ref": f"#/$defs/{kind}"},
            }
            for kind in kinds
        ],
    }
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "$id": "urn:lamina:schema:network-1",
        "title": "A network of Lamina",
        "description": "Layers wired into a directed acyclic graph; shapes have no batch axis.",
        "type": "object",
        "required": ["lamina", "inputs", "layers"],
        "additionalProperties": False,
        "properties": {
            "lamina": {"const": VERSION},
            "name": {"type": "string"},
            "inputs": {
                "description": "name -> shape of one row",
                "type": "object",
                "minProperties": 1,
                "additionalProperties": {"$ref": "#/$defs/input"},
            },
            "layers": {
                "description": "one mapping per layer: name -> what it is",
                "type": "array",
                "minItems": 1,
                "items": {
                    "type": "object",
                    "minProperties": 1,
                    "maxProperties": 1,
                    "additionalProperties": {"$ref": "#/$defs/layer"},
                },
            },
            "outputs": {
                "description": "names whose values leave the network; the last layer if left out",
                "$ref": "#/$defs/names",
            },
        },
        "$defs": {
            "names": {"anyOf": [{"type": "string"}, names]},
            "shape": {"anyOf": [_SIZE, {"type": "array", "items": _SIZE}]},
            "input": {
                "anyOf": [
                    {"$ref": "#/$defs/shape"},
                    {
                        "type": "object",
                        "required": ["shape"],
                        "additionalProperties": False,
                        "properties": {
                            "shape": {"$ref": "#/$defs/shape"},
                            "values": {"enum": list(VALUES)},
                        },
                    },
                ]
            },
            "layer": {"anyOf": [{"type": "string"}, entry]},
            **{kind: _layer_schema(LAYERS.get(kind)) for kind in kinds},
        },
    }


def schema_text(schema: dict[str, Any]) -> str:
    """The schema as the file holds it."""
    return json.dumps(schema, indent=1, ensure_ascii=False) + "\n"


def _layer_schema(layer: type[Layer]) -> dict[str, Any]:
    reads = {
        "description": "what it reads; the layer before when left out",
        "$ref": "#/$defs/names",
    }
    properties: dict[str, Any] = {"layer": {"const": layer.__name__}, "from": reads}
    defaults = {f.name: f.default for f in fields(layer) if f.default is not MISSING}
    for name, kind in setting_types(layer).items():
        default = {"default": defaults[name]} if name in defaults else {}
        properties[name] = {**_type_schema(kind), **default}
    told = (layer.__doc__ or "").partition("\n")[0]
    return {
        "description": told,
        "required": ["layer", *required_settings(layer)],
        "additionalProperties": False,
        "properties": properties,
    }


def _type_schema(kind: Any) -> dict[str, Any]:
    origin = get_origin(kind)
    if origin in (Union, UnionType):
        return {"anyOf": [_type_schema(option) for option in get_args(kind)]}
    if origin is tuple:
        return {"type": "array", "items": _type_schema(get_args(kind)[0])}
    return {"type": _PLAIN[kind]} if kind in _PLAIN else {}


if __name__ == "__main__":  # python -m lamina.nets.schema > src/lamina/nets/network.schema.json
    sys.stdout.write(schema_text(generated_schema(LAYERS.names())))
