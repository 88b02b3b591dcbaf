"""HEFT: the most urgent task first, each where it ends earliest.

H. Topcuoglu, S. Hariri and M.-Y. Wu, "Performance-effective and low-complexity task scheduling for
heterogeneous computing", IEEE TPDS 13(3), 2002.
"""

from __future__ import annotations

from lamina.planning.board import Board, earliest_end
from lamina.planning.bounds import urgent_first
from lamina.planning.goals import Goal, Planner
from lamina.planning.problem import Problem
from lamina.planning.schedule import Schedule


def heft(problem: Problem, goal: Goal) -> Schedule:
    """The tasks by falling upward rank, each in the gap of a machine in which it ends first."""
    del goal
    board = Board(problem)
    for task in urgent_first(problem):
        board.place(task, *earliest_end(board, task))
    return board.schedule("heft")


PLANNER = Planner(heft, "the most urgent task first, each where it ends earliest")
