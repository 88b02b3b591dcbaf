"""Values on their way: paths made absolute, files that have to exist."""

from __future__ import annotations

from pathlib import Path

import pytest

from lamina.execution import run
from lamina.execution.values import arrived
from lamina.workflow import Port, task, workflow
from lamina.workflow.document import read_workflow


def test_paths_become_absolute(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "a.txt").write_text("")
    assert arrived(Port("x", "file"), "a.txt", tmp_path) == (tmp_path / "a.txt", "")
    monkeypatch.chdir(tmp_path)
    assert arrived(Port("x", "list[file]"), ["a.txt"]) == ([tmp_path / "a.txt"], "")
    assert arrived(Port("x", "folder"), tmp_path) == (tmp_path, "")


@pytest.mark.parametrize(
    ("port", "value"),
    [
        (Port("x", "file"), "none.txt"),
        (Port("x", "file"), "."),
        (Port("x", "folder"), "none"),
        (Port("x", "list[list[file]]"), [[], ["none.txt"]]),
    ],
)
def test_what_is_not_there_is_refused(port: Port, value: object, tmp_path: Path) -> None:
    assert "does not exist or is none" in arrived(port, value, tmp_path)[1]


def test_an_optional_port_takes_none() -> None:
    assert arrived(Port("x", "int", True), None) == (None, "")
    assert arrived(Port("x", "int"), None)[1] == "needs int; it gets NoneType None"
    assert (
        arrived(Port("x", "list[int]"), [0, "a"])[1] == "needs list[int]; its item 1 gets str 'a'"
    )


def test_files_named_in_a_document_lie_beside_it(tmp_path: Path) -> None:
    (tmp_path / "here.txt").write_text("here")
    (tmp_path / "code.py").write_text(
        "from pathlib import Path\ndef read(a: Path, b: Path) -> str:\n"
        "    return a.read_text() + b.read_text()\n"
    )
    (tmp_path / "w.yaml").write_text(
        "lamina: workflow/1\nname: w\ninputs: {a: {type: file, default: here.txt}}\ntasks:\n"
        "  read: {do: python, function: 'code.py:read', in: {a: a}, with: {b: here.txt}}\n"
        "outputs: {y: read}\n"
    )
    assert run(read_workflow(tmp_path / "w.yaml"))["y"] == "herehere"


def test_a_file_that_a_task_promises_has_to_exist() -> None:
    from lamina.errors import TaskFailedError

    @task
    def promise() -> Path:
        return Path("no-such-file")

    with workflow("w") as w:
        w.output("y", promise())
    with pytest.raises(TaskFailedError, match="its output 'result' needs a file"):
        run(w.workflow)


def test_a_told_network_table_or_model_is_read_when_it_arrives(tmp_path: Path) -> None:
    (tmp_path / "t.csv").write_text("a,b\n1,2\n")
    network, problem = arrived(Port("x", "network"), "5-3-1", told=True)
    assert (network.parameter_count(), problem) == (22, "")
    table, problem = arrived(Port("x", "table"), "t.csv", tmp_path, told=True)
    assert (table.names, problem) == (("a", "b"), "")
    inline = {"lamina": "network/1", "inputs": {"x": [2]}, "layers": [{"l": {"layer": "ReLU"}}]}
    networks, problem = arrived(Port("x", "list[network]"), ["5-3-1", inline], told=True)
    assert ([n.shapes["x"] for n in networks], problem) == ([(5,), (2,)], "")


@pytest.mark.parametrize(
    ("kind", "value", "why"),
    [
        ("network", "papers-9", "did you mean 'papers-5'?"),
        ("network", {"lamina": "network/1"}, "layers: is missing"),
        ("table", "breast-cancr", "did you mean 'breast-cancer'?"),
        ("table", "none.csv", "none.csv"),
        ("model", "none.lamina", "none.lamina"),
        ("model", {"a": 1}, "by the path of its file"),
        ("list[table]", ["digits", 3], "item 1 gets int 3"),
    ],
)
def test_what_a_reader_refuses_is_said_in_one_line(kind: str, value: object, why: str) -> None:
    problem = arrived(Port("x", kind), value, told=True)[1]
    assert problem.startswith(f"needs {kind}; ") and "\n" not in problem
    assert why in problem


def test_a_text_that_comes_along_an_edge_is_no_network() -> None:
    assert arrived(Port("x", "network"), "papers-1")[1] == "needs network; it gets str 'papers-1'"
