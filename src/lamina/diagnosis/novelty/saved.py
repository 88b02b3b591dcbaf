"""What was learnt from normal runs, as one file that holds no code."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from lamina.diagnosis.novelty import NOVELTY
from lamina.diagnosis.novelty.base import Novel
from lamina.diagnosis.sealed import opened, sealed
from lamina.errors import BundleError
from lamina.nets.bundle_file import read, write_atomically

VERSION = "novelty/1"
"""The version of the file."""
ENDING = ".novelty"
"""What the file's name usually ends in."""


@dataclass(frozen=True, eq=False)
class Learnt:
    """What tells strange runs of a workflow.

    Args:
        way: its name in `NOVELTY`.
        novel: what it learnt.
        workflow: of the runs that it learnt from.
        about: plain values: how many runs, seed.
    """

    way: str
    novel: Novel = field(repr=False)
    workflow: str = ""
    about: Mapping[str, Any] = field(default_factory=dict)

    def save(self, path: str | Path) -> Path:
        """Writes the file whole or not at all. Raises BundleError when it cannot be written."""
        learnt, arrays = self.novel.to_parts()
        document = {
            "way": self.way,
            "workflow": self.workflow,
            "about": dict(self.about),
            "learnt": learnt,
        }
        target = Path(path)
        write_atomically(target, sealed(document, arrays, VERSION), "detector")
        return target

    @classmethod
    def load(cls, path: str | Path) -> Learnt:
        """Reads a file.

        Raises:
            BundleError: no such file, damaged, of another version, or something else.
            UnknownNameError: it is of a way that is not known here.
        """
        document, arrays = opened(read(Path(path), "detector"), VERSION, str(path))
        try:
            way, learnt = document["way"], document["learnt"]
            novel = NOVELTY.get(way)().restore(learnt, arrays)
            return cls(way, novel, document["workflow"], document["about"])
        except (KeyError, TypeError, ValueError, IndexError) as error:
            raise BundleError(
                f"{path} does not hold what was learnt from normal runs: {error}",
                "learn it again from runs in which nothing went wrong",
            ) from error
