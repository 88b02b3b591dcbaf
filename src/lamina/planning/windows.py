"""Windows: between when and when each task has to run so that a deadline is kept."""

from __future__ import annotations

from collections.abc import Mapping
from math import inf

from lamina.planning.board import Board, Machine
from lamina.planning.bounds import mean_transfer
from lamina.planning.problem import Edge
from lamina.planning.schedule import SLACK

Placed = Mapping[str, tuple[Machine, float, float]]
"""Task -> machine, begin, end."""


class Windows:
    """Earliest begins and latest ends of all tasks, as far as they are placed or at their best.

    Args:
        board: what is placed.
        deadline: when the last task has to have ended.
    """

    def __init__(self, board: Board, deadline: float) -> None:
        problem = board.problem
        self.board = board
        self.deadline = deadline
        self.quickest = {name: min(problem.times[name].values()) for name in problem.order}
        self.seconds = {
            (edge.source, edge.target): mean_transfer(problem, edge) for edge in problem.edges
        }
        delays = {one.name: one.delay for one in problem.resources}
        self._soonest = {
            name: min(delays[resource] for resource in problem.times[name])
            for name in problem.order
        }
        self.begin: dict[str, float] = {}
        self.end: dict[str, float] = {}
        self.renew()

    def renew(self) -> None:
        """Takes in what has been placed since."""
        problem, slots = self.board.problem, self.board.slots
        for name in problem.order:
            if name in slots:
                self.begin[name] = slots[name][1]
                continue
            came = (
                self.over(edge.source) + self.seconds[edge.source, name]
                for edge in problem.parents[name]
            )
            self.begin[name] = max(came, default=0.0)
            self.begin[name] = max(self.begin[name], self._soonest[name])
        for name in reversed(problem.order):
            if name in slots:
                self.end[name] = slots[name][2]
                continue
            left = (self._latest(edge) for edge in problem.children[name])
            self.end[name] = min(left, default=self.deadline)

    def over(self, name: str) -> float:
        """When a task is over: at its best, where it is not placed."""
        slot = self.board.slots.get(name)
        return slot[2] if slot else self.begin[name] + self.quickest[name]

    def ready(self, task: str, machine: Machine, placed: Placed) -> float:
        """When a task can begin on a machine at the earliest, where some are placed on trial."""
        at = 0.0
        name = machine.resource.name
        for edge in self.board.problem.parents[task]:
            slot = placed.get(edge.source) or self.board.slots.get(edge.source)
            if slot is None:
                at = max(at, self.over(edge.source) + self.seconds[edge.source, task])
            elif slot[0] is machine:
                at = max(at, slot[2])
            else:
                transfer = self.board.problem.transfer(edge, slot[0].resource.name, name)
                at = max(at, slot[2] + transfer)
        return at

    def latest(self, task: str, machine: Machine, following: str = "") -> float:
        """When a task on a machine has to have ended; `following` is a reader that comes next
        on the same machine."""
        at = self.deadline
        for edge in self.board.problem.children[task]:
            slot = self.board.slots.get(edge.target)
            if slot is None:
                left = self._latest(edge)
                moved = self.seconds[task, edge.target] if edge.target == following else 0.0
                at = min(at, left + moved)
            elif slot[0] is machine:
                at = min(at, slot[1])
            else:
                name = slot[0].resource.name
                transfer = self.board.problem.transfer(edge, machine.resource.name, name)
                at = min(at, slot[1] - transfer)
        return at

    def _latest(self, edge: Edge) -> float:
        """When a task has to have ended for one of its readers."""
        slot = self.board.slots.get(edge.target)
        transfer = self.seconds[edge.source, edge.target]
        if slot is not None:
            return slot[1] - transfer
        end = self.end.get(edge.target, inf)
        return end - self.quickest[edge.target] - transfer


def in_time(end: float, latest: float) -> bool:
    """Whether an end is in time, but for the sums of floats."""
    return end <= latest + SLACK * max(1.0, abs(end))
