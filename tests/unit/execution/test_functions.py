"""Finding functions by name: in modules, in files beside documents, behind decorators."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

from lamina.errors import UsageError
from lamina.execution import run
from lamina.execution.functions import function_of
from lamina.workflow.actions.python import PythonAction
from lamina.workflow.document import workflow_from_text


def test_a_function_of_a_module_is_imported() -> None:
    assert function_of(PythonAction("math:sqrt"))(4) == 2
    assert function_of(PythonAction("pathlib:Path.cwd"))() == Path.cwd()


def test_a_function_at_hand_is_taken_as_it_is() -> None:
    assert function_of(PythonAction("nowhere:f", None, len)) is len


def test_a_function_of_a_file_can_import_its_neighbours(tmp_path: Path) -> None:
    (tmp_path / "neighbour_of_code.py").write_text("TWO = 2\n")
    (tmp_path / "code.py").write_text(
        "from neighbour_of_code import TWO\ndef f(x):\n    return TWO * x\n"
    )
    path = list(sys.path)
    assert function_of(PythonAction("code.py:f", tmp_path))(4) == 8
    assert sys.path == path


def test_a_changed_file_is_read_again(tmp_path: Path) -> None:
    import os

    file = tmp_path / "code.py"
    for number in (1, 2):
        file.write_text(f"def f(): return {number}\n")
        os.utime(file, ns=(number, number))
        assert function_of(PythonAction("code.py:f", tmp_path))() == number


def test_a_decorated_function_is_the_function(tmp_path: Path) -> None:
    (tmp_path / "code.py").write_text(
        "from lamina.workflow import task\n@task\ndef f(x: int) -> int:\n    return x + 1\n"
    )
    made = workflow_from_text(
        "lamina: workflow/1\nname: w\ninputs: {x: int}\n"
        "tasks:\n  f: {do: python, function: 'code.py:f', in: {x: x}}\noutputs: {y: f}\n",
        tmp_path,
    )
    assert run(made, {"x": 1})["y"] == 2


@pytest.mark.parametrize(
    ("function", "said"),
    [
        ("code.py:g", "code.py has no function 'g'"),
        ("code.py:ff", "did you mean 'f'?"),
        ("code.py:X", "code.py:X is no function"),
        ("none.py:f", "the file none.py does not exist"),
        ("broken.py:f", "broken.py cannot be imported: SyntaxError"),
        ("stops.py:f", "stops.py cannot be imported: SystemExit: 3"),
        ("no_such_module:f", "no_such_module cannot be imported: ModuleNotFoundError"),
    ],
)
def test_what_cannot_be_found_is_named(tmp_path: Path, function: str, said: str) -> None:
    (tmp_path / "code.py").write_text("def f(): ...\nX = 3\n")
    (tmp_path / "broken.py").write_text("def f(\n")
    (tmp_path / "stops.py").write_text("raise SystemExit(3)\n")
    with pytest.raises(UsageError) as caught:
        function_of(PythonAction(function, tmp_path))
    assert said in str(caught.value)
