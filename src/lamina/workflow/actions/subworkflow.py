"""A workflow as a task of another workflow."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ClassVar

from lamina.workflow.actions.base import Action, Place
from lamina.workflow.ports import Signature

if TYPE_CHECKING:
    from lamina.workflow.graph import Workflow


@dataclass(frozen=True)
class SubworkflowAction(Action):
    """Runs a workflow; its inputs and outputs are the ports.

    Args:
        workflow: the workflow itself.
        file: where it was read from, relative to the document around it; empty for inline.
    """

    workflow: Workflow
    file: str = ""
    kind: ClassVar[str] = "workflow"

    def signature(self) -> Signature:
        """The inputs and outputs of the workflow."""
        return Signature(self.workflow.inputs, self.workflow.outputs)

    def to_document(self) -> dict[str, Any]:
        """Names the file, or holds the workflow inline."""
        if self.file:
            return {"do": "workflow", "file": self.file}
        from lamina.workflow.writing import body_of

        return {"do": "workflow", "workflow": body_of(self.workflow)}

    @classmethod
    def from_document(cls, entry: dict[str, Any], place: Place) -> SubworkflowAction:
        """Reads the file or the inline form through `place`."""
        file = entry.get("file", "")
        return cls(place.nested(file or entry["workflow"]), file)

    def summary(self) -> str:
        """How many tasks it holds."""
        count = len(self.workflow)
        return f"{self.workflow.name}: {count} task{'' if count == 1 else 's'}"
