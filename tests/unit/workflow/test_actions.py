"""What tasks can do: their ports, their mistakes, and their place in documents."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lamina.errors import UnknownNameError, UsageError
from lamina.workflow import Port, Task, command, workflow
from lamina.workflow.actions import ACTIONS, Place
from lamina.workflow.actions.command import CommandAction, pieces, stays_inside
from lamina.workflow.actions.named import TASKS, NamedAction
from lamina.workflow.actions.python import PythonAction
from lamina.workflow.actions.subworkflow import SubworkflowAction
from lamina.workflow.ports import Signature


def nested(given: Any) -> Any:
    raise AssertionError(given)


PLACE = Place(Path("there"), nested)
TEXT = (Port("text", "file"),)
OUT = (Port("out", "file"),)


def mistakes(action: CommandAction, takes: tuple[Port, ...], gives: tuple[Port, ...]) -> str:
    return "\n".join(action.mistakes(Task("t", action, takes, gives)))


@pytest.mark.parametrize(
    "action",
    [
        CommandAction(("sort", "{text}"), stdout="out"),
        CommandAction(("tool",), stdin="text", paths={"out": "a/b"}, environment={"A": "b"}),
        NamedAction("split"),
        PythonAction("code.py:f"),
    ],
)
def test_an_action_is_read_back_from_its_document(action: Any) -> None:
    entry = action.to_document()
    assert type(action).from_document(entry, PLACE) == action
    assert action.summary()


def test_every_kind_is_in_the_table_under_its_own_word() -> None:
    assert all(ACTIONS.get(name).kind == name for name in ACTIONS)


def test_the_ports_of_a_command_follow_from_its_places() -> None:
    action = CommandAction(
        ("x", "{a}", "-o", "{b}", "--n={c}"), stdin="s", stdout="d", paths={"b": "b.txt"}
    )
    assert action.signature() == Signature(
        (Port("s", "file"), Port("a", "file"), Port("c", "file")),
        (Port("b", "file"), Port("d", "file")),
    )


@pytest.mark.parametrize(
    ("action", "takes", "gives", "said"),
    [
        (CommandAction(()), (), (), "the command is empty"),
        (CommandAction(("",)), (), (), "the command is empty"),
        (CommandAction(("a", "{txet}")), TEXT, (), "did you mean {text}?"),
        (CommandAction(("a", "{text")), TEXT, (), "has a broken place"),
        (CommandAction(("a", "{text!r}")), TEXT, (), "has a broken place"),
        (CommandAction(("a", "{text:3}")), TEXT, (), "has a broken place"),
        (CommandAction(("a", "{}")), TEXT, (), "has a broken place"),
        (CommandAction(("a", "{text[0]}")), TEXT, (), "has a broken place"),
        (CommandAction(("a",), stdin="x"), TEXT, (), "stdin names 'x'"),
        (CommandAction(("a",), stdout="x"), (), OUT, "stdout names 'x'"),
        (CommandAction(("a",), paths={"x": "y"}), (), OUT, "paths names 'x'"),
        (CommandAction(("a",), stdout="n"), (), (Port("n", "int"),), "declare it as file or str"),
        (CommandAction(("a",)), (), (Port("n", "table"),), "writes a file or a folder"),
        (CommandAction(("a",), paths={"out": "../x"}), (), OUT, "leaves the task's folder"),
        (CommandAction(("a",), paths={"out": "/x"}), (), OUT, "leaves the task's folder"),
        (CommandAction(("a", "{out}")), OUT, OUT, "have one name; rename one"),
        (CommandAction(("a", "-x{l}")), (Port("l", "list[file]"),), (), "an argument of its own"),
    ],
)
def test_mistakes_of_a_command_say_the_way_out(
    action: CommandAction, takes: tuple[Port, ...], gives: tuple[Port, ...], said: str
) -> None:
    assert said in mistakes(action, takes, gives)


def test_a_right_command_has_no_mistakes() -> None:
    action = CommandAction(("a", "{l}", "{{text}}", "-{text}"), stdin="text", stdout="out")
    assert not mistakes(action, (*TEXT, Port("l", "list[file]")), OUT)


@given(st.text(max_size=20))
def test_doubled_braces_are_plain_text(text: str) -> None:
    parts = pieces(text.replace("{", "{{").replace("}", "}}"))
    assert "".join(piece for piece, _ in parts) == text
    assert not any(name for _, name in parts)


@pytest.mark.parametrize(
    ("path", "inside"),
    [
        ("a", True),
        ("a/b.txt", True),
        ("..a", True),
        ("", False),
        ("/a", False),
        ("a/../b", False),
        ("..", False),
        ("C:\\a", False),
        ("a\\..\\b", False),
    ],
)
def test_paths_of_outputs_stay_in_the_folder_of_their_task(path: str, inside: bool) -> None:
    assert stays_inside(path) == inside


def test_a_plug_in_adds_a_named_task() -> None:
    def double(x: int) -> int:
        return 2 * x

    with TASKS.having("double", double):
        signature = NamedAction("double").signature()
    assert signature == Signature((Port("x", "int"),), (Port("result", "int"),))


def test_an_unknown_named_task_lists_the_known_ones() -> None:
    with pytest.raises(UnknownNameError, match=r"known: .*predict, read-table"):
        NamedAction("nothing").signature()


def test_models_as_tasks_have_typed_ports() -> None:
    model, table = Port("model", "model"), Port("table", "table")
    predict = NamedAction("predict").signature()
    assert predict == Signature((model, table), (Port("predictions", "table"),))
    assert NamedAction("evaluate").signature().outputs == (Port("metrics", "json"),)
    assert NamedAction("train").signature().outputs == (Port("model", "model"),)
    assert NamedAction("vote").signature() == Signature(
        (Port("tables", "list[table]"),), (Port("result", "table"),)
    )


def test_a_function_of_a_file_is_read_beside_the_document(tmp_path: Path) -> None:
    (tmp_path / "code.py").write_text("def f(x: int) -> str: ...\n")
    action = PythonAction("code.py:f", tmp_path)
    assert action.signature() == Signature((Port("x", "int"),), (Port("result", "str"),))
    assert action.summary() == "f()"


def test_a_function_that_has_no_name_cannot_be_written() -> None:
    action = PythonAction.of(lambda: 1)
    with pytest.raises(UsageError, match="exists only in this process"):
        action.to_document()


def test_a_sub_workflow_has_the_ports_of_its_workflow() -> None:
    with workflow("w") as w:
        w.output("b", command(["cat", "{a}"], stdout="b")(w.input("a", "file")))
    action = SubworkflowAction(w.workflow)
    assert action.signature() == Signature((Port("a", "file"),), (Port("b", "file"),))
    assert action.to_document()["workflow"]["name"] == "w"
