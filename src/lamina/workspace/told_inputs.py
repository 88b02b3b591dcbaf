"""What told values became: "iris", "data.csv", "papers-1" are read once, and not for a dry run."""

from __future__ import annotations

import json
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any

from lamina import __version__
from lamina.data.artifacts.reference import Ref
from lamina.execution.values import StoredValues
from lamina.workflow.graph import Workflow
from lamina.workflow.ports import Port
from lamina.workflow.types import TYPES, PortType
from lamina.workspace.project import Project

NAME = "told-values"
"""Name of the file, in the project's folder; a line per value, the last one counts."""


class ToldValues:
    """Remembers references of values that readers made of texts.

    A value of a file counts as long as the file's size and time are the same; one of a name, as
    long as Lamina's version is.

    Args:
        project: whose folder remembers.
    """

    def __init__(self, project: Project) -> None:
        self._path = project.folder / NAME
        self._known: dict[str, Any] | None = None

    def known(self, told: Any, kind: PortType, folder: Path | None) -> Ref | None:
        """The reference of a told value that was read before."""
        name = _name(told, kind, folder)
        if not name:
            return None
        if self._known is None:
            self._known = self._read()
        entry = self._known.get(name)
        return Ref.from_json(entry) if entry is not None else None

    def learn(self, told: Any, kind: PortType, folder: Path | None, ref: Ref) -> None:
        """Remembers what a told value became."""
        name = _name(told, kind, folder)
        if not name or self.known(told, kind, folder) == ref:
            return
        entry = ref.to_json()
        assert self._known is not None
        self._known[name] = entry
        with suppress(OSError), self._path.open("a", encoding="utf-8") as file:
            file.write(json.dumps([name, entry]) + "\n")

    def all(self) -> dict[str, Any]:
        """All that is remembered: text of a JSON list (type, version, told, ...) -> reference."""
        if self._known is None:
            self._known = self._read()
        return self._known

    def _read(self) -> dict[str, Any]:
        found = {}
        with suppress(OSError, UnicodeDecodeError):
            for line in self._path.read_text("utf-8").splitlines():
                with suppress(ValueError, TypeError):  # a line that a killed process began
                    name, entry = json.loads(line)
                    found[name] = entry
        return found


def is_read(told: Any, kind: PortType) -> bool:
    """Whether a reader has to make the value of what was told."""
    return kind.of is None and TYPES.get(kind.name).reads(told)


def _name(told: Any, kind: PortType, folder: Path | None) -> str:
    """What a told value is remembered by; empty for one that is what it is."""
    if not is_read(told, kind):
        return ""
    if isinstance(told, Mapping):
        return json.dumps([str(kind), __version__, told], sort_keys=True, default=str)
    path = ((folder or Path()) / told).absolute()
    try:
        found = path.stat()
    except (OSError, ValueError):
        return json.dumps([str(kind), __version__, told])
    return json.dumps([str(kind), __version__, str(path), found.st_size, found.st_mtime_ns])


class ReadOnce(StoredValues):
    """References to values in a store; told ones that were read before are not read again."""

    def __init__(self, project: Project) -> None:
        super().__init__(project.artifacts)
        self.told = ToldValues(project)

    def constant(self, value: Any, port: Port, folder: Path | None) -> Any:
        """As in `StoredValues`, from memory where the bytes are still there."""
        if not is_read(value, port.type):
            return super().constant(value, port, folder)
        known = self.told.known(value, port.type, folder)
        if known is not None and not self._artifacts.lacking([known]):
            return known
        ref = super().constant(value, port, folder)
        if isinstance(ref, Ref):
            self.told.learn(value, port.type, folder, ref)
        return ref


def remember(
    project: Project, workflow: Workflow, given: Mapping[str, Any], inputs: Mapping[str, Ref]
) -> None:
    """Remembers what a run's inputs became.

    Args:
        project: whose folder remembers.
        workflow: whose inputs they are.
        given: as a person told them, relative to the current folder.
        inputs: what they became, defaults among them.
    """
    told = ToldValues(project)
    for port in workflow.inputs:
        if port.name not in inputs:
            continue
        if port.name in given:
            told.learn(given[port.name], port.type, None, inputs[port.name])
        else:
            told.learn(port.default, port.type, workflow.folder, inputs[port.name])
