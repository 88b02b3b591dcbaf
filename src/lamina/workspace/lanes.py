"""Runtimes of a profile as lanes for tasks that say `placement`, and what is known of them."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, fields, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from lamina.errors import UsageError
from lamina.execution.placed.amounts import DEVICE, labels_of, shown_labels
from lamina.execution.placing.served import code_of, function_told, resolved
from lamina.workflow.actions.composite import Composite
from lamina.workflow.graph import Task, Workflow
from lamina.workflow.machine import cores
from lamina.workspace.project import Project
from lamina.workspace.wishes import Wish

if TYPE_CHECKING:
    from lamina.estimates.observations import Tried
    from lamina.execution.placed.lanes import Lane
    from lamina.execution.placed.services import Service
    from lamina.execution.placing.profile import Entry, Profile
    from lamina.execution.runtimes.base import Runtime
    from lamina.planning.placement.health import Rules

FUNCTIONLESS = (
    "it is of kind http, and its entry does not say which function its pods serve; add "
    "function: FILE.py:NAME, as `lamina serve-function` was given it"
)

UNPLACED = "not placed"
"""What a notice is called of a task that says `placement` where there is no profile."""

UNUSED = "runtime left out"
"""What a notice is called of a runtime of a profile on which no task of a workflow can run."""


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
        found = lanes(profile, tasks, project)
        from lamina.execution.runtimes.placed import PlacedRuntime
        from lamina.execution.values import StoredValues

        past = known(project.store, workflow)
        values = StoredValues(project.artifacts)
        return PlacedRuntime(usual, found.lanes, past, values, found.rules)
    except BaseException:
        usual.close()
        raise


def unplaced(project: Project, workflow: Workflow, wish: Wish) -> tuple[tuple[str, str, str], ...]:
    """What is told of tasks that say `placement` where no profile is named, and of runtimes of a
    profile that run none of them."""
    profile = profile_of(project, wish)
    tasks = dict(placed_tasks(workflow))
    if profile is None:
        why = "no profile names runtimes, so that it runs like all others; name one: --profile FILE"
        return tuple((UNPLACED, name, why) for name in tasks)
    if not tasks:
        return ()
    left = lanes(profile, tasks, project).left_out
    return tuple(
        (UNUSED, "", f"runtime {name!r} of {profile}: {why}") for name, why in left.items()
    )


def known(store: Any, workflow: Workflow) -> Sequence[Tried]:
    """What placed tasks took where, the oldest first."""
    found: list[Tried] = store.tried(workflow.name)
    return found[::-1]


@dataclass(frozen=True)
class Found:
    """What a profile has for the placed tasks of a workflow.

    Args:
        lanes: name -> where they can run.
        left_out: name -> why none of them runs there.
        rules: how failures are met, in seconds of this machine.
    """

    lanes: Mapping[str, Lane]
    left_out: Mapping[str, str]
    rules: Rules


def lanes(profile: Path, tasks: Mapping[str, Task], project: Project) -> Found:
    """The runtimes of a profile on which these tasks can run.

    Args:
        profile: the file.
        tasks: that say `placement`, by their full names.
        project: whose values they read and write.

    Raises:
        LaminaError: the profile cannot be read, or a task can run nowhere.
    """
    from lamina.execution.placed.lanes import needs_of, serving
    from lamina.execution.placing.profile import read_profile

    read = read_profile(profile)
    served = {function_told(task.action) for task in tasks.values()} - {""}
    found: dict[str, Lane] = {}
    left: dict[str, str] = {}
    for name, entry in read.runtimes.items():
        if entry.kind == "http":
            why = _unserved(entry, profile, served)
            if why:
                left[name] = why
                continue
        found[name] = _lane(entry, read, project)
    if not found:
        raise UsageError(
            f"{profile} names no runtime that runs tasks of this workflow: "
            + "; ".join(f"{name}: {why}" for name, why in left.items()),
            "mend that, or add a runtime of kind local",
        )
    found = serving(found, tasks.values())
    _check({name: (task, needs_of(found, task)) for name, task in tasks.items()}, found, profile)
    return Found(found, left, _rules(read))


def _rules(read: Profile) -> Rules:
    """How failures are met, in seconds of this machine: a profile tells them on a run's clock."""
    told = {
        one.name: getattr(read.rules, one.name) / read.scale
        for one in fields(read.rules)
        if isinstance(getattr(read.rules, one.name), float)
    }
    return replace(read.rules, **told)


def _unserved(entry: Entry, profile: Path, served: Collection[str]) -> str:
    """Why no task runs in the pods of a service; empty where one does."""
    if "function" not in entry.settings:
        return FUNCTIONLESS
    own = resolved(entry.settings["function"], profile.parent)
    if own in served:
        return ""
    return (
        f"it serves {own}, and tasks that say placement do "
        f"{', '.join(sorted(served)) or 'no Python function'}"
    )


def _lane(entry: Entry, read: Profile, project: Project) -> Lane:
    from lamina.execution.placed.lanes import Lane
    from lamina.execution.placing.laws import Laws

    told, labels = entry.settings, entry.runtime.labels
    if entry.runtime.devices or told.get("gpus"):
        labels |= {DEVICE}
    if entry.kind == "http":
        service = _service(entry, read, project)
        return Lane(replace(entry.runtime, labels=labels), service=service)
    runtime = replace(entry.runtime, capacity=min(entry.runtime.capacity, _most()), labels=labels)
    if entry.kind == "emulated":
        return Lane(runtime, laws=Laws.of(told), scale=read.scale)
    threads, gpus = told.get("threads"), tuple(map(str, told.get("gpus", ())))
    own = told.get("environment", {})
    return Lane(runtime, None if threads is None else int(threads), gpus, own)


def _service(entry: Entry, read: Profile, project: Project) -> Service:
    """The pods of an http runtime; that its token is there is seen before anything runs."""
    from lamina.execution.placed.services import Service

    told, folder = entry.settings, read.file.absolute().parent
    found = Service(
        told["address"], resolved(told["function"], folder), code_of(told["function"], folder),
        project.artifacts.folder.absolute(), told.get("token"), read.limits,
    )  # fmt: skip
    if found.secret is not None:
        found.secret.read()
    return found


def _check(
    tasks: Mapping[str, tuple[Task, frozenset[str]]], found: Mapping[str, Lane], profile: Path
) -> None:
    """Raises UsageError for the first task for which no runtime has the labels."""
    for name, (task, wanted) in tasks.items():
        if any(wanted <= lane.runtime.labels for lane in found.values()):
            continue
        own = labels_of(task)
        if any(own <= lane.runtime.labels for lane in found.values()):
            serve = "; ".join(
                f"{one} serves {lane.service.function}"
                for one, lane in found.items()
                if lane.service and own <= lane.runtime.labels
            )
            raise UsageError(
                f"task {name!r} can run on no runtime of {profile}: {serve}, and the task does "
                f"{function_told(task.action) or task.action.summary()}",
                "add a runtime of kind local, or one that serves it",
            )
        has = "; ".join(
            f"{one}: {shown_labels(lane.runtime.labels)}" for one, lane in found.items()
        )
        raise UsageError(
            f"task {name!r} needs a runtime with {', '.join(sorted(own))}, and none of "
            f"{profile} has that (labels of {has})",
            "name labels that runtimes have, or give one of them the label",
        )


def _most() -> int:
    """Tasks that a runtime runs at once where its profile sets no bound: one per core."""
    return max(int(cores()), 1)
