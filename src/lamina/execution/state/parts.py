"""Parts: values that are not made yet, so that each is made once and only where it is needed."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from lamina.workflow.types import PortType

UNMADE: Any = object()
"""What `made` holds before whoever runs the state has made the value."""


class Told:
    """A constant of a document: a parameter or a default.

    Args:
        value: as it was told.
        kind: type that it has to have.
        optional: whether it may be None.
        folder: what relative paths in it begin in.
    """

    __slots__ = ("folder", "kind", "made", "optional", "value")

    def __init__(self, value: Any, kind: PortType, optional: bool, folder: Path | None) -> None:
        self.value = value
        self.kind = kind
        self.optional = optional
        self.folder = folder
        self.made = UNMADE


class Many:
    """A list of values: what a scatter gave, or several edges into one port."""

    __slots__ = ("made", "parts")

    def __init__(self, parts: list[Any]) -> None:
        self.parts = parts
        self.made = UNMADE


class Flowing:
    """A stream that is still being written.

    Args:
        unit: the writer.
        attempt: the number of its attempt.
        port: its output.
    """

    __slots__ = ("attempt", "port", "unit")

    def __init__(self, unit: str, attempt: int, port: str) -> None:
        self.unit = unit
        self.attempt = attempt
        self.port = port


def is_made(value: Any) -> bool:
    """Whether a value can be used as it is."""
    return type(value) is not Told and type(value) is not Many
