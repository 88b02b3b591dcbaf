"""Tasks that decide while they run which tasks come next: they return a workflow to run."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from lamina.errors import UsageError
from lamina.workflow.build import Builder
from lamina.workflow.graph import Workflow
from lamina.workflow.ports import Port


@dataclass(frozen=True, eq=False)
class Expansion:
    """What a task returns that wants a workflow to run in its place.

    Args:
        workflow: its outputs become the task's outputs.
        inputs: its inputs by name.
    """

    workflow: Workflow
    inputs: Mapping[str, Any]

    def document(self) -> dict[str, Any]:
        """The workflow as plain data that another process can read; see `expanded`.

        Functions without a name to find them by (of a notebook's cell, a lambda) go along, signed.

        Raises:
            DocumentError: values that are no plain data.
            ArtifactError: a function that cannot be sent.
        """
        from lamina.workflow.sent import without_functions
        from lamina.workflow.writing import workflow_to_document

        folder = self.workflow.folder or _folder_of_files(self.workflow)
        plain, functions = without_functions(self.workflow)
        entry = {
            "workflow": workflow_to_document(plain),
            "folder": str((folder or Path.cwd()).absolute()),
        }
        return {**entry, "functions": functions} if functions else entry


def expand(workflow: Workflow | Builder, **inputs: Any) -> Any:
    """What a task returns to have a workflow run in its place.

    The outputs of the workflow become those of the task, whose function is annotated with them:
    by name, or its only output as the task's only one.

    Args:
        workflow: what to run.
        inputs: its inputs by name.

    Raises:
        UsageError: missing, unknown or unfitting inputs, all at once.

    Example:
        @task
        def each(folder: Path) -> list[int]:
            with workflow("sizes") as w:
                w.output("sizes", size.map(w.input("files", "list[file]")))
            return expand(w, files=sorted(folder.iterdir()))
    """
    made = workflow.workflow if isinstance(workflow, Builder) else workflow
    known = {port.name: port for port in made.inputs}
    mistakes = [f"it has no input {name!r}" for name in inputs if name not in known]
    for name, port in known.items():
        if name in inputs:
            problem = port.problem(inputs[name], told=True)
            mistakes += [f"input {name!r} needs {port.type}; it {problem}"] if problem else []
        elif not port.optional:
            mistakes.append(f"input {name!r} ({port.type}) is missing")
    if mistakes:
        listed = ", ".join(f"{port.name} ({port.type})" for port in made.inputs) or "none"
        raise UsageError(
            f"workflow {made.name!r} cannot be expanded: " + "; ".join(mistakes),
            f"its inputs are: {listed}",
        )
    return Expansion(made, inputs)


def expanded(document: Mapping[str, Any]) -> Workflow:
    """The workflow of `Expansion.document`; no code of the user is run. Raises DocumentError."""
    from lamina.workflow.document import workflow_from_document
    from lamina.workflow.sent import with_functions

    read = workflow_from_document(document["workflow"], document["folder"], "expansion")
    return with_functions(read, document.get("functions", {}))


def outputs_in(workflow: Workflow, ports: tuple[Port, ...]) -> dict[str, str]:
    """Output port of a task -> output of the workflow that runs in its place.

    Raises:
        UsageError: the workflow lacks outputs, or gives others.
    """
    names = [port.name for port in ports]
    given = [port.name for port in workflow.outputs]
    if len(names) == len(given) == 1:
        return {names[0]: given[0]}
    if set(names) <= set(given):
        return {name: name for name in names}
    raise UsageError(
        f"it decided on workflow {workflow.name!r}, whose outputs are "
        f"{', '.join(given) or 'none'}; the task has {', '.join(names) or 'none'}",
        "give the workflow the outputs of the task",
    )


def _folder_of_files(workflow: Workflow) -> Path | None:
    """Where the functions lie that are named by a file; those of one workflow share a folder."""
    from lamina.workflow.actions.python import PythonAction

    folders = {
        task.action.folder
        for task in workflow.tasks
        if isinstance(task.action, PythonAction) and task.action.folder is not None
    }
    return folders.pop() if len(folders) == 1 else None
