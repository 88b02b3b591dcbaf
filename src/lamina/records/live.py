"""Where a run is now: folded from its events, small whatever the number of tasks."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from lamina.workflow.log import (
    COUNTS,
    AttemptEnded,
    AttemptProgressed,
    AttemptStarted,
    Counted,
    Event,
    RunFinished,
    RunStarted,
    TaskReused,
)

SHOWN = 50
"""Running tasks that are told one by one; and failures."""


@dataclass
class Running:
    """An attempt that has not ended.

    Args:
        attempt: its number.
        since: seconds since 1970.
        values: its newest live metrics.
        told: when they came.
        firsts: "epoch" -> (time, number) of the first count that it told, for an estimate.
    """

    attempt: int
    since: float
    values: dict[str, Any] = field(default_factory=dict)
    told: float = 0.0
    firsts: dict[str, tuple[float, float]] = field(default_factory=dict)


@dataclass
class Live:
    """The state of a run's newest session, event by event.

    Args:
        tasks: units that are known.
        began, time: of the session's first and of the newest event.
        counted: the newest counts that the engine told; empty before the first.
        succeeded, reused, failed: attempts of this session.
        running: unit -> attempt that has not ended; the first SHOWN of them.
        more: how many more are running.
        failures: unit -> cause of its newest failed attempt; the newest SHOWN of them.
    """

    tasks: int = 0
    began: float = 0.0
    time: float = 0.0
    counted: dict[str, int] = field(default_factory=dict)
    succeeded: int = 0
    reused: int = 0
    failed: int = 0
    running: dict[str, Running] = field(default_factory=dict)
    more: int = 0
    failures: dict[str, str] = field(default_factory=dict)

    def apply(self, event: Event) -> None:
        """Takes one event in."""
        self.time = max(self.time, event.time)
        take = _TAKE.get(type(event))
        if take is not None:
            take(self, event)

    def counts(self) -> dict[str, int]:
        """Tasks by the words of `lamina.workflow.log.COUNTS`."""
        if self.counted:
            return {word: self.counted.get(word, 0) for word in COUNTS}
        found = dict.fromkeys(COUNTS, 0)
        found["running"] = len(self.running) + self.more
        found["success"] = self.succeeded + self.reused
        found["failure"] = len(self.failures)
        found["unready"] = max(0, self.tasks - sum(found.values()))
        return found

    def to_json(self) -> dict[str, Any]:
        """Plain values for `from_json`."""
        found = dict(self.__dict__)
        shown = list(self.running.items())[:SHOWN]
        found["running"] = {
            name: [r.attempt, r.since, r.values, r.told, r.firsts] for name, r in shown
        }
        found["more"] = self.more + len(self.running) - len(shown)
        return found

    @classmethod
    def from_json(cls, entry: Mapping[str, Any]) -> Live:
        """The state of `to_json`; keys of later versions are passed over."""
        known = {name: entry[name] for name in cls.__dataclass_fields__ if name in entry}
        known["running"] = {
            name: Running(attempt, since, values, told, {n: (a, b) for n, (a, b) in firsts.items()})
            for name, (attempt, since, values, told, firsts) in entry.get("running", {}).items()
        }
        return cls(**known)


def _started(live: Live, event: RunStarted) -> None:
    fresh = Live(event.tasks, event.time, event.time)
    live.__dict__.update(fresh.__dict__)


def _begun(live: Live, event: AttemptStarted) -> None:
    live.running[event.task] = Running(event.attempt, event.time)
    live.failures.pop(event.task, None)


def _progressed(live: Live, event: AttemptProgressed) -> None:
    running = live.running.get(event.task)
    if running is None:
        return
    # Lists tell many moments at once; the last one is where it is now.
    values = {
        name: value[-1] if isinstance(value, list | tuple) and value else value
        for name, value in event.values.items()
    }
    before, epoch = running.values.get("epoch"), values.get("epoch")
    running.values.update(values)
    running.told = event.time
    if isinstance(epoch, int | float):
        if isinstance(before, int | float) and epoch < before:
            running.firsts.clear()  # the next group of trainings counts from its start
        running.firsts.setdefault("epoch", (event.time, float(epoch)))


def _ended(live: Live, event: AttemptEnded) -> None:
    if live.running.pop(event.task, None) is None and live.more:
        live.more -= 1
    if event.status == "succeeded":
        live.succeeded += 1
    elif event.status != "cancelled":
        live.failed += 1
        live.failures[event.task] = str(event.error.get("cause") or event.status)
        if len(live.failures) > SHOWN:
            live.failures.pop(next(iter(live.failures)))


def _reused(live: Live, event: TaskReused) -> None:
    del event
    live.reused += 1


def _counted(live: Live, event: Counted) -> None:
    live.counted = dict(event.counts)
    live.tasks = sum(live.counted.values()) or live.tasks


def _finished(live: Live, event: RunFinished) -> None:
    del event
    live.running = {}
    live.more = 0


_TAKE: dict[type[Event], Any] = {
    RunStarted: _started,
    AttemptStarted: _begun,
    AttemptProgressed: _progressed,
    AttemptEnded: _ended,
    TaskReused: _reused,
    Counted: _counted,
    RunFinished: _finished,
}
