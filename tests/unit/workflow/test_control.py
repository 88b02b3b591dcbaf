"""Loops, conditions and tasks that decide on tasks: their ports, documents and mistakes."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

import pytest

from lamina.errors import DocumentError, UsageError, WorkflowError
from lamina.testing.actions import check_action
from lamina.workflow import Builder, Expansion, choose, expand, loop, named, task, workflow
from lamina.workflow.actions import Place
from lamina.workflow.actions.choose import ChooseAction
from lamina.workflow.actions.loop import LoopAction
from lamina.workflow.document import (
    read_workflow,
    workflow_from_document,
    workflow_from_text,
    workflow_to_document,
    workflow_to_text,
)
from lamina.workflow.expansion import expanded, outputs_in
from lamina.workflow.lint import lint
from lamina.workflow.ports import Port, Signature
from lamina.workflow.types import port_type
from lamina.workspace.drawings import graph


def halve(x: float) -> float:
    return x / 2


def small(x: float, limit: float = 1.0) -> bool:
    return x < limit


def body(name: str = "halves", done: Any = small) -> Builder:
    with workflow(name) as w:
        x = w.input("x", "float")
        limit = w.input("limit", "float", default=1.0)
        halved = task(halve)(x)
        w.output("x", halved)
        w.output("done", task(done)(halved, limit))
    return w


def test_a_loop_has_the_ports_of_its_body_without_the_end() -> None:
    step = loop(body(), until="done", most=50)
    assert step.signature == Signature(
        (Port("x", "float"), Port("limit", "float", default=1.0)), (Port("x", "float"),)
    )
    assert isinstance(step.action, LoopAction)
    assert step.action.carried == ("x",)
    assert step.name == "halves"


def test_a_loop_goes_through_documents_and_drawings(tmp_path: Path) -> None:
    with workflow("outer") as w:
        w.output("x", loop(body(), until="done", most=50)(w.input("x", "float")))
    text = workflow_to_text(w.workflow)
    assert "do: loop" in text and "until: done" in text and "most: 50" in text
    assert workflow_from_text(text) == w.workflow
    (tmp_path / "w.yaml").write_text(text)
    for form in ("text", "mermaid", "svg"):
        assert "until done" in graph(str(tmp_path / "w.yaml"), form)


def test_a_loop_reads_its_body_from_a_file(tmp_path: Path) -> None:
    (tmp_path / "body.yaml").write_text(workflow_to_text(body().workflow))
    (tmp_path / "outer.yaml").write_text(
        "lamina: workflow/1\nname: outer\ninputs: {x: float}\n"
        "tasks:\n  go: {do: loop, file: body.yaml, until: done, in: {x: x}}\noutputs: {x: go}\n"
    )
    read = read_workflow(tmp_path / "outer.yaml")
    assert read["go"].action.to_document() == {"do": "loop", "file": "body.yaml", "until": "done"}


@pytest.mark.parametrize(
    ("until", "most", "said"),
    [
        ("dome", 10, "has no such output; name a bool output with until: its outputs are x, done"),
        ("x", 10, "which is float; name an output that is bool"),
        ("done", 0, "most is 0; allow one iteration or more"),
    ],
)
def test_mistakes_of_a_loop_say_the_way_out(until: str, most: int, said: str) -> None:
    with pytest.raises(WorkflowError, match=said), workflow("outer") as w:
        loop(body(), until=until, most=most)(w.input("x", "float"))


def test_what_is_carried_has_to_fit() -> None:
    with workflow("wrong") as inner:
        x = inner.input("x", "int")
        inner.output("x", task(halve)(x))
        inner.output("done", task(small)(x))
    said = "the output 'x' is float, and the next iteration"
    with pytest.raises(WorkflowError, match=said), workflow("outer") as w:
        loop(inner, until="done")(w.input("x", "int"))


def branch(name: str, step: Any = halve, output: str = "y") -> Builder:
    with workflow(name) as w:
        w.output(output, task(step)(w.input("x", "float")))
    return w


def described(x: float) -> str:
    return f"{x}"


def test_a_condition_has_the_inputs_of_both_and_the_outputs_they_share() -> None:
    with workflow("other") as other:
        limit = other.input("limit", "float", default=2.0)
        other.output("y", task(described)(limit))
    step = choose(then=branch("half"), otherwise=other)
    assert step.signature == Signature(
        (Port("when", "bool"), Port("x", "float"), Port("limit", "float", default=2.0)),
        (Port("y", "any"),),
    )


def test_without_otherwise_outputs_are_handed_on_or_empty() -> None:
    action = choose(then=branch("half", output="x")).action
    assert isinstance(action, ChooseAction)
    assert action.handed_on == ("x",)
    assert action.signature().outputs == (Port("x", "float"),)
    assert choose(then=branch("half")).signature.outputs == (Port("y", "float", True),)
    assert action.branch(True) is action.then and action.branch(False) is None


def test_a_condition_goes_through_documents_and_drawings(tmp_path: Path) -> None:
    (tmp_path / "same.yaml").write_text(workflow_to_text(branch("same", described).workflow))
    text = f"""\
