"""Where a task of a run stands: in workflows, loops, branches, and in what tasks decided on."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import Any

from lamina.errors import UnknownNameError
from lamina.workflow.actions.composite import Composite
from lamina.workflow.expansion import expanded
from lamina.workflow.graph import Task, Workflow
from lamina.workflow.log import AttemptEnded, Event
from lamina.workflow.units import task_of

Decided = Callable[[str], Workflow | None]
"""Unit -> the workflow that it decided on; None for one that decided on nothing."""


def task_at(workflow: Workflow, name: str, decided: Decided) -> tuple[Task, Workflow]:
    """A task of a run, and the workflow that it stands in.

    Args:
        workflow: of the run.
        name: a task or a unit: "sort", "inner/count[3]", "integral/left/right/add".
        decided: what units of the run decided on.

    Raises:
        UnknownNameError: there is no such task; lists those beside it.
    """
    words = name.split("/")
    places: list[Workflow] = [workflow]
    for depth, word in enumerate(words):
        own, before = task_of(word), "".join(f"{part}/" for part in words[:depth])
        around = next((place for place in places if own in place.by_name), None)
        if around is None:
            known = [f"{before}{known}" for place in places for known in place.by_name]
            raise UnknownNameError("task", name, known)
        found = (around[own], around)
        task = found[0]
        parts = task.action.parts() if isinstance(task.action, Composite) else ()
        places = [part.workflow for part in parts]
        last = depth == len(words) - 1
        made = None if parts or last else decided(f"{before}{word}")
        if made is not None:
            places.append(made)
    return found


def decided_in(events: Iterable[Event]) -> Decided:
    """What the units of a run decided on, from the ends of its attempts; the last ones count."""
    grown: dict[str, Mapping[str, Any]] = {}
    for event in events:
        if isinstance(event, AttemptEnded) and event.status == "succeeded" and event.expansion:
            grown.pop(event.task, None)
            grown[event.task] = event.expansion

    def decided(name: str) -> Workflow | None:
        found = grown.get(name)
        if found is None:  # a task stands for its units
            found = next((grown[unit] for unit in reversed(grown) if task_of(unit) == name), None)
        return expanded(found["workflow"]) if found is not None else None

    return decided
