"""What tasks can do, one file each; the table of kinds is `ACTIONS`."""

from __future__ import annotations

from lamina.registry import Registry
from lamina.workflow.actions.base import Action, Place

ACTIONS: Registry[type[Action]] = Registry(
    "actions",
    "kind of task",
    {
        "choose": "lamina.workflow.actions.choose:ChooseAction",
        "command": "lamina.workflow.actions.command:CommandAction",
        "loop": "lamina.workflow.actions.loop:LoopAction",
        "python": "lamina.workflow.actions.python:PythonAction",
        "workflow": "lamina.workflow.actions.subworkflow:SubworkflowAction",
    },
)
"""`do:` in a document -> class of the action; every other word is a named task (`TASKS`)."""

__all__ = ["ACTIONS", "Action", "Place"]
