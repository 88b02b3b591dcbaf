"""Windows: between when and when each task has to run so that a deadline is kept."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from heapq import heapify, heappop, heappush
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
        self._place = {name: number for number, name in enumerate(problem.order)}
        self.begin: dict[str, float] = {}
        self.end: dict[str, float] = {}
        for name in problem.order:
            self.begin[name] = self._begin(name)
        for name in reversed(problem.order):
            self.end[name] = self._end(name)

    def renew(self, placed: Iterable[str]) -> None:
        """Takes in tasks that have been placed since; only what they change is looked at."""
        problem, names = self.board.problem, list(placed)
        readers = {name: [e.target for e in problem.children[name]] for name in names}
        writers = {name: [e.source for e in problem.parents[name]] for name in names}
        for name in names:
            _, self.begin[name], self.end[name] = self.board.slots[name]
        for line, sign in ((readers, 1), (writers, -1)):
            heap = [(sign * self._place[name], name) for some in line.values() for name in some]
            heapify(heap)
            done = -1, ""
            while heap:
                here = heappop(heap)
                if here != done:
                    done = here
                    for name in self._moved(here[1], forward=sign > 0):
                        heappush(heap, (sign * self._place[name], name))

    def _moved(self, name: str, forward: bool) -> list[str]:
        """Renews one side of a task's window; the tasks that this may change."""
        if name in self.board.slots:
            return []
        if forward:
            before, self.begin[name] = self.begin[name], self._begin(name)
            changed = self.begin[name] != before
            return [e.target for e in self.board.problem.children[name]] if changed else []
        before, self.end[name] = self.end[name], self._end(name)
        changed = self.end[name] != before
        return [e.source for e in self.board.problem.parents[name]] if changed else []

    def _begin(self, name: str) -> float:
        if name in self.board.slots:
            return self.board.slots[name][1]
        came = (
            self.over(edge.source) + self.seconds[edge.source, name]
            for edge in self.board.problem.parents[name]
        )
        return max(max(came, default=0.0), self._soonest[name])

    def _end(self, name: str) -> float:
        if name in self.board.slots:
            return self.board.slots[name][2]
        left = (self._latest(edge) for edge in self.board.problem.children[name])
        return min(left, default=self.deadline)

    def over(self, name: str) -> float:
        """When a task is over: at its best, where it is not placed."""
        slot = self.board.slots.get(name)
        return slot[2] if slot else self.begin[name] + self.quickest[name]

    def between(self, path: Sequence[str]) -> dict[str, list[str]]:
        """Task of a path -> unplaced tasks beside the path that lie between earlier tasks of it
        and this one, each after those that it reads: they move with what they wait for."""
        problem, placed = self.board.problem, {*self.board.slots, *path}
        behind = _reached(path, lambda name: (e.target for e in problem.children[name]), placed)
        found = {}
        for task in path:
            before = _reached(
                [task], lambda name: (e.source for e in problem.parents[name]), placed
            )
            found[task] = sorted(before & behind, key=self._place.__getitem__)
        return found

    def ready(
        self, task: str, machine: Machine, placed: Placed, between: Sequence[str] = ()
    ) -> float:
        """When a task can begin on a machine at the earliest, where some are placed on trial.

        Args:
            task: not placed so far.
            machine: where it would run.
            placed: on trial; earlier tasks of its path.
            between: of this task, from the method of that name.
        """
        at = 0.0
        name = machine.resource.name
        pushed = self._pushed(placed, between)
        for edge in self.board.problem.parents[task]:
            slot = placed.get(edge.source) or self.board.slots.get(edge.source)
            if slot is None:
                over = pushed.get(edge.source) or self.over(edge.source)
                at = max(at, over + self.seconds[edge.source, task])
            elif slot[0] is machine:
                at = max(at, slot[2])
            else:
                transfer = self.board.problem.transfer(edge, slot[0].resource.name, name)
                at = max(at, slot[2] + transfer)
        return at

    def _pushed(self, placed: Placed, between: Sequence[str]) -> dict[str, float]:
        """When unplaced tasks are over at their best, given those that are placed on trial."""
        found: dict[str, float] = {}
        for name in between:
            at = self.begin[name]
            for edge in self.board.problem.parents[name]:
                slot = placed.get(edge.source)
                over = slot[2] if slot else found.get(edge.source)
                if over is not None:
                    at = max(at, over + self.seconds[edge.source, name])
            found[name] = at + self.quickest[name]
        return found

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


def _reached(
    begin: Iterable[str], onward: Callable[[str], Iterable[str]], stops: Collection[str]
) -> set[str]:
    """What can be reached from some tasks without passing others."""
    found: set[str] = set()
    line = list(begin)
    while line:
        for name in onward(line.pop()):
            if name not in found and name not in stops:
                found.add(name)
                line.append(name)
    return found


def in_time(end: float, latest: float) -> bool:
    """Whether an end is in time, but for the sums of floats."""
    return end <= latest + SLACK * max(1.0, abs(end))
