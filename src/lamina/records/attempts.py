"""Provenance: the events of a run folded into its attempts, one record for each."""

from __future__ import annotations

import gc
import json
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from typing import Any

from lamina.records.filling import filler
from lamina.workflow.log import (
    AttemptEnded,
    AttemptPlaced,
    AttemptProgressed,
    AttemptStarted,
    Event,
    RunStarted,
    TaskReused,
    TaskSkipped,
)
from lamina.workflow.units import task_of

Span = tuple[float, float]

NOTHING: Mapping[str, Any] = {}

HELD = ("stage_in", "run", "stage_out")
"""Phases in which an attempt holds a worker, in their order."""


@dataclass(frozen=True, slots=True)
class Attempt:
    """One try of a unit, and all that is known of how its outputs came about.

    Args:
        task: name of the unit.
        number: from 1; 0 for a result that was reused, and for a task that was skipped.
        status: one of `lamina.workflow.log.STATUSES`, or "running", "reused", "skipped".
        session: of the run.
        ready, started, ended: seconds since 1970; ended is None while it runs.
        reason: why it ran, was reused, or was skipped.
        key, recipe: of the cache; the recipe names code, parameters and environment.
        needs, gpus: what it was given.
        inputs, outputs: port -> reference (`Ref.to_json`).
        worker, host, pid: where it ran.
        phases: phase -> (begin, end); one in pieces has more of them as "run~2" and so on.
        usage: see `AttemptEnded`.
        exit: exit code of a command, or minus a signal.
        error: cause, details, way_out, kind, last; empty unless it failed.
        folder: of its logs, relative to the run's.
        source: run that made a reused result.
        told: (seconds since 1970, values) of its live metrics.
        about: the session's host, versions, options and environment digest.
        kind: type of job in traces of other systems; see `type`.
        runtime: of a profile, where a placer put it; empty for one that was not placed.
        placement: why there: {"reason", "items", "stages"}, as in `AttemptPlaced`.
    """

    task: str
    number: int
    status: str
    session: int
    ready: float
    started: float
    ended: float | None = None
    reason: str = ""
    key: str = ""
    recipe: str = ""
    needs: Mapping[str, Any] = field(default_factory=dict)
    gpus: tuple[str, ...] = ()
    inputs: Mapping[str, Any] = field(default_factory=dict)
    outputs: Mapping[str, Any] = field(default_factory=dict)
    worker: str = ""
    host: str = ""
    pid: int = 0
    phases: Mapping[str, Span] = field(default_factory=dict)
    usage: Mapping[str, float] = field(default_factory=dict)
    exit: int | None = None
    error: Mapping[str, Any] = field(default_factory=dict)
    folder: str = ""
    source: str = ""
    told: tuple[tuple[float, Mapping[str, Any]], ...] = ()
    about: Mapping[str, Any] = field(default_factory=dict)
    kind: str = ""
    runtime: str = ""
    placement: Mapping[str, Any] = field(default_factory=dict)

    @property
    def type(self) -> str:
        """Its kind; the task that the unit is an item of, where no kind is told."""
        return self.kind or task_of(self.task)

    @property
    def name(self) -> str:
        """Unit and number: "count[3]~2"."""
        return f"{self.task}~{self.number}" if self.number else self.task

    @property
    def failed(self) -> bool:
        """Whether it ended badly."""
        return self.status in ("failed", "timeout", "memory", "lost")

    @property
    def seconds(self) -> float | None:
        """Seconds that the task itself ran; None where it did not."""
        return self.spent("run")

    def spent(self, phase: str) -> float | None:
        """Seconds of a phase, with all its pieces; None where it did not happen."""
        span = self.phases.get(phase)
        if span is None:
            return None
        more = (p for name, p in self.phases.items() if name.startswith(f"{phase}~"))
        return sum((last - begin for begin, last in more), span[1] - span[0])

    @property
    def held(self) -> float:
        """Seconds for which it held a worker: from stage in to stage out."""
        spans = [span for name, span in self.phases.items() if name.partition("~")[0] in HELD]
        return max(e for _, e in spans) - min(b for b, _ in spans) if spans else 0.0

    @property
    def cause(self) -> str:
        """Why it failed, in a line; empty for the others."""
        return str(self.error.get("cause", "")).strip().partition("\n")[0]

    @property
    def seed(self) -> int | None:
        """The seed that it told, or that was among its inputs or their settings; else None."""
        for _, values in reversed(self.told):
            if "seed" in values:
                return _seed(values)
        given = {port: _inline(ref) for port, ref in self.inputs.items()}
        found = (_seed(values) for values in (given, *given.values()))
        return next((seed for seed in found if seed is not None), None)

    @property
    def device(self) -> str:
        """What it computed on: the device that it told, or those that it was given; else "cpu".
        Empty for a result that was reused, and for a task that was skipped."""
        told = next((v["device"] for _, v in reversed(self.told) if v.get("device")), "")
        if told or not self.number:
            return _last(told)
        return ",".join(self.gpus) or "cpu"

    def epochs(self) -> list[dict[str, Any]]:
        """Its live metrics, one mapping per moment: {"time", "epoch", "loss", ...}.

        Lists of numbers tell many moments at once, and are taken apart.
        """
        return [row for time, values in self.told for row in _rows(time, values)]


