"""`plan`: a workflow, an instance or a plain problem given to planners, and their plans shown."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from math import inf, isfinite
from pathlib import Path
from typing import Any

from lamina.errors import DocumentError, InfeasibleError, PlanError, UsageError
from lamina.estimates.observations import TaskTimes
from lamina.planning.goals import Goal, planned
from lamina.planning.planners import PLANNERS
from lamina.planning.problem import Problem
from lamina.planning.reading import (
    VERSION,
    Estimate,
    machine_cores,
    problem_from_document,
    problem_from_workflow,
    resources_from_document,
)
from lamina.planning.resources import Network, Resource
from lamina.planning.schedule import Schedule, travel
from lamina.planning.wfformat import is_wfformat, problem_from_wfformat
from lamina.records.attempts import Attempt as Unit
from lamina.records.dependencies import site_of
from lamina.records.history import Session
from lamina.records.tables import duration, table_lines
from lamina.traces.gantt.text import gantt_text
from lamina.traces.trace import Attempt, Phase, Trace
from lamina.workflow.amounts import span
from lamina.workflow.graph import Workflow
from lamina.workflow.machine import cores
from lamina.workflow.reading import file_text, parse_text
from lamina.workspace.documents import document
from lamina.workspace.figures import seen
from lamina.workspace.project import Project, project

ALL = "all"
"""Stands for every planner that there is."""
SHOWN = 20
"""Machines that the plan of one planner lists."""
_NEWEST = 1000
"""Runs among which one of the workflow is looked for."""


@dataclass(frozen=True)
class Plan:
    """What a planner came to: a schedule, or why there is none."""

    planner: str
    schedule: Schedule | None = None
    error: InfeasibleError | None = None

    def to_json(self) -> dict[str, Any]:
        """Plain values."""
        if self.schedule is not None:
            return self.schedule.to_json()
        assert self.error is not None
        return {
            "planner": self.planner,
            "error": self.error.message,
            "way_out": self.error.way_out,
            "least": self.error.least,
        }


def goal_of(deadline: str | None, budget: float | None) -> Goal:
    """What a plan has to keep, as a command line tells it: seconds or "2 h", and a price.

    Raises:
        UsageError: one of them cannot be read.
    """
    try:
        seconds = inf if deadline is None else span(deadline)
    except ValueError as error:
        raise UsageError(f"--deadline is {deadline!r}, not {error}") from error
    return Goal(seconds, inf if budget is None else budget)


def problem(file: Path, profile: Path | None = None, here: Project | None = None) -> Problem:
    """What is to be planned: a workflow document, a WfFormat instance or a plain problem.

    Args:
        file: where it stands.
        profile: resources and network; the cores of this machine when None, or what a plain
            problem names itself.
        here: the project whose runs of a workflow tell its run times.

    Raises:
        LaminaError: what is wrong with the files; tasks of which no run time is known.
    """
    resources, network = _resources(profile)
    told = resources or machine_cores(cores())
    body = _body(file)
    if is_wfformat(body):
        return problem_from_wfformat(body, told, network, file.name)
    if isinstance(body, dict) and body.get("lamina") == VERSION:
        own = resources is None and "resources" in body
        return problem_from_document(body, None if own else told, network, file.name)
    workflow = document(file)
    estimates, sizes = recorded(workflow, here or project())
    try:
        return problem_from_workflow(workflow, estimates, told, network, sizes)
    except PlanError as error:
        error.way_out = (
            "run it once, so that its times are recorded, or name times of tasks in the file "
            "of --resources"
        )
        raise


def plans(of: Problem, planners: str, goal: Goal) -> list[Plan]:
    """Plans of the planners that a text names: "heft,lpod", or "all".

    Raises:
        UnknownNameError: no such planner.
        InfeasibleError: the goal of the only planner that is asked cannot be kept.
    """
    names = [name.strip() for name in planners.split(",") if name.strip()]
    if ALL in names or not names:
        names = list(PLANNERS.names())
    found = [PLANNERS.get(name) for name in names]
    made = []
    for name, planner in zip(names, found, strict=True):
        try:
            made.append(Plan(name, planned(planner, of, goal)))
        except InfeasibleError as error:
            if len(names) == 1:
                raise
            made.append(Plan(name, None, error))
    return made


def recorded(workflow: Workflow, home: Project) -> tuple[dict[str, Estimate], dict[str, float]]:
    """What runs of a workflow tell: task -> seconds of its items, and "task.port" -> bytes.

    Items and sizes are those of the newest run that succeeded; seconds are estimated from all
    runs, as `run -n` does.
    """
    if not home.folder.is_dir():
        return {}, {}
    past = home.store.observations(workflow.name)
    times = TaskTimes(past)
    middle = {one.task: times.expected(one.task) for one in past}
    seconds: dict[str, list[float]] = {}
    sizes: dict[str, float] = {}
    for one in _newest(workflow, home):
        task = site_of(one.task)
        read = sum(float(ref.get("size") or 0) for ref in one.inputs.values())
        expected = times.expected(task, one.recipe, read) or middle.get(task)
        if expected is not None:
            seconds.setdefault(task, []).append(expected.seconds)
        for port, ref in one.outputs.items():
            name = f"{task}.{port}"
            sizes[name] = sizes.get(name, 0.0) + float(ref.get("size") or 0)
    unseen = {name: one.seconds for name, one in middle.items() if one and name not in seconds}
    return {**unseen, **seconds}, sizes


def _newest(workflow: Workflow, home: Project) -> Iterator[Unit]:
    """What the newest run that succeeded did, or reused."""
    runs = home.store.runs(_NEWEST)
    for run in runs:
        if run.workflow == workflow.name and run.status == "succeeded":
            done = ("succeeded", "reused")
            yield from (one for one in seen(run.id, home).history.attempts if one.status in done)
            return


def to_json(of: Problem, found: Sequence[Plan], goal: Goal) -> dict[str, Any]:
    """Plain values: the problem in figures, and every plan."""
    bound = next((plan.schedule.bound for plan in found if plan.schedule), None)
    return {
        "problem": of.name,
        "tasks": len(of.tasks),
        "edges": len(of.edges),
        "cores_not_planned": {task.name: task.cores for task in of.wide},
        "bound": bound,
        "deadline": goal.deadline if isfinite(goal.deadline) else None,
        "budget": goal.budget if isfinite(goal.budget) else None,
        "plans": [plan.to_json() for plan in found],
    }


def _wide(of: Problem) -> Iterator[str]:
    """What planners do not plan with: cores of tasks that want several."""
    if not of.wide:
        return
    most = of.wide[0]
    many = len(of.wide) > 1
    yield (
        f"{len(of.wide)} task{'s want' if many else ' wants'} more than one core "
        f"({f'at most {most.cores:g}, ' if many else f'{most.cores:g}, '}{most.name}); a machine "
        "runs one task at a time, and cores are not counted: name machines that are as wide in "
        "the file of --resources"
    )


def lines(of: Problem, found: Sequence[Plan], width: int, *, plain: bool) -> Iterator[str]:
    """A table of all plans; of the only one, its chart as well."""
    bound = next((plan.schedule.bound for plan in found if plan.schedule), None)
    least = "" if bound is None else f", none can end before {told(bound)} (critical path)"
    yield f"{of.name}: {len(of.tasks)} tasks, {len(of.edges)} edges{least}"
    yield from _wide(of)
    yield ""
    yield from table_lines([_HEADER, *map(_row, found)])
    if len(found) == 1 and found[0].schedule is not None:
        yield ""
        yield from _machines(found[0].schedule, width)
        yield ""
        yield gantt_text(chart(found[0].schedule), width, plain=plain)


def _machines(of: Schedule, width: int) -> Iterator[str]:
    """What each machine runs, from when to when it is held, and what that costs."""
    rows = [["machine", "from", "until", "intervals", "cost", "tasks"]]
    for lease in of.leases[:SHOWN]:
        held = of.machines[lease.resource, lease.number]
        rows.append([
            _name(lease.resource, lease.number), told(lease.request), told(lease.release),
            str(lease.intervals), f"{lease.cost:g}", " ".join(slot.task for slot in held),
        ])  # fmt: skip
    yield from table_lines(rows, width, (len(rows[0]) - 1,))
    if len(of.leases) > SHOWN:
        yield f"and {len(of.leases) - SHOWN} more machines"


def told(seconds: float) -> str:
    """A duration; short ones in milliseconds."""
    return f"{1000 * seconds:.3g} ms" if 0 < seconds < 0.1 else duration(seconds)


def _name(resource: str, number: int) -> str:
    return f"{resource}-{number + 1}"


def chart(of: Schedule) -> Trace:
    """A schedule as a trace, which draws itself."""
    attempts = []
    for slot in of.slots:
        read = of.problem.parents[slot.task]
        sources = [(edge, of.by_task[edge.source]) for edge in read]
        ready = max(
            (one.end + travel(of.problem, edge, one, slot) for edge, one in sources), default=0.0
        )
        worker = _name(slot.resource, slot.number)
        attempts.append(
            Attempt(
                slot.task, 1, "succeeded", min(ready, slot.begin), slot.begin, slot.end,
                (Phase("run", slot.begin, slot.end),), worker, worker,
            )
        )  # fmt: skip
    return Trace(
        "", "", of.problem.name, "planned", (Session(0.0, of.makespan),), tuple(attempts),
        {name: [edge.source for edge in edges] for name, edges in of.problem.parents.items()},
        planned=len(attempts), simulated=True,
    )  # fmt: skip


_HEADER = ["planner", "makespan", "over the bound", "cost", "machines", "remark"]


def _row(plan: Plan) -> list[str]:
    if plan.schedule is None:
        assert plan.error is not None
        return [plan.planner, "-", "-", "-", "-", plan.error.way_out]
    of = plan.schedule
    machines = str(len(of.leases))
    return [
        plan.planner, told(of.makespan), f"{of.over_bound:.3f}x", f"{of.cost:g}", machines, "",
    ]  # fmt: skip


def _resources(
    profile: Path | None,
) -> tuple[tuple[Resource, ...] | None, Network | None]:
    if profile is None:
        return None, None
    return resources_from_document(parse_text(file_text(profile), str(profile)), str(profile))


def _body(file: Path) -> Any:
    """A file as plain values; None for what is none, which `document` tells apart."""
    if file.suffix.lower() == ".json":
        try:  # instances are larger than documents that people write may be
            return json.loads(file.read_text(encoding="utf-8-sig"))
        except OSError as error:
            raise DocumentError(str(file), [f"cannot be read: {error.strerror}"]) from error
        except (ValueError, RecursionError):
            return None
    if file.suffix.lower() in (".yaml", ".yml"):
        return parse_text(file_text(file), str(file))
    return None
