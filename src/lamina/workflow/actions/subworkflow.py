"""A workflow as a task of another workflow."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ClassVar

from lamina.workflow.actions.base import Place
from lamina.workflow.actions.composite import Composite, Part
from lamina.workflow.ports import Signature

if TYPE_CHECKING:
    from lamina.workflow.graph import Workflow


@dataclass(frozen=True)
class SubworkflowAction(Composite):
    """Runs a workflow; its inputs and outputs are the ports.

    Args:
        workflow: the workflow itself.
        file: where it was read from, relative to the document around it; empty for inline.
    """

    workflow: Workflow
    file: str = ""
    kind: ClassVar[str] = "workflow"

    def parts(self) -> tuple[Part, ...]:
        """The workflow alone."""
        return (Part("workflow", self.workflow, self.file),)

    def signature(self) -> Signature:
        """The inputs and outputs of the workflow."""
        return Signature(self.workflow.inputs, self.workflow.outputs)

    def to_document(self) -> dict[str, Any]:
        """Names the file, or holds the workflow inline."""
        (part,) = self.parts()
        return {"do": "workflow", "file" if self.file else "workflow": part.to_document()}

    @classmethod
    def from_document(cls, entry: dict[str, Any], place: Place) -> SubworkflowAction:
        """Reads the file or the inline form through `place`."""
        file = entry.get("file", "")
        return cls(place.nested(file or entry["workflow"]), file)

    def summary(self) -> str:
        """How many tasks it holds."""
        return self.parts()[0].told()
