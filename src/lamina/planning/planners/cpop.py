"""CPOP: the critical path on one machine, all others where they end earliest.

H. Topcuoglu, S. Hariri and M.-Y. Wu, IEEE TPDS 13(3), 2002.
"""

from __future__ import annotations

from heapq import heappop, heappush

from lamina.planning.board import Board, Machine, earliest_end
from lamina.planning.bounds import downward_ranks, mean_transfer, upward_ranks
from lamina.planning.goals import Goal, Planner
from lamina.planning.problem import Problem
from lamina.planning.resources import Resource
from lamina.planning.schedule import Schedule


def cpop(problem: Problem, goal: Goal) -> Schedule:
    """Ready tasks by the length of the longest way through them; those of the critical path on
    the machine that runs that path fastest."""
    del goal
    up, down = upward_ranks(problem), downward_ranks(problem)
    path = set(_critical_path(problem, up))
    home = Machine(_fastest(problem, path))
    board = Board(problem)
    waits = {name: len(edges) for name, edges in problem.parents.items()}
    ready: list[tuple[float, int, str]] = []
    for name in problem.order:
        if not waits[name]:
            heappush(ready, (-up[name] - down[name], problem.place[name], name))
    while ready:
        task = heappop(ready)[2]
        seconds = problem.times[task].get(home.resource.name)
        if task in path and seconds is not None and (not home.fresh or board.room(home.resource)):
            board.place(task, home, home.earliest(board.ready(task, home), seconds))
        else:
            board.place(task, *earliest_end(board, task))
        for edge in problem.children[task]:
            name = edge.target
            waits[name] -= 1
            if not waits[name]:
                heappush(ready, (-up[name] - down[name], problem.place[name], name))
    return board.schedule("cpop")


def _critical_path(problem: Problem, up: dict[str, float]) -> list[str]:
    """From the most urgent task, always on to the reader that the longest way goes through."""
    path = [max((name for name in problem.order if not problem.parents[name]), key=up.__getitem__)]
    while edges := problem.children[path[-1]]:
        longest = max(edges, key=lambda edge: mean_transfer(problem, edge) + up[edge.target])
        path.append(longest.target)
    return path


def _fastest(problem: Problem, path: set[str]) -> Resource:
    """The resource that may run most of a path, and of those the one that runs it fastest."""

    def rank(resource: Resource) -> tuple[int, float]:
        times = (problem.times[task].get(resource.name) for task in path)
        known = [seconds for seconds in times if seconds is not None]
        return -len(known), sum(known)

    return min(problem.resources, key=rank)


PLANNER = Planner(cpop, "the critical path on one machine, all others where they end earliest")
