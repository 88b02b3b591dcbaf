"""Outputs of a run from Python: each is read when it is asked for, and made again if damaged."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import Any

from lamina.data.artifacts.reference import Ref
from lamina.errors import ArtifactError, LaminaError, TaskFailedError, UnknownOutputError
from lamina.workspace.project import Project
from lamina.workspace.written import brief


class Outputs(Mapping[str, Any]):
    """Values of a run's outputs, each read from the store once it is asked for.

    Args:
        home: the project.
        refs: output -> reference.
        mend: has a damaged output made again; gives all of them.
    """

    def __init__(
        self,
        home: Project,
        refs: Mapping[str, Ref],
        mend: Callable[[ArtifactError], Mapping[str, Ref]],
    ) -> None:
        self._home = home
        self._refs = refs
        self._mend = mend
        self._values: dict[str, Any] = {}

    def __getitem__(self, name: str) -> Any:
        if name not in self._refs:
            raise UnknownOutputError("output", name, self._refs)
        if name not in self._values:
            self._values[name] = self._value(name)
        return self._values[name]

    def _value(self, name: str) -> Any:
        try:
            return self._home.artifacts.get(self._refs[name])
        except ArtifactError as error:
            if not error.digest:
                raise
            self._refs = self._mend(error)
        return self._home.artifacts.get(self._refs[name])

    def __iter__(self) -> Iterator[str]:
        return iter(self._refs)

    def __len__(self) -> int:
        return len(self._refs)

    def __repr__(self) -> str:
        return "\n".join(f"{name}: {worded(self._home, ref)}" for name, ref in self._refs.items())


def worded(home: Project, ref: Ref) -> str:
    """A value in one line, or why it cannot be read."""
    if ref.codec == "stream":  # it may be larger than the memory
        return f"stream of {ref.count} items"
    try:
        return brief(home.artifacts.get(ref))
    except (LaminaError, TaskFailedError) as error:
        return str(error).splitlines()[0]
