"""`export`: a recorded run in the words of other systems."""

from __future__ import annotations

import json
import shutil
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from lamina.data.artifacts import store as kept
from lamina.data.artifacts.codecs import CODECS
from lamina.data.artifacts.reference import Ref
from lamina.errors import ArtifactError, LaminaError
from lamina.records.exports import EXPORTERS
from lamina.records.exports.base import Artifacts
from lamina.records.history import History, history_of
from lamina.workspace.outputs import file_to_write
from lamina.workspace.project import Project, project
from lamina.workspace.timelines import document_reader

SUFFIXES = {
    "arrow": ".arrow",
    "npy": ".npy",
    "bundle": ".lamina",
    "bytes": ".bin",
    "network": ".json",
    "stream": ".stream",
    "tensor": ".safetensors",
}
"""Codec -> ending of a file with such bytes."""

_MOST_ITEMS = 10_000


def export(run: str, targets: Mapping[str, Path], here: Project | None = None) -> list[Path]:
    """Writes a recorded run in one or more formats.

    Args:
        run: id, beginning of an id, name, or "last".
        targets: format (see `EXPORTERS`) -> file, folder or archive.
        here: the project; that of the current folder when None.

    Raises:
        LaminaError: no such run or format, records that cannot be read, a place that cannot be
            written.
    """
    home = here or project()
    exporters = {name: EXPORTERS.get(name)() for name in targets}
    history = read(run, home)
    artifacts = StoredArtifacts(home.artifacts)
    for name, target in targets.items():
        exporter = exporters[name]
        place = file_to_write(target) if exporter.suffix else target
        exporter.export(history, place, artifacts)
    return list(targets.values())


def read(run: str, home: Project) -> History:
    """The history of a recorded run."""
    record = home.store.find(run)
    events = (event for _, event in home.store.events(record.id))
    return history_of(record, events, None, document_reader(record))


class StoredArtifacts(Artifacts):
    """Values of the project's artifact store as files, verified; pickles are never given out."""

    def __init__(self, store: kept.Artifacts) -> None:
        self._store = store

    def place(self, ref: Mapping[str, Any], target: Path) -> Path | None:
        """The value in a form that others read; a list becomes a folder of numbered files."""
        try:
            return self._place(Ref.from_json(ref), target)
        except (LaminaError, OSError, KeyError, TypeError, RecursionError):
            return None

    def _place(self, ref: Ref, target: Path) -> Path | None:
        if ref.codec in ("file", "folder"):
            return _copied(Path(self._store.get(ref, trusted=False)), target)
        if ref.codec == "list":
            return self._list(ref, target)
        if ref.codec in ("json", "tree"):
            text = json.dumps(self._store.plain(ref), ensure_ascii=False)
            path = _ending(target, ".json")
            path.write_text(text + "\n", encoding="utf-8")
            return path
        if not CODECS.get(ref.codec).safe:
            return None
        path = _ending(target, SUFFIXES.get(ref.codec, ".bin"))
        path.write_bytes(self._store.objects.read(ref.digest))
        return path

    def _list(self, ref: Ref, target: Path) -> Path | None:
        items = self._store.items(ref)
        if len(items) > _MOST_ITEMS:
            return None
        target.mkdir()
        width = len(str(len(items)))
        for number, item in enumerate(items):
            name = f"{number:0{width}}" + (f"-{item.name}" if item.name else "")
            if self._place(item, target / name) is None:
                raise ArtifactError(f"item {number} cannot be given out")
        return target


def _copied(source: Path, target: Path) -> Path:
    """A copy of its own: what is given away must not lead back into the store or the project."""
    if source.is_dir():
        shutil.copytree(source, target, copy_function=shutil.copyfile)
    else:
        shutil.copyfile(source, target)
    return target


def _ending(target: Path, suffix: str) -> Path:
    return target if target.suffix == suffix else target.with_name(target.name + suffix)
