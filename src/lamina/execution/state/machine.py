"""The state of a run: it is told what happened and says what to do; no clock, disk or thread."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from itertools import count
from typing import Any

from lamina.errors import ArtifactError
from lamina.execution.past import Past
from lamina.execution.runtimes.base import Capacity
from lamina.execution.slots import Slots
from lamina.execution.state.attempts import Attempts
from lamina.execution.state.book import Book, Policy
from lamina.execution.state.composites import Composites
from lamina.execution.state.endings import belongs
from lamina.execution.state.frames import Frame, Node, Unit
from lamina.execution.state.parts import Flowing
from lamina.execution.state.plans import wanted
from lamina.execution.state.rebuilds import Rebuilds
from lamina.execution.state.settled import Settled
from lamina.execution.state.shortages import SHORT, shortages
from lamina.execution.state.streams import Streams
from lamina.execution.state.traversal import Traversal
from lamina.execution.state.words import (
    Action,
    Answered,
    Assemble,
    Assembled,
    Began,
    CancelAsked,
    Decide,
    Decided,
    Ended,
    Failure,
    Happened,
    Placed,
    Progressed,
    Refused,
)
from lamina.workflow.graph import Workflow
from lamina.workflow.log import Noticed

_NONE = object()


class Machine(Settled):
    """A run, from its inputs to its outputs. Cost per event does not grow with the run.

    Feed it what happened, call `schedule`, carry out `taken()`; until `finished`.

    Args:
        workflow: what runs.
        inputs: workflow input -> value; inputs with a default may be left out.
        capacity: what the runtime has.
        policy: how the run is to be done.
        past: what earlier sessions of the run left.
    """

    def __init__(
        self,
        workflow: Workflow,
        inputs: Mapping[str, Any],
        capacity: Capacity,
        policy: Policy,
        past: Past,
    ) -> None:
        self.book = Book(policy)
        self._past = past
        self._capacity = capacity
        self.traversal = Traversal(self)
        self.attempts = Attempts(self.book, capacity, self, past.attempts)
        self.composites = Composites(self)
        self._rebuilds = Rebuilds(self)
        self.streams = Streams(self)
        if policy.streaming:
            self.attempts.attach(self.streams)
        self._cancelled: list[str] = []
        self._asked: dict[Node | Unit, int] = {}
        """Tasks whose values, and units whose conditions, are asked for -> number of the asking."""
        self._questions = count(1)
        self._handlers: dict[type[Happened], Callable[[Any], None]] = {
            Assembled: self._assembled,
            Refused: self._refused,
            Answered: self.attempts.answered,
            Decided: self._decided,
            Began: self.attempts.began,
            Placed: self.attempts.placed,
            Progressed: self.attempts.progressed,
            Ended: self.attempts.ended,
            CancelAsked: self._cancel,
        }
        chosen = wanted(workflow, policy.until) if policy.until else None
        self.root = self.traversal.framed(workflow, dict(inputs), "", None, chosen)
        self.time = 0.0
        """Seconds on the run's clock, of what it was told last."""

    @property
    def policy(self) -> Policy:
        """How the run is to be done."""
        return self.book.policy

    @property
    def finished(self) -> bool:
        """Whether the run is over: everything has ended, or what ran when it was ended has."""
        return self.attempts.idle and (self.traversal.over or bool(self.book.stopping))

    @property
    def size(self) -> int:
        """Tasks that are known now, those inside of others with them."""
        names = self.root.wanted.names if self.root.wanted is not None else None
        return self.root.plan.weight(names)

    @property
    def status(self) -> str:
        """ "succeeded", "failed" or "cancelled"; means something once the run is over."""
        return self.book.stopping or ("failed" if self.failures else "succeeded")

    @property
    def failures(self) -> list[Failure]:
        """Units that failed for good, in their order."""
        return self.book.failures

    @property
    def counts(self) -> dict[str, int]:
        """Where the units are, by the words of `lamina.workflow.log.COUNTS`."""
        return self.book.counts

    def outputs(self) -> dict[str, Any]:
        """Parts of the workflow's outputs that are there, and whole."""
        values, incoming = self.root.values, self.root.plan.workflow.incoming[""]
        lacking = {
            edge.target_port
            for edge in incoming
            if type(values.get(edge.source, _NONE)) in (Flowing, object)
        }
        found = self.root.collected("")
        return {name: part for name, part in found.items() if name not in lacking}

    def due(self) -> float | None:
        """When `schedule` is to be called again; None where nothing waits for time."""
        return self.attempts.due()

    def begin(self, time: float) -> None:
        """Starts the run."""
        self.time = time
        slots = Slots(self._capacity)
        whole, some = self.root.plan.workflow, self.root.wanted
        for task, lack in shortages(whole, slots, some, placing=self.policy.placing):
            self.book.record(Noticed(time, SHORT, task, lack))
        self.traversal.open(self.root)
        self._work()

    def feed(self, event: Happened) -> None:
        """Something happened."""
        self.time = event.time
        self._handlers[type(event)](event)
        self._work()

    def schedule(self, time: float) -> None:
        """Hands out what is free; once after everything that is known to have happened."""
        self.time = time
        self.attempts.schedule(time)
        self._work()

    def taken(self) -> list[Action]:
        """What is to be done, in this order; it is not said again."""
        actions, self.book.actions = self.book.actions, []
        return actions

    def _work(self) -> None:
        for frame, name in self.traversal.ready():
            self._ready(frame, name)

    def _ready(self, frame: Frame, name: str) -> None:
        """A task has all it reads."""
        node = Node(frame, frame.plan.workflow.by_name[name])
        plain = node.collect()
        if not self.book.policy.lasting:
            frame.let_go(name)
        if plain:
            self._divide(node, node.parts, None)
        elif node.task.scatter or node.task.action.kind not in self.composites.kinds:
            self.assemble(node)
        else:
            self._divide(node, node.parts, None)

    def assemble(self, node: Node) -> None:
        """Has the values of a task's ports put together."""
        self.book.ask(Assemble(node, self._question(node)))

    def _question(self, place: Node | Unit) -> int:
        number = self._asked[place] = next(self._questions)
        return number

    def _is_answer(self, place: Node | Unit, question: int) -> bool:
        """Whether somebody waits for this; messages may come twice, or too late."""
        if self._asked.get(place) != question:
            return False
        del self._asked[place]
        return True

    def _assembled(self, event: Assembled) -> None:
        if not self._is_answer(event.node, event.question):
            return
        if self._rebuilds.assembled(event) or self.book.stopping:
            return
        self._divide(event.node, event.arguments, event.items)

    def _refused(self, event: Refused) -> None:
        place = event.place
        if not self._is_answer(place, event.question):
            return
        if isinstance(place, Unit):
            if place.state == "inside":
                self.attempts.refuse(place, event.error, event.time, event.exception)
            return
        if isinstance(event.exception, ArtifactError) and event.exception.digest:
            why = self._spoilt(place, event.exception.digest, event.time)
            if not why:
                return
            event = replace(event, error={**event.error, "cause": why})
        if self._rebuilds.refused(place, event) or place.units:
            return
        self.refuse_task(place, event.error, event.time, event.exception)

    def _spoilt(self, node: Node, digest: str, time: float) -> str:
        if not self.policy.lasting or self.book.stopping or node.units:
            return "an input cannot be read"
        return self._rebuilds.spoilt(node, digest, time)

    def refuse_task(
        self, node: Node, error: Mapping[str, Any], time: float, exception: BaseException | None
    ) -> None:
        """A task has no units and will get none: it fails as one."""
        self._weigh(node)
        unit = Unit(node, node.name, {}, 0)
        node.results, node.missing, node.units = [{}], 1, [unit]
        self.attempts.refuse(unit, error, time, exception)

    def _weigh(self, node: Node) -> None:
        """The task is no longer counted among those whose units are not known."""
        weight = node.frame.plan.weights.get(node.task.name, 1)
        self.book.counts["unready"] -= weight

    def _divide(self, node: Node, arguments: Mapping[str, Any], items: Any) -> None:
        """Makes the units of a task and offers them."""
        if node.units:
            return
        self._weigh(node)
        name = node.name
        if items is None:
            node.units = [Unit(node, name, arguments, 0)]
        else:
            node.units = [
                Unit(node, f"{name}[{number}]", {**arguments, **item}, number)
                for number, item in enumerate(items)
            ]
        node.parts = node.parts if self.book.policy.lasting else {}
        node.missing = len(node.units)
        node.results = [{}] * node.missing
        if not node.missing:
            self.traversal.node_ended(node)
            return
        for unit in list(node.units):
            self._offer(unit)

    def _offer(self, unit: Unit) -> None:
        begin = self.composites.kinds.get(unit.node.task.action.kind)
        if self._cancelled and self._is_cancelled(unit):
            self.failed(unit, {"cause": "it was cancelled", "kind": "cancelled"}, None, self.time)
        elif begin is not None:
            unit.state = "inside"
            begin(unit)
        elif unit.name in self._past.expansions:
            unit.state = "inside"
            self.composites.expand(unit, *self._past.expansions[unit.name])
        elif (found := self._past.finished.get(unit.name)) is not None and unit.is_whole(found):
            self.book.move(unit, "success")
            self.succeeded(unit, found, self.time)
        else:
            self.attempts.offer(unit, self.time)

    def succeeded(self, unit: Unit, outputs: Mapping[str, Any], time: float) -> None:
        """A unit has its outputs."""
        if self._rebuilds.remade(unit, outputs, time):
            return
        node = unit.node
        if self.book.policy.lasting:
            unit.outputs = outputs
            self._rebuilds.keep(unit)
        else:
            unit.arguments = {}
        node.results[unit.index] = outputs
        self.traversal.unit_ended(node)

    def expanded(
        self, unit: Unit, workflow: Workflow, inputs: Mapping[str, Any], time: float
    ) -> None:
        """A unit decided on tasks to run in its place."""
        unit.state = "inside"
        self.composites.expand(unit, workflow, inputs)

    def failed(
        self, unit: Unit, error: Mapping[str, Any], exception: BaseException | None, time: float
    ) -> None:
        """A unit failed for good: the run ends, or what reads it is passed over."""
        self.book.failures.append(Failure(unit.name, error, exception))
        self._rebuilds.given_up(unit, time)
        self.traversal.broken(unit)
        if not self.book.policy.keep_going and error.get("kind") != "cancelled":
            self.stop("failed")

    def damaged(self, unit: Unit, digests: frozenset[str], time: float) -> str:
        """An input cannot be read: its producer runs again."""
        return self._rebuilds.damaged(unit, digests, time)

    def began(self, unit: Unit, time: float) -> None:
        """The main part of a unit runs; what reads its streams may start."""
        if self.policy.streaming:
            self.streams.began(unit, time)

    def renew(self, unit: Unit, time: float) -> None:
        """Puts the arguments of a unit together again, and offers it."""
        self._rebuilds.renew(unit, time)

    def stop(self, status: str) -> None:
        """The run is to end early."""
        if not self.book.stopping:
            self.book.stopping = status
            self.attempts.stop(self.time)

    def _cancel(self, event: CancelAsked) -> None:
        if not event.name:
            self.stop("cancelled")
            return
        self._cancelled.append(event.name)
        self.attempts.cancel(event.name, event.time)

    def _is_cancelled(self, unit: Unit) -> bool:
        return any(belongs(unit.name, name) for name in self._cancelled)

    def _decided(self, event: Decided) -> None:
        if not self._is_answer(event.unit, event.question) or self.book.stopping:
            return
        if event.unit.state == "inside":
            self.composites.decided(event.unit, event.holds)

    def decide(self, unit: Unit, value: Any) -> None:
        """Has a condition read."""
        self.book.ask(Decide(unit, value, self._question(unit)))

    def fail_inside(self, unit: Unit, cause: str, way_out: str) -> None:
        """A loop or another composite failed by itself, not by a task inside of it."""
        self.attempts.refuse(unit, {"cause": cause, "way_out": way_out}, self.time)

    def leave(self, unit: Unit, outputs: Mapping[str, Any]) -> None:
        """What was inside of a unit has ended well."""
        unit.state = ""
        node = unit.node
        if self.book.policy.lasting:
            unit.outputs = outputs
        node.results[unit.index] = outputs
        self.traversal.unit_ended(node)
