"""placement: auto: said in documents and in Python, and what can be wrong with it."""

from __future__ import annotations

from pathlib import Path

import pytest

from lamina.errors import DocumentError, UsageError, WorkflowError
from lamina.workflow import loop, task, workflow
from lamina.workflow.document import workflow_from_text, workflow_to_text
from lamina.workflow.lint import lint
from lamina.workflow.needs import Placement

TEXT = """\
lamina: workflow/1
name: placed
inputs: {xs: "list[int]", n: int}
tasks:
  a:
    do: python
    function: "f.py:g"
    takes: {xs: "list[int]", n: int}
    gives: {ys: "list[int]"}
    in: {xs: xs, n: n}
    placement: PLACEMENT
outputs: {ys: a}
"""


@task(placement="auto")
def twice(x: int) -> int:
    return 2 * x


@task(placement={"items": "xs", "labels": ["edge"]})
def each(xs: list[int]) -> list[int]:
    return [2 * x for x in xs]


@pytest.mark.parametrize(
    ("said", "meant"),
    [
        ("auto", Placement()),
        ("{items: xs}", Placement("xs")),
        ("{labels: [edge]}", Placement(labels=("edge",))),
        ("{items: xs, labels: [edge, trusted]}", Placement("xs", ("edge", "trusted"))),
    ],
)
def test_a_document_says_it_and_is_written_back(said: str, meant: Placement) -> None:
    read = workflow_from_text(TEXT.replace("PLACEMENT", said))
    assert read["a"].care.placement == meant
    for form in ("yaml", "json"):
        assert workflow_from_text(workflow_to_text(read, form)) == read


def test_python_says_the_same() -> None:
    with workflow("placed") as w:
        w.output("x", twice(w.input("x", "int")))
        w.output("xs", each(w.input("xs", "list[int]")))
    assert w.workflow["twice"].care.placement == Placement()
    assert w.workflow["each"].care.placement == Placement("xs", ("edge",))
    assert twice.needing(placement=None).care.placement is None


@pytest.mark.parametrize(
    ("said", "told"),
    [
        ("no", "auto, or a mapping with items and labels"),
        ("{item: xs}", "unknown key 'item'; did you mean 'items'?"),
        ("{items: ys}", "'ys' is no input port; input ports: xs, n"),
        ("{items: n}", "port 'n' takes int; name a port that takes a list"),
    ],
)
def test_lint_names_what_is_wrong(said: str, told: str, tmp_path: Path) -> None:
    (tmp_path / "w.yaml").write_text(TEXT.replace("PLACEMENT", said))
    found = lint(tmp_path / "w.yaml")
    assert any(told in one.message and one.line for one in found)


def test_items_that_are_done_apart_give_lists() -> None:
    with pytest.raises(DocumentError, match=r"output port 'ys' gives int; .* one value for each"):
        workflow_from_text(TEXT.replace("PLACEMENT", "{items: xs}").replace('"list[int]"}', "int}"))


def test_a_scattered_port_has_its_items_placed_anyway() -> None:
    text = TEXT.replace("PLACEMENT", "{items: xs}\n    scatter: [xs]")
    with pytest.raises(DocumentError, match="port 'xs' is scattered"):
        workflow_from_text(text)


def test_a_loop_has_no_place_of_its_own() -> None:
    with workflow("body") as body:
        x = body.input("x", "int")
        body.output("x", twice(x))
        body.output("done", task(lambda x: x > 3)(x), "bool")
    outer = workflow("outer")
    with pytest.raises(WorkflowError, match=r"do: loop has no place of its own"), outer:
        step = loop(body, until="done").needing(placement="auto")
        outer.output("x", step(x=outer.input("x", "int")))


def test_python_names_what_is_known() -> None:
    with pytest.raises(UsageError, match=r"placement: 'edge' is not auto"):
        twice.needing(placement="edge")
