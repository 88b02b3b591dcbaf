"""A placed assignment: what there is to do, who does it, and what has come of it."""

from __future__ import annotations

from collections import deque
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from lamina.errors import UsageError
from lamina.execution.placed.amounts import amount, labels_of
from lamina.execution.placed.lanes import AT_ONCE, Lane
from lamina.execution.runtimes.base import Assignment, Ended, Ticket
from lamina.execution.values import Values
from lamina.planning.placement.words import Job, Share
from lamina.planning.simulation.world import Draw
from lamina.workflow.units import task_of

CHUNKS = 8
"""Into how many pieces what is left is cut for each of those who share it."""
SHORT = 0.2
"""Seconds that a piece should take at least, so that handing it out does not matter."""


@dataclass
class Doing:
    """An attempt of the dispatcher, on a lane.

    Args:
        number: of the attempt.
        lane: where.
        draw: what it meets.
        begun: when its work began; None before.
        shared: whether it takes items that nobody has taken.
        ticket: of what its worker does now; None for nothing.
        places: of the items that its worker has.
        pieces: that were handed to it.
        held: whether its last piece is done, and waits for the time at which it will be.
        done: items that it has done and that counted.
        worked: when it was done last.
        stages: seconds of deployment and warm-up.
    """

    number: int
    lane: Lane
    draw: Draw = AT_ONCE
    begun: float | None = None
    shared: bool = False
    ticket: Ticket | None = None
    places: Sequence[int] = ()
    done: int = 0
    worked: float = 0.0
    pieces: int = 0
    held: bool = False
    stages: dict[str, float] = field(default_factory=dict)

    @property
    def seconds(self) -> float:
        """For which it has worked."""
        return 0.0 if self.begun is None else max(self.worked - self.begun, 0.0)

    def share(self) -> Share:
        """What it did of the job."""
        return Share(self.done, self.seconds)

    def told(self) -> dict[str, float]:
        """What it did, for the record."""
        return {"items": float(self.done), "processing": self.seconds, **self.stages}


class Work:
    """An assignment that is placed.

    Args:
        given: what the engine wants.
        values: takes lists apart and puts them together.
        now: on the placer's clock.
        needs: labels of the lanes that may run it; those of its task when None.

    Raises:
        LaminaError: the list of items cannot be read.
    """

    def __init__(
        self, given: Assignment, values: Values, now: float, needs: frozenset[str] | None = None
    ) -> None:
        placement = given.task.care.placement
        assert placement is not None
        self.given = given
        self.port = placement.items
        self._values = values
        self.items = values.items(given.arguments[self.port]) if self.port else []
        self.waiting = deque(range(len(self.items)))
        self.answers: dict[int, dict[str, Any]] = {}
        self.doing: dict[int, Doing] = {}
        self.verdict: Ended | None = None
        """How it ends, once nobody works on it any more."""
        self.ended: list[Ended] = []
        self.began = False
        self.handed = 0
        self.why = ""
        self.troubles: list[str] = []
        """What lanes failed of."""
        self.job = Job(
            f"{given.name}~{given.attempt}",
            amount(given.task, given.arguments, values.items),
            now,
            divisible=len(self.items) > 1,
            needs=labels_of(given.task) if needs is None else needs,
            kind=task_of(given.name),
        )

    @property
    def idle(self) -> bool:
        """Whether no worker has anything of it."""
        return all(one.ticket is None for one in self.doing.values())

    @property
    def whole(self) -> bool:
        """Whether all is done."""
        return len(self.answers) == len(self.items) if self.port else bool(self.answers)

    def taken(self, who: Doing, seconds: float) -> Assignment | None:
        """The next piece of work for an attempt; None where there is none.

        Args:
            who: the attempt.
            seconds: that an item is expected to take there; 0 where nobody knows.
        """
        if not self.port:
            return None if self.answers else who.lane.assigned(self._whole(who))
        who.places = self._places(who, seconds)
        if not who.places:
            return None
        who.pieces += 1
        own = f"{who.lane.runtime.name}-{who.number}-{who.pieces}"
        name = f"{self.given.name}@{own}"
        part = self._values.gather([self.items[place] for place in who.places])
        piece = replace(
            self.given,
            name=name,
            arguments={**self.given.arguments, self.port: part},
            folder=self.given.folder / own,
            scratch=self.given.scratch / own,
        )
        return who.lane.assigned(piece)

    def _whole(self, who: Doing) -> Assignment:
        """All of it; under a name of its own where somebody else may still be at work on it."""
        self.handed += 1
        if self.handed == 1:
            return self.given
        own = f"{who.lane.runtime.name}-{self.handed}"
        name = f"{self.given.name}@{own}"
        return replace(self.given, name=name, folder=self.given.folder / own)

    def _places(self, who: Doing, seconds: float) -> list[int]:
        if not who.shared:
            return [place for place in range(len(self.items)) if place not in self.answers]
        least = int(SHORT / seconds) if seconds > 0.0 else 1
        most = len(self.waiting) // (CHUNKS * max(len(self.doing), 1))
        count = min(max(1, min(least, most)), len(self.waiting))
        head = who.lane.runtime.standby
        take = self.waiting.popleft if head else self.waiting.pop
        return [take() for _ in range(count)]

    def back(self, who: Doing) -> None:
        """Items of an attempt that was ended wait again."""
        if who.shared:
            for place in reversed(who.places):
                if place not in self.answers:
                    self.waiting.appendleft(place)
        who.places = ()

    def came(self, who: Doing, report: Ended, now: float) -> None:
        """A piece of work is done; who was first with an item is whose item counts.

        Raises:
            UsageError: another number of values than items.
        """
        self.ended.append(report)
        who.worked = now
        if not self.port:
            self.answers[0] = dict(report.outputs)
            who.done = self.job.items
            return
        lists = {port: self._values.items(value) for port, value in report.outputs.items()}
        for port, found in lists.items():
            if len(found) != len(who.places):
                raise UsageError(
                    f"its output {port!r} has {len(found)} values for {len(who.places)} items of "
                    f"{self.port!r}",
                    "return one value for each item, or place the task as a whole",
                )
        for number, place in enumerate(who.places):
            if place not in self.answers:
                self.answers[place] = {port: found[number] for port, found in lists.items()}
                who.done += 1
        who.places = ()

    def outputs(self) -> Mapping[str, Any]:
        """Everything that was made, as if it had been made in one place."""
        if not self.port:
            return self.answers[0]
        order = range(len(self.items))
        return {
            port.name: self._values.gather([self.answers[place][port.name] for place in order])
            for port in self.given.task.outputs
        }

    def over(self, now: float, outputs: Mapping[str, Any]) -> Ended:
        """The report of the whole."""
        if not self.port:
            return replace(self.ended[-1], ticket=self.given.ticket, time=now)
        runs = [one.phases["run"] for one in self.ended if "run" in one.phases]
        usage: dict[str, float] = {}
        for one in self.ended:
            for name, value in one.usage.items():
                peak = name.endswith("_peak")
                usage[name] = (
                    max(usage.get(name, 0.0), value) if peak else usage.get(name, 0) + value
                )
        phases = {"run": (min(b for b, _ in runs), max(e for _, e in runs))} if runs else {}
        notices = [notice for one in self.ended for notice in one.notices]
        logged = any(one.logged for one in self.ended)
        return Ended(
            self.given.ticket, now, "succeeded", outputs, phases, usage, notices=notices,
            logged=logged,
        )  # fmt: skip
