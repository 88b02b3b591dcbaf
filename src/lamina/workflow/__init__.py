"""Workflows: tasks with named, typed ports, joined by edges; built from Python or documents."""

from __future__ import annotations

from lamina.workflow.build import Builder, Step, workflow
from lamina.workflow.expansion import Expansion, expand
from lamina.workflow.graph import Edge, Port, Task, Workflow
from lamina.workflow.steps import choose, command, loop, named, task

__all__ = [
    "Builder",
    "Edge",
    "Expansion",
    "Port",
    "Step",
    "Task",
    "Workflow",
    "choose",
    "command",
    "expand",
    "loop",
    "named",
    "task",
    "workflow",
]
