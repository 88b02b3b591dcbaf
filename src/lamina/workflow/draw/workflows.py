"""A workflow as a drawing: inputs, tasks and outputs as boxes, edges named by their ports."""

from __future__ import annotations

from lamina.workflow.actions.named import NamedAction
from lamina.workflow.care import needs_told
from lamina.workflow.draw.boxes import Box, Drawing, Line
from lamina.workflow.graph import Edge, Task, Workflow
from lamina.workflow.masking import mask

_MODELS = frozenset({"train", "train-tapped", "predict", "evaluate", "layer-output", "layer"})


def draw_workflow(workflow: Workflow) -> Drawing:
    """The drawing of a workflow.

    An edge carries a port's name where its task has several; both names where both have.
    """
    boxes = [Box(f"in:{p.name}", p.name, str(p.type), "input") for p in workflow.inputs]
    boxes += [
        Box(f"task:{task.name}", task.name, _detail(task), _kind(task)) for task in workflow.tasks
    ]
    boxes += [Box(f"out:{p.name}", p.name, str(p.type), "output") for p in workflow.outputs]
    lines = [_line(edge, workflow) for edge in workflow.edges]
    return Drawing(tuple(boxes), tuple(lines), workflow.name)


def _kind(task: Task) -> str:
    if isinstance(task.action, NamedAction):
        return "model" if task.action.name in _MODELS else "task"
    return task.action.kind


def _detail(task: Task) -> str:
    each = f"for each {', '.join(task.scatter)}" if task.scatter else ""
    summary = mask(task.action.summary())
    if summary.removesuffix("()") == task.name:
        summary = "" if isinstance(task.action, NamedAction) else task.action.kind
    return " · ".join(part for part in (summary, each, needs_told(task.care.needs)) if part)


def _line(edge: Edge, workflow: Workflow) -> Line:
    source, target = edge.source_task, edge.target_task
    leaving = edge.source_port if source and len(workflow[source].outputs) > 1 else ""
    arriving = edge.target_port if target and len(workflow[target].inputs) > 1 else ""
    names = dict.fromkeys(name for name in (leaving, arriving) if name)
    return Line(
        f"task:{source}" if source else f"in:{edge.source_port}",
        f"task:{target}" if target else f"out:{edge.target_port}",
        " → ".join(names),
    )
