"""Where the tasks of a plan would be placed, and why: the placer is asked, and nothing runs."""

from __future__ import annotations

from collections import Counter
from dataclasses import replace
from statistics import median
from typing import TYPE_CHECKING, Any

from lamina.execution.placed.amounts import labels_of
from lamina.workflow.graph import Task, Workflow
from lamina.workspace.lanes import check, known, lanes, placed_tasks, profile_of
from lamina.workspace.plans import RunPlan, Step
from lamina.workspace.project import Project
from lamina.workspace.wishes import Wish

if TYPE_CHECKING:
    from collections.abc import Sequence

    from lamina.estimates.observations import Tried
    from lamina.planning.placement.dispatcher import Dispatcher

ASKED = 200
"""Units of a scattered task that the placer is asked about; the others are like them."""


def with_places(
    plan: RunPlan, home: Project, workflow: Workflow, wish: Wish, records: Any
) -> RunPlan:
    """The plan, its steps with the places of tasks that say `placement`.

    Args:
        records: has `tried`, as a store does.

    Raises:
        LaminaError: what is wrong with the profile.
    """
    tasks = dict(placed_tasks(workflow))
    profile = profile_of(home, wish)
    if not tasks:
        return plan
    if profile is None:
        steps = tuple(
            replace(one, reason=f"{one.reason}; no profile: it runs here")
            if one.task in tasks and one.run
            else one
            for one in plan.steps
        )
        return replace(plan, steps=steps)
    from lamina.execution.placed.placer import placer

    found, past = lanes(profile), known(records, workflow)
    check(tasks, found, profile)
    of = placer(found, past, lambda job: {})
    steps = tuple(
        _placed(step, tasks[step.task], of, past) if step.amounts else step for step in plan.steps
    )
    return replace(plan, steps=steps)


def _placed(step: Step, task: Task, of: Dispatcher, past: Sequence[Tried]) -> Step:
    from lamina.execution.placed.placer import chosen, reason
    from lamina.planning.placement.words import Arrived, Job, Withdrawn

    assert task.care.placement is not None
    usual = [one.items for one in past if one.task == step.task and one.stage == "processing"]
    likely = int(median(usual)) if usual else 1
    places: list[str] = []
    jobs: list[Job] = []
    for number, amount in enumerate(step.amounts[:ASKED]):
        count = amount or likely
        divisible = bool(task.care.placement.items) and count > 1
        needs = labels_of(task)
        name = f"{step.task}[{number}]"
        job = Job(name, count, divisible=divisible, needs=needs, kind=step.task)
        of.handle(Arrived(job), 0.0)
        places.append(" and ".join(chosen(of, job)) or "none")
        jobs.append(job)
    why = reason(of, jobs[0])
    for job in jobs:
        of.handle(Withdrawn(job.name, "it was only asked about"), 0.0)
    counts = Counter(places)
    place = ", ".join(f"{name} x {n}" if len(places) > 1 else name for name, n in counts.items())
    return replace(step, place=place, reason=f"{step.reason}; on {why}")