lamina: workflow/1
name: outer
inputs: {{x: float, large: bool}}
tasks:
  pick:
    do: choose
    then:
      name: half
      inputs: {{x: float}}
      tasks:
        halve: {{do: python, function: "{Path(__file__).name}:halve", in: {{x: x}}}}
      outputs: {{y: halve}}
    otherwise: same.yaml
    in: {{when: large, x: x}}
outputs: {{y: pick}}
"""
    (tmp_path / Path(__file__).name).write_text(Path(__file__).read_text())
    (tmp_path / "w.yaml").write_text(text)
    read = read_workflow(tmp_path / "w.yaml")
    assert workflow_from_text(workflow_to_text(read), tmp_path) == read
    assert "otherwise: same.yaml" in workflow_to_text(read)
    for form in ("text", "mermaid", "svg"):
        assert "if when: half, else: same" in graph(str(tmp_path / "w.yaml"), form)


def kept(x: Any) -> Any:
    return x


def test_mistakes_of_a_condition_say_the_way_out() -> None:
    with workflow("texts") as texts:
        texts.output("z", task(kept)(texts.input("x", "table")))
    with pytest.raises(WorkflowError) as caught, workflow("outer") as w:
        choose(then=branch("half"), otherwise=texts)(w.input("when", "bool"), w.input("x"))
    text = str(caught.value)
    assert "'otherwise' has no output 'y', and the other has" in text
    assert "'then' has no output 'z', and the other has" in text
    assert "the input 'x' is float in one and table in the other" in text


def test_an_input_that_is_handed_on_has_to_fit() -> None:
    with workflow("then") as then:
        then.output("x", task(described)(then.input("x", "float")))
    said = "without 'otherwise' the output 'x'"
    with pytest.raises(WorkflowError, match=said), workflow("outer") as w:
        choose(then=then)(w.input("when", "bool"), w.input("x", "float"))


def test_loops_and_conditions_keep_the_promises_of_actions() -> None:
    def nested(given: Any) -> Any:
        return workflow_from_document({"lamina": "workflow/1", **given})

    place = Place(None, nested)
    check_action(loop(body(), until="done", most=7).action, place)
    check_action(choose(then=branch("a"), otherwise=branch("b")).action, place)
    check_action(choose(then=branch("a")).action, place)


def test_lint_looks_into_loops_and_conditions(tmp_path: Path) -> None:
    (tmp_path / "w.yaml").write_text("""\
lamina: workflow/1
name: outer
inputs: {x: float, when: bool}
tasks:
  pick:
    do: choose
    then:
      name: inner
      inputs: {x: float, unused: {type: int, default: 3}}
      tasks:
        f: {do: python, function: "none.py:f", takes: {x: float}, gives: {y: any}, in: {x: x}}
      outputs: {y: f}
    in: {when: when, x: x}
