"""Lint: every mistake of a document, and what looks like one."""

from __future__ import annotations

from pathlib import Path

import pytest

from lamina.workflow import task, workflow
from lamina.workflow.lint import Finding, lint, lint_workflow

EXAMPLES = Path(__file__).parents[3] / "examples"


def findings(folder: Path, text: str) -> list[str]:
    path = folder / "w.yaml"
    path.write_text("lamina: workflow/1\nname: w\n" + text)
    return [str(finding) for finding in lint(path)]


@pytest.mark.parametrize("name", ["word-count", "scatter-mean", "command-pipeline"])
def test_the_examples_are_without_findings(name: str) -> None:
    assert lint(EXAMPLES / f"{name}.yaml") == ()


def test_mistakes_are_errors_with_place_and_line(tmp_path: Path) -> None:
    path = tmp_path / "w.yaml"
    path.write_text("lamina: workflow/1\nname: w\ntasks:\n  s: {do: splitt}\n")
    (finding,) = lint(path)
    assert (finding.severity, finding.place, finding.line) == ("error", "task 's'", 4)
    assert "did you mean 'split'?" in finding.message


def test_a_file_that_is_not_there_is_a_finding() -> None:
    (finding,) = lint("no-such.yaml")
    assert finding == Finding("error", "", "cannot be read: No such file or directory", 0)


def test_what_leads_nowhere_is_a_warning(tmp_path: Path) -> None:
    found = findings(
        tmp_path,
        "inputs: {a: list, b: int}\n"
        "tasks:\n"
        "  cut: {do: split, in: {items: a}, with: {parts: 2}}\n"
        "  lost: {do: join, in: {parts: cut}}\n"
        "  two:\n"
        "    do: command\n"
        "    argv: [tool]\n"
        "    stdout: used\n"
        "    paths: {unused: x.txt}\n"
        "outputs: {o: two.used}\n",
    )
    assert found == [
        "warning: line 3: workflow input 'b': nothing reads it; wire it or remove it",
        "warning: line 5: task 'cut': leads to no output of the workflow; wire it on or remove it",
        "warning: line 6: task 'lost': leads to no output of the workflow; wire it on or remove it",
        "warning: line 7: task 'two': nothing reads its output port 'unused'; that may be meant",
    ]


def test_a_task_without_outputs_is_an_end_of_its_own(tmp_path: Path) -> None:
    (tmp_path / "code.py").write_text("def show(x: list[int]) -> None: ...\n")
    found = findings(
        tmp_path, "tasks:\n  s: {do: python, function: 'code.py:show', with: {x: [1]}}\n"
    )
    assert found == []


def test_a_function_that_is_not_there_is_an_error_although_its_ports_are_declared(
    tmp_path: Path,
) -> None:
    (tmp_path / "code.py").write_text("def f(x, y, z=1): ...\n")
    declared = "takes: {x: int, q: int}, gives: {r: int}, with: {x: 1, q: 1}}\n"
    found = findings(
        tmp_path,
        f"tasks:\n  a: {{do: python, function: 'code.py:g', {declared}"
        f"  b: {{do: python, function: 'code.py:f', {declared}"
        "  c: {do: python, function: 'code.py:f', takes: {x: int}, gives: {r: int}, with: {x: 1}}\n"
        "outputs: {a: a, b: b, c: c}\n",
    )
    assert [line.partition("; ")[0] for line in found] == [
        "error: line 4: task 'a': code.py has no function 'g'",
        "error: line 5: task 'b': takes declares q, and code.py:f has no such parameter",
        "error: line 6: task 'c': code.py:f needs y",
    ]


def test_findings_inside_a_workflow_name_the_task_around() -> None:
    with workflow("inner") as inner:
        inner.input("unused", optional=True)
        inner.output("y", inner.input("x"))
    with workflow("outer") as outer:
        outer.output("y", task(inner.workflow)(x=outer.input("x")))
    (finding,) = lint_workflow(outer.workflow)
    assert finding.message.startswith("task 'inner': workflow input 'unused': nothing reads it")


def test_a_network_that_cannot_be_read_is_an_error_before_anything_runs(tmp_path: Path) -> None:
    (tmp_path / "bad.yaml").write_text("lamina: network/1\n")
    train = "{do: train, in: {table: t, network: n}, with: {target: y}}"
    other = "{do: train, in: {table: t}, with: {target: y, network: bad.yaml}}"
    found = findings(
        tmp_path,
        "inputs:\n  t: table\n  n: {type: network, default: papers-9}\n"
        f"tasks:\n  a: {train}\n  b: {other}\noutputs: {{a: a, b: b}}\n",
    )
    assert len(found) == 2
    assert "line 5: workflow input 'n': its default: papers-9" in found[0]
    assert "line 8: task 'b': port 'network': " in found[1]


def test_secrets_that_stand_in_a_document_are_warned_of(tmp_path: Path) -> None:
    found = findings(
        tmp_path,
        'inputs:\n  url: {type: str, default: "https://me:hunter2@host/"}\n'
        "tasks:\n"
        '  get: {do: command, argv: [get, "--password=hunter2", "{url}"], stdout: page,\n'
        "    environment: {API_KEY: s3cretvalue, LANG: C}, takes: {url: str}, in: {url: url}}\n"
        "outputs: {page: get.page}\n",
    )
    assert [line.partition(" holds")[0] for line in found] == [
        "warning: line 4: workflow input 'url': its default",
        "warning: line 6: task 'get': environment: API_KEY and argv",
    ]
    assert "cannot be resumed; set an environment variable, and name it under secrets" in found[1]
