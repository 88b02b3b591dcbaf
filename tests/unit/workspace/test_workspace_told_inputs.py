"""Values that were read from a text are remembered by it."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from lamina.data.artifacts.reference import Ref
from lamina.workflow.graph import Workflow
from lamina.workflow.ports import Port
from lamina.workflow.types import port_type
from lamina.workspace.project import Project
from lamina.workspace.told_inputs import ReadOnce, ToldValues, remember

TABLE, INT = port_type("table"), port_type("int")
REF = Ref("arrow", "1" * 64, 10)


@pytest.fixture
def home(tmp_path: Path) -> Project:
    """A project with a table beside it."""
    (tmp_path / ".lamina").mkdir()
    (tmp_path / "t.csv").write_text("a,b\n1,2\n", encoding="utf-8")
    return Project(tmp_path / ".lamina")


def test_a_file_is_known_as_long_as_it_stays_as_it_was(home: Project, tmp_path: Path) -> None:
    told = ToldValues(home)
    assert told.known("t.csv", TABLE, tmp_path) is None
    told.learn("t.csv", TABLE, tmp_path, REF)

    assert ToldValues(home).known("t.csv", TABLE, tmp_path) == REF
    assert ToldValues(home).known("t.csv", TABLE, tmp_path / "other") is None
    os.utime(tmp_path / "t.csv", (1, 1))
    assert ToldValues(home).known("t.csv", TABLE, tmp_path) is None


def test_a_name_and_a_mapping_are_known_by_themselves(home: Project, tmp_path: Path) -> None:
    network = port_type("network")
    told = ToldValues(home)
    told.learn("papers-1", network, tmp_path, REF)
    told.learn({"layers": []}, network, tmp_path, REF)

    assert ToldValues(home).known("papers-1", network, None) == REF
    assert ToldValues(home).known({"layers": []}, network, None) == REF
    assert ToldValues(home).known("papers-2", network, None) is None
    assert ToldValues(home).known("papers-1", TABLE, None) is None


def test_what_is_what_it_is_is_not_remembered(home: Project) -> None:
    told = ToldValues(home)
    told.learn(3, INT, None, REF)
    told.learn("text", port_type("str"), None, REF)

    assert not list(home.folder.iterdir())


def test_a_broken_line_is_passed_over(home: Project, tmp_path: Path) -> None:
    ToldValues(home).learn("t.csv", TABLE, tmp_path, REF)
    with (home.folder / "told-values").open("a") as file:
        file.write('["half of a li')

    assert ToldValues(home).known("t.csv", TABLE, tmp_path) == REF


def test_a_table_is_read_once_while_its_bytes_are_there(
    home: Project, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    port = Port("t", "table")
    first = ReadOnce(home).constant("t.csv", port, tmp_path)
    monkeypatch.setattr("lamina.execution.values.told_value", lambda *given: pytest.fail("read"))
    assert ReadOnce(home).constant("t.csv", port, tmp_path) == first
    monkeypatch.undo()
    home.artifacts.remove([first.digest])

    assert ReadOnce(home).constant("t.csv", port, tmp_path) == first
    assert not home.artifacts.lacking([first])


def test_inputs_of_a_run_are_remembered(
    home: Project, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    workflow = Workflow("w", (Port("t", "table"), Port("n", "int")))

    remember(home, workflow, {"t": "t.csv", "n": "3"}, {"t": REF, "n": REF})

    assert ToldValues(home).known("t.csv", TABLE, None) == REF
