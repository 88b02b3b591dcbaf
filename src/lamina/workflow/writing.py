"""Workflows as documents: plain mappings in a stable order, and their YAML or JSON text."""

from __future__ import annotations

import json
import os
import tempfile
from pathlib import Path
from typing import Any

from lamina.errors import DocumentError, LaminaError
from lamina.workflow.actions.composite import Composite
from lamina.workflow.care import care_to_document
from lamina.workflow.graph import Edge, Task, Workflow
from lamina.workflow.needs import PLAIN
from lamina.workflow.ports import Port, Signature, keepable, port_to_document
from lamina.workflow.reading import yaml_text
from lamina.workflow.types import joined_type

VERSION = "workflow/1"


def workflow_to_document(workflow: Workflow) -> dict[str, Any]:
    """The workflow as plain mappings and lists; `workflow_from_document` reads an equal one.

    Raises:
        DocumentError: functions that only exist in this process, and values that are no plain
            data, all at once.
    """
    mistakes = _unkeepable(workflow, "")
    if mistakes:
        raise DocumentError(f"workflow {workflow.name!r} cannot be written", mistakes)
    return {"lamina": VERSION, **body_of(workflow)}


def workflow_to_text(workflow: Workflow, form: str = "yaml") -> str:
    """The document as text. form: "yaml" or "json".

    Raises:
        DocumentError: as `workflow_to_document`.
    """
    document = workflow_to_document(workflow)
    if form == "json":
        return json.dumps(document, indent=2, ensure_ascii=False, allow_nan=False) + "\n"
    return yaml_text(document)


def write_workflow(workflow: Workflow, path: str | Path) -> Path:
    """Writes the document, as JSON where the name ends so; the file is whole or not there.

    Raises:
        DocumentError: as `workflow_to_document`, or the file cannot be written.
    """
    target = Path(path)
    text = workflow_to_text(workflow, "json" if target.suffix == ".json" else "yaml")
    try:
        handle, name = tempfile.mkstemp(dir=target.parent, prefix=f".{target.name}.")
        with os.fdopen(handle, "w", encoding="utf-8") as file:
            file.write(text)
        Path(name).replace(target)
    except OSError as error:
        raise DocumentError(
            str(target), [f"cannot be written: {error.strerror}"], "check the folder and its rights"
        ) from error
    return target


def body_of(workflow: Workflow) -> dict[str, Any]:
    """The document without its version line: also the form of a workflow inside another."""
    body: dict[str, Any] = {"name": workflow.name}
    if workflow.description:
        body["description"] = workflow.description
    if workflow.inputs:
        body["inputs"] = _ports(workflow.inputs)
    body["tasks"] = {task.name: _task(task, workflow) for task in workflow.tasks}
    if workflow.outputs:
        edges = _by_port(workflow.incoming[""])
        body["outputs"] = {
            port.name: _output(port, edges[port.name], workflow) for port in workflow.outputs
        }
    if workflow.layout:
        body["layout"] = {name: list(spot) for name, spot in workflow.layout.items()}
    return body


def _ports(ports: tuple[Port, ...]) -> dict[str, Any]:
    return {port.name: port_to_document(port) for port in ports}


def _task(task: Task, workflow: Workflow) -> dict[str, Any]:
    entry = task.action.to_document()
    if _to_declare(task):
        entry["takes"] = _ports(task.inputs)
        entry["gives"] = _ports(task.outputs)
    edges = _by_port(workflow.incoming[task.name])
    if edges:
        entry["in"] = {port: _sources(found) for port, found in edges.items()}
    if task.parameters:
        names = [port.name for port in task.inputs if port.name in task.parameters]
        entry["with"] = {name: task.parameters[name] for name in names}
    if task.scatter:
        entry["scatter"] = list(task.scatter)
    if task.care is not PLAIN and task.care != PLAIN:
        entry |= care_to_document(task.care)
    return entry


def _to_declare(task: Task) -> bool:
    """Whether a reader could not know the ports from the action alone."""
    if task.action.kind == "python":
        return True
    try:
        return task.action.signature() != Signature(task.inputs, task.outputs)
    except LaminaError:
        return True


def _by_port(edges: tuple[Edge, ...]) -> dict[str, list[Edge]]:
    found: dict[str, list[Edge]] = {}
    for edge in edges:
        found.setdefault(edge.target_port, []).append(edge)
    return found


def _sources(edges: list[Edge]) -> Any:
    if edges[0].position is None:
        return edges[0].source
    return [edge.source for edge in edges]


def _output(port: Port, edges: list[Edge], workflow: Workflow) -> Any:
    source = _sources(edges)
    plain = Port(port.name, source_type(source, workflow))
    if port == plain:
        return source
    entry = port_to_document(port)
    return {"from": source, **({"type": entry} if isinstance(entry, str) else entry)}


def source_type(source: Any, workflow: Workflow) -> Any:
    """Type of what a workflow output gets when its document does not say."""
    sources = source if isinstance(source, list) else [source]
    kinds = []
    for name in sources:
        task, _, port = name.rpartition(".")
        if task:
            owner = workflow.by_name[task]
            kinds.append(owner.gives(owner.output(port)))
        else:
            kinds.append(workflow.input(port).type)
    return joined_type(kinds, isinstance(source, list))


def _unkeepable(workflow: Workflow, where: str) -> list[str]:
    """What a document cannot hold, in this workflow and in those inside it."""
    found = [_default(port, where) for port in (*workflow.inputs, *workflow.outputs)]
    if not keepable(workflow.description):
        found.append(f"{where}the description is no Unicode text; remove its lone surrogates")
    for task in workflow.tasks:
        who = f"{where}task {task.name!r}: "
        found += [
            f"{who}parameter {name!r}: {_no_data(value)}"
            for name, value in task.parameters.items()
            if not keepable(value)
        ]
        found += [_default(port, who) for port in (*task.inputs, *task.outputs)]
        if isinstance(task.action, Composite):
            for part in task.action.parts():
                found += _unkeepable(part.workflow, who)
        else:
            found.append(_action(task, who))
    return [mistake for mistake in found if mistake]


def _default(port: Port, who: str) -> str:
    return "" if keepable(port.default) else f"{who}port {port.name!r}: {_no_data(port.default)}"


def _action(task: Task, who: str) -> str:
    try:
        task.action.to_document()
    except LaminaError as error:
        return f"{who}{error.message}; {error.way_out}"
    return ""


def _no_data(value: Any) -> str:
    kind = repr(value) if isinstance(value, float) else type(value).__name__
    return (
        f"a document cannot keep the value ({kind}); make it a workflow input, or use plain "
        "data: text, finite numbers, booleans, lists, mappings with text keys"
    )
