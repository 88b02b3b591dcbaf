"""Workflows: tasks with named, typed ports, joined by edges; built from Python or documents."""

from __future__ import annotations

from lamina.workflow.build import Builder, Step, command, named, task, workflow
from lamina.workflow.graph import Edge, Port, Task, Workflow

__all__ = [
    "Builder",
    "Edge",
    "Port",
    "Step",
    "Task",
    "Workflow",
    "command",
    "named",
    "task",
    "workflow",
]
