"""Whether a document is a WfFormat 1.5 instance: its form, and that its parts fit together.

The schema is our own restatement of the one that WfCommons publishes with the format: names,
types and limits are the same, and what the published one permits beyond them is permitted here.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from functools import cache
from importlib.resources import files
from typing import Any


def mistakes(document: Any) -> list[str]:
    """What is wrong, each with its place; an empty list when it holds."""
    breaches = sorted(
        _checker().iter_errors(document), key=lambda error: list(map(str, error.path))
    )
    found = [f"{'/'.join(map(str, error.absolute_path)) or 'document'}: {error.message[:300]}"
             for error in breaches]  # fmt: skip
    return found or list(_unfitting(document["workflow"]))


@cache
def _checker() -> Any:
    from jsonschema import Draft202012Validator, FormatChecker

    text = (files("lamina.records.exports") / "wfformat.schema.json").read_text("utf-8")
    return Draft202012Validator(json.loads(text), format_checker=FormatChecker())


def _unfitting(workflow: dict[str, Any]) -> Iterator[str]:
    """References that lead nowhere, parents and children that disagree, circles."""
    specification = workflow["specification"]
    tasks = {task["id"]: task for task in specification["tasks"]}
    if len(tasks) != len(specification["tasks"]):
        yield "two tasks have one id"
    known = {file["id"] for file in specification.get("files", ())}
    for name, task in tasks.items():
        yield from _loose_ends(name, task, tasks)
        named = [*task.get("inputFiles", ()), *task.get("outputFiles", ())]
        yield from (f"task {name}: {file} is no file" for file in named if file not in known)
    if _circle(tasks):
        yield "the tasks form a circle"
    for task in workflow.get("execution", {}).get("tasks", ()):
        if task["id"] not in tasks:
            yield f"execution: {task['id']} is no task of the specification"


def _loose_ends(name: str, task: dict[str, Any], tasks: dict[str, Any]) -> Iterator[str]:
    for key, back in (("parents", "children"), ("children", "parents")):
        for other in task[key]:
            if other not in tasks:
                yield f"task {name}: {key} name {other}, which is no task"
            elif name not in tasks[other][back]:
                yield f"task {name}: {key} name {other}, whose {back} do not name it"


def _circle(tasks: dict[str, Any]) -> bool:
    from graphlib import CycleError, TopologicalSorter

    graph = {name: [p for p in task["parents"] if p in tasks] for name, task in tasks.items()}
    try:
        TopologicalSorter(graph).prepare()
    except CycleError:
        return True
    return False
