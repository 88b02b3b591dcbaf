"""Before the first task starts: whether everything that a workflow needs can be found."""

from __future__ import annotations

from collections.abc import Callable, Iterator

from lamina.errors import LaminaError, WorkflowError
from lamina.workflow.actions.base import Action
from lamina.workflow.actions.composite import Composite
from lamina.workflow.graph import Workflow
from lamina.workflow.told import told_mistakes


def prepare(workflow: Workflow, look: Callable[[Action], object]) -> None:
    """Looks for every function, program and told network, those of inner workflows too.

    Args:
        workflow: what is to run.
        look: looks for what one action needs; raises LaminaError. Asked once per action.

    Raises:
        WorkflowError: those that cannot be found, all at once.
    """
    checked: dict[int, str] = {}
    mistakes = [f"{place}: {problem}" for place, problem in told_mistakes(workflow)]
    for name, action in _actions(workflow, ""):
        if id(action) not in checked:
            checked[id(action)] = _problem(look, action)
        if checked[id(action)]:
            mistakes.append(f"task {name!r}: {checked[id(action)]}")
    if mistakes:
        raise WorkflowError(f"workflow {workflow.name!r} cannot run", mistakes)


def _actions(workflow: Workflow, prefix: str) -> Iterator[tuple[str, Action]]:
    for task in workflow.tasks:
        if isinstance(task.action, Composite):
            for part in task.action.parts():
                yield from _actions(part.workflow, f"{prefix}{task.name}/")
        else:
            yield prefix + task.name, task.action


def _problem(look: Callable[[Action], object], action: Action) -> str:
    try:
        look(action)
    except LaminaError as error:
        return f"{error.message}; {error.way_out}"
    return ""
