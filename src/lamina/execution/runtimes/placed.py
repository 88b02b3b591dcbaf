"""A runtime that lets a placer choose where some of its assignments run, and shares their items."""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Iterable, Mapping
from dataclasses import replace
from heapq import heappop, heappush
from math import inf
from typing import Any

from lamina.errors import LaminaError
from lamina.estimates.observations import Tried
from lamina.execution.failures import told
from lamina.execution.placed.lanes import Lane, needs_of
from lamina.execution.placed.looks import Looks
from lamina.execution.placed.placer import placer, reason
from lamina.execution.placed.works import Doing, Work
from lamina.execution.runtimes.base import (
    MAIN,
    NOBODY,
    Assignment,
    Began,
    Capacity,
    Ended,
    Placed,
    Report,
    Runtime,
    Seen,
    Ticket,
    Told,
)
from lamina.execution.values import Values
from lamina.planning.placement.health import Rules
from lamina.planning.placement.words import (
    Arrived,
    Command,
    Crashed,
    Deployed,
    End,
    Event,
    Finished,
    Prepare,
    Probe,
    Probed,
    Rang,
    Ring,
    Run,
    Uploaded,
    Warmed,
    Withdrawn,
)
from lamina.workflow.needs import Needs

_GONE = {"cause": "it was cancelled", "kind": "Cancelled"}


