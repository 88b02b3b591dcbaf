"""What an action is: the part of a task that says what to do, as a value that does nothing."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar

from lamina.workflow.ports import Signature

if TYPE_CHECKING:
    from lamina.workflow.graph import Task, Workflow


@dataclass(frozen=True)
class Place:
    """Where a document stands: what relative names in it refer to.

    Args:
        folder: the document's folder; None for a document that is no file.
        nested: reads a workflow out of this one: its inline form, or a path.
    """

    folder: Path | None
    nested: Callable[[dict[str, Any] | str], Workflow]


class Action(ABC):
    """What a task does: a frozen value; the room `execution` knows how to do it.

    A plug-in adds a kind with an entry in `lamina.actions`, and one in `lamina.runners`.
    """

    kind: ClassVar[str]
    """The word after `do:` in documents; also the name of the runner."""

    @abstractmethod
    def signature(self) -> Signature:
        """The ports that follow from the action itself, without running anything.

        Raises:
            LaminaError: they cannot be known; the task has to declare them.
        """

    @abstractmethod
    def to_document(self) -> dict[str, Any]:
        """What a document says about it, beginning with `do`.

        Raises:
            LaminaError: it only exists in this process.
        """

    @classmethod
    @abstractmethod
    def from_document(cls, entry: dict[str, Any], place: Place) -> Action:
        """The action of a task's entry in a document; the entry obeys the schema."""

    def mistakes(self, task: Task) -> list[str]:
        """What is wrong between the action and the ports of its task, each with a way out."""
        del task
        return []

    def summary(self) -> str:
        """A few words for drawings."""
        return self.kind
