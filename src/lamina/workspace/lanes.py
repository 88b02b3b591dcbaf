"""Runtimes of a profile as lanes for tasks that say `placement`, and what is known of them."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from lamina.errors import UsageError
from lamina.execution.placed.amounts import DEVICE, labels_of
from lamina.workflow.actions.composite import Composite
from lamina.workflow.graph import Task, Workflow
from lamina.workflow.machine import cores
from lamina.workspace.project import Project
from lamina.workspace.wishes import Wish

if TYPE_CHECKING:
    from lamina.estimates.observations import Tried
    from lamina.execution.placed.lanes import Lane
    from lamina.execution.runtimes.base import Runtime

KINDS = ("local", "emulated")
"""Kinds of runtimes that run tasks of workflows; a function service runs one function alone."""

UNPLACED = "not placed"
"""What a notice is called of a task that says `placement` where there is no profile."""


def placed_tasks(workflow: Workflow, prefix: str = "") -> Iterator[tuple[str, Task]]:
    """Tasks that say `placement`, those of workflows inside too, by their full names."""
    for task in workflow.tasks:
        if isinstance(task.action, Composite):
            for part in task.action.parts():
                yield from placed_tasks(part.workflow, f"{prefix}{task.name}/")
        elif task.care.placement is not None:
            yield f"{prefix}{task.name}", task


def profile_of(project: Project, wish: Wish) -> Path | None:
    """The profile that is meant: the one that was named, else the project's."""
    return Path(wish.profile) if wish.profile else project.profile


def placing(usual: Runtime, project: Project, workflow: Workflow, wish: Wish) -> Runtime:
    """A runtime that places tasks, where some ask for it and there is a profile; else the usual.

    Raises:
        LaminaError: what is wrong with the profile; nobody has what a task needs.
    """
    profile = profile_of(project, wish)
    tasks = dict(placed_tasks(workflow)) if profile is not None else {}
    if profile is None or not tasks:
        return usual
    try:
        found = lanes(profile)
        check(tasks, found, profile)
        from lamina.execution.runtimes.placed import PlacedRuntime
        from lamina.execution.values import StoredValues

        past = known(project.store, workflow)
        return PlacedRuntime(usual, found, past, StoredValues(project.artifacts))
    except BaseException:
        usual.close()
        raise


def unplaced(project: Project, workflow: Workflow, wish: Wish) -> tuple[tuple[str, str, str], ...]:
    """What is told of tasks that say `placement` where no profile is named."""
    if profile_of(project, wish) is not None:
        return ()
    why = "no profile names runtimes, so that it runs like all others; name one: --profile FILE"
    return tuple((UNPLACED, name, why) for name, _ in placed_tasks(workflow))


def known(store: Any, workflow: Workflow) -> Sequence[Tried]:
    """What placed tasks took where, the oldest first."""
    found: list[Tried] = store.tried(workflow.name)
    return found[::-1]


def check(tasks: Mapping[str, Task], found: Mapping[str, Lane], profile: Path) -> None:
    """Raises UsageError for the first task for which no runtime has the labels."""
    for name, task in tasks.items():
        wanted = labels_of(task)
        if not any(wanted <= lane.runtime.labels for lane in found.values()):
            has = "; ".join(
                f"{one}: {', '.join(sorted(lane.runtime.labels)) or 'none'}"
                for one, lane in found.items()
            )
            raise UsageError(
                f"task {name!r} needs a runtime with {', '.join(sorted(wanted))}, and none of "
                f"{profile} has that (labels of {has})",
                "name labels that runtimes have, or give one of them the label",
            )


def _most() -> int:
    """Tasks that a runtime runs at once where its profile sets no bound: one per core."""
    return max(int(cores()), 1)


def lanes(profile: Path) -> dict[str, Lane]:
    """The runtimes of a profile on which tasks of workflows can run.

    Raises:
        LaminaError: the profile cannot be read, or has no such runtime.
    """
    from lamina.execution.placed.lanes import Lane
    from lamina.execution.placing.laws import Laws
    from lamina.execution.placing.profile import read_profile

    read = read_profile(profile)
    found: dict[str, Lane] = {}
    for name, entry in read.runtimes.items():
        told = entry.settings
        if entry.kind not in KINDS:
            continue
        labels = entry.runtime.labels
        if entry.runtime.devices or told.get("gpus"):
            labels |= {DEVICE}
        most = min(entry.runtime.capacity, _most())
        runtime = replace(entry.runtime, capacity=most, labels=labels)
        if entry.kind == "emulated":
            found[name] = Lane(runtime, laws=Laws.of(told), scale=read.scale)
        else:
            threads, gpus = told.get("threads"), tuple(map(str, told.get("gpus", ())))
            own = told.get("environment", {})
            found[name] = Lane(runtime, None if threads is None else int(threads), gpus, own)
    if not found:
        others = [f"{name} ({entry.kind})" for name, entry in read.runtimes.items()]
        raise UsageError(
            f"{profile} names no runtime that runs tasks of workflows: {', '.join(others)}",
            f"add one of kind {' or '.join(KINDS)}; `lamina place run` uses the others",
        )
    return found
