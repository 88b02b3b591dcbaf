"""What the engine sends to a worker about an attempt, and what may not be shown of it."""

from __future__ import annotations

import json
import os
from collections import OrderedDict
from collections.abc import Mapping
from typing import Any

from lamina.data.artifacts.reference import Ref
from lamina.data.artifacts.store import Artifacts
from lamina.execution.runtimes.base import AFTER, BEFORE, MAIN, Assignment
from lamina.execution.workers.hands import PREFIX, Key, Running
from lamina.execution.workers.recipes import recipe
from lamina.workflow.actions.command import CommandAction
from lamina.workflow.graph import Task
from lamina.workflow.masking import secret_values, told_secrets
from lamina.workflow.needs import Needs

_MOST = 4096
"""Tasks whose recipes are at hand."""


class Orders:
    """Makes the messages; a recipe is made once for all tasks that do the same.

    Args:
        artifacts: the store, for the secrets among short values.
    """

    def __init__(self, artifacts: Artifacts) -> None:
        self._artifacts = artifacts
        self._count = 0
        self._made: OrderedDict[tuple[int, ...], tuple[Any, int, dict[str, Any]]] = OrderedDict()
        self._numbers: OrderedDict[str, int] = OrderedDict()

    def recipe(self, task: Task) -> tuple[int, dict[str, Any]]:
        """The number and the recipe of a task; tasks that do the same have the same ones.

        Raises:
            UsageError: a function that cannot be sent.
        """
        parts = (task.action, task.inputs, task.outputs)
        key = tuple(map(id, parts))
        known = self._made.get(key)
        if known is not None:
            return known[1], known[2]
        entry = recipe(task)
        number = self._number(json.dumps(entry))
        # The parts are kept too: their ids stand for them as long as they are.
        self._made[key] = (parts, number, entry)
        if len(self._made) > _MOST:
            self._made.popitem(last=False)
        return number, entry

    def _number(self, text: str) -> int:
        if text not in self._numbers:
            self._count += 1
            self._numbers[text] = self._count
            if len(self._numbers) > _MOST:
                self._numbers.popitem(last=False)
        return self._numbers[text]

    def secrets(self, assignment: Assignment) -> tuple[str, ...]:
        """Values that no record of the attempt may show."""
        names = assignment.task.care.secrets
        own = getattr(assignment.task.action, "environment", {})
        told = told_secrets(own) if own else ()
        if not names:
            return told
        plain = {
            name: self._artifacts.plain(ref)
            for name, ref in assignment.arguments.items()
            if name in names and isinstance(ref, Ref) and ref.inline is not None
        }
        return (*told, *secret_values(names, {**os.environ, **own}, plain))

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
            "threads": threads(given.needs),
            "folder": str(given.folder),
            "scratch": str(given.scratch),
        }
        care = given.task.care
        if is_program(given):
            message["secrets"] = list(job.secrets)
            message["secret_names"] = list(care.secrets)
        if given.part != MAIN:
            message["argv"] = list({BEFORE: care.before, AFTER: care.after}[given.part])
            message["outcome"] = given.outcome if given.part == AFTER else {}
            message["prefix"] = PREFIX[given.part]
        return message


def is_program(assignment: Assignment) -> bool:
    """Whether it is a program that runs, rather than a function."""
    return assignment.part != MAIN or isinstance(assignment.task.action, CommandAction)


def threads(needs: Needs) -> int:
    """How many threads numeric libraries may use."""
    return max(1, int(needs.cpus))


def key_of(assignment: Assignment, entry: Mapping[str, Any]) -> Key:
    """Which workers can do it; entry: its recipe."""
    program = is_program(assignment)
    home = "" if program else entry.get("home", "")
    own = assignment.environment
    return Key(threads(assignment.needs), tuple(assignment.gpus), program, home, own)
