"""What a failed task tells: the mistake in one line, its place, and no more than anybody reads."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from types import FunctionType
from typing import Any

import pytest

import lamina
from lamina.errors import StagingError, UsageError
from lamina.execution.failures import LONGEST, MOST, told
from lamina.execution.functions import function_of
from lamina.workflow.actions.python import PythonAction


def raised(folder: Path, code: str) -> dict[str, Any]:
    """What is told of a function of a file that a task names."""
    (folder / "mine.py").write_text(code, encoding="utf-8")
    try:
        function_of(PythonAction("mine.py:f", folder=folder))()
    except BaseException as error:
        return told(error)
    raise AssertionError("it raises nothing")


@pytest.mark.parametrize(
    ("message", "cause"),
    [
        ("'one\\ntwo'", "ValueError: one"),
        ("'\\none\\ntwo'", "ValueError: one"),
        ("'shapes differ:\\n\\ta: 3'", "ValueError: shapes differ: a: 3"),
        ("", "ValueError"),
    ],
)
def test_the_cause_is_the_first_line_of_the_message(
    tmp_path: Path, message: str, cause: str
) -> None:
    found = raised(tmp_path, f"def f():\n    raise ValueError({message})\n")
    assert found["cause"] == cause
    assert found["way_out"] == "look at mine.py:2 in f, and run it again"


def test_notes_come_after_the_cause(tmp_path: Path) -> None:
    code = "def f():\n    e = KeyError('a')\n    e.add_note('a note')\n    raise e\n"
    found = raised(tmp_path, code)
    assert found["cause"] == "KeyError: 'a'"
    assert "a note" in found["details"]


def test_syntax_that_is_evaluated_is_named_by_its_message(tmp_path: Path) -> None:
    assert raised(tmp_path, "def f():\n    eval('x = =')\n")["cause"].startswith("SyntaxError: ")


def test_what_ours_raises_in_a_thread_shows_no_traceback() -> None:
    def ours() -> None:
        raise StagingError("it does not come", "see to it")

    # A file of ours, as far as tracebacks tell.
    named = ours.__code__.replace(co_filename=str(Path(lamina.__file__).parent / "data/x.py"))
    with ThreadPoolExecutor(1) as pool:
        error = pool.submit(FunctionType(named, globals())).exception()
    assert error is not None
    found = told(error)
    assert (found["cause"], found["details"]) == ("it does not come", "")


def test_classes_are_called_as_their_file_is(tmp_path: Path) -> None:
    code = "class Mine(Exception):\n    pass\n\ndef f():\n    raise Mine('no')\n"
    found = raised(tmp_path, code)
    assert found["cause"] == "mine.Mine: no"
    assert found["details"].endswith("\nmine.Mine: no")


def test_a_message_of_any_length_is_told_in_bounds(tmp_path: Path) -> None:
    found = raised(tmp_path, "def f():\n    raise ValueError('x' * 5_000_000 + 'the end')\n")
    assert len(found["cause"]) < LONGEST + 100
    assert len(found["details"]) < MOST + 100
    assert "characters are left out" in found["details"]
    assert found["details"].endswith("the end")


def test_a_file_that_cannot_be_imported_names_the_place(tmp_path: Path) -> None:
    (tmp_path / "neighbour.py").write_text("a = 1\nb = nowhere\n", encoding="utf-8")
    found = raised(tmp_path, "import neighbour\n\ndef f():\n    pass\n")
    assert found["kind"] == UsageError.__name__
    assert found["cause"] == (
        "mine.py cannot be imported: NameError: name 'nowhere' is not defined (neighbour.py:2)"
    )
    assert f'File "{tmp_path / "neighbour.py"}", line 2' in found["details"]
    assert "importlib" not in found["details"]
