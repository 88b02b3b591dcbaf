"""Tasks as messages: by name where that finds them, as bytes where not."""

from __future__ import annotations

import json
import threading
from pathlib import Path
from typing import Any

import pytest
from attempts_by_hand import Hands

from lamina.errors import UsageError
from lamina.execution.functions import function_of
from lamina.execution.workers.recipes import is_plain, recipe, task_of
from lamina.workflow import Port, Step, command, named, task
from lamina.workflow.actions.command import CommandAction
from lamina.workflow.actions.named import TASKS
from lamina.workflow.actions.python import PythonAction
from lamina.workflow.graph import Task
from lamina.workflow.types import TYPES, TypeRule


def double(x: float) -> float:
    return 2 * x


def of(step: Step[..., Any]) -> Task:
    return Task(step.name, step.action, step.signature.inputs, step.signature.outputs)


def again(made: Task) -> Task:
    """What a worker makes of the message."""
    return task_of(json.loads(json.dumps(recipe(made))))


def called(made: Task, *arguments: Any) -> Any:
    assert isinstance(made.action, PythonAction)
    return function_of(made.action)(*arguments)


@pytest.mark.parametrize("call", [double, task(double)])
def test_functions_of_modules_travel_by_name(call: Any) -> None:
    step = call if isinstance(call, Step) else task(call)
    entry = recipe(of(step))
    assert "call" not in entry
    assert is_plain(entry)
    assert called(again(of(step)), 4.0) == 8.0


def test_other_functions_travel_as_bytes() -> None:
    by = 3

    def inner(x: int) -> int:
        return by * x

    for call in (inner, lambda x: by * x):
        entry = recipe(of(task(call)))
        assert entry["call"]
        assert not is_plain(entry)
        assert called(again(of(task(call))), 5) == 15


def test_ports_and_commands_come_back_the_same() -> None:
    step = command(["sort", "{text}"], {"text": "file", "n": "list[int]"}, {"out": "file"},
                   stdout="out", environment={"A": "b"}, cpus=2)  # fmt: skip
    found = again(of(step))
    assert found.action == step.action
    assert isinstance(found.action, CommandAction)
    assert (found.inputs, found.outputs) == (step.signature.inputs, step.signature.outputs)


def test_functions_of_files_keep_their_folder(tmp_path: Path) -> None:
    (tmp_path / "code.py").write_text("def f(x: int) -> int:\n    return x + 1\n")
    made = Task.of("f", PythonAction("code.py:f", tmp_path))
    assert called(again(made), 1) == 2


def test_tasks_known_by_name_travel_by_name() -> None:
    assert recipe(of(named("split-table")))["action"] == {"do": "split-table"}
    with TASKS.having("double-here", double):
        assert called(again(of(named("double-here"))), 4.0) == 8.0


def test_a_type_that_was_registered_here_is_known_in_the_worker(tmp_path: Path) -> None:
    with TYPES.having("even", TypeRule("even", check=lambda value: value % 2 == 0)):
        ports = (Port("x", "even"),), (Port("result", "int"),)
        made = Task("double", PythonAction.of(double), *ports)
        assert not is_plain(recipe(made))
        hands = Hands(tmp_path)
        assert hands.result(made, x=hands.artifacts.put(4)) == 8
        wrong = hands.do(made, x=hands.artifacts.put(3))
        assert "port 'x' needs even" in wrong.error["cause"]
        hands.runtime.close()


def test_what_cannot_be_sent_is_named() -> None:
    lock = threading.Lock()

    def waits() -> bool:
        return lock.locked()

    with pytest.raises(UsageError, match=r"function .*waits cannot be sent to a worker"):
        recipe(of(task(waits)))


def test_bytes_that_cannot_be_read_are_named() -> None:
    entry = {**recipe(of(task(double))), "call": "AAAA"}
    with pytest.raises(UsageError, match="cannot be read in the worker"):
        task_of(entry)
