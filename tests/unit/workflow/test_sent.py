"""Functions without a name in a workflow that a task decided on: sent along, signed."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from lamina.data.artifacts.signed import signed_text
from lamina.errors import ArtifactError
from lamina.workflow import Expansion, choose, expand, loop, task, workflow
from lamina.workflow.actions.choose import ChooseAction
from lamina.workflow.actions.loop import LoopAction
from lamina.workflow.actions.python import PythonAction
from lamina.workflow.document import workflow_from_text
from lamina.workflow.expansion import expanded
from lamina.workflow.sent import Sent
from lamina.workflow.writing import workflow_to_text


def adds(number: int) -> Callable[[int], int]:
    def add(x: int) -> int:
        return x + number

    return add


def even(x: int) -> bool:
    return x % 2 == 0


def sent(made: Expansion, name: str) -> Sent:
    action = expanded(made.document())[name].action
    assert isinstance(action, PythonAction) and isinstance(action.call, Sent)
    return action.call


def test_a_function_without_a_name_goes_along() -> None:
    with workflow("w") as w:
        w.output("y", task(adds(3))(w.input("x", "int")))
    made = expand(w, x=4)
    assert sent(made, "add")(x=4) == 7
    again = expanded(made.document())
    assert [port.name for port in again["add"].inputs] == ["x"]
    assert again["add"].action.summary() == "add()"


def test_nothing_is_opened_before_it_is_called(monkeypatch: pytest.MonkeyPatch) -> None:
    with workflow("w") as w:
        w.output("y", task(adds(3))(w.input("x", "int")))
    entry = expand(w, x=4).document()

    def opened(text: str) -> Any:
        raise AssertionError(text)

    monkeypatch.setattr("lamina.data.artifacts.signed.signed_value", opened)
    found = expanded(entry)
    assert expanded(Expansion(found, {}).document()) == found


def test_a_function_inside_of_a_loop_and_of_a_condition_goes_along() -> None:
    with workflow("inner") as inner:
        x = task(adds(1))(inner.input("x", "int"))
        inner.output("x", x)
        inner.output("done", task(even)(x))
    with workflow("w") as w:
        looped = loop(inner, until="done", name="again")(w.input("x", "int"))
        w.output("y", choose(then=inner, name="pick")(when=True, x=looped).x)
    found = expanded(expand(w, x=4).document())
    again, pick = found["again"].action, found["pick"].action
    assert isinstance(again, LoopAction) and isinstance(pick, ChooseAction)
    for body in (again.workflow, pick.then):
        action = body["add"].action
        assert isinstance(action, PythonAction) and action.call is not None
        assert action.call(x=1) == 2
        assert isinstance(body["even"].action, PythonAction) and body["even"].action.call is None


def test_a_function_of_somebody_else_is_refused(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Any
) -> None:
    text = signed_text(adds(3))
    with pytest.raises(ArtifactError, match="signature"):
        Sent(text[:-8] + ("AAAAAAA=" if text[-8:] != "AAAAAAA=" else "BBBBBBB="))(x=1)
    with pytest.raises(ArtifactError, match="no signed pickle"):
        Sent("not in letters of base64!")(x=1)


def test_documents_that_people_read_still_refuse_such_functions() -> None:
    with workflow("w") as w:
        w.output("y", task(adds(3))(w.input("x", "int")))
    with pytest.raises(Exception, match="exists only in this process"):
        workflow_to_text(w.workflow)
    assert workflow_from_text("lamina: workflow/1\nname: w\ntasks: {}\n").tasks == ()
