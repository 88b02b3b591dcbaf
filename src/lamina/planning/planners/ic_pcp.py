"""IC-PCP: partial critical paths, each whole on the cheapest machine that keeps the deadline.

S. Abrishami, M. Naghibzadeh and D. H. J. Epema, "Deadline-constrained workflow scheduling
algorithms for infrastructure as a service clouds", FGCS 29(1), 2013.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

from lamina.planning.board import Board, Machine
from lamina.planning.goals import Goal, Planner
from lamina.planning.planners.heft import heft
from lamina.planning.problem import Problem
from lamina.planning.schedule import Schedule
from lamina.planning.windows import Windows, in_time

Trial = dict[str, tuple[Machine, float, float]]


def ic_pcp(problem: Problem, goal: Goal) -> Schedule:
    """From the end of the workflow backwards, path by path; HEFT's schedule where that fails."""
    board = Board(problem)
    windows = Windows(board, goal.deadline)
    for task in _ends(problem):
        if not _assign_with_parents(windows, task):
            break
    if len(board.slots) == len(problem.tasks):
        found = board.schedule("ic-pcp")
        if not goal.missed(found):
            return found
    fallback = heft(problem, goal)
    return Schedule(problem, "ic-pcp", fallback.slots)


def _ends(problem: Problem) -> list[str]:
    """Tasks that nobody reads; they stand for the parents of a task at the end."""
    return [name for name in problem.order if not problem.children[name]]


def _assign_with_parents(windows: Windows, last: str) -> bool:
    """Places a task and all that it reads, directly or not. False where a path does not fit."""
    stack = [last]
    while stack:
        task = stack[-1]
        path = _critical(windows, task)
        if not path:
            stack.pop()
            continue
        if not _assign(windows, path):
            return False
        stack += reversed(path)
    return True


def _critical(windows: Windows, task: str) -> list[str]:
    """The partial critical path that ends before a task that is placed, or with one that is not:
    again and again the unplaced parent whose data comes last."""
    board = windows.board
    path = [] if task in board.slots else [task]
    here = task
    while True:
        left = [edge for edge in board.problem.parents[here] if edge.source not in board.slots]
        if not left:
            return path[::-1]
        here = max(
            left, key=lambda edge: windows.over(edge.source) + windows.seconds[edge.source, here]
        ).source
        path.append(here)


def _assign(windows: Windows, path: Sequence[str]) -> bool:
    """The whole path on the machine where it costs least and keeps all latest ends; cut in two
    where no machine may run all of it."""
    board = windows.board
    best: tuple[float, float, Trial] | None = None
    between = windows.between(path)
    for machine in _choices(board, path):
        trial = _fitted(windows, path, machine, between)
        if trial is None:
            continue
        first, last = trial[path[0]][1], trial[path[-1]][2]
        sent = max(board.sent(task, machine, slot[2]) for task, slot in trial.items())
        cost = board.price(machine, first, max(last, sent)) - board.paid(machine)
        if best is None or (cost, last) < best[:2]:
            best = cost, last, trial
    if best is None:
        return len(path) > 1 and _assign_halves(windows, path)
    for task, (machine, begin, _) in best[2].items():
        board.place(task, machine, begin)
    windows.renew(path)
    return True


def _assign_halves(windows: Windows, path: Sequence[str]) -> bool:
    return all(_assign(windows, part) for part in (path[:1], path[1:]))


def _choices(board: Board, path: Sequence[str]) -> Iterator[Machine]:
    times = board.problem.times
    for machine in (*board.machines, *board.fresh(path[0])):
        if all(machine.resource.name in times[task] for task in path):
            yield machine


def _fitted(
    windows: Windows, path: Sequence[str], machine: Machine, between: Mapping[str, Sequence[str]]
) -> Trial | None:
    """A path on a machine, each task as soon as it can; None where one would end too late."""
    trial: Trial = {}
    at = 0.0
    for task, following in zip(path, [*path[1:], ""], strict=True):
        seconds = windows.board.problem.times[task][machine.resource.name]
        begin = machine.earliest(
            max(at, windows.ready(task, machine, trial, between[task])), seconds
        )
        at = begin + seconds
        if not in_time(at, windows.latest(task, machine, following)):
            return None
        trial[task] = machine, begin, at
    return trial


PLANNER = Planner(
    ic_pcp, "partial critical paths, each on the cheapest machine in time", trades=True
)
