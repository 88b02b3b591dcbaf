"""Every kind of action, and one of somebody else, keeps what documents and graphs expect."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any, ClassVar

import pytest

from lamina.testing.actions import check_action, nothing_nested
from lamina.workflow import Port, named, workflow
from lamina.workflow.actions import Action, Place
from lamina.workflow.actions.command import CommandAction
from lamina.workflow.actions.named import NamedAction
from lamina.workflow.actions.python import PythonAction
from lamina.workflow.actions.subworkflow import SubworkflowAction
from lamina.workflow.document import workflow_from_document
from lamina.workflow.ports import Signature
from lamina.workflow.writing import VERSION

PLACE = Place(Path("there"), nothing_nested)


@dataclass(frozen=True)
class Notebook(Action):
    """Runs a notebook: a kind of task that the table does not have."""

    file: str
    kind: ClassVar[str] = "notebook"

    def signature(self) -> Signature:
        return Signature((), (Port("result", "file"),))

    def to_document(self) -> dict[str, Any]:
        return {"do": "notebook", "file": self.file}

    @classmethod
    def from_document(cls, entry: dict[str, Any], place: Place) -> Notebook:
        del place
        return cls(entry["file"])


class Forgetful(Notebook):
    """Does not say which notebook."""

    def to_document(self) -> dict[str, Any]:
        return {"do": "notebook", "file": "other"}


@pytest.mark.parametrize(
    "action",
    [
        CommandAction(("sort", "{a}", "-o", "{b}"), paths={"b": "b.txt"}),
        CommandAction(("cat",), stdin="a", stdout="b", environment={"LC_ALL": "C"}),
        NamedAction("split"),
        PythonAction("lamina.workflow.patterns:join"),
        PythonAction("beside.py:f"),
        Notebook("a.ipynb"),
    ],
)
def test_an_action_keeps_its_promises(action: Action) -> None:
    check_action(action, PLACE)


def test_a_workflow_as_a_task_keeps_its_promises() -> None:
    with workflow("inner") as w:
        w.output("y", named("split")(w.input("x", "list"), 2))

    def nested(given: Any) -> Any:
        return workflow_from_document({"lamina": VERSION, **given})

    check_action(SubworkflowAction(w.workflow), Place(None, nested))


def test_an_action_that_forgets_is_caught() -> None:
    with pytest.raises(AssertionError, match="read back changed"):
        check_action(Forgetful("a.ipynb"), PLACE)