class PlacedRuntime(Runtime):
    """Tasks that ask for it go where the placer says; all others where they always go.

    Args:
        usual: runs everything in the end.
        lanes: name -> where tasks can be placed.
        past: what was tried before, the oldest first.
        values: takes lists apart and puts them together, in the form of `usual`.
        rules: how failures of lanes are met, in seconds of this machine; the paper's when None.
    """

    places = True

    def __init__(
        self, usual: Runtime, lanes: Mapping[str, Lane], past: Iterable[Tried], values: Values,
        rules: Rules | None = None,
    ) -> None:  # fmt: skip
        self._usual = usual
        self._lanes = lanes
        self._values = values
        self._placer = placer(lanes, past, self._progress, time.perf_counter, rules)
        self._origin = time.monotonic()
        self._works: dict[str, Work] = {}
        """Job -> its work."""
        self._doing: dict[int, tuple[Work, Doing]] = {}
        """Attempt of the dispatcher -> who does what."""
        self._tickets: dict[Ticket, tuple[Work, Doing]] = {}
        """Ticket of what a worker has -> whose it is."""
        self._timers: list[tuple[float, int, Event | tuple[Ended, Doing]]] = []
        self._events: deque[Event] = deque()
        self._looks = Looks(usual.wake)
        self._told: set[str] = set()
        """Troubles that were told."""
        self._reports: list[Report] = []
        self._count = 0
        self._busy = False

    def capacity(self) -> Capacity:
        """That of all other tasks."""
        return self._usual.capacity()

    def expect(self, needs: Needs) -> None:
        """Told on."""
        self._usual.expect(needs)

    def start(self, assignment: Assignment) -> None:
        """Has it placed, where its task asks for that."""
        if assignment.part != MAIN or assignment.task.care.placement is None:
            self._usual.start(assignment)
            return
        try:
            needs = needs_of(self._lanes, assignment.task)
            work = Work(assignment, self._values, self._now(), needs)
            if work.port and not work.items:
                self._report_empty(work)
                return
            self._works[work.job.name] = work
            self._tell(Arrived(work.job))
        except LaminaError as error:
            self._works.pop(f"{assignment.name}~{assignment.attempt}", None)
            self._reports.append(
                Ended(assignment.ticket, time.monotonic(), "failed", error=told(error))
            )

    def poll(self, timeout: float) -> list[Report]:
        """What has happened, on lanes too."""
        due = self._timers[0][0] - self._now() if self._timers else inf
        timeout = 0.0 if self._reports else max(min(timeout, due), 0.0)
        for report in self._usual.poll(timeout):
            self._hear(report)
        while seen := self._looks.taken():
            if isinstance(seen, Deployed) and seen.attempt in self._doing:
                self._doing[seen.attempt][1].stages = {"deployment": seen.seconds}
            self._tell(seen)
        while self._timers and self._timers[0][0] <= self._now():
            what = heappop(self._timers)[2]
            if isinstance(what, tuple):
                self._settle(*what)
            else:
                self._tell(what)
        found, self._reports = self._reports, []
        return sorted(found, key=lambda one: one.time)

    def cancel(self, ticket: Ticket) -> None:
        """Ends it wherever parts of it run."""
        work = next((one for one in self._works.values() if one.given.ticket == ticket), None)
        if work is None:
            self._usual.cancel(ticket)
        elif work.verdict is None:
            self._give_up(work, Ended(ticket, time.monotonic(), "cancelled", error=_GONE))

    def close(self) -> None:
        """Ends everything."""
        self._looks.close()
        for work, who in list(self._tickets.values()):
            self._drop(work, who)
        self._usual.close()

    def wake(self) -> None:
        """Told on."""
        self._usual.wake()

    # What the placer is told, and what it wants.

    def _now(self) -> float:
        return time.monotonic() - self._origin

    def _progress(self, job: str) -> Mapping[str, float]:
        found: dict[str, float] = {}
        if job in self._works:
            for one in self._works[job].doing.values():
                found[one.lane.runtime.name] = found.get(one.lane.runtime.name, 0.0) + one.done
        return found

    def _tell(self, event: Event) -> None:
        """Tells the placer, does what it wants, and tells it what comes of that."""
        if isinstance(event, Crashed) and event.attempt in self._doing:
            self._note_trouble(*self._doing[event.attempt], event.reason)
        self._events.append(event)
        if self._busy:
            return
        self._busy = True
        try:
            while self._events:
                for command in self._placer.handle(self._events.popleft(), self._now()):
                    self._do(command)
        finally:
            self._busy = False
        for name, work in list(self._works.items()):
            outcome = self._placer.ledger.outcomes.get(name)
            if outcome is not None and outcome.failed and work.verdict is None:
                told = "; ".join(dict.fromkeys(work.troubles))
                cause = f"{outcome.failed}: {told}" if told else outcome.failed
                error = {"cause": cause, "way_out": "look at the profile's runtimes"}
                self._give_up(
                    work, Ended(work.given.ticket, time.monotonic(), "failed", error=error)
                )

    def _note_trouble(self, work: Work, who: Doing, why: str) -> None:
        """What a lane failed of; that of a service is told, once: it is somebody's to mend."""
        trouble = f"{who.lane.runtime.name}: {why}"
        work.troubles.append(trouble)
        if who.lane.service is not None and trouble not in self._told:
            self._told.add(trouble)
            self._reports.append(Seen(NOBODY, time.monotonic(), "runtime failed", trouble))

    def _do(self, command: Command) -> None:
        match command:
            case Prepare():
                self._prepare(command)
            case Run(attempt, _, shared):
                work, who = self._doing[attempt]
                who.shared, who.begun = shared and bool(work.port), self._now()
                who.worked = who.begun
                work.why = work.why or reason(self._placer, work.job)
                self._next(work, who)
            case End(attempt):
                self._end(attempt)
            case Ring(at, token):
                self._at(at, Rang(token))
            case Probe(runtime) if self._lanes[runtime].service is not None:
                self._looks.begin(0, self._lanes[runtime])
            case Probe(runtime):
                seconds = self._lanes[runtime].draw("probe", 1, self._count).deploy
                self._at(self._now() + seconds, Probed(runtime, seconds))

    def _at(self, when: float, what: Event | tuple[Ended, Doing]) -> None:
        self._count += 1
        heappush(self._timers, (when, self._count, what))

    def _prepare(self, what: Prepare) -> None:
        work, lane, number = self._works[what.job.name], self._lanes[what.runtime], what.attempt
        draw = lane.draw(what.job.name, len(work.items) or 1, what.tries)
        who = Doing(number, lane, draw)
        work.doing[number] = who
        self._doing[number] = (work, who)
        now = self._now()
        if lane.service is not None:
            self._looks.begin(number, lane)
        elif lane.laws is None:
            self._events.append(Warmed(number, 0.0))
        elif draw.refused < draw.deploy:
            self._at(now + draw.refused, Crashed(number, "the deployment failed"))
        else:
            who.stages = {"deployment": draw.deploy, "warm": draw.warm}
            self._at(now, Uploaded(number, 0.0))
            self._at(now + draw.deploy, Deployed(number, draw.deploy))
            self._at(now + draw.deploy + draw.warm, Warmed(number, draw.warm))

    def _drop(self, work: Work, who: Doing) -> None:
        """A pod learns that what it has is not wanted any more."""
        if who.lane.service is not None and who.ticket is not None:
            who.lane.service.drop(work.given.run, who.ticket[0], who.ticket[1])

    def _end(self, number: int) -> None:
        """The placer wants an attempt no more."""
        self._looks.end(number)
        work, who = self._doing.pop(number, (None, None))
        if work is None or who is None:
            return
        if who.ticket is not None:
            self._tickets.pop(who.ticket, None)
            self._usual.cancel(who.ticket)
            self._drop(work, who)
            who.ticket = None
            self._take_up(work, who)
        if not who.done:
            work.doing.pop(number, None)

    def _take_up(self, work: Work, who: Doing) -> None:
        """What an attempt had in hand is for those who have nothing."""
        work.back(who)
        for other in work.doing.values():
            if other.shared and other.ticket is None and other.number in self._doing:
                self._next(work, other)

    # What workers do.

    def _next(self, work: Work, who: Doing) -> None:
        """Hands the next piece of work to an attempt."""
        each = who.seconds / who.done if who.done else 0.0
        piece = work.taken(who, each) if work.verdict is None else None
        if piece is None:
            return
        who.ticket = piece.ticket
        self._tickets[piece.ticket] = (work, who)
        self._usual.start(piece)

    def _hear(self, report: Report) -> None:
        found = self._tickets.get(report.ticket)
        if found is None:
            if not self._is_old(report):
                self._reports.append(report)
            return
        work, who = found
        match report:
            case Began():
                if not work.began:
                    work.began = True
                    worker = f"{who.lane.runtime.name}/{report.worker}"
                    self._reports.append(replace(report, ticket=work.given.ticket, worker=worker))
                    self._say_placed(work, who.lane, report.time)
            case Told():
                self._reports.append(replace(report, ticket=work.given.ticket))
            case Ended():
                del self._tickets[report.ticket]
                if report.status != "succeeded":
                    self._drop(work, who)
                self._delay(report, work, who)

    def _is_old(self, report: Report) -> bool:
        """Whether it is about a piece of work that nobody wanted any more."""
        return "@" in report.ticket[0]

    def _delay(self, report: Ended, work: Work, who: Doing) -> None:
        """What an emulated runtime does is over when its time is."""
        begun = who.begun or 0.0
        count = len(who.places) if work.port else 1
        due = begun + who.draw.start + who.draw.item * (who.done + count) + who.draw.fetch
        if report.status == "succeeded" and due > self._now():
            run = report.phases.get("run")
            if run is not None:
                end = due + self._origin
                report = replace(report, phases={**report.phases, "run": (run[0], end)}, time=end)
            who.held = True
            self._at(due, (report, who))
        else:
            self._settle(report, who)

    def _settle(self, report: Ended, who: Doing) -> None:
        """A piece of work is over."""
        work, _ = self._doing.get(who.number, (None, None))
        if work is None or who.ticket != report.ticket:
            return
        who.ticket, who.held = None, False
        if work.verdict is not None:
            self._close(work)
            return
        if report.status == "lost" and who.lane.service is not None:
            self._crash(work, who, str(report.error.get("cause", "it was lost")))
            return
        if report.status != "succeeded":
            self._give_up(work, replace(report, ticket=work.given.ticket))
            return
        try:
            work.came(who, report, self._now())
            if work.whole:
                self._finish(work)
            elif who.shared:
                self._next(work, who)
        except LaminaError as error:
            self._give_up(
                work, Ended(work.given.ticket, time.monotonic(), "failed", error=told(error))
            )

    def _crash(self, work: Work, who: Doing, why: str) -> None:
        """A pod went away: what it had is done elsewhere, or there again."""
        self._tell(Crashed(who.number, why))
        self._take_up(work, who)

    def _finish(self, work: Work) -> None:
        outputs = work.outputs()
        done = {one.number: one.share() for one in work.doing.values() if one.done}
        most = max(work.doing.values(), key=lambda one: one.done)
        self._say_placed(work, most.lane, time.monotonic(), over=True)
        self._reports.append(work.over(time.monotonic(), outputs))
        del self._works[work.job.name]
        self._tell(Finished(work.job.name, done))

    def _give_up(self, work: Work, verdict: Ended) -> None:
        """What is left of it ends; it is reported once nobody works on it any more."""
        work.verdict = verdict
        for who in work.doing.values():
            if who.held:
                who.ticket = None
            elif who.ticket is not None:
                self._usual.cancel(who.ticket)
                self._drop(work, who)
        self._close(work)

    def _close(self, work: Work) -> None:
        if work.verdict is None or not work.idle or work.job.name not in self._works:
            return
        del self._works[work.job.name]
        self._reports.append(replace(work.verdict, time=time.monotonic()))
        self._tell(Withdrawn(work.job.name, str(work.verdict.error.get("cause", "it failed"))))

    def _say_placed(self, work: Work, lane: Lane, at: float, over: bool = False) -> None:
        done = [one for one in work.doing.values() if one.done] if over else []
        stages = {one.lane.runtime.name: one.told() for one in done}
        self._reports.append(
            Placed(work.given.ticket, at, lane.runtime.name, work.why, work.job.items, stages)
        )

    def _report_empty(self, work: Work) -> None:
        """Nothing is to be done, anywhere."""
        outputs: dict[str, Any] = {
            port.name: self._values.gather([]) for port in work.given.task.outputs
        }
        self._reports.append(Ended(work.given.ticket, time.monotonic(), "succeeded", outputs))
