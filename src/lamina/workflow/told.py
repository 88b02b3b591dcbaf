"""Parameters and defaults that are told by a text: those that can be read at once, checked."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

from lamina.errors import LaminaError
from lamina.workflow.graph import Workflow
from lamina.workflow.types import TYPES, PortType


def told_mistakes(workflow: Workflow) -> Iterator[tuple[str, str]]:
    """(place, problem) of every told value that its reader refuses; only quick readers are asked.

    So a misspelled network is found before a run starts. Sub-workflows are not looked into.
    """
    folder = (workflow.folder or Path.cwd()).absolute()
    for port in workflow.inputs:
        problem = _problem(port.type, port.default, folder)
        if problem:
            yield f"workflow input {port.name!r}", f"its default: {problem}"
    for task in workflow.tasks:
        for name, value in task.parameters.items():
            problem = _problem(task.takes(task.input(name)), value, folder)
            if problem:
                yield f"task {task.name!r}", f"port {name!r}: {problem}"


def _problem(kind: PortType, value: Any, folder: Path) -> str:
    inner = kind
    while inner.of is not None:
        inner = inner.of
    if value is None or not TYPES.get(inner.name).quick:
        return ""
    try:
        kind.made(value, folder)
    except LaminaError as error:
        return f"{' '.join(error.message.split())}; {error.way_out}".removesuffix("; ")
    return ""
