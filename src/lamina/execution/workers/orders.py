"""What the engine sends to a worker about an attempt, and what may not be shown of it."""

from __future__ import annotations

import os
from collections import OrderedDict
from typing import Any

from lamina.data.artifacts.reference import Ref
from lamina.data.artifacts.store import Artifacts
from lamina.execution.runtimes.base import AFTER, BEFORE, MAIN, Assignment
from lamina.execution.workers.hands import Key, Running
from lamina.execution.workers.recipes import recipe
from lamina.workflow.actions.command import CommandAction
from lamina.workflow.graph import Task
from lamina.workflow.masking import secret_values

_MOST = 4096
"""Tasks whose recipes are at hand."""


class Orders:
    """Makes the messages; a task's recipe is made once for all its units.

    Args:
        artifacts: the store, for the secrets among short values.
    """

    def __init__(self, artifacts: Artifacts) -> None:
        self._artifacts = artifacts
        self._count = 0
        # The task itself is kept too: its id stands for it as long as it is.
        self._recipes: OrderedDict[int, tuple[int, Task, dict[str, Any]]] = OrderedDict()

    def recipe(self, task: Task) -> tuple[int, dict[str, Any]]:
        """The number and the recipe of a task. Raises UsageError for one that cannot be sent."""
        known = self._recipes.get(id(task))
        if known is not None:
            return known[0], known[2]
        entry = recipe(task)
        self._count += 1
        self._recipes[id(task)] = (self._count, task, entry)
        if len(self._recipes) > _MOST:
            self._recipes.popitem(last=False)
        return self._count, entry

    def secrets(self, assignment: Assignment) -> tuple[str, ...]:
        """Values that no record of the attempt may show."""
        names = assignment.task.care.secrets
        if not names:
            return ()
        plain = {
            name: self._artifacts.plain(ref)
            for name, ref in assignment.arguments.items()
            if name in names and isinstance(ref, Ref) and ref.inline is not None
        }
        own = getattr(assignment.task.action, "environment", {})
        return secret_values(names, {**os.environ, **own}, plain)

    def message(self, job: Running, number: int) -> dict[str, Any]:
        """The order for a job whose task has that number."""
        given = job.assignment
        message: dict[str, Any] = {
            "task": number,
            "run": given.run,
            "name": given.name,
            "attempt": given.attempt,
            "part": given.part,
            "inputs": {name: ref.to_json() for name, ref in given.arguments.items()},
            "threads": threads(given),
            "folder": str(given.folder),
            "scratch": str(given.scratch),
        }
        care = given.task.care
        if is_program(given):
            message["secrets"] = list(job.secrets)
            message["secret_names"] = list(care.secrets)
        if given.part != MAIN:
            message["argv"] = list({BEFORE: care.before, AFTER: care.after}[given.part])
            message["status"] = given.status
        return message


def is_program(assignment: Assignment) -> bool:
    """Whether it is a program that runs, rather than a function."""
    return assignment.part != MAIN or isinstance(assignment.task.action, CommandAction)


def threads(assignment: Assignment) -> int:
    """How many threads numeric libraries may use."""
    return max(1, int(assignment.needs.cpus))


def key_of(assignment: Assignment) -> Key:
    """Which workers can do it."""
    return Key(threads(assignment), tuple(assignment.gpus), is_program(assignment))
