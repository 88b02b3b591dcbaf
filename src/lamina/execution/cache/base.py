"""What the engine asks before it runs a task: its key, and a result that fits it."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from lamina.data.artifacts.reference import Ref
from lamina.workflow.graph import Task


@dataclass(frozen=True, eq=False)
class Question:
    """A unit that is ready to run.

    Args:
        name: of the unit.
        task: what it does.
        arguments: input port -> reference; empty optional ports are left out.
    """

    name: str
    task: Task
    arguments: Mapping[str, Ref]


@dataclass(frozen=True, eq=False)
class Recall:
    """The answer.

    Args:
        key: digest of everything that decides the unit's outputs; empty where it has no key.
        recipe: digest of what the key is made of besides the inputs; told without a key too, since
            the record says what ran.
        reason: one line: "reused", "not run before", "code changed: words.py:12",
            "parameter lr 0.1 -> 0.01", "input table changed", "forced", "its outputs were lost".
        outputs: output port -> reference; None when it has to run.
            Their bytes may have been cleaned: a task that runs and needs them has them made again.
        source: id of the run that made them.
        notes: what else there is to say, a line each.
        lacking: digests of arguments whose bytes are gone; their producers have to run first.
    """

    key: str
    recipe: str
    reason: str
    outputs: Mapping[str, Ref] | None = None
    source: str = ""
    notes: Sequence[str] = ()
    lacking: Sequence[str] = ()


class Memory(ABC):
    """What earlier runs left."""

    @abstractmethod
    def recall(self, questions: Sequence[Question]) -> list[Recall]:
        """One answer per question, in order; asked for many at once, because that is faster."""
