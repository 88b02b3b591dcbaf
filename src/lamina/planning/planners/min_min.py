"""Min-min: of the ready tasks, always the one that can end first.

O. H. Ibarra and C. E. Kim, "Heuristic algorithms for scheduling independent tasks on nonidentical
processors", Journal of the ACM 24(2), 1977; for workflows, the tasks whose parents are placed.
"""

from __future__ import annotations

from heapq import heapify, heappop, heappush
from typing import NamedTuple

from lamina.planning.board import Board, Machine, earliest_end
from lamina.planning.goals import Goal, Planner
from lamina.planning.problem import Problem
from lamina.planning.schedule import Schedule


class _Offer(NamedTuple):
    """The earliest end of a ready task as it was when `taken` tasks ran on the machine."""

    end: float
    place: int
    task: str
    machine: Machine
    begin: float
    taken: int


def min_min(problem: Problem, goal: Goal) -> Schedule:
    """Again and again the ready task with the earliest end, on the machine where it has it, after
    all that runs there."""
    del goal
    board = Board(problem)
    waits = {name: len(edges) for name, edges in problem.parents.items()}
    line = [_offer(board, name) for name in problem.order if not waits[name]]
    heapify(line)
    while line:
        offer = heappop(line)
        if not _holds(board, offer):
            # Ends only get later: what stands behind in the line is at least as late as it says.
            heappush(line, _offer(board, offer.task))
            continue
        board.place(offer.task, offer.machine, offer.begin)
        for edge in problem.children[offer.task]:
            waits[edge.target] -= 1
            if not waits[edge.target]:
                heappush(line, _offer(board, edge.target))
    return board.schedule("min-min")


def _offer(board: Board, task: str) -> _Offer:
    machine, begin = earliest_end(board, task, gaps=False)
    end = begin + board.problem.times[task][machine.resource.name]
    return _Offer(end, board.problem.place[task], task, machine, begin, len(machine.ends))


def _holds(board: Board, offer: _Offer) -> bool:
    if offer.machine.fresh:
        return board.room(offer.machine.resource)
    return len(offer.machine.ends) == offer.taken


PLANNER = Planner(min_min, "of the ready tasks, always the one that can end first")
