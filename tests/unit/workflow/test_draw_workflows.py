"""Workflows as drawings."""

from __future__ import annotations

from pathlib import Path

from hypothesis import given, settings

from lamina.testing.workflow_strategies import workflows
from lamina.workflow import Workflow, command, named, task, workflow
from lamina.workflow.document import read_workflow
from lamina.workflow.draw.layered import Line, to_mermaid, to_svg, to_text
from lamina.workflow.draw.workflows import draw_workflow

EXAMPLES = Path(__file__).parents[3] / "examples"


@settings(deadline=None, max_examples=40)
@given(workflows())
def test_every_workflow_can_be_drawn_in_every_form(made: Workflow) -> None:
    drawing = draw_workflow(made)
    for form in (to_svg, to_text, to_mermaid):
        text = form(drawing)
        assert all(task.name in text for task in made.tasks)


def test_kinds_and_port_names_are_shown() -> None:
    @task
    def f(x: list[int]) -> int:
        return sum(x)

    with workflow("w") as w:
        parts = named("split")(items=w.input("x", "list[int]"), parts=2)
        w.output("y", f.map(parts))
        w.output(
            "z",
            command(["cat", "{a}", "{b}"], stdout="c")(w.input("a", "file"), w.input("b", "file")),
        )
    drawing = draw_workflow(w.workflow)
    shown = {box.title: (box.kind, box.detail) for box in drawing.nodes}
    assert shown["x"] == ("input", "list[int]")
    assert shown["f"] == ("python", "python · for each x")
    assert shown["split"] == ("task", "")
    assert shown["cat"] == ("command", "cat {a} {b}")
    assert shown["y"] == ("output", "list[int]")
    assert Line("in:x", "task:split", "items") in drawing.edges
    assert Line("task:split", "task:f", "") in drawing.edges


def test_word_count_in_the_terminal() -> None:
    text = to_text(draw_workflow(read_workflow(EXAMPLES / "word-count.yaml")))
    assert text.splitlines()[:5] == [
        "word-count",
        "",
        "●    text        file",
        "│ ●  parts       int",
        "● │  read_lines  python  ← text",
    ]


def test_a_drawing_shows_no_secret() -> None:
    with workflow("get") as w:
        w.output("page", command(["get", "--password=hunter2"], stdout="page")())
    drawn = to_svg(draw_workflow(w.workflow))
    assert "--password=***" in drawn and "hunter2" not in drawn
