"""Actions that hold workflows: what they hold, and where it was read from."""

from __future__ import annotations

from abc import abstractmethod
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from lamina.workflow.actions.base import Action

if TYPE_CHECKING:
    from lamina.workflow.graph import Workflow


@dataclass(frozen=True)
class Part:
    """A workflow inside an action.

    Args:
        word: what the action calls it: "workflow", "then", "otherwise".
        workflow: the workflow itself.
        file: where it was read from, relative to the document around it; empty for inline.
    """

    word: str
    workflow: Workflow
    file: str = ""

    def to_document(self) -> Any:
        """The name of the file, or the workflow inline."""
        if self.file:
            return self.file
        from lamina.workflow.writing import body_of

        return body_of(self.workflow)

    def told(self) -> str:
        """Name and size, for drawings."""
        count = len(self.workflow)
        return f"{self.workflow.name}: {count} task{'' if count == 1 else 's'}"


class Composite(Action):
    """An action whose tasks run in its place: a sub-workflow, a loop, a condition."""

    @abstractmethod
    def parts(self) -> tuple[Part, ...]:
        """The workflows that it holds, in the order of a document."""
