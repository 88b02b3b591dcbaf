"""The project: the folder `.lamina` that holds the records, the artifacts and the runs' files."""

from __future__ import annotations

import os
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from lamina.data.artifacts.store import Artifacts
    from lamina.records.store import Store

NAME = ".lamina"
"""Name of the folder."""

STORE = "LAMINA_STORE"
"""Environment variable with the URL of another record store, say a PostgreSQL server's."""


@dataclass(frozen=True)
class Project:
    """The parts that every verb needs; nothing is opened before it is used.

    Args:
        folder: the `.lamina` folder; need not exist yet.
    """

    folder: Path

    @cached_property
    def store(self) -> Store:
        """The record of runs: LAMINA_STORE, or SQLite in the folder."""
        from lamina.records.store import Store

        return Store(os.environ.get(STORE) or f"sqlite:///{self.folder / 'records.sqlite'}")

    @cached_property
    def artifacts(self) -> Artifacts:
        """Values and files by digest."""
        from lamina.data.artifacts.store import Artifacts

        return Artifacts(self.folder / "artifacts")

    @property
    def profile(self) -> Path | None:
        """Runtimes for tasks that are placed, where a run names none: the folder's profile.yaml."""
        file = self.folder / "profile.yaml"
        return file if file.is_file() else None

    def run_folder(self, run: str) -> Path:
        """Where the files of a run lie: its attempts' folders, logs and checkpoints."""
        return self.folder / "runs" / run


def project(start: Path | None = None) -> Project:
    """The project of a folder: the nearest `.lamina` at or above it, else one to be made there.

    Args:
        start: where to look from; the current folder when None. LAMINA_PROJECT names one for good.
    """
    told = os.environ.get("LAMINA_PROJECT")
    here = Path(told) if told else (start or Path.cwd()).absolute()
    if not told:
        for folder in (here, *here.parents):
            if (folder / NAME).is_dir():
                return Project(folder / NAME)
    return Project(here / NAME)
