"""What one measuring process is asked to do, and what it answers: plain values, as JSON."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass, field
from typing import Any

REPEATS = 5
"""Cheap measurements are repeated so often, and their median is taken."""

PATIENCE = 30.0
"""Seconds after which a measurement is not repeated any more; ten of them allow three repeats."""


@dataclass(frozen=True)
class Task:
    """One measurement.

    Args:
        case: file that `Case.save` wrote; empty for a measurement without data.
        subject: data set, for messages and results.
        group: "I", "II" or "III" of the papers; "" for a measurement outside of them.
        epochs: passes over the training rows.
        repeats: at most so often; fewer when one takes long (see `enough`).
        patience: seconds after which it is not repeated.
        seed: of weights.
    """

    subject: str
    case: str = ""
    group: str = ""
    epochs: int = 0
    repeats: int = REPEATS
    patience: float = PATIENCE
    seed: int = 0


@dataclass(frozen=True)
class Job:
    """Measurements of one contestant in one process.

    Args:
        kind: "peer", "engine", "sgemm" or "vectorised"; what the process has to load.
        name: of the peer or engine.
        threads: of the whole process, which is bound to as many cores.
        tasks: in this order.
        device: "cpu" or "cuda"; engines only.
    """

    kind: str
    name: str
    threads: int
    tasks: tuple[Task, ...]
    device: str = "cpu"

    @property
    def label(self) -> str:
        """Name in results: the threads are said when there is more than one."""
        return self.name if self.threads == 1 else f"{self.name}-{self.threads}threads"

    def to_json(self) -> str:
        """The job as one line."""
        return json.dumps(asdict(self))

    @classmethod
    def from_json(cls, text: str) -> Job:
        """The job that `to_json` wrote."""
        plain = json.loads(text)
        plain["tasks"] = tuple(Task(**task) for task in plain["tasks"])
        return cls(**plain)


@dataclass(frozen=True)
class Answer:
    """What came of one task.

    Args:
        job, task: what was asked.
        values: the measurement; empty when it failed.
        failure: why there are no values.
    """

    job: Job
    task: Task
    values: dict[str, Any] = field(default_factory=dict)
    failure: str = ""


def enough(seconds: Sequence[float], most: int, patience: float = PATIENCE) -> bool:
    """Whether a measurement has been repeated often enough.

    Up to `most` times; three times when a third of `patience` is spent; fewer when all of it is.
    """
    spent = sum(seconds)
    return (
        len(seconds) >= most or (len(seconds) >= 3 and spent > patience / 3.0) or spent > patience
    )
