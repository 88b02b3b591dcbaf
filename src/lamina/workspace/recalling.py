"""The memory of a run, wired: the cache asks the project's records and artifacts."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from lamina.errors import UnknownNameError
from lamina.execution.cache.recalled import Choice, Ledger, Recalled, made_ports
from lamina.workflow.graph import Workflow
from lamina.workspace.project import Project

if TYPE_CHECKING:
    from lamina.records.peek import Peek

EVERY = "*"
"""Stands for all tasks where tasks are forced."""


def memory(
    project: Project,
    workflow: Workflow,
    force: Iterable[str] = (),
    cache: bool = True,
    folder: Path | None = None,
    peek: Peek | None = None,
) -> Recalled:
    """What a run asks before it runs a task.

    Args:
        project: whose records and artifacts are asked.
        workflow: what runs.
        force: tasks that run again whatever is known; "*" for all.
        cache: whether earlier results may stand in, and this run's are kept.
        folder: what relative files in commands are relative to; the workflow's when None.
        peek: reads the records instead, and nothing is written: for a dry run.

    Raises:
        UnknownNameError: a task is forced that the workflow does not have.
    """
    told = frozenset(force)
    check_tasks(workflow, told - {EVERY})
    choice = Choice(told - {EVERY}, EVERY in told, cache)
    return Recalled(workflow, ledger(project, workflow, peek), project.artifacts, choice, folder)


def ledger(project: Project, workflow: Workflow, peek: Peek | None = None) -> Ledger:
    """What a memory asks the records."""
    reader = peek or project.store
    keep = project.store.keep if peek is None else _nothing
    return Ledger(reader.results, keep, reader.recipes, reader.attempts(workflow.name))


def check_tasks(workflow: Workflow, names: Iterable[str]) -> None:
    """Raises UnknownNameError for a name that is none of a task or unit of the workflow."""
    chosen = sorted(names)
    known = made_ports(workflow) if chosen else {}
    for name in chosen:
        # What stands behind a task that decides on tasks is not known before.
        if name.partition("/")[0].partition("[")[0].partition("#")[0] not in known:
            raise UnknownNameError("task", name, known)


def _nothing(recipes: Mapping[str, Mapping[str, Any]]) -> None:
    del recipes
