"""Inputs of a run that goes on: those whose kept value is damaged are read again."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping

from lamina.data.artifacts.reference import Ref
from lamina.errors import ArtifactError, LaminaError
from lamina.execution.values import StoredValues
from lamina.workflow.graph import Workflow
from lamina.workspace.project import Project
from lamina.workspace.told_inputs import ToldValues


def whole_inputs(project: Project, workflow: Workflow, inputs: Mapping[str, Ref]) -> None:
    """Sees that all inputs can be read, and makes those again that cannot.

    Args:
        project: whose store holds them.
        workflow: what runs.
        inputs: workflow input -> reference.

    Raises:
        ArtifactError: one is damaged, and what it was read from is not there as it was.
    """
    for name, ref in inputs.items():
        if ref.inline is not None or ref.origin:
            continue
        try:
            project.artifacts.get(ref, trusted=False)
        except ArtifactError as error:
            if error.digest:
                _read_again(project, workflow, name, ref)


def _read_again(project: Project, workflow: Workflow, name: str, ref: Ref) -> None:
    port = workflow.input(name)
    values = StoredValues(project.artifacts)
    for told in _sources(project, ref):
        try:
            if values.constant(told, port, None) == ref:
                return
        except LaminaError:
            continue
    raise ArtifactError(
        f"input {name!r}: its kept value is damaged, and it cannot be read again as it was",
        "start a new run with the inputs that you have: lamina run FILE",
        ref.digest,
    )


def _sources(project: Project, ref: Ref) -> Iterator[object]:
    """What people told that became this value: paths, names, mappings."""
    for key, entry in ToldValues(project).all().items():
        if Ref.from_json(entry) == ref:
            told = json.loads(key)
            yield told[2]
