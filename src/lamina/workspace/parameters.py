"""Inputs of a run as a person gives them: NAME=VALUE, and files of them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from lamina.errors import UsageError
from lamina.workflow.graph import Workflow
from lamina.workflow.reading import file_text, parse_text


def parameters(given: Sequence[str], file: Path | None) -> dict[str, Any]:
    """Inputs from -p NAME=VALUE (as text) over those of a YAML or JSON file.

    Raises:
        UsageError: a parameter without "=", or a file that is no mapping.
    """
    found: dict[str, Any] = {}
    if file is not None:
        document = parse_text(file_text(file), str(file))
        if not isinstance(document, Mapping):
            raise UsageError(f"{file} is no mapping of names to values", "write NAME: VALUE lines")
        found.update({str(name): entry for name, entry in document.items()})
    for text in given:
        name, equals, told = text.partition("=")
        if not equals:
            raise UsageError(f"-p {text!r} cannot be read", "write -p NAME=VALUE")
        found[name.strip()] = told
    return found


def check_names(workflow: Workflow, given: Mapping[str, Any]) -> None:
    """Raises UsageError for names that are no inputs of the workflow."""
    known = [port.name for port in workflow.inputs]
    unknown = [name for name in given if name not in known]
    if unknown:
        raise UsageError(
            f"workflow {workflow.name!r} has no input {', '.join(map(repr, unknown))}",
            f"its inputs: {', '.join(known) or 'none'}",
        )
