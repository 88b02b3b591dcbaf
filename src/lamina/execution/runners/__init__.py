"""How each kind of task is run: one file each, and the table of them."""

from __future__ import annotations

from lamina.execution.runners.base import Job, Runner, Scene
from lamina.registry import Registry

RUNNERS: Registry[Runner] = Registry(
    "runners",
    "kind of task",
    {
        "command": "lamina.execution.runners.command:RUNNER",
        "named": "lamina.execution.runners.calls:NAMED",
        "python": "lamina.execution.runners.calls:PYTHON",
    },
)
"""Kind of an action -> what runs it; sub-workflows are the executor's own."""

__all__ = ["RUNNERS", "Job", "Runner", "Scene"]
