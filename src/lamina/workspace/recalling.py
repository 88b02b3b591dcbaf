"""The memory of a run, wired: the cache asks the project's records and artifacts."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

from lamina.execution.cache.recalled import Choice, Ledger, Recalled
from lamina.workflow.graph import Workflow
from lamina.workspace.project import Project

EVERY = "*"
"""Stands for all tasks where tasks are forced."""


def memory(
    project: Project,
    workflow: Workflow,
    force: Iterable[str] = (),
    cache: bool = True,
    folder: Path | None = None,
) -> Recalled:
    """What a run asks before it runs a task.

    Args:
        project: whose records and artifacts are asked.
        workflow: what runs.
        force: tasks that run again whatever is known; "*" for all.
        cache: whether earlier results may stand in, and this run's are kept.
        folder: what relative files in commands are relative to; the workflow's when None.
    """
    store, told = project.store, frozenset(force)
    ledger = Ledger(store.results, store.keep, store.recipes, store.attempts(workflow.name))
    choice = Choice(told - {EVERY}, EVERY in told, cache)
    return Recalled(workflow, ledger, project.artifacts, choice, folder)