outputs: {y: pick}
""")
    found = [str(finding) for finding in lint(tmp_path / "w.yaml")]
    assert any("task 'pick': task 'f': the file none.py does not exist" in one for one in found)
    assert any("task 'pick': workflow input 'unused': nothing reads it" in one for one in found)


def test_mistakes_inside_a_condition_are_said() -> None:
    with pytest.raises(DocumentError, match="the key 'then' is missing"):
        workflow_from_text("lamina: workflow/1\nname: w\ntasks: {a: {do: choose}}\n")
    with pytest.raises(DocumentError, match="needs either file or workflow"):
        workflow_from_text("lamina: workflow/1\nname: w\ntasks: {a: {do: loop, until: x}}\n")


def test_a_task_may_return_a_workflow_to_run() -> None:
    made = expand(branch("half"), x=3.0)
    assert isinstance(made, Expansion)
    assert (made.workflow.name, made.inputs) == ("half", {"x": 3.0})
    assert expanded(made.document()) == made.workflow


def test_what_cannot_be_expanded_says_why() -> None:
    with pytest.raises(UsageError) as caught:
        expand(branch("half"), y=1)
    assert "it has no input 'y'; input 'x' (float) is missing" in str(caught.value)
    with pytest.raises(UsageError, match="input 'x' needs float; it gets str 'a'"):
        expand(branch("half"), x="a")


def test_the_outputs_of_an_expansion_are_those_of_the_task() -> None:
    made = branch("half").workflow
    assert outputs_in(made, (Port("result"),)) == {"result": "y"}
    with pytest.raises(UsageError, match="whose outputs are y; the task has a, b"):
        outputs_in(made, (Port("a"), Port("b")))
    with workflow("two") as two:
        parts = task(halve)(two.input("x", "float"))
        two.output("b", parts)
        two.output("a", parts)
    assert outputs_in(two.workflow, (Port("a"), Port("b"))) == {"a": "a", "b": "b"}


def numbers(count: int) -> Iterator[int]:
    yield from range(count)


def total(numbers: Iterable[float]) -> float:
    return sum(numbers)


def longest(numbers: list[int]) -> int:
    return max(numbers)


def test_iterators_are_streams_that_lists_fit() -> None:
    with workflow("w") as w:
        found = task(numbers)(5)
        w.output("total", task(total)(found))
        w.output("longest", task(longest)(found))  # type: ignore[arg-type]
        w.output("given", task(total)([1.0, 2.0]))
        w.output("each", task(halve).map(found))
    assert str(w.workflow["numbers"].output("result").type) == "stream[int]"
    assert str(w.workflow["total"].input("numbers").type) == "stream[float]"
    again = workflow_from_document(workflow_to_document(w.workflow))
    assert again == w.workflow


@pytest.mark.parametrize(
    ("given", "wanted", "fits"),
    [
        ("stream[int]", "stream[float]", True),
        ("stream[int]", "list[float]", True),
        ("list[int]", "stream[float]", True),
        ("stream[int]", "json", True),
        ("stream[table]", "json", False),
        ("stream[str]", "list[int]", False),
        ("int", "stream[int]", False),
        ("stream", "list[table]", True),
    ],
)
def test_what_fits_streams(given: str, wanted: str, fits: bool) -> None:
    assert port_type(given).fits(port_type(wanted)) == fits


def test_a_stream_of_streams_is_refused() -> None:
    with pytest.raises(UsageError, match="stream of streams"):
        port_type("stream[list[stream[int]]]")
    assert str(port_type("stream[list[int]]")) == "stream[list[int]]"


def test_nobody_has_to_read_a_stream() -> None:
    step = named("train-tapped")
    assert {str(port.type) for port in step.signature.outputs} == {
        "model",
        "stream[any]",
        "stream[json]",
    }
