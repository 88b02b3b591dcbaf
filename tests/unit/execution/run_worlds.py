"""A made-up world around the state of a run: a runtime, a record, a cache; and the checks."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from random import Random
from typing import Any

from run_models import CAPACITY, GPUS, V, WorldValues, decides, grown, outcome

from lamina.execution.assembly import Assembly
from lamina.execution.cache.base import Recall
from lamina.execution.past import Past
from lamina.execution.runtimes.base import MAIN
from lamina.execution.runtimes.base import Ended as Report
from lamina.execution.state import Machine, Policy
from lamina.execution.state.frames import Unit
from lamina.execution.state.parts import Flowing, is_made
from lamina.execution.state.words import (
    Action,
    Answered,
    Ask,
    Assemble,
    Began,
    CancelAsked,
    Decide,
    Decided,
    Ended,
    Happened,
    Launch,
    Progressed,
    Record,
    Refused,
    Stop,
)
from lamina.workflow.actions.python import PythonAction
from lamina.workflow.graph import Workflow
from lamina.workflow.log import AttemptEnded, AttemptStarted, Event, TaskReused


class WorldAssembly(Assembly):
    """Conditions of numbers, so that they can go either way."""

    def decided(self, asked: Decide, time: float) -> Decided:
        value = self.made(asked.value).payload
        holds = value if isinstance(value, bool) else decides(value)
        return Decided(time, asked.unit, holds, asked.question)


@dataclass
class World:
    """Everything around the state: a runtime, a record, a cache, all made up; and the checks.

    Args:
        workflow: what runs.
        inputs: plain values.
        random: what happens.
        policy: how the run is to be done.
        chances: word -> how likely it is: "bad" (an attempt fails), "damaged" (an input cannot
            be read), "cancel" (the run), "cancel-one", "kill" (the engine, at any moment), "late"
            (an answer keeps the state waiting), "twice" (a message comes again, at any time),
            "refused" (arguments cannot be put together), "lacking" (the bytes of an input are
            found to be gone before the unit runs).
        reused: unit -> outputs that an earlier run left.
        past: what earlier sessions left.
    """

    workflow: Workflow
    inputs: Mapping[str, Any]
    random: Random
    policy: Policy
    chances: Mapping[str, float] = field(default_factory=dict)
    reused: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)
    past: Past = field(default_factory=Past)

    def __post_init__(self) -> None:
        self.time = max(100.0, self.past.time)
        given = {name: V(value) for name, value in self.inputs.items()}
        self.machine = Machine(self.workflow, given, CAPACITY, self.policy, self.past)
        self.assembly = WorldAssembly(WorldValues())
        self.out: dict[tuple[str, int, str], Launch] = {}
        self.launched: dict[str, Unit] = {}
        self.begun: set[tuple[str, int, str]] = set()
        self.over: list[tuple[str, int, str]] = []
        self.log: list[Event] = []
        self.open: dict[tuple[str, int], AttemptStarted] = {}
        self.succeeded: dict[str, int] = {}
        self.damages = 0
        self.doomed: set[tuple[str, int, str]] = set()
        """Assignments whose worker is gone, which nobody has told yet."""
        self.wrote: set[tuple[str, int]] = set()
        """Attempts whose main part ended well."""
        self.killed = False
        self.waiting: list[Action] = []
        """What was asked and is not answered yet."""
        self.told: list[Happened] = []
        """Messages that may come once more."""

    def play(self, most: int = 4000) -> None:
        """Lets things happen until the run is over. AssertionError for one that never is."""
        self.machine.begin(self.time)
        self._act()
        for _ in range(most):
            if self.machine.finished:
                break
            if self._may("kill"):
                self.killed = True
                return
            self.time += self.random.choice([0.0, 0.01, 1.0])
            self._happen()
            self._act()
        assert self.machine.finished, f"the run never ends: {self.machine.counts}"
        assert not self.out, f"still running: {list(self.out)}"
        assert not self.open, f"attempts that never ended: {list(self.open)}"

    def _happen(self) -> None:
        random = self.random
        self._disturb()
        if self.waiting and (not self.out or random.random() < 0.5):
            self._answer(self.waiting.pop(random.randrange(len(self.waiting))))
            return
        if not self.out:
            due = self.machine.due()
            if due is not None:
                self.time = max(self.time, due)
            return
        ticket = random.choice(list(self.out))
        if ticket not in self.begun and random.random() < 0.8:
            self.begun.add(ticket)
            self._tell(Began(self.time, ticket, "worker", "host", 1))
            return
        if random.random() < 0.1:
            self._tell(Progressed(self.time, ticket, {"loss": 1.0}))
        self._end(ticket)

    def _may(self, word: str) -> bool:
        return self.random.random() < self.chances.get(word, 0.0)

    def _disturb(self) -> None:
        """Somebody cancels; a message comes once more, or of something that is over."""
        random = self.random
        if self._may("cancel"):
            self.machine.feed(CancelAsked(self.time))
        if self._may("cancel-one"):
            self.machine.feed(CancelAsked(self.time, random.choice(["t0", "t1/t0", "t2[0]", "t3"])))
        if self.over and random.random() < 0.1:
            self._end(random.choice(self.over), known=False)
        if self.told and self._may("twice"):
            self.machine.feed(replace(random.choice(self.told), time=self.time))

    def _end(self, ticket: tuple[str, int, str], known: bool = True) -> None:
        launch = self.out.pop(ticket, None)
        if launch is None:
            report = Report(ticket, 0.0, "succeeded", {"y": V("a ghost")})
            self.machine.feed(Ended(self.time, ticket, report))
            return
        assert known
        self.over.append(ticket)
        self._tell(self._ended(ticket, launch))

    def _tell(self, event: Happened) -> None:
        """Tells the state; it may be told the same once more."""
        self.told.append(event)
        self.machine.feed(event)

    def _ended(self, ticket: tuple[str, int, str], launch: Launch) -> Ended:
        unit = launch.unit
        if self._is_broken(unit):
            error = {"cause": "the stream ended too early", "kind": "BrokenStreamError"}
            return Ended(self.time, ticket, Report(ticket, 0.0, "failed", error=error))
        if ticket in self.doomed or self._may("bad"):
            status = self.random.choice(["failed", "timeout", "memory", "lost", "cancelled"])
            report = Report(ticket, 0.0, status, error={"cause": status})
            return Ended(self.time, ticket, report)
        if launch.part != MAIN:
            return Ended(self.time, ticket, Report(ticket, 0.0, "succeeded"))
        made = [value for value in unit.arguments.values() if isinstance(value, V)]
        if made and self.damages < 5 and self._may("damaged"):
            self.damages += 1
            notice = ("artifact damaged", self.random.choice(made).digest)
            return Ended(self.time, ticket, Report(ticket, 0.0, "lost", notices=[notice]))
        given = {port: self._seen(value) for port, value in unit.arguments.items()}
        self.wrote.add((unit.name, unit.attempt))
        outputs = {port: V(value) for port, value in outcome(unit.node.task, given).items()}
        if unit.node.task.action == PythonAction("model:grow"):
            report = Report(ticket, 0.0, "succeeded", expansion=({"is": "grown"}, {}))
            return Ended(self.time, ticket, report, {}, (grown(), {"x": outputs["y"]}))
        return Ended(self.time, ticket, Report(ticket, 0.0, "succeeded", outputs))

    def _is_broken(self, unit: Unit) -> bool:
        """Whether a unit reads a stream whose writer is gone, told or not told yet."""
        for value in unit.arguments.values():
            if isinstance(value, Flowing) and (value.unit, value.attempt) not in self.wrote:
                writer = (value.unit, value.attempt, MAIN)
                if writer not in self.out:
                    return True
                if self._may("bad"):
                    self.doomed.add(writer)
                    return True
        return False

    def _seen(self, value: Any) -> Any:
        """A stream that is still written will hold what its writer gives in the end."""
        if isinstance(value, Flowing):
            writer = self.launched[value.unit]
            given = {port: self._seen(v) for port, v in writer.arguments.items()}
            return outcome(writer.node.task, given)[value.port]
        return value.payload

    def _act(self) -> None:
        machine = self.machine
        machine.schedule(self.time)
        while actions := machine.taken():
            for action in actions:
                self._do(action)
            machine.schedule(self.time)

    def _do(self, action: Action) -> None:
        if isinstance(action, Record):
            self._write(action.event)
        elif isinstance(action, Launch):
            self._launch(action)
        elif isinstance(action, Stop):
            known = action.ticket in self.out or action.ticket in self.over
            assert known, f"{action.ticket} is stopped and never ran"
        elif self._may("late"):
            self.waiting.append(action)
        else:
            self._answer(action)

    def _answer(self, action: Action) -> None:
        if isinstance(action, Assemble):
            if self._may("refused"):
                error = {"cause": "it was refused"}
                self._tell(Refused(self.time, action.node, error, question=action.question))
            else:
                self._tell(self.assembly.assembled(action, self.time))
        elif isinstance(action, Decide):
            self._tell(self.assembly.decided(action, self.time))
        elif isinstance(action, Ask):
            self._tell(Answered(self.time, action.unit, self._recalled(action.unit)))

    def _recalled(self, unit: Unit) -> Recall:
        """What earlier runs know of a unit; nothing of one whose input has lost its bytes."""
        found = self.reused.get(unit.name)
        made = [value for value in unit.arguments.values() if isinstance(value, V)]
        if found is None and made and self.damages < 5 and self._may("lacking"):
            self.damages += 1
            gone = (self.random.choice(made).digest,)
            return Recall("key", "recipe", "its output was cleaned", None, lacking=gone)
        reason = "reused" if found is not None else "not run before"
        return Recall("key", "recipe", reason, found, "earlier")

    def _launch(self, action: Launch) -> None:
        unit = action.unit
        assert unit.ticket not in self.out, f"{unit.ticket} is started twice"
        assert (unit.name, unit.attempt) in self.open, f"{unit.name} runs before it is written"
        names = {port.name for port in unit.node.task.inputs}
        assert set(unit.arguments) == names, f"{unit.name} lacks inputs: {set(unit.arguments)}"
        assert all(map(is_made, unit.arguments.values())), f"{unit.name}: an input is not made"
        self.out[unit.ticket] = action
        self.launched[unit.name] = unit
        for value in unit.arguments.values():
            if isinstance(value, Flowing):
                assert (value.unit, value.attempt, MAIN) in self.begun, f"{value.unit} never began"
        self._count_slots()

    def _count_slots(self) -> None:
        mains = [one.unit for one in self.out.values() if one.part == MAIN]
        assert sum(unit.needs.cpus for unit in mains) <= CAPACITY.cpus + 1e-6
        assert sum(unit.needs.memory or 0 for unit in mains) <= CAPACITY.memory
        for gpu in GPUS:
            parts = [u.share.part for u in mains if u.share is not None and gpu in u.share.gpus]
            assert sum(parts) <= 1 + 1e-6, f"device {gpu} is given {parts}"

    def _write(self, event: Event) -> None:
        self.log.append(event)
        if isinstance(event, AttemptStarted):
            key = (event.task, event.attempt)
            assert key not in self.open, f"{key} begins twice"
            assert event.attempt > self.past.attempts.get(event.task, 0), f"{key}: a used number"
            assert not any(name == event.task for name, _ in self.open), f"{key} overlaps another"
            self.open[key] = event
        elif isinstance(event, AttemptEnded):
            del self.open[event.task, event.attempt]
            if event.status == "succeeded":
                self.succeeded[event.task] = self.succeeded.get(event.task, 0) + 1
        elif isinstance(event, TaskReused):
            self.succeeded[event.task] = self.succeeded.get(event.task, 0) + 1

    def outputs(self) -> dict[str, Any]:
        """The outputs of the run, as plain values."""
        found = self.machine.outputs()
        return {name: self.assembly.made(part).payload for name, part in found.items()}
