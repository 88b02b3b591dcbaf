"""Attempts given to a local runtime by hand, as the engine would."""

from __future__ import annotations

import itertools
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from lamina.data.artifacts.reference import Ref
from lamina.data.artifacts.store import Artifacts
from lamina.execution.runtimes.base import MAIN, Assignment, Began, Ended, Report, Ticket
from lamina.execution.runtimes.local import LocalRuntime
from lamina.workflow import Step, task
from lamina.workflow.graph import Task
from lamina.workflow.needs import Care, Needs
from lamina.workflow.units import folder_of, scratch_of


class Hands:
    """A runtime with a store, and what is asked of it in one line."""

    def __init__(self, folder: Path, **options: Any) -> None:
        self.folder = folder / "run"
        self.artifacts = Artifacts(folder / "artifacts")
        self.runtime = LocalRuntime(self.artifacts, **{"cpus": 2, "gpus": (), **options})
        self._numbers = itertools.count()
        self.seen: list[Report] = []

    def task(self, of: Callable[..., Any] | Step[..., Any], care: Care | None = None) -> Task:
        """The task of a function or a command."""
        step = of if isinstance(of, Step) else task(of)
        ports = step.signature
        given = care or step.care
        return Task(step.name, step.action, ports.inputs, ports.outputs, care=given)

    def start(
        self, of: Any, needs: Needs | None = None, gpus: tuple[str, ...] = (), part: str = MAIN,
        outcome: tuple[str, int | None] = ("", None), **arguments: Any,
    ) -> Assignment:  # fmt: skip
        """Hands out an attempt; arguments are values, or references to them."""
        made = of if isinstance(of, Task) else self.task(of)
        kinds = {port.name: port.type for port in made.inputs}
        refs = {
            name: value if isinstance(value, Ref) else self.artifacts.refer(value, kinds[name])
            for name, value in arguments.items()
        }
        name = f"{made.name.strip('<>')}[{next(self._numbers)}]"
        assignment = Assignment(
            "run-1",
            name,
            1,
            made,
            refs,
            needs or made.care.needs,
            gpus,
            self.folder / folder_of(name, 1),
            self.folder / scratch_of(name),
            part,
            *outcome,
        )
        self.runtime.start(assignment)
        return assignment

    def began(self, assignment: Assignment) -> Began:
        """Waits until a worker has it."""
        found = self._find(assignment.ticket, Began)
        assert isinstance(found, Began)
        return found

    def ended(self, assignment: Assignment) -> Ended:
        """Waits for its end."""
        found = self._find(assignment.ticket, Ended)
        assert isinstance(found, Ended)
        return found

    def do(self, of: Any, **options: Any) -> Ended:
        """An attempt from its start to its end."""
        return self.ended(self.start(of, **options))

    def value(self, ended: Ended, port: str = "result") -> Any:
        """What an attempt gave."""
        assert ended.status == "succeeded", ended.error
        return self.artifacts.get(ended.outputs[port])

    def result(self, of: Any, **options: Any) -> Any:
        """The one result of an attempt."""
        return self.value(self.do(of, **options))

    def _find(self, ticket: Ticket, kind: type[Report]) -> Report:
        deadline = time.monotonic() + 30
        while time.monotonic() < deadline:
            for report in self.seen:
                if report.ticket == ticket and isinstance(report, kind):
                    return report
            self.seen += self.runtime.poll(0.2)
        raise AssertionError(f"no {kind.__name__} of {ticket}; seen: {self.seen[-5:]}")
