"""`run -n` of a document: its inputs, as far as they are known without reading; its plan."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from lamina.data.artifacts.reference import Ref
from lamina.errors import LaminaError, UsageError
from lamina.estimates.observations import TaskTimes
from lamina.records.peek import Peek
from lamina.workflow.graph import Workflow
from lamina.workflow.ports import Port
from lamina.workspace.documents import document
from lamina.workspace.parameters import check_names
from lamina.workspace.planned_places import with_places
from lamina.workspace.plans import NOT_KNOWN, PlanValues, RunPlan, plan
from lamina.workspace.project import Project, project
from lamina.workspace.recalling import memory
from lamina.workspace.wishes import Wish


def dry_run(file: Path, given: Mapping[str, Any], wish: Wish | None = None) -> RunPlan:
    """What a run of a document would do; no code of the user runs, and no table is read.

    Args:
        file: a workflow document.
        given: inputs by name: text as on a command line, or plain values.
        wish: how it would run: what of it, what is forced, and whether earlier results may stand
            in; where its tasks may be placed.

    Raises:
        LaminaError: what is wrong with the document, its inputs or the profile.
    """
    wish = wish or Wish()
    workflow = document(file)
    check_names(workflow, given)
    home = project()
    if home.folder.is_dir():
        return planned(home, workflow, given, wish)
    with TemporaryDirectory() as made:  # a dry run leaves no trace
        return planned(Project(Path(made)), workflow, given, wish)


def planned(
    home: Project, workflow: Workflow, given: Mapping[str, Any], wish: Wish | None = None
) -> RunPlan:
    """What a run of a workflow in a project would do; see `dry_run`."""
    wish = wish or Wish()
    values = PlanValues(home)
    inputs = told_inputs(values, workflow, given)
    # Loading the records' library alone takes longer than the rest of a dry run.
    peek = Peek.at(home.store.url)
    try:
        recall = memory(home, workflow, wish.force, wish.cache, peek=peek)
        source = peek or home.store
        times = TaskTimes(source.observations(workflow.name))
        found = plan(workflow, inputs, values, recall, times, wish.until)
        return with_places(found, home, workflow, wish, source)
    finally:
        if peek is not None:
            peek.close()


def told_inputs(values: PlanValues, workflow: Workflow, given: Mapping[str, Any]) -> dict[str, Ref]:
    """References of a run's inputs, as far as they are known; those with a default are left out."""
    return {
        port.name: _input(values, port, given[port.name]) if port.name in given else NOT_KNOWN
        for port in workflow.inputs
        if port.name in given or not port.optional
    }


def _input(values: PlanValues, port: Port, given: Any) -> Ref:
    try:
        told = _told(given, str(port.type)) if isinstance(given, str) else given
        ref: Ref = values.constant(told, port, None)
    except LaminaError as error:
        error.message = f"input {port.name!r}: {error.message}"
        raise
    return ref


def _told(text: str, kind: str) -> Any:
    """What `lamina.workspace.values.value` makes of a text, where that needs no library."""
    if kind in ("str", "any", "file", "folder", "table", "model", "network"):
        return text
    if kind.startswith("list[") and not text.lstrip().startswith("["):
        inner = kind.removeprefix("list[").removesuffix("]")
        return [_told(part.strip(), inner) for part in text.split(",") if part.strip()]
    try:
        return json.loads(text)
    except json.JSONDecodeError as error:
        raise UsageError(
            f"{text!r} cannot be read as {kind}", "write it as JSON, say 3, 0.5, true, [1, 2]"
        ) from error
