"""The store of artifacts: a folder of values and files, each named by its digest."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

from lamina.data.artifacts.reference import Ref
from lamina.workflow.types import ANY, PortType


class Artifacts:
    """Values and files by digest, below a folder; safe for many processes at once."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def put(self, value: Any, kind: PortType = ANY) -> Ref:
        """Keeps a value, atomically; files are copied or taken over as they are."""
        raise NotImplementedError

    def get(self, ref: Ref) -> Any:
        """The value, verified; arrays are mapped, not read. Raises ArtifactError."""
        raise NotImplementedError

    def plain(self, ref: Ref) -> Any:
        """A JSON value; never anything that could run code. Raises ArtifactError for others."""
        raise NotImplementedError

    def place(self, ref: Ref, target: Path) -> Path:
        """Puts a verified file or folder at a path, as a link where that is safe."""
        raise NotImplementedError

    def lacking(self, refs: Iterable[Ref]) -> list[Ref]:
        """Those whose bytes are not there (a cheap look, no reading)."""
        raise NotImplementedError

    def items(self, ref: Ref) -> list[Ref]:
        """The items of a list, as references; a JSON list becomes one reference per item."""
        raise NotImplementedError

    def gather(self, refs: Sequence[Ref]) -> Ref:
        """One reference for a list of values; a JSON list where all items are short JSON."""
        raise NotImplementedError
