"""A workflow that is run again and again until one of its outputs says that it is done."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ClassVar

from lamina.workflow.actions.base import Place
from lamina.workflow.actions.composite import Composite, Part
from lamina.workflow.ports import Signature

if TYPE_CHECKING:
    from lamina.workflow.graph import Task, Workflow

MOST = 1000
"""Iterations of a loop that does not say how many it may take."""


@dataclass(frozen=True)
class LoopAction(Composite):
    """Runs a workflow until an output of it is true; its inputs are the ports.

    An output with the name of an input is carried: the next iteration gets it. The outputs are
    those of the last iteration, but the one that ends the loop.

    Args:
        workflow: what each iteration runs.
        until: the bool output that ends the loop once it is true.
        most: iterations that it may take; a loop that is not done by then has failed.
        file: where the workflow was read from, relative to the document around it.
    """

    workflow: Workflow
    until: str
    most: int = MOST
    file: str = ""
    kind: ClassVar[str] = "loop"

    @property
    def carried(self) -> tuple[str, ...]:
        """Outputs that the next iteration gets as inputs."""
        inputs = {port.name for port in self.workflow.inputs}
        return tuple(port.name for port in self.workflow.outputs if port.name in inputs)

    def parts(self) -> tuple[Part, ...]:
        """What each iteration runs."""
        return (Part("workflow", self.workflow, self.file),)

    def signature(self) -> Signature:
        """The inputs and outputs of the workflow, but the output that ends the loop."""
        outputs = tuple(port for port in self.workflow.outputs if port.name != self.until)
        return Signature(self.workflow.inputs, outputs)

    def mistakes(self, task: Task) -> list[str]:
        """An end that is no bool output, carried values that do not fit, no iterations."""
        del task
        found = [*_end(self), *_carried(self)]
        if self.most < 1:
            found.append(f"most is {self.most}; allow one iteration or more")
        return found

    def to_document(self) -> dict[str, Any]:
        """Names the file, or holds the workflow inline."""
        (part,) = self.parts()
        entry = {
            "do": "loop",
            "file" if self.file else "workflow": part.to_document(),
            "until": self.until,
        }
        return entry if self.most == MOST else {**entry, "most": self.most}

    @classmethod
    def from_document(cls, entry: dict[str, Any], place: Place) -> LoopAction:
        """Reads the file or the inline form through `place`."""
        file = entry.get("file", "")
        workflow = place.nested(file or entry["workflow"])
        return cls(workflow, entry["until"], entry.get("most", MOST), file)

    def summary(self) -> str:
        """What it repeats, and until when."""
        return f"{self.parts()[0].told()}, until {self.until}"


def _end(action: LoopAction) -> Iterator[str]:
    outputs = {port.name: port for port in action.workflow.outputs}
    if action.until not in outputs:
        listed = ", ".join(outputs) or "none"
        yield (
            f"the loop ends with {action.until!r}, and workflow {action.workflow.name!r} has no "
            f"such output; name a bool output with until: its outputs are {listed}"
        )
    elif str(outputs[action.until].type) not in ("bool", "any"):
        yield (
            f"the loop ends with {action.until!r}, which is {outputs[action.until].type}; "
            "name an output that is bool"
        )


def _carried(action: LoopAction) -> Iterator[str]:
    for name in action.carried:
        given, wanted = action.workflow.output(name), action.workflow.input(name)
        if not given.type.fits(wanted.type):
            yield (
                f"the output {name!r} is {given.type}, and the next iteration needs "
                f"{wanted.type}; give it that type, or another name if it is not carried"
            )
