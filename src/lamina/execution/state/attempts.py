"""The attempts of units: ready, pre script, queued, running, post script, done; and again."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import replace
from typing import Any

from lamina.execution.retries import again
from lamina.execution.runtimes.base import AFTER, BEFORE, MAIN, Capacity
from lamina.execution.runtimes.base import Ended as Report
from lamina.execution.slots import Slots
from lamina.execution.state.book import Book
from lamina.execution.state.endings import (
    attempt_ended,
    attempt_started,
    began,
    belongs,
    checked,
    is_early,
    notices,
    script_failed,
    with_worked,
)
from lamina.execution.state.frames import Unit
from lamina.execution.state.pauses import Pauses
from lamina.execution.state.queue import ReadyQueue
from lamina.execution.state.recalls import Recalls
from lamina.execution.state.settled import Settled
from lamina.execution.state.streams import BROKEN, Streams
from lamina.execution.state.words import Answered, Began, Ended, Launch, Placed, Progressed, Stop
from lamina.workflow.log import AttemptPlaced, AttemptProgressed
from lamina.workflow.needs import Needs

_SCRIPT = Needs(cpus=0.0)

_ALL = "it had all the memory that the run may use: let it hold less, or give the run more"
"""What to do about a task for which there is not enough."""
DAMAGED = "artifact damaged"
"""What a report says of an input that cannot be read."""


class Attempts:
    """All units that are ready or further. Starts, repeats and ends their attempts.

    Args:
        book: shared with the rest of the state.
        capacity: of the runtime.
        settled: is told how units end.
        counted: unit -> attempts of earlier sessions.
    """

    def __init__(
        self, book: Book, capacity: Capacity, settled: Settled, counted: Mapping[str, int]
    ) -> None:
        self._book = book
        self._settled = settled
        self._note = book.policy.note
        self._counted = counted
        self._ready = ReadyQueue(Slots(capacity))
        self._out: dict[str, Unit] = {}
        """Units with an assignment at the runtime."""
        self._open: dict[str, Unit] = {}
        """Units with an attempt that has begun and not ended."""
        self._recalls = Recalls(book, settled, self._ready, self._queue)
        self._pauses = Pauses()
        self._held: dict[str, tuple[Unit, Ended]] = {}
        """Units that are done, and whose streams are not."""
        self._streams: Streams | None = None

    @property
    def idle(self) -> bool:
        """Whether nothing is at the runtime."""
        return not self._out

    def due(self) -> float | None:
        """When the next repetition may begin; None where none waits."""
        return self._pauses.due()

    def offer(self, unit: Unit, time: float, recall: bool = True) -> None:
        """A unit has all its inputs. recall: whether an earlier result may stand in for it."""
        unit.ready = time
        unit.pause = -1
        if self._book.stopping:
            return
        if self._streams is not None and not self._streams.offered(unit):
            self._book.move(unit, "unready")
            return
        self._book.move(unit, "ready")
        if recall and self._book.policy.recall:
            self._recalls.add(unit)
        else:
            self._queue(unit, time)

    def answered(self, event: Answered) -> None:
        """An earlier result stands in for the unit, or it has to run."""
        self._recalls.answered(event)

    def _queue(self, unit: Unit, time: float) -> None:
        """Into the line of those who wait for a place."""
        placed = unit.node.task.care.placement is not None and self._book.policy.placing
        why = "" if placed else self._ready.slots.impossible(unit.needs)
        if why:
            self.refuse(unit, {"cause": why, "way_out": "ask for less, or run it elsewhere"}, time)
            return
        if unit.node.task.care.before and unit.name not in self._open:
            unit.part = BEFORE
            self._ready.put(unit, _SCRIPT)
        else:
            unit.part = MAIN
            unit.since = time
            if not placed:
                unit.needs = self._ready.slots.fitted(unit.needs)
            # The capacity of the runtimes that it may go to bounds a unit that is placed.
            self._ready.put(unit, _SCRIPT if placed else unit.needs)

    def schedule(self, time: float) -> None:
        """Hands out places. To be called when everything that happened has been told."""
        for unit in self._pauses.ended(time):
            self.offer(unit, time, recall=False)
        if self._book.stopping:
            return
        for unit, share in self._ready.started():
            unit.share = share
            self._launch(unit, time)
        self._recalls.ask()

    def _launch(self, unit: Unit, time: float) -> None:
        book, part = self._book, unit.part
        if unit.name not in self._open:
            self._begin(unit, time)
        status = ""
        if part == MAIN:
            begin = unit.phases["pre_script"][1] if "pre_script" in unit.phases else unit.ready
            unit.phases["submit"] = (begin, max(begin, unit.since))
            book.move(unit, "queued")
        elif part == BEFORE:
            book.move(unit, "pre")
        else:
            status = unit.main.report.status if unit.main else ""
            book.move(unit, "post")
        if part != MAIN:
            unit.since = time
        self._out[unit.name] = unit
        book.ask(Launch(unit, part, status))

    def _begin(self, unit: Unit, time: float) -> None:
        unit.begin(after=self._counted.get(unit.name, 0))
        self._open[unit.name] = unit
        self._book.record(attempt_started(unit, time, self._note))

    def _known(self, ticket: tuple[str, int, str]) -> Unit | None:
        """The unit of a ticket; None for one that is over, or was never given."""
        unit = self._out.get(ticket[0])
        return unit if unit is not None and unit.ticket == ticket else None

    def began(self, event: Began) -> None:
        """A worker took an assignment."""
        unit = self._known(event.ticket)
        if unit is None:
            return
        if unit.part == MAIN:
            if "queue" in unit.phases:
                return
            unit.phases["queue"] = (unit.phases["submit"][1], event.time)
            unit.about = (event.worker, event.host, event.pid)
            self._book.move(unit, "running")
            self._settled.began(unit, event.time)

    def placed(self, event: Placed) -> None:
        """Where an attempt runs, or what it did there."""
        unit, told = self._known(event.ticket), event.report
        if unit is not None:
            self._book.record(
                AttemptPlaced(
                    event.time, unit.name, unit.attempt, told.runtime, told.reason, told.items,
                    told.stages,
                )
            )  # fmt: skip

    def progressed(self, event: Progressed) -> None:
        """Live metrics."""
        unit = self._known(event.ticket)
        if unit is not None:
            told = AttemptProgressed(event.time, unit.name, unit.attempt, event.values)
            self._book.record(told)

    def ended(self, event: Ended) -> None:
        """A part of an attempt is over; what is not known is passed over."""
        unit = self._known(event.ticket)
        if unit is None:
            return
        del self._out[unit.name]
        if unit.share is not None:
            self._ready.slots.give(unit.share)
            unit.share = None
        _PARTS[unit.part](self, unit, event)

    def _before_ended(self, unit: Unit, event: Ended) -> None:
        unit.phases["pre_script"] = (began(event.phases, unit.since), event.time)
        if event.report.status == "succeeded" and not unit.stopped:
            self._queue(unit, event.time)
        else:
            self._settle(unit, replace(event, report=script_failed("pre", event.report)))

    def _main_ended(self, unit: Unit, event: Ended) -> None:
        unit.phases = with_worked(unit.phases, event.phases)
        if unit.node.task.care.after and not unit.stopped:
            unit.part, unit.main = AFTER, event
            self._ready.put(unit, _SCRIPT)
        else:
            self._settle(unit, event)

    def _after_ended(self, unit: Unit, event: Ended) -> None:
        assert unit.main is not None
        unit.phases["post_script"] = (began(event.phases, unit.since), event.time)
        told = unit.main.report
        if told.status == "succeeded" and event.report.status != "succeeded":
            told = script_failed("post", event.report)
        self._settle(unit, replace(unit.main, time=event.time, report=told))

    def _settle(self, unit: Unit, end: Ended) -> None:
        """An attempt is over with all its parts."""
        if unit.follows and not unit.stopped and is_early(end.report):
            self._held[unit.name] = (unit, end)
            return
        del self._open[unit.name]
        time, expansion = end.time, end.expansion
        report = checked(unit, end.report, expansion is not None)
        ending = attempt_ended(unit, time, report, expansion, self._note)
        whole = ending.status == "succeeded" and bool(unit.flowing)
        self._book.record(ending, unit if whole else None)
        for notice in notices(unit, time, report):
            self._book.record(notice)
        if report.status != "succeeded" and self._streams is not None:
            self._streams.failed(unit, time)
        if self._book.stopping and report.status != "succeeded":
            self._book.move(unit, "unready")
        elif unit.suspended and self._streams is not None:
            unit.stopped = ""
            self._book.move(unit, "unready")
            self._streams.resume(unit, time)
        else:
            self._decide(unit, end, report)

    def _decide(self, unit: Unit, end: Ended, report: Report) -> None:
        """What follows from the end of an attempt; report: how it ended, once that is checked."""
        time, expansion = end.time, end.expansion
        if report.status == "succeeded":
            self._book.move(unit, "success")
            if expansion is not None:
                self._settled.expanded(unit, *expansion, time)
            else:
                self._settled.succeeded(unit, report.outputs, time)
        elif unit.stopped:
            self._book.move(unit, "failure")
            self._settled.failed(unit, {"cause": unit.stopped, "kind": "cancelled"}, None, time)
        else:
            self._repeat(unit, time, report)

    def _repeat(self, unit: Unit, time: float, report: Report) -> None:
        """After an attempt that failed: once more, or never again."""
        digests = frozenset(text for what, text in report.notices if what == DAMAGED)
        error = report.error
        if digests:
            self._book.move(unit, "unready")
            why = self._settled.damaged(unit, digests, time)
            if not why:
                return
            error = {**error, "cause": why, "way_out": error.get("way_out", "")}
        else:
            unit.tries += 1
            policy = self._book.policy
            chance = (policy.retries, policy.backoff, f"{policy.seed}/{unit.name}")
            found = again(unit.node.task.care, unit.needs, report.status, unit.tries, chance)
            if found is not None and self._had_all(unit, found.needs):
                found, error = None, {**error, "way_out": _ALL}
            if found is not None and not self._book.stopping:
                unit.needs, unit.reason = found.needs, found.reason
                self._book.move(unit, "unready")
                self._pauses.begin(unit, time + found.delay)
                return
        self._book.move(unit, "failure")
        self._settled.failed(unit, error, report.exception, time)

    def _had_all(self, unit: Unit, raised: Needs) -> bool:
        """Whether a unit that is to get more memory had all that there is."""
        if raised.memory == unit.needs.memory:
            return False
        return self._ready.slots.fitted(raised).memory == unit.needs.memory

    def refuse(
        self,
        unit: Unit,
        error: Mapping[str, Any],
        time: float,
        exception: BaseException | None = None,
    ) -> None:
        """A unit that cannot run at all: an attempt that begins and fails at once."""
        self._begin(unit, time)
        report = Report(unit.ticket, time, "failed", error=error, exception=exception)
        del self._open[unit.name]
        self._book.record(attempt_ended(unit, time, report, None, self._note))
        self._book.move(unit, "failure")
        self._settled.failed(unit, error, exception, time)

    def attach(self, streams: Streams) -> None:
        """Who is to know of units that write and read streams."""
        self._streams = streams

    def suspend(self, unit: Unit, time: float) -> None:
        """A stream that the unit reads broke off: what it did is void, and it waits."""
        if unit.name in self._held:
            del self._held[unit.name]
            unit.suspended, unit.stopped = True, BROKEN
            report = Report(unit.ticket, time, "cancelled", error={"cause": BROKEN})
            self._settle(unit, Ended(time, unit.ticket, report))
        elif unit.name in self._open:
            unit.suspended = True
            if unit.name in self._out:
                self._end(unit, BROKEN)
            else:
                self._ready.without({unit.name})
                self._drop(unit, time)
        elif unit.state == "ready":
            unit.suspended = True
            unit.pause = -1
            self._ready.without({unit.name})
            self._recalls.forget(unit)
            self._book.move(unit, "unready")

    def release(self, unit: Unit, time: float) -> None:
        """All streams that the unit reads are whole: what it did counts."""
        held = self._held.pop(unit.name, None)
        if held is not None:
            self._settle(unit, replace(held[1], time=time))
        elif unit.state == "ready" and unit.name not in self._open and self._book.policy.recall:
            # It found no place meanwhile: what it reads has a digest now, and it may be known.
            self._ready.without({unit.name})
            self._recalls.renew(unit)

    def stop(self, time: float) -> None:
        """Nothing starts any more, and what runs is to end; `Book.stopping` says why."""
        for unit in list(self._waiting()):
            self._drop(unit, time)
        for waiting in (self._recalls, self._ready, self._held, self._pauses):
            waiting.clear()
        for unit in self._out.values():
            self._end(unit, "the run ended")

    def _drop(self, unit: Unit, time: float) -> None:
        """A unit that waits for a place is not going to get one."""
        if unit.name in self._open:
            del self._open[unit.name]
            why = BROKEN if unit.suspended else "it was ended before it ran"
            cancelled = Report(unit.ticket, time, "cancelled", error={"cause": why})
            self._book.record(attempt_ended(unit, time, cancelled, None, self._note))
            if self._streams is not None:
                self._streams.failed(unit, time)
        self._book.move(unit, "unready")

    def _end(self, unit: Unit, why: str) -> None:
        if not unit.stopped:
            unit.stopped = why
            self._book.ask(Stop(unit.ticket))

    def cancel(self, name: str, time: float) -> None:
        """Ends the unit, or all units of the task, of this name."""
        for unit in [unit for unit in self._out.values() if belongs(unit.name, name)]:
            self._end(unit, "it was cancelled")
        waiting = [unit for unit in self._waiting() if belongs(unit.name, name)]
        if not waiting:
            return
        gone = {unit.name for unit in waiting}
        self._ready.without(gone)
        self._recalls.without(gone)
        self._pauses.without(gone)
        for unit in waiting:
            self._recalls.forget(unit)
            self._held.pop(unit.name, None)
            self._drop(unit, time)
            self._book.move(unit, "failure")
            error = {"cause": "it was cancelled", "kind": "cancelled"}
            self._settled.failed(unit, error, None, time)

    def _waiting(self) -> Iterator[Unit]:
        yield from self._recalls
        yield from self._ready.units()
        yield from (unit for unit, _ in self._held.values())
        yield from self._pauses


_PARTS = {
    BEFORE: Attempts._before_ended,
    MAIN: Attempts._main_ended,
    AFTER: Attempts._after_ended,
}
