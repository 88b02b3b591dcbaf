"""Single resource: all tasks on one machine, which moves no data."""

from __future__ import annotations

from math import isfinite

from lamina.planning.board import Board, Machine
from lamina.planning.bounds import urgent_first
from lamina.planning.goals import Goal, Planner
from lamina.planning.problem import Problem
from lamina.planning.schedule import Schedule


def single_resource(problem: Problem, goal: Goal) -> Schedule:
    """All tasks on one machine: the fastest, or with a deadline the cheapest that keeps it.

    Where labels allow no machine to run all, the tasks that are left go on another one.
    """
    tried = [_from(problem, resource.name) for resource in problem.resources]
    fewest = min(len(one.leases) for one in tried)
    few = [one for one in tried if len(one.leases) == fewest]
    in_time = [one for one in few if goal.missed(one) != "deadline"]
    kept = [one for one in in_time if not goal.missed(one)]
    if in_time and (isfinite(goal.deadline) or not kept):
        return min(kept or in_time, key=lambda one: (one.cost, one.makespan))
    return min(kept or few, key=lambda one: (one.makespan, one.cost))


def _from(problem: Problem, first: str) -> Schedule:
    """All that a resource may run on one machine of it, what is left on another one."""
    home: dict[str, Machine] = {}
    left = list(problem.order)
    name = first
    while left:
        machine = Machine(problem.by_name[name])
        home.update({task: machine for task in left if name in problem.times[task]})
        left = [task for task in left if task not in home]
        if left:
            name = max(
                problem.by_name, key=lambda one: sum(one in problem.times[task] for task in left)
            )
    board = Board(problem)
    for task in urgent_first(problem):
        machine = home[task]
        seconds = problem.times[task][machine.resource.name]
        board.place(task, machine, machine.earliest(board.ready(task, machine), seconds))
    return board.schedule("single-resource")


PLANNER = Planner(single_resource, "all tasks on one machine")
