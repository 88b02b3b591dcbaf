"""Needs of a workflow's tasks that the run cannot meet: told when it begins, not hours later."""

from __future__ import annotations

from collections.abc import Collection, Iterator

from lamina.execution.slots import Slots
from lamina.execution.state.plans import Wanted
from lamina.workflow.actions.composite import Composite
from lamina.workflow.graph import Workflow
from lamina.workflow.needs import PLAIN

SHORT = "short of needs"
"""What such a notice is called."""


def shortages(
    workflow: Workflow,
    slots: Slots,
    chosen: Wanted | None = None,
    prefix: str = "",
    placing: bool = False,
) -> Iterator[tuple[str, str]]:
    """Task and what it lacks, for every task that the workflow is known to hold.

    Args:
        workflow: what runs.
        slots: what there is.
        chosen: what is to run of it; all of it when None.
        prefix: of the names of its tasks.
        placing: whether tasks that ask for a place get one, where other bounds hold.
    """
    names: Collection[str] = chosen.names if chosen is not None else workflow.by_name
    for task in workflow.tasks:
        if task.name not in names:
            continue
        if isinstance(task.action, Composite):
            for part in task.action.parts():
                inside = f"{prefix}{task.name}/"
                yield from shortages(part.workflow, slots, None, inside, placing)
        elif placing and task.care.placement is not None:
            continue
        elif task.care is not PLAIN and (lack := slots.lack(task.care.needs)):
            yield f"{prefix}{task.name}", lack
