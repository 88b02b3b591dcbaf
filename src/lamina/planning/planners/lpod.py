"""LPOD: path by path, each cut over machines so that it costs least and keeps the deadline.

After C. Bai, S. Lu, I. Ahmed, D. Che and A. Mohan, "LPOD: a local path based optimized scheduling
algorithm for deadline-constrained big data workflows in the cloud", IEEE BigData Congress 2019:
paths from the most urgent task on; paid time of machines that there are is used first; along a
path the cheapest way to each machine is kept, task by task. Machines that there are may also be
paid for longer here, which the paper leaves to new ones.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from lamina.planning.board import Board, Machine
from lamina.planning.bounds import upward_ranks, urgent_first
from lamina.planning.goals import Goal, Planner
from lamina.planning.planners.heft import heft
from lamina.planning.problem import Problem
from lamina.planning.schedule import Schedule
from lamina.planning.windows import Windows, in_time

WAYS = 3
"""Ways that are kept to each machine: the cheapest ones that end earlier than all cheaper ones."""
MACHINES = 8
"""Machines with tasks that a path may use: those that made its data, then those free first."""


@dataclass(frozen=True)
class _Way:
    """The first tasks of a path on trial.

    Args:
        cost: what they add to the price of all machines.
        end: of the last one.
        machine: of the last one.
        slots: task -> machine, begin, end.
        spans: machine that they use -> first begin, and when its last data has been sent.
    """

    cost: float
    end: float
    machine: Machine
    slots: Mapping[str, tuple[Machine, float, float]]
    spans: Mapping[int, tuple[Machine, float, float]]


def lpod(problem: Problem, goal: Goal) -> Schedule:
    """Path by path from the most urgent task on; HEFT's schedule where that misses the deadline."""
    board = Board(problem)
    windows = Windows(board, goal.deadline)
    for path in paths(problem):
        way = _cheapest(windows, path)
        if way is None:
            break
        for task, (machine, begin, _) in way.slots.items():
            board.place(task, machine, begin)
        windows.renew(path)
    if len(board.slots) == len(problem.tasks):
        found = board.schedule("lpod")
        if not goal.missed(found):
            return found
    return Schedule(problem, "lpod", heft(problem, goal).slots)


def paths(problem: Problem) -> Iterator[list[str]]:
    """The most urgent task that is left, and on and on its most urgent reader that is left."""
    rank = upward_ranks(problem)
    left = dict.fromkeys(urgent_first(problem))
    while left:
        path = [next(iter(left))]
        while path[-1] in left:
            del left[path[-1]]
            readers = [e.target for e in problem.children[path[-1]] if e.target in left]
            if readers:
                path.append(max(readers, key=lambda name: (rank[name], -problem.place[name])))
        yield path


def _cheapest(windows: Windows, path: Sequence[str]) -> _Way | None:
    """The cheapest way through a path that keeps all latest ends; of equal ones the earliest."""
    board = windows.board
    known = _known(board, path)
    between = windows.between(path)
    ways: list[_Way | None] = [None]
    for task, following in zip(path, [*path[1:], ""], strict=True):
        found: dict[int | str, list[_Way]] = {}
        for way in ways:
            for machine in _machines(board, task, way, known):
                longer = _longer(windows, way, machine, (task, following), between[task])
                if longer is not None:
                    key = machine.resource.name if machine.fresh else id(machine)
                    found.setdefault(key, []).append(longer)
        ways = [way for some in found.values() for way in _best(some)]
        if not ways:
            return None
    return min((way for way in ways if way is not None), key=lambda way: (way.cost, way.end))


def _known(board: Board, path: Sequence[str]) -> list[Machine]:
    """Machines with tasks that a path may use."""
    made = {
        id(board.slots[edge.source][0])
        for task in path
        for edge in board.problem.parents[task]
        if edge.source in board.slots
    }
    free = sorted(board.machines, key=lambda one: (id(one) not in made, one.ends[-1]))
    return free[:MACHINES]


def _machines(
    board: Board, task: str, way: _Way | None, known: Sequence[Machine]
) -> Iterator[Machine]:
    """Where the next task of a path may run: on the machine of the one before, on others with
    tasks, on a fresh one of each resource."""
    times = board.problem.times[task]
    opened = [] if way is None else [m for m, _, _ in way.spans.values() if m.fresh]
    here = [] if way is None else [way.machine]
    rest = [machine for machine in known if way is None or machine is not way.machine]
    for machine in (*here, *rest):
        if machine.resource.name in times:
            yield machine
    for machine in board.fresh(task):
        if board.room(machine.resource, sum(one.resource is machine.resource for one in opened)):
            yield machine


def _longer(
    windows: Windows,
    way: _Way | None,
    machine: Machine,
    step: tuple[str, str],
    between: Sequence[str],
) -> _Way | None:
    """A way with one more task, of which and the next one `step` tells the names; None where it
    would end too late."""
    board = windows.board
    task, following = step
    seconds = board.problem.times[task][machine.resource.name]
    slots = {} if way is None else way.slots
    begin = machine.earliest(windows.ready(task, machine, slots, between), seconds)
    begin = max(begin, 0.0 if way is None or way.machine is not machine else way.end)
    begin = machine.earliest(begin, seconds)
    end = begin + seconds
    if not in_time(end, windows.latest(task, machine, following)):
        return None
    spans = {} if way is None else dict(way.spans)
    _, first, sent = spans.get(id(machine), (machine, begin, end))
    before = _price(board, machine, spans)
    spans[id(machine)] = machine, min(first, begin), max(sent, board.sent(task, machine, end))
    cost = (0.0 if way is None else way.cost) + _price(board, machine, spans) - before
    return _Way(cost, end, machine, {**slots, task: (machine, begin, end)}, spans)


def _price(
    board: Board, machine: Machine, spans: Mapping[int, tuple[Machine, float, float]]
) -> float:
    """What a machine costs with what is on trial there."""
    if id(machine) not in spans:
        return board.paid(machine)
    _, first, sent = spans[id(machine)]
    return board.price(machine, first, sent)


def _best(ways: list[_Way]) -> list[_Way]:
    """The cheapest ones, each of which ends earlier than the cheaper ones."""
    found: list[_Way] = []
    for way in sorted(ways, key=lambda one: (one.cost, one.end)):
        if not found or way.end < found[-1].end:
            found.append(way)
        if len(found) == WAYS:
            break
    return found


PLANNER = Planner(
    lpod, "path by path, each cut over machines at the least cost in time", trades=True
)
