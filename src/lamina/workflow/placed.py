"""Tasks whose place is chosen: what can be wrong with how that is said."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from lamina.workflow.graph import Task

PLACED = ("python", "command", "named")
"""Kinds of actions that run somewhere themselves."""


def placement_mistakes(task: Task) -> Iterator[str]:
    """What is wrong with how the place of a task is to be chosen."""
    placement = task.care.placement
    if placement is None:
        return
    if task.action.kind not in PLACED:
        yield f"do: {task.action.kind} has no place of its own; say it of the tasks inside"
    if placement.items:
        yield from _item_mistakes(task, placement.items)


def _item_mistakes(task: Task, items: str) -> Iterator[str]:
    ports = {port.name: port for port in task.inputs}
    if items not in ports:
        yield f"items: {items!r} is no input port; input ports: {', '.join(ports) or 'none'}"
    elif items in task.scatter:
        yield f"items: port {items!r} is scattered, so that each item is placed anyway; say auto"
    elif ports[items].type.item() is None or ports[items].type.streams:
        yield f"items: port {items!r} takes {ports[items].type}; name a port that takes a list"
    for port in task.outputs:
        if port.type.item() is None or port.type.streams:
            yield (
                f"items: output port {port.name!r} gives {port.type}; a task whose items are done "
                "apart gives lists with one value for each item"
            )
