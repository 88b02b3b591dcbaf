"""One per resource: every task on a machine of its own, as far as there are machines."""

from __future__ import annotations

from lamina.planning.board import Board, earliest_end
from lamina.planning.bounds import urgent_first
from lamina.planning.goals import Goal, Planner
from lamina.planning.problem import Problem
from lamina.planning.schedule import Schedule


def one_per_resource(problem: Problem, goal: Goal) -> Schedule:
    """The most urgent task first, each on the fresh machine where it ends first; where no machine
    is left that may run it, on the one where it ends first."""
    del goal
    board = Board(problem)
    for task in urgent_first(problem):
        times = problem.times[task]
        fresh = [
            (begin + times[machine.resource.name], machine, begin)
            for machine, begin in board.candidates(task)
            if machine.fresh
        ]
        if fresh:
            _, machine, begin = min(fresh, key=lambda one: one[0])
            board.place(task, machine, begin)
        else:
            board.place(task, *earliest_end(board, task))
    return board.schedule("one-per-resource")


PLANNER = Planner(one_per_resource, "every task on a machine of its own")
