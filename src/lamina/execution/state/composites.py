"""Units that hold workflows: sub-workflows, loops, conditions, and tasks that decide on tasks."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any

from lamina.errors import UsageError
from lamina.execution.state.frames import Frame, Unit
from lamina.execution.state.parts import Told
from lamina.workflow.actions.choose import WHEN, ChooseAction
from lamina.workflow.actions.loop import LoopAction
from lamina.workflow.actions.subworkflow import SubworkflowAction
from lamina.workflow.expansion import outputs_in
from lamina.workflow.graph import Workflow
from lamina.workflow.types import ANY

if TYPE_CHECKING:
    from lamina.execution.state.machine import Machine


class Composites:
    """Opens what is inside of units and hands on what comes out."""

    def __init__(self, machine: Machine) -> None:
        self._machine = machine
        self.kinds: Mapping[str, Callable[[Unit], None]] = {
            SubworkflowAction.kind: self._subworkflow,
            LoopAction.kind: self._loop,
            ChooseAction.kind: self._choose,
        }
        """Kind of an action -> how a unit of it begins."""
        self._renamed: dict[str, Mapping[str, str]] = {}
        """Unit that decided on tasks -> its output port -> output of the workflow."""
        self._last: dict[str, dict[str, Any]] = {}
        """Loop -> outputs of its latest iteration."""

    def _subworkflow(self, unit: Unit) -> None:
        action = unit.node.task.action
        assert isinstance(action, SubworkflowAction)
        self._machine.traversal.enter(action.workflow, dict(unit.arguments), f"{unit.name}/", unit)

    def expand(self, unit: Unit, workflow: Workflow, inputs: Mapping[str, Any]) -> None:
        """Runs a workflow in the place of a unit that decided on it."""
        try:
            self._renamed[unit.name] = outputs_in(workflow, unit.node.task.outputs)
        except UsageError as error:
            self._machine.fail_inside(unit, error.message, error.way_out)
            return
        self._machine.traversal.enter(workflow, dict(inputs), f"{unit.name}/", unit)

    def _loop(self, unit: Unit) -> None:
        action = unit.node.task.action
        assert isinstance(action, LoopAction)
        prefix = f"{unit.name}#{unit.iteration}/"
        self._machine.traversal.enter(action.workflow, dict(unit.arguments), prefix, unit)

    def _choose(self, unit: Unit) -> None:
        self._machine.decide(unit, unit.arguments.get(WHEN))

    def decided(self, unit: Unit, holds: bool) -> None:
        """A condition was read."""
        action = unit.node.task.action
        if isinstance(action, ChooseAction):
            self._chosen(unit, action, holds)
        elif isinstance(action, LoopAction):
            self._iterated(unit, action, holds)

    def _chosen(self, unit: Unit, action: ChooseAction, holds: bool) -> None:
        workflow = action.branch(holds)
        if workflow is None:
            nothing = Told(None, ANY, True, None)
            outputs = {
                port.name: unit.arguments.get(port.name, nothing)
                if port.name in action.handed_on
                else nothing
                for port in unit.node.task.outputs
            }
            self._machine.leave(unit, outputs)
            return
        names = {port.name for port in workflow.inputs}
        given = {name: value for name, value in unit.arguments.items() if name in names}
        self._machine.traversal.enter(workflow, given, f"{unit.name}/", unit)

    def _iterated(self, unit: Unit, action: LoopAction, holds: bool) -> None:
        outputs = self._last.pop(unit.name)
        unit.iteration += 1
        if holds:
            del outputs[action.until]
            self._machine.leave(unit, outputs)
        elif unit.iteration >= action.most:
            self._machine.fail_inside(
                unit,
                f"it is not done after {action.most} iterations",
                f"allow more (most) or look at its output {action.until!r}, then run the workflow "
                "again: what is finished is reused",
            )
        else:
            carried = {name: outputs[name] for name in action.carried}
            unit.arguments = {**unit.arguments, **carried}
            self._loop(unit)

    def ended(self, unit: Unit, outputs: dict[str, Any]) -> None:
        """The workflow inside of a unit has ended well."""
        action = unit.node.task.action
        if isinstance(action, LoopAction):
            self._last[unit.name] = outputs
            self._machine.decide(unit, outputs[action.until])
        elif unit.name in self._renamed:
            self._machine.leave(unit, self._named(unit, outputs))
        else:
            self._machine.leave(unit, outputs)

    def outputs_of(self, unit: Unit, frame: Frame) -> dict[str, Any] | None:
        """The outputs of a unit that has ended, once more; None for an earlier iteration."""
        action, outputs = unit.node.task.action, frame.collected("")
        if isinstance(action, LoopAction):
            if frame.prefix != f"{unit.name}#{unit.iteration - 1}/":
                return None
            del outputs[action.until]
            return outputs
        return self._named(unit, outputs) if unit.name in self._renamed else outputs

    def _named(self, unit: Unit, outputs: Mapping[str, Any]) -> dict[str, Any]:
        """Outputs of the workflow that a task decided on, by the ports of the task."""
        return {port: outputs[name] for port, name in self._renamed[unit.name].items()}
