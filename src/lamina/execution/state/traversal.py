"""The way through the tasks of a run: which are ready or never run, and which workflows end."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

from lamina.execution.state.frames import Frame, Node, Unit
from lamina.execution.state.parts import Many
from lamina.execution.state.plans import Plans, Wanted, wanted
from lamina.workflow.graph import Workflow
from lamina.workflow.log import TaskSkipped

if TYPE_CHECKING:
    from lamina.execution.state.machine import Machine


class Traversal:
    """Begins workflows, and knows what follows from the end of their tasks."""

    def __init__(self, machine: Machine) -> None:
        self._machine = machine
        self._plans = Plans()
        self._agenda: deque[tuple[Frame, str]] = deque()
        self.over = False
        """Whether the run's own workflow has ended."""

    def ready(self) -> Iterator[tuple[Frame, str]]:
        """Takes out the tasks that have all they read; none once the run is to end."""
        agenda = self._agenda
        while agenda:
            found = agenda.popleft()
            if self._machine.book.stopping:
                agenda.clear()
                return
            yield found

    def framed(
        self,
        workflow: Workflow,
        values: dict[str, Any],
        prefix: str,
        owner: Unit | None,
        chosen: Wanted | None,
    ) -> Frame:
        """A workflow with its inputs, those that are not given from their defaults."""
        plan = self._plans.of(workflow)
        for port in workflow.inputs:
            if port.name not in values:
                values[port.name] = plan.default(port.name)
        return Frame(plan, values, prefix, owner, chosen)

    def enter(self, workflow: Workflow, values: dict[str, Any], prefix: str, owner: Unit) -> None:
        """Runs a workflow inside of a unit."""
        self.open(self.framed(workflow, values, prefix, owner, _wanted_in(owner, workflow)))

    def open(self, frame: Frame) -> None:
        """Begins with the tasks of a frame that wait for no other."""
        names = frame.wanted.names if frame.wanted is not None else None
        self._machine.book.counts["unready"] += frame.plan.weight(names)
        self._agenda.extend((frame, name) for name in frame.first())
        if not frame.left:
            self._frame_ended(frame)

    def one_less(self, frame: Frame, reader: str) -> None:
        """A task waits for one task less."""
        frame.waiting[reader] -= 1
        if not frame.waiting[reader] and frame.runs(reader) and reader not in frame.broken:
            self._agenda.append((frame, reader))

    def unit_ended(self, node: Node) -> None:
        """A unit of a task has ended."""
        node.missing -= 1
        if not node.missing:
            self.node_ended(node)

    def broken(self, unit: Unit) -> None:
        """A unit will give no outputs."""
        if unit.node.missing:
            unit.node.failed = unit.node.failed or unit.name
            self.unit_ended(unit.node)

    def node_ended(self, node: Node) -> None:
        """All units of a task have ended."""
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
                self._machine.streams.whole(node, node.results[0], self._machine.time)
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
        if self._machine.policy.lasting:
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
            why = f"its input {cause} {'failed' if before == name else 'did not run'}"
            for reader in frame.plan.following[before]:
                if reader not in frame.broken and frame.runs(reader):
                    frame.broken.add(reader)
                    frame.left -= 1
                    names.append(reader)
                    skipped = TaskSkipped(self._machine.time, frame.prefix + reader, why)
                    self._machine.book.record(skipped)

    def _frame_ended(self, frame: Frame) -> None:
        frame.left = -1  # once: a writer's end may end its readers, and the frame with them
        if frame.owner is None:
            self.over = True
        elif frame.broken:
            frame.owner.state = ""
            self.broken(frame.owner)
        else:
            self._machine.composites.ended(frame.owner, frame.collected(""))


def _wanted_in(owner: Unit, workflow: Workflow) -> Wanted | None:
    around = owner.node.frame.wanted
    paths = around.inner.get(owner.node.task.name) if around is not None else None
    return wanted(workflow, paths) if paths else None
