"""Where the tasks of a plan would be placed, and why: the placer is asked, and nothing runs."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, replace
from statistics import fmean, median
from typing import TYPE_CHECKING, Any

from lamina.workflow.graph import Task, Workflow
from lamina.workspace.lanes import Found, known, lanes, placed_tasks, profile_of
from lamina.workspace.plans import RunPlan, Step, timed
from lamina.workspace.project import Project
from lamina.workspace.wishes import Wish

if TYPE_CHECKING:
    from lamina.estimates.observations import Tried
    from lamina.execution.placed.placer import Expected
    from lamina.planning.placement.dispatcher import Dispatcher
    from lamina.planning.placement.words import Job

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

    found, past = lanes(profile, tasks, home), known(records, workflow)
    of = placer(found.lanes, past, lambda job: {}, rules=found.rules)
    steps = tuple(
        _placed(step, tasks[step.task], _Asked(of, found, past)) if step.amounts else step
        for step in plan.steps
    )
    notes = tuple(f"{name} is left out: {why}" for name, why in found.left_out.items())
    return timed(replace(plan, steps=steps, notes=notes), workflow)


@dataclass(frozen=True)
class _Asked:
    """Who is asked: the placer, what the profile has, and what was tried before."""

    of: Dispatcher
    found: Found
    past: Sequence[Tried]


def _placed(step: Step, task: Task, asked: _Asked) -> Step:
    """The step as it would be placed, its seconds those of the place."""
    from lamina.execution.placed.lanes import needs_of
    from lamina.execution.placed.placer import chosen, reason, together
    from lamina.planning.placement.words import Arrived, Job, Withdrawn

    assert task.care.placement is not None
    of, needs = asked.of, needs_of(asked.found.lanes, task)
    told = [one.items for one in asked.past if one.task == step.task and one.stage == "processing"]
    likely = int(median(told)) if told else 1
    places: list[tuple[str, ...]] = []
    times: list[Expected | None] = []
    jobs: list[Job] = []
    for number, amount in enumerate(step.amounts[:ASKED]):
        count = amount or likely
        divisible = bool(task.care.placement.items) and count > 1
        name = f"{step.task}[{number}]"
        job = Job(name, count, divisible=divisible, needs=needs, kind=step.task)
        of.handle(Arrived(job), 0.0)
        places.append(tuple(chosen(of, job)))
        times.append(together(of, job, places[-1]))
        jobs.append(job)
    why, alone = reason(of, jobs[0]), _alone(asked, jobs[0])
    for job in jobs:
        of.handle(Withdrawn(job.name, "it was only asked about"), 0.0)
    if len(places[0]) > 1:
        each = (f"{one} {told.seconds:.3g} s" for one, told in alone.items() if told)
        why = f"{why}; alone {', '.join(each)}" if any(alone.values()) else why
    counts = Counter(" and ".join(one) or "none" for one in places)
    place = ", ".join(f"{name} x {n}" if len(places) > 1 else name for name, n in counts.items())
    placed = replace(
        step, place=place, reason=f"{step.reason}; on {why}",
        runtimes={name: None if one is None else one.to_json() for name, one in alone.items()},
    )  # fmt: skip
    mean = None if None in times else _mean([one for one in times if one is not None])
    if mean is None and step.seconds is not None:
        return replace(placed, reason=f"{placed.reason}; its seconds are those of runs elsewhere")
    if mean is None:
        return placed
    return replace(placed, seconds=mean.seconds, low=mean.low, high=mean.high)


def _alone(asked: _Asked, job: Job) -> dict[str, Expected | None]:
    """What each runtime that may do a job would take, if it did it alone and at once."""
    from lamina.execution.placed.placer import together

    lanes = asked.found.lanes.items()
    names = [name for name, lane in lanes if job.needs <= lane.runtime.labels]
    return {name: together(asked.of, job, (name,)) for name in names}


def _mean(times: Sequence[Expected]) -> Expected:
    """Of one unit, over all."""
    return type(times[0])(
        fmean(one.seconds for one in times), fmean(one.low for one in times),
        fmean(one.high for one in times),
    )  # fmt: skip
