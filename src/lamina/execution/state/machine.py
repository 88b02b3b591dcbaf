"""The state of a run: it is told what happened and says what to do; no clock, disk or thread."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any

from lamina.errors import ArtifactError
from lamina.execution.past import Past
from lamina.execution.runtimes.base import Capacity
from lamina.execution.state.attempts import Attempts
from lamina.execution.state.book import Book, Policy
from lamina.execution.state.composites import Composites
from lamina.execution.state.endings import belongs
from lamina.execution.state.frames import Frame, Node, Unit
from lamina.execution.state.parts import Many
from lamina.execution.state.plans import Plans, Wanted, wanted
from lamina.execution.state.rebuilds import Rebuilds
from lamina.execution.state.settled import Settled
from lamina.execution.state.streams import Streams
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
    Progressed,
    Refused,
    Ticked,
)
from lamina.workflow.graph import Workflow
from lamina.workflow.log import TaskSkipped


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
        self._plans = Plans()
        self.attempts = Attempts(self.book, capacity, self, past.attempts)
        self.composites = Composites(self)
        self._rebuilds = Rebuilds(self)
        self._streams = Streams(self)
        if policy.streaming:
            self.attempts.attach(self._streams)
        self._agenda: deque[tuple[Frame, str]] = deque()
        self._cancelled: list[str] = []
        self._inputs = dict(inputs)
        self._handlers: dict[type[Happened], Callable[[Any], None]] = {
            Assembled: self._assembled,
            Refused: self._refused,
            Answered: self.attempts.answered,
            Decided: self._decided,
            Began: self.attempts.began,
            Progressed: self.attempts.progressed,
            Ended: self.attempts.ended,
            CancelAsked: self._cancel,
            Ticked: self._ticked,
        }
        plan = self._plans.of(workflow)
        chosen = wanted(workflow, policy.until) if policy.until else None
        self.root = Frame(plan, self._inputs, "", None, chosen)
        for port in workflow.inputs:
            if port.name not in self._inputs:
                self._inputs[port.name] = plan.default(port.name)
        self._over = False
        self._time = 0.0

    @property
    def policy(self) -> Policy:
        """How the run is to be done."""
        return self.book.policy

    @property
    def finished(self) -> bool:
        """Whether the run is over: everything has ended, or what ran when it was ended has."""
        return self.attempts.idle and (self._over or bool(self.book.stopping))

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
        """Parts of the workflow's outputs, as far as they are there."""
        return self.root.collected("")

    def due(self) -> float | None:
        """When `Ticked` is to be told next; None where nothing waits for time."""
        return self.attempts.due()

    def begin(self, time: float) -> None:
        """Starts the run."""
        self._time = time
        self.open(self.root)
        self._work()

    def feed(self, event: Happened) -> None:
        """Something happened."""
        self._time = event.time
        self._handlers[type(event)](event)
        self._work()

    def schedule(self, time: float) -> None:
        """Hands out what is free; once after everything that is known to have happened."""
        self._time = time
        self.attempts.schedule(time)
        self._work()

    def taken(self) -> list[Action]:
        """What is to be done, in this order; it is not said again."""
        actions, self.book.actions = self.book.actions, []
        return actions

    def _work(self) -> None:
        agenda = self._agenda
        while agenda:
            frame, name = agenda.popleft()
            if self.book.stopping:
                agenda.clear()
                return
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
            self.book.ask(Assemble(node))
        else:
            self._divide(node, node.parts, None)

    def _assembled(self, event: Assembled) -> None:
        if self._rebuilds.assembled(event) or self.book.stopping:
            return
        self._divide(event.node, event.arguments, event.items)

    def _refused(self, event: Refused) -> None:
        place = event.place
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
            self._node_ended(node)
            return
        for unit in list(node.units):
            self._offer(unit)

    def _offer(self, unit: Unit) -> None:
        begin = self.composites.kinds.get(unit.node.task.action.kind)
        if self._cancelled and self._is_cancelled(unit):
            self.failed(unit, {"cause": "it was cancelled", "kind": "cancelled"}, None, self._time)
        elif begin is not None:
            unit.state = "inside"
            begin(unit)
        elif unit.name in self._past.expansions:
            unit.state = "inside"
            self.composites.expand(unit, *self._past.expansions[unit.name])
        elif unit.name in self._past.finished and self._is_whole(unit):
            self.book.move(unit, "success")
            self.succeeded(unit, self._past.finished[unit.name], self._time)
        else:
            self.attempts.offer(unit, self._time)

    def _is_whole(self, unit: Unit) -> bool:
        found = self._past.finished[unit.name]
        return all(port.name in found for port in unit.node.task.outputs)

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
        self._unit_ended(node)

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
        self._broken(unit)
        if not self.book.policy.keep_going and error.get("kind") != "cancelled":
            self.stop("failed")

    def damaged(self, unit: Unit, digests: frozenset[str], time: float) -> str:
        """An input cannot be read: its producer runs again."""
        return self._rebuilds.damaged(unit, digests, time)

    def began(self, unit: Unit, time: float) -> None:
        """The main part of a unit runs; what reads its streams may start."""
        if self.policy.streaming:
            self._streams.began(unit, time)

    def one_less(self, frame: Frame, reader: str) -> None:
        """A task waits for one task less."""
        frame.waiting[reader] -= 1
        if not frame.waiting[reader] and frame.runs(reader) and reader not in frame.broken:
            self._agenda.append((frame, reader))

    def renew(self, unit: Unit, time: float) -> None:
        """Puts the arguments of a unit together again, and offers it."""
        self._rebuilds.renew(unit, time)

    def stop(self, status: str) -> None:
        """The run is to end early."""
        if not self.book.stopping:
            self.book.stopping = status
            self.attempts.stop(self._time)

    def _cancel(self, event: CancelAsked) -> None:
        if not event.name:
            self.stop("cancelled")
            return
        self._cancelled.append(event.name)
        self.attempts.cancel(event.name, event.time)

    def _is_cancelled(self, unit: Unit) -> bool:
        return any(belongs(unit.name, name) for name in self._cancelled)

    def _ticked(self, event: Ticked) -> None:
        """Time alone changes nothing before `schedule`."""

    def _decided(self, event: Decided) -> None:
        if not self.book.stopping and event.unit.state == "inside":
            self.composites.decided(event.unit, event.holds)

    def frame(self, workflow: Workflow, values: dict[str, Any], prefix: str, owner: Unit) -> None:
        """Runs a workflow inside of a unit."""
        plan = self._plans.of(workflow)
        for port in workflow.inputs:
            if port.name not in values:
                values[port.name] = plan.default(port.name)
        self.open(Frame(plan, values, prefix, owner, self._wanted_in(owner, workflow)))

    def _wanted_in(self, owner: Unit, workflow: Workflow) -> Wanted | None:
        around = owner.node.frame.wanted
        paths = around.inner.get(owner.node.task.name) if around is not None else None
        return wanted(workflow, paths) if paths else None

    def open(self, frame: Frame) -> None:
        """Begins with the tasks of a frame that wait for no other."""
        names = frame.wanted.names if frame.wanted is not None else None
        self.book.counts["unready"] += frame.plan.weight(names)
        self._agenda.extend((frame, name) for name in frame.first())
        if not frame.left:
            self._frame_ended(frame)

    def decide(self, unit: Unit, value: Any) -> None:
        """Has a condition read."""
        self.book.ask(Decide(unit, value))

    def fail_inside(self, unit: Unit, cause: str, way_out: str) -> None:
        """A loop or another composite failed by itself, not by a task inside of it."""
        self.attempts.refuse(unit, {"cause": cause, "way_out": way_out}, self._time)

    def leave(self, unit: Unit, outputs: Mapping[str, Any]) -> None:
        """What was inside of a unit has ended well."""
        unit.state = ""
        node = unit.node
        if self.book.policy.lasting:
            unit.outputs = outputs
        node.results[unit.index] = outputs
        self._unit_ended(node)

    def _unit_ended(self, node: Node) -> None:
        node.missing -= 1
        if not node.missing:
            self._node_ended(node)

    def _broken(self, unit: Unit) -> None:
        """A unit will give no outputs."""
        if unit.node.missing:
            unit.node.failed = unit.node.failed or unit.name
            self._unit_ended(unit.node)

    def _node_ended(self, node: Node) -> None:
        frame, name = node.frame, node.task.name
        frame.left -= 1
        if node.failed:
            self._skip(frame, name, node.failed)
        else:
            self.publish(node)
            begun = frame.early.get(name, ())
            for reader in frame.plan.following[name]:
                if reader not in begun:
                    self.one_less(frame, reader)
            if begun:
                self._streams.whole(node, node.results[0], self._time)
        if not frame.left:
            self._frame_ended(frame)

    def publish(self, node: Node) -> None:
        """Puts the outputs of a task where those who read them look."""
        frame, results = node.frame, node.results
        for port, source in frame.plan.feeds[node.task.name]:
            if node.task.scatter:
                frame.values[source] = Many([found[port] for found in results])
            else:
                frame.values[source] = results[0][port]
        if self.book.policy.lasting:
            frame.done[node.task.name] = node
        else:
            node.results, node.units = [], []

    def _skip(self, frame: Frame, name: str, failed: str) -> None:
        """All that reads a failed task, however far away, does not run."""
        frame.broken.add(name)
        names = deque([name])
        while names:
            before = names.popleft()
            cause = failed if before == name else frame.prefix + before
            for reader in frame.plan.following[before]:
                if reader not in frame.broken and frame.runs(reader):
                    frame.broken.add(reader)
                    frame.left -= 1
                    names.append(reader)
                    told = TaskSkipped(
                        self._time, frame.prefix + reader, f"its input {cause} {_how(before, name)}"
                    )
                    self.book.record(told)

    def _frame_ended(self, frame: Frame) -> None:
        frame.left = -1  # once: a writer's end may end its readers, and the frame with them
        if frame.owner is None:
            self._over = True
        elif frame.broken:
            frame.owner.state = ""
            self._broken(frame.owner)
        else:
            self.composites.ended(frame.owner, frame.collected(""))


def _how(before: str, failed: str) -> str:
    return "failed" if before == failed else "did not run"
