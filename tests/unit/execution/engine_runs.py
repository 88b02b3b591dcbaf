"""Runs on real worker processes, with a record in memory."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from lamina.data.artifacts.store import Artifacts
from lamina.execution.engine import Control, Ending, Options, execute
from lamina.execution.past import Past
from lamina.execution.runtimes.local import LocalRuntime
from lamina.execution.values import StoredValues
from lamina.workflow.graph import Workflow
from lamina.workflow.log import AttemptEnded, AttemptStarted, Event, Noticed


@dataclass
class Runs:
    """Runs one after the other in one folder.

    Args:
        folder: for artifacts and files.
        options: of all of them.
    """

    folder: Path
    options: Options = field(default_factory=lambda: Options(workers=2, backoff=0.01))
    log: list[Event] = field(default_factory=list)
    control: Control = field(default_factory=Control)

    @property
    def artifacts(self) -> Artifacts:
        return Artifacts(self.folder / "artifacts")

    def sink(self, events: Sequence[Event]) -> None:
        self.log += events

    def go(self, workflow: Workflow, past: Past | None = None, **inputs: Any) -> Ending:
        """Runs a workflow to its end."""
        artifacts = self.artifacts
        values = StoredValues(artifacts)
        given = {n: values.constant(v, workflow.input(n), None) for n, v in inputs.items()}
        return execute(
            workflow,
            given,
            run="a-run",
            folder=self.folder / "run",
            runtime=LocalRuntime(artifacts, 2.0, 2**32, ("7",)),
            values=values,
            sink=self.sink,
            options=self.options,
            control=self.control,
            done=past,
        )

    def value(self, ending: Ending, output: str) -> Any:
        """An output, read."""
        return self.artifacts.get(ending.outputs[output])

    def started(self) -> list[str]:
        """Names of the attempts in the order of their starts."""
        return [event.task for event in self.log if isinstance(event, AttemptStarted)]

    def ended(self, task: str) -> list[AttemptEnded]:
        """The ends of a unit's attempts."""
        return [one for one in self.log if isinstance(one, AttemptEnded) and one.task == task]

    def noticed(self) -> list[str]:
        """What went wrong around the tasks."""
        return [event.what for event in self.log if isinstance(event, Noticed)]
