"""T-Cluster: the graph is cut into chains by its structure alone, and each gets a machine.

The planner of that name in DATAVIEW (after A. Mohan and others): no run time or transfer has to be
known to tell the clusters. Which machine each of them gets is decided here by the run times, where
there is a choice.
"""

from __future__ import annotations

from collections.abc import Sequence

from lamina.planning.board import Board, Machine
from lamina.planning.bounds import urgent_first
from lamina.planning.goals import Goal, Planner
from lamina.planning.problem import Problem
from lamina.planning.schedule import Schedule


def clusters(problem: Problem) -> list[tuple[str, ...]]:
    """Chains of tasks, each from a task that reads nothing of tasks without a chain, on and on to
    the first of its readers that has none; labels that no resource has together end a chain."""
    found: list[tuple[str, ...]] = []
    taken: set[str] = set()
    waits = {name: len(edges) for name, edges in problem.parents.items()}
    roots = [task.name for task in problem.tasks if not waits[task.name]]
    while roots:
        chain = _chain(problem, roots[0], taken)
        taken.update(chain)
        found.append(tuple(chain))
        for task in chain:
            for edge in problem.children[task]:
                waits[edge.target] -= 1
        roots = [
            task.name for task in problem.tasks if not waits[task.name] and task.name not in taken
        ]
    return found


def _chain(problem: Problem, root: str, taken: set[str]) -> list[str]:
    chain = [root]
    shared = set(problem.times[root])
    following: str | None = root
    while following is not None:
        readers = sorted(
            (edge.target for edge in problem.children[following]), key=problem.place.__getitem__
        )
        following = next(
            (one for one in readers if one not in taken and shared & set(problem.times[one])), None
        )
        if following is not None:
            chain.append(following)
            shared &= set(problem.times[following])
    return chain


def t_cluster(problem: Problem, goal: Goal) -> Schedule:
    """Each chain on a machine of its own, of the resource that runs it fastest; where none is
    left, on the machine that has the least to do."""
    del goal
    board = Board(problem)
    machines: list[Machine] = []
    home: dict[str, Machine] = {}
    work: dict[int, float] = {}
    for chain in clusters(problem):
        machine = _home(problem, chain, machines, work)
        home.update(dict.fromkeys(chain, machine))
    for task in urgent_first(problem):
        machine = home[task]
        seconds = problem.times[task][machine.resource.name]
        board.place(task, machine, machine.earliest(board.ready(task, machine), seconds))
    return board.schedule("t-cluster")


def _home(
    problem: Problem, chain: Sequence[str], machines: list[Machine], work: dict[int, float]
) -> Machine:
    fit = [
        one for one in problem.resources
        if all(one.name in problem.times[task] for task in chain)
    ]  # fmt: skip
    left = [
        Machine(one) for one in fit
        if one.count is None or sum(m.resource is one for m in machines) < one.count
    ]  # fmt: skip
    names = {one.name for one in fit}
    choices = left or [one for one in machines if one.resource.name in names]

    def loaded(machine: Machine) -> float:
        name = machine.resource.name
        own = sum(problem.times[task][name] for task in chain)
        return work.get(id(machine), machine.resource.delay) + own

    chosen = min(choices, key=loaded)
    work[id(chosen)] = loaded(chosen)
    if not any(one is chosen for one in machines):
        machines.append(chosen)
    return chosen


PLANNER = Planner(t_cluster, "chains of the graph, told by its structure alone, one machine each")