def _last(value: Any) -> str:
    return str(value[-1] if isinstance(value, list | tuple) else value)


def _inline(ref: Any) -> Any:
    try:
        return json.loads(ref["inline"])
    except (KeyError, TypeError, ValueError):
        return None


def _seed(values: Any) -> int | None:
    seed = values.get("seed") if isinstance(values, Mapping) else None
    seed = seed[-1] if isinstance(seed, list | tuple) and seed else seed
    return seed if isinstance(seed, int) and not isinstance(seed, bool) else None


def _rows(time: float, values: Mapping[str, Any]) -> list[dict[str, Any]]:
    longest = max((len(v) for v in values.values() if isinstance(v, list | tuple)), default=-1)
    if longest < 0:
        return [{"time": time, **values}]
    return [
        {"time": time}
        | {
            name: value[place] if isinstance(value, list | tuple) else value
            for name, value in values.items()
            if not isinstance(value, list | tuple) or place < len(value)
        }
        for place in range(longest)
    ]


@contextmanager
def gathering() -> Iterator[None]:
    """For the time in which a large run is read: the collector would look again and again at
    hundreds of thousands of values that all stay, and take a third of the time."""
    was = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if was:
            gc.enable()


def attempts(events: Iterable[Event]) -> list[Attempt]:
    """The attempts of a run, in the order in which they began; reused and skipped tasks as well.

    What a session left open is "lost" once a later session began, else "running".

    Args:
        events: of one run, oldest first.
    """
    reading = _Reading()
    with gathering():
        for event in events:
            take = _TAKES.get(type(event))
            if take is not None:
                take(reading, event)
            reading.time = event.time
    reading.leave("running")
    return [one for one in reading.found if one is not None]


