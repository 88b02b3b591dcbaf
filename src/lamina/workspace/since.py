"""What changed since tasks of a run ended: a run that goes on keeps their results, and says so."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any

from lamina.errors import LaminaError
from lamina.execution.cache.reasons import recipe_changes
from lamina.execution.cache.recipes import Recipes
from lamina.records.store import RunRecord
from lamina.workflow.graph import Workflow
from lamina.workflow.log import AttemptStarted, Event
from lamina.workflow.units import task_of
from lamina.workspace.locating import Decided, task_at
from lamina.workspace.project import Project

CHANGED = "changed since it ended"
"""What the record notices of such a task."""


def changed_since(
    home: Project,
    record: RunRecord,
    workflow: Workflow,
    finished: Collection[str],
    decided: Decided,
) -> list[tuple[str, str, str]]:
    """(what, task, text) of each task whose result stays although it would be another one now.

    Args:
        home: the project.
        record: the run.
        workflow: what runs.
        finished: units whose results stay.
        decided: what units of the run decided on.
    """
    starts = (event for _, event in home.store.events(record.id, words=("attempt-started",)))
    made = _made_of(starts, finished)
    recipes, found = Recipes(Path(record.folder)), []
    known = home.store.recipes(sorted(set(made.values())))
    for name, digest in made.items():
        with suppress(LaminaError):  # what cannot be read any more, the run itself tells
            now = recipes.of(task_at(workflow, name, decided)[0])
            if now.digest and now.digest != digest:
                found.append((CHANGED, name, _said(known.get(digest), now.body, record, name)))
    return found


def _made_of(starts: Iterable[Event], finished: Collection[str]) -> dict[str, str]:
    """Task -> digest of the recipe that its newest finished unit was made by."""
    found = {}
    for event in starts:
        if isinstance(event, AttemptStarted) and event.recipe and event.task in finished:
            found[task_of(event.task)] = event.recipe
    return found


def _said(
    before: Mapping[str, Any] | None, now: Mapping[str, Any], record: RunRecord, name: str
) -> str:
    changes = recipe_changes(before, now) if before is not None else []
    what = "; ".join(changes) or "its code or its environment is another one"
    return f"{what}; its result stays: lamina resume {record.name} --from {name} makes it again"
