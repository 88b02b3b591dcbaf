"""Values on their way: checked against port types, made into lists and taken out of them."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from lamina.data.artifacts.reference import Ref
from lamina.data.artifacts.store import Artifacts
from lamina.data.staging.address import is_local, is_remote, local_path
from lamina.errors import LaminaError, UnknownNameError, UsageError
from lamina.workflow.graph import Workflow
from lamina.workflow.ports import Port
from lamina.workflow.types import TYPES, PortType


def arrived(
    port: Port, value: Any, folder: Path | None = None, told: bool = False
) -> tuple[Any, str]:
    """The value as the port takes it, and why it cannot (empty when it can).

    Files and folders become absolute paths, relative ones from `folder` (the current one when
    None), and have to exist; files of other places (URLs) stay as they are. A told value (a
    parameter, a default, an input of a run) may be a text or a mapping that the type's reader
    takes: "papers-1" becomes a network.
    """
    if value is None and port.optional:
        return None, ""
    problem = port.type.problem(value, told)
    if problem:
        whose = "it" if problem.startswith("gets") else "its"
        return value, f"needs {port.type}; {whose} {problem}"
    if told and TYPES.get(_innermost(port.type)).reader:
        try:
            value = port.type.made(value, (folder or Path.cwd()).absolute())
        except LaminaError as error:
            why = " ".join(error.message.split())
            return value, f"needs {port.type}; {why}; {error.way_out}".removesuffix("; ")
    return _placed(port.type, value, folder)


def _placed(kind: PortType, value: Any, folder: Path | None) -> tuple[Any, str]:
    if kind.streams and not isinstance(value, (list, tuple)):
        return value, ""
    if kind.of is not None and _innermost(kind) in ("file", "folder"):
        placed = [_placed(kind.of, item, folder) for item in value]
        return [item for item, _ in placed], next((why for _, why in placed if why), "")
    if kind.name not in ("file", "folder") or is_remote(value):
        return value, ""
    own = local_path(value) if is_local(value) else Path(value)
    path = (folder or Path.cwd()).absolute() / own
    there = path.is_dir() if kind.name == "folder" else path.is_file()
    problem = "" if there else f"needs a {kind.name}; {path} does not exist or is none"
    # An address that promises the content is kept: the promise is checked when it is read.
    return (value if is_local(value) and "#" in value else path), problem


def _innermost(kind: PortType) -> str:
    while kind.of is not None:
        kind = kind.of
    return kind.name


def run_inputs(workflow: Workflow, given: Mapping[str, Any]) -> dict[str, Any]:
    """What a run starts with: the given inputs checked, the defaults for the rest.

    Raises:
        UsageError: missing, unknown or unfitting inputs, all at once, each with its name.
    """
    known = {port.name: port for port in workflow.inputs}
    mistakes = [
        f"no input is called {name!r}; {UnknownNameError('input', name, known).way_out}"
        for name in given
        if name not in known
    ]
    values = {}
    for name, port in known.items():
        if name in given:
            values[name], problem = arrived(port, given[name], told=True)
        elif port.optional:
            values[name], problem = arrived(port, port.default, workflow.folder, told=True)
        else:
            problem = f"is missing ({port.type})"
        if problem:
            mistakes.append(f"input {name!r} {problem}")
    if mistakes:
        wanted = ", ".join(f"{port.name} ({port.type})" for port in workflow.inputs) or "none"
        raise UsageError(
            f"workflow {workflow.name!r} cannot start: " + "; ".join(mistakes),
            f"its inputs are: {wanted}",
        )
    return values


class Values(ABC):
    """What the engine can do with the values of a run, in the form that it holds them in."""

    lasting = False
    """Whether a value can be read again later, and made again when it was lost."""

    @abstractmethod
    def items(self, value: Any) -> list[Any]:
        """The items of a list. Raises UsageError for a value that is none."""

    @abstractmethod
    def gather(self, items: Sequence[Any]) -> Any:
        """A list of values as one."""

    @abstractmethod
    def constant(self, value: Any, port: Port, folder: Path | None) -> Any:
        """A told value: a parameter, a default, an input of a run.

        Args:
            folder: what relative paths begin in; the current folder when None.

        Raises:
            UsageError: it is not of the port's type, or a file that does not exist.
        """

    @abstractmethod
    def plain(self, value: Any) -> Any:
        """A value that JSON can hold, such as a condition. Raises LaminaError for others."""

    def leaving(self, value: Any, port: Port) -> Any:
        """A value as an output of the run takes it. Raises UsageError for one of another type."""
        del port
        return value

    def holds(self, value: Any, digests: frozenset[str]) -> bool:
        """Whether a value is one of these damaged artifacts."""
        del value, digests
        return False

    @abstractmethod
    def note(self, values: Mapping[str, Any]) -> dict[str, Any]:
        """Values by port, as the record of the run keeps them."""


class MemoryValues(Values):
    """The values themselves, in this process; a record keeps nothing of them."""

    def items(self, value: Any) -> list[Any]:
        """The list itself."""
        if not isinstance(value, (list, tuple)):
            raise UsageError(f"needs a list; it gets {type(value).__name__}", "scatter over a list")
        return list(value)

    def gather(self, items: Sequence[Any]) -> Any:
        """The list itself."""
        return list(items)

    def constant(self, value: Any, port: Port, folder: Path | None) -> Any:
        """What the type's reader makes of it."""
        return told_value(value, port, folder)

    def plain(self, value: Any) -> Any:
        """The value itself."""
        return value

    def leaving(self, value: Any, port: Port) -> Any:
        """Checked, as it is where it enters a task."""
        found, problem = arrived(port, value)
        if problem:
            raise UsageError(problem)
        return found

    def note(self, values: Mapping[str, Any]) -> dict[str, Any]:
        """Nothing."""
        del values
        return {}


class StoredValues(Values):
    """References to values that lie in a store; user values are never read here.

    Args:
        artifacts: where they lie.
    """

    lasting = True

    def __init__(self, artifacts: Artifacts) -> None:
        self._artifacts = artifacts

    def items(self, value: Any) -> list[Any]:
        """One reference per item."""
        return list(self._artifacts.items(value))

    def gather(self, items: Sequence[Any]) -> Any:
        """One reference to the list."""
        return self._artifacts.gather(items)

    def constant(self, value: Any, port: Port, folder: Path | None) -> Any:
        """Kept in the store; files stay where they are."""
        if isinstance(value, Ref):
            return value
        return self._artifacts.refer(told_value(value, port, folder), port.type)

    def plain(self, value: Any) -> Any:
        """The value, if it is JSON."""
        return self._artifacts.plain(value)

    def holds(self, value: Any, digests: frozenset[str]) -> bool:
        """By the digest of the value itself, not of its items."""
        return isinstance(value, Ref) and value.digest in digests

    def note(self, values: Mapping[str, Any]) -> dict[str, Any]:
        """References by port, in their JSON form."""
        return {name: ref.to_json() for name, ref in values.items() if isinstance(ref, Ref)}


def told_value(value: Any, port: Port, folder: Path | None) -> Any:
    """What a told value is for a port. Raises UsageError."""
    found, problem = arrived(port, value, folder, told=True)
    if problem:
        raise UsageError(problem)
    return found
