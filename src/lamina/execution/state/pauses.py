"""Units that failed and run again: how long each of them waits before."""

from __future__ import annotations

from collections.abc import Iterator
from heapq import heappop, heappush
from itertools import count

from lamina.execution.state.frames import Unit


class Pauses:
    """Units in a pause, the next to go on first. One whose `Unit.pause` is changed never does."""

    def __init__(self) -> None:
        self._waiting: list[tuple[float, int, Unit]] = []
        self._numbers = count()

    def __iter__(self) -> Iterator[Unit]:
        return (unit for _, _, unit in self._waiting)

    def due(self) -> float | None:
        """When the next pause is over; None where there is none."""
        return self._waiting[0][0] if self._waiting else None

    def begin(self, unit: Unit, until: float) -> None:
        """A unit waits until then."""
        unit.pause = next(self._numbers)
        heappush(self._waiting, (until, unit.pause, unit))

    def ended(self, time: float) -> Iterator[Unit]:
        """Takes out the units whose pauses are over."""
        while self._waiting and self._waiting[0][0] <= time:
            _, number, unit = heappop(self._waiting)
            if unit.pause == number:
                yield unit

    def without(self, gone: set[str]) -> None:
        """Takes out the units of these names."""
        self._waiting = sorted(entry for entry in self._waiting if entry[2].name not in gone)

    def clear(self) -> None:
        """Takes out everything."""
        self._waiting.clear()
