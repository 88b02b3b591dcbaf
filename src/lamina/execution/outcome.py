"""What a run gives back: the outputs, and when each task ran."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any


@dataclass(frozen=True)
class Span:
    """When a task ran, in seconds since the run began.

    Args:
        task: its name: "sort", "count[3]" in a scatter, "inner/sort" in a sub-workflow.
        status: "succeeded", "failed" or "cancelled".
    """

    task: str
    start: float
    end: float
    status: str = "succeeded"

    @property
    def seconds(self) -> float:
        """How long it took."""
        return self.end - self.start


@dataclass(frozen=True, eq=False)
class Outcome:
    """The result of a run.

    Args:
        outputs: workflow output -> value.
        timeline: one span per task, by the time of its end.
        seconds: how long the run took.
        folder: where commands wrote their files; None when no command ran.
        status: "succeeded".
    """

    outputs: Mapping[str, Any]
    timeline: tuple[Span, ...]
    seconds: float
    folder: Path | None = None
    status: str = "succeeded"

    def __getitem__(self, output: str) -> Any:
        return self.outputs[output]
