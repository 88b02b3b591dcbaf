"""Values on their way: checked against port types, paths made absolute."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from lamina.errors import LaminaError, UnknownNameError, UsageError
from lamina.workflow.graph import Workflow
from lamina.workflow.ports import Port
from lamina.workflow.types import PortType


def arrived(
    port: Port, value: Any, folder: Path | None = None, told: bool = False
) -> tuple[Any, str]:
    """The value as the port takes it, and why it cannot (empty when it can).

    Files and folders become absolute paths, relative ones from `folder` (the current one when
    None), and have to exist. A told value (a parameter, a default, an input of a run) may be a
    text or a mapping that the type's reader takes: "papers-1" becomes a network.
    """
    if value is None and port.optional:
        return None, ""
    problem = port.type.problem(value, told)
    if problem:
        whose = "it" if problem.startswith("gets") else "its"
        return value, f"needs {port.type}; {whose} {problem}"
    if told:
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
    if kind.name not in ("file", "folder"):
        return value, ""
    path = (folder or Path.cwd()).absolute() / Path(value)
    there = path.is_dir() if kind.name == "folder" else path.is_file()
    return path, "" if there else f"needs a {kind.name}; {path} does not exist or is none"


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
