"""How much a placed task has to do, and what it needs; loads nothing, for dry runs."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from lamina.data.artifacts.reference import Ref
from lamina.execution.placing.served import function_told
from lamina.workflow.graph import Task


def amount(task: Task, arguments: Mapping[str, Any], items: Callable[[Any], Sequence[Any]]) -> int:
    """Items of the list whose items may be done apart; else the bytes of all that it reads.

    Args:
        task: says `placement`.
        arguments: port -> reference.
        items: takes a list apart.

    Returns:
        At least 1.

    Raises:
        LaminaError: the list cannot be read.
    """
    placement = task.care.placement
    if placement is not None and placement.items:
        return max(len(items(arguments[placement.items])), 1)
    return max(sum(one.size for one in arguments.values() if isinstance(one, Ref)), 1)


DEVICE = "gpu"
"""Label of runtimes with accelerators, whatever else a profile calls them."""


def labels_of(task: Task) -> frozenset[str]:
    """Labels that a runtime must have: those that were named, and a device where it needs one."""
    placement = task.care.placement
    named = placement.labels if placement is not None else ()
    return frozenset((*named, DEVICE) if task.care.needs.gpus > 0 else named)


SERVES = "serves "
"""What the label begins with that says which function a lane runs, beside those of its profile."""


def serves(task: Task) -> str:
    """The label of lanes that run a task, where some of them run one function alone.

    What no pod can do has a label that none has: a program, a part of Lamina, a stream.
    """
    streams = any(port.type.streams for port in (*task.inputs, *task.outputs))
    told = "" if streams else function_told(task.action)
    return f"{SERVES}{told or 'none'}"


def shown_labels(labels: frozenset[str]) -> str:
    """Labels as people gave them."""
    return ", ".join(sorted(one for one in labels if not one.startswith(SERVES))) or "none"
