"""What a plan has to keep: a deadline, a budget; and the planner held to it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from math import inf, isfinite

from lamina.errors import InfeasibleError, UsageError
from lamina.planning.problem import Problem
from lamina.planning.schedule import SLACK, Schedule

TRIES = 12
"""Halvings of the span in which the least deadline, or the least budget, is looked for."""


@dataclass(frozen=True)
class Goal:
    """What a plan has to keep.

    Args:
        deadline: seconds from asking for the first machine to the end of the last task.
        budget: that all machines may cost together.

    Raises:
        UsageError: one of them is below 0, or no number.
    """

    deadline: float = inf
    budget: float = inf

    def __post_init__(self) -> None:
        for what, value in (("deadline", self.deadline), ("budget", self.budget)):
            if not value >= 0:
                raise UsageError(f"{what} is {value:g}", "it is a number of at least 0")

    def missed(self, schedule: Schedule) -> str:
        """ "deadline" or "budget" where a schedule misses one; the deadline first."""
        if schedule.makespan > self.deadline * (1 + SLACK):
            return "deadline"
        return "budget" if schedule.cost > self.budget * (1 + SLACK) else ""


@dataclass(frozen=True)
class Planner:
    """A way to plan.

    Args:
        plan: gives a schedule for a problem; where it cannot keep the goal, the fastest it knows.
        about: what it is, in a line.
        trades: whether it spends time to save money: a later deadline gives a cheaper plan.
    """

    plan: Callable[[Problem, Goal], Schedule]
    about: str
    trades: bool = False


def planned(planner: Planner, problem: Problem, goal: Goal | None = None) -> Schedule:
    """A schedule that keeps a goal.

    With a budget and no deadline, a planner that trades is asked for the earliest end that the
    budget buys, as far as halving the span of deadlines finds it.

    Raises:
        InfeasibleError: the planner finds no such schedule; says the least deadline or budget
            that it can keep.
    """
    goal = goal or Goal()
    if planner.trades and not isfinite(goal.deadline) and isfinite(goal.budget):
        return _bought(planner, problem, goal)
    found = planner.plan(problem, goal)
    missed = goal.missed(found)
    if missed == "deadline":
        best = _least_makespan(planner, problem, goal, found)
        raise _late(best, goal)
    if missed == "budget":
        raise _dear(found, goal)
    return found


def _least_makespan(planner: Planner, problem: Problem, goal: Goal, found: Schedule) -> Schedule:
    """The fastest schedule that a planner gives for any deadline between one that it misses and
    one that it keeps."""
    if not planner.trades:
        return found
    low, best = goal.deadline, planner.plan(problem, Goal(found.makespan))
    best = min(best, found, key=lambda one: one.makespan)
    for _ in range(TRIES):
        middle = (low + best.makespan) / 2
        tried = planner.plan(problem, Goal(middle))
        if tried.makespan < best.makespan:
            best = tried
        if tried.makespan > middle * (1 + SLACK):
            low = middle
    return best


def _bought(planner: Planner, problem: Problem, goal: Goal) -> Schedule:
    """The earliest end that a budget buys."""
    best = planner.plan(problem, Goal())
    fastest = planner.plan(problem, Goal(best.bound))
    for one in (best, fastest):
        if not goal.missed(one) and (goal.missed(best) or one.makespan < best.makespan):
            best = one
    if goal.missed(best):
        raise _dear(min((best, fastest), key=lambda one: one.cost), goal)
    low = fastest.makespan
    for _ in range(TRIES):
        middle = (low + best.makespan) / 2
        tried = planner.plan(problem, replace(goal, deadline=middle))
        if not goal.missed(tried) and tried.makespan < best.makespan:
            best = tried
        else:
            low = middle
    return best


def _late(best: Schedule, goal: Goal) -> InfeasibleError:
    return InfeasibleError(
        f"planner {best.planner!r} finds no plan that ends by {goal.deadline:g} s",
        f"the least deadline that it reaches is {_up(best.makespan)} s "
        f"(no plan ends before {_down(best.bound)} s)",
        best.makespan,
    )


def _dear(best: Schedule, goal: Goal) -> InfeasibleError:
    within = f" and ends by {goal.deadline:g} s" if isfinite(goal.deadline) else ""
    return InfeasibleError(
        f"planner {best.planner!r} finds no plan that costs at most {goal.budget:g}{within}",
        f"the least budget that it reaches is {_up(best.cost)}; try another planner",
        best.cost,
    )


def _up(value: float) -> str:
    """A number that is not below the value, so that what a message promises can be kept."""
    text = f"{value:.6g}"
    return text if float(text) >= value else f"{value * (1 + 5e-6):.6g}"


def _down(value: float) -> str:
    text = f"{value:.6g}"
    return text if float(text) <= value else f"{value * (1 - 5e-6):.6g}"
