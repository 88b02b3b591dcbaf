"""Units that are ready to run, by what they need: the oldest first, as long as it fits."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator
from heapq import heapify, heappop, heappush, heapreplace
from itertools import count

from lamina.execution.slots import Share, Slots
from lamina.execution.state.frames import Unit
from lamina.workflow.needs import Needs

PATIENCE = 100
"""Younger units that may overtake one that does not fit, before it is waited for."""

_Line = deque[tuple[int, Unit]]


class ReadyQueue:
    """A line of units for each need that occurs; O(log of the number of needs) per unit."""

    def __init__(self, slots: Slots) -> None:
        self.slots = slots
        self._lines: dict[Needs, _Line] = {}
        self._heads: list[tuple[int, int, Needs]] = []
        """(age of the first of a line, number, its needs), for every line that is not empty."""
        self._ages = count()
        self._numbers = count()
        self._waiting = 0
        self._patience = (-1, 0)
        """Age of the unit that was overtaken, and how often."""

    def __len__(self) -> int:
        return self._waiting

    def put(self, unit: Unit, needs: Needs) -> None:
        """Adds a unit behind those with the same needs."""
        line = self._lines.get(needs)
        if line is None:
            line = self._lines[needs] = deque()
        age = next(self._ages)
        if not line:
            heappush(self._heads, (age, next(self._numbers), needs))
        line.append((age, unit))
        self._waiting += 1

    def started(self) -> Iterator[tuple[Unit, Share]]:
        """Takes out the units that get a place now."""
        heads, blocked = self._heads, []
        while heads:
            _, number, needs = heads[0]
            line = self._lines[needs]
            share = self.slots.take(needs)
            if share is None:
                blocked.append(heappop(heads))
                if self._is_waited_for(blocked[0][0]):
                    break
                continue
            unit = line.popleft()[1]
            self._waiting -= 1
            if line:
                heapreplace(heads, (line[0][0], number, needs))
            else:
                heappop(heads)
                del self._lines[needs]
            if blocked:
                self._overtaken(blocked[0][0])
            yield unit, share
        for head in blocked:
            heappush(heads, head)

    def units(self) -> Iterator[Unit]:
        """All that wait."""
        for line in self._lines.values():
            for _, unit in line:
                yield unit

    def clear(self) -> None:
        """Takes out everything."""
        self._lines.clear()
        self._heads.clear()
        self._waiting = 0

    def without(self, gone: set[str]) -> None:
        """Takes out the units of these names; O(units)."""
        for needs, line in list(self._lines.items()):
            kept = deque(entry for entry in line if entry[1].name not in gone)
            self._waiting -= len(line) - len(kept)
            if kept:
                self._lines[needs] = kept
            else:
                del self._lines[needs]
        self._heads = [
            (line[0][0], next(self._numbers), needs) for needs, line in self._lines.items()
        ]
        heapify(self._heads)

    def _overtaken(self, age: int) -> None:
        before, times = self._patience
        self._patience = (age, times + 1 if before == age else 1)

    def _is_waited_for(self, age: int) -> bool:
        return self._patience[0] == age and self._patience[1] >= PATIENCE
