"""Earlier results: which units are asked about, and what an answer means for one."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterator
from itertools import chain

from lamina.execution.state.book import Book
from lamina.execution.state.frames import Unit
from lamina.execution.state.queue import ReadyQueue
from lamina.execution.state.settled import Settled
from lamina.execution.state.words import Answered, Ask
from lamina.workflow.log import TaskReused

_ASKED = 1000
"""Units that are asked about or wait for a place at once; the rest is asked about later."""

_TOGETHER = 250
"""Units that are asked about together where there are so many: one look costs as much as many."""


class Recalls:
    """Units that are ready, and may not have to run.

    Args:
        book: shared with the rest of the state.
        settled: is told of units that do not have to run.
        ready: units that have to; those that wait there count as asked about.
        run: takes a unit that has to run, and the time.
    """

    def __init__(
        self, book: Book, settled: Settled, ready: ReadyQueue, run: Callable[[Unit, float], None]
    ) -> None:
        self._book = book
        self._settled = settled
        self._ready = ready
        self._run = run
        self._unasked: deque[Unit] = deque()
        self._asked: dict[str, Unit] = {}

    def __iter__(self) -> Iterator[Unit]:
        return chain(self._unasked, self._asked.values())

    def add(self, unit: Unit) -> None:
        """A unit is ready."""
        self._unasked.append(unit)
        self.ask()

    def renew(self, unit: Unit) -> None:
        """What a unit reads has another form now: it is asked about with that."""
        self._asked.pop(unit.name, None)
        if unit not in self._unasked:
            self.add(unit)

    def ask(self) -> None:
        """Asks about as many as may be asked about now."""
        held = len(self._asked) + len(self._ready)
        if held and held + _TOGETHER > _ASKED:
            return
        while self._unasked and len(self._asked) + len(self._ready) < _ASKED:
            unit = self._unasked.popleft()
            if unit.state == "ready":
                self._asked[unit.name] = unit
                self._book.ask(Ask(unit))

    def answered(self, event: Answered) -> None:
        """An earlier result stands in for the unit, or it has to run."""
        unit, recall = event.unit, event.recall
        if self._asked.pop(unit.name, None) is not unit or unit.state != "ready":
            return
        if recall is None:
            return
        unit.key, unit.recipe, unit.reason = recall.key, recall.recipe, recall.reason
        if recall.outputs is None or not unit.is_whole(recall.outputs):
            self._forgotten(unit, frozenset(recall.lacking), event.time)
            return
        kept = self._book.policy.note(recall.outputs)
        self._book.record(
            TaskReused(
                event.time, unit.name, unit.ready, unit.key, recall.source, kept, recall.reason
            )
        )
        self._book.move(unit, "success")
        self._settled.succeeded(unit, recall.outputs, event.time)

    def _forgotten(self, unit: Unit, lacking: frozenset[str], time: float) -> None:
        """A unit has to run; inputs whose bytes were cleaned are made again before."""
        if lacking:
            self._book.move(unit, "unready")
            if not self._settled.damaged(unit, lacking, time):
                return
            self._book.move(unit, "ready")
        self._run(unit, time)

    def forget(self, unit: Unit) -> None:
        """An answer about the unit means nothing any more."""
        self._asked.pop(unit.name, None)

    def without(self, gone: set[str]) -> None:
        """Takes out the units of these names that it has not asked about."""
        self._unasked = deque(unit for unit in self._unasked if unit.name not in gone)

    def clear(self) -> None:
        """Takes out everything."""
        self._unasked.clear()
        self._asked.clear()