class _Reading:
    """Open attempts by unit; each found one at the place of its beginning."""

    def __init__(self) -> None:
        self.found: list[Attempt | None] = []
        self.open: dict[tuple[str, int], tuple[int, AttemptStarted]] = {}
        self.gone: dict[tuple[str, int], int] = {}
        """Attempts of earlier sessions without an end; a later session may tell what became of
        them, which is no attempt of its own."""
        self.told: dict[tuple[str, int], list[tuple[float, Mapping[str, Any]]]] = {}
        self.placed: dict[tuple[str, int], AttemptPlaced] = {}
        self.skipped: dict[str, int] = {}
        self.session = 0
        self.about: Mapping[str, Any] = NOTHING
        self.time = 0.0

    def began(self, event: RunStarted) -> None:
        self.gone.update({key: place for key, (place, _) in self.open.items()})
        self.leave("lost")
        # A task that an earlier session skipped may run in this one.
        for place in self.skipped.values():
            self.found[place] = None
        self.skipped.clear()
        self.session, self.about = event.session, event.about

    def leave(self, status: str) -> None:
        """Attempts without an end."""
        for (task, number), (place, started) in self.open.items():
            ended = None if status == "running" else self.time
            self.found[place] = self._made(
                started, status, ended, self.told.pop((task, number), None)
            )
        self.open.clear()

    def started(self, event: AttemptStarted) -> None:
        self.open[event.task, event.attempt] = (len(self.found), event)
        self.found.append(None)
        place = self.skipped.pop(event.task, None)
        if place is not None:
            self.found[place] = None

    def progressed(self, event: AttemptProgressed) -> None:
        self.told.setdefault((event.task, event.attempt), []).append((event.time, event.values))

    def put(self, event: AttemptPlaced) -> None:
        self.placed[event.task, event.attempt] = event

    def ended(self, event: AttemptEnded) -> None:
        key = (event.task, event.attempt)
        if key in self.gone and key not in self.open:
            self.told_later(self.gone.pop(key), event)
            return
        place, started = self.open.pop(key, (-1, None))
        told = self.told.pop(key, None)
        if started is None:
            started = AttemptStarted(event.time, event.task, event.attempt, event.time)
            self.found.append(None)
        self.found[place] = self._made(started, event.status, event.time, told, event)

    def told_later(self, place: int, event: AttemptEnded) -> None:
        """What became of an attempt whose session was gone before it could say so."""
        found = self.found[place]
        assert found is not None
        self.found[place] = replace(found, status=event.status, error=event.error)

    def reused(self, event: TaskReused) -> None:
        self.found.append(
            Attempt(
                event.task, 0, "reused", self.session, event.ready, event.time, event.time,
                event.reason, event.key, outputs=event.outputs, source=event.source,
                about=self.about,
            )
        )  # fmt: skip

    def skip(self, event: TaskSkipped) -> None:
        self.skipped[event.task] = len(self.found)
        self.found.append(
            Attempt(
                event.task, 0, "skipped", self.session, event.time, event.time, event.time,
                event.reason, about=self.about,
            )
        )  # fmt: skip

    def _made(
        self,
        started: AttemptStarted,
        status: str,
        ended: float | None,
        told: Sequence[tuple[float, Mapping[str, Any]]] | None,
        end: AttemptEnded | None = None,
    ) -> Attempt:
        last = end or _NO_END
        placed = self.placed.pop((started.task, started.attempt), None)
        return _filled(
            started.task, started.attempt, status, self.session, started.ready, started.time,
            ended, started.reason, started.key or last.key, started.recipe or last.recipe,
            started.needs, started.gpus, {**started.inputs, **last.inputs}, last.outputs,
            last.worker, last.host, last.pid, last.phases, last.usage,
            last.exit, last.error, last.folder, "", tuple(told or ()), self.about, "",
            *(("", NOTHING) if placed is None else (placed.runtime, _placement(placed))),
        )  # fmt: skip


def _placement(event: AttemptPlaced) -> dict[str, Any]:
    return {"reason": event.reason, "items": event.items, "stages": event.stages}


_filled = filler(Attempt)
_NO_END = AttemptEnded(0.0, "", 0, "")
_TAKES: dict[type[Event], Callable[[_Reading, Any], None]] = {
    RunStarted: _Reading.began,
    AttemptStarted: _Reading.started,
    AttemptPlaced: _Reading.put,
    AttemptProgressed: _Reading.progressed,
    AttemptEnded: _Reading.ended,
    TaskReused: _Reading.reused,
    TaskSkipped: _Reading.skip,
}


def belongs(unit: str, task: str) -> bool:
    """Whether a unit is what somebody calls a task: "count[3]" is "count[3]" and "count".

    A workflow inside ("inner") stands for all its units.
    """
    names = (unit, task_of(unit))
    return any(name == task or name.startswith(f"{task}/") for name in names)


def newest(found: Iterable[Attempt]) -> dict[str, Attempt]:
    """Unit -> its last attempt, in the order of the units' first ones."""
    last: dict[str, Attempt] = {}
    for attempt in found:
        last[attempt.task] = attempt
    return last
