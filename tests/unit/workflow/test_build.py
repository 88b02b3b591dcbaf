"""Building from Python: functions, commands and workflows called on references."""

from __future__ import annotations

from pathlib import Path
from typing import Any, NamedTuple

import pytest

from lamina.errors import UnknownNameError, UsageError, WorkflowError
from lamina.workflow import Builder, Edge, Port, command, named, task, workflow


class Ends(NamedTuple):
    low: float
    high: float


@task
def ends(numbers: list[float]) -> Ends:
    """Smallest and largest."""
    return Ends(min(numbers), max(numbers))


@task
def scale(x: float, low: float, high: float, by: float = 1.0) -> float:
    return by * (x - low) / (high - low)


@task
def total(numbers: list[float]) -> float:
    return sum(numbers)


# The same steps for calls that a type checker refuses.
any_total: Any = total
any_scale: Any = scale
any_task: Any = task


def wires(builder: Builder) -> set[str]:
    return {
        f"{edge.source} -> {edge.target}" + ("" if edge.position is None else f"[{edge.position}]")
        for edge in builder.workflow.edges
    }


def test_calls_become_tasks_and_references_become_edges() -> None:
    with workflow("w", "a text") as w:
        numbers = w.input("numbers", "list[float]")
        w.output("sum", total(numbers))
    made = w.workflow
    assert [one.name for one in made.tasks] == ["total"]
    assert made.edges == (Edge("numbers", "total.numbers"), Edge("total.result", "sum"))
    assert made.outputs == (Port("sum", "float"),)
    assert made.description == "a text"


def test_outside_of_a_workflow_a_task_is_the_function() -> None:
    assert ends([3, 1, 2]) == Ends(1, 3)
    assert total([1, 2]) == 3
    assert scale.map([1, 2], [0, 0], [2, 2], by=10) == [5, 10]
    assert ends.__doc__ == "Smallest and largest."


def test_outputs_of_a_record_are_attributes_and_can_be_unpacked() -> None:
    with workflow("w") as w:
        found = ends(w.input("numbers", list[float]))
        low, high = found
        w.output("a", scale(0.5, low, found.high))
        w.output("b", scale(0.5, high, found.low))
    assert {"ends.low -> scale.low", "ends.high -> scale.high"} < wires(w)
    assert {"ends.high -> scale_2.low", "ends.low -> scale_2.high"} < wires(w)


def test_constants_become_parameters() -> None:
    with workflow("w") as w:
        w.output("y", scale(w.input("x", float), 0, high=2, by=3))
    assert w.workflow["scale"].parameters == {"low": 0, "high": 2, "by": 3}


def test_a_list_of_references_fills_a_list_port() -> None:
    with workflow("w") as w:
        a, b = w.input("a", "int"), w.input("b", "float")
        w.output("y", total([a, b]))
        w.output("both", [a, b])
        w.output("all", [a, a])
    assert {"a -> total.numbers[0]", "b -> total.numbers[1]"} < wires(w)
    assert [str(port.type) for port in w.workflow.outputs] == ["float", "list[any]", "list[int]"]


def test_map_scatters_the_positional_arguments() -> None:
    with workflow("w") as w:
        numbers = w.input("numbers", "list[float]")
        found = ends(numbers)
        scaled = scale.map(numbers, low=found.low, high=found.high)
        w.output("scaled", scaled)
        w.output("parts", scale.scatter("x", "by")(numbers, 0, 1, [1, 2]))
    assert w.workflow["scale"].scatter == ("x",)
    assert w.workflow["scale_2"].scatter == ("x", "by")
    assert str(w.workflow.output("scaled").type) == "list[float]"


def test_a_workflow_is_called_like_a_function() -> None:
    with workflow("inner part") as inner:
        inner.output("sum", total(inner.input("numbers", "list[float]")))
    part = task(inner.workflow)
    with workflow("outer") as w:
        w.output("one", part(w.input("numbers", "list[float]")))
        w.output("many", part.map(w.input("lists", "list[list[float]]")).sum)
    assert w.workflow["inner_part"].action.summary() == "inner part: 1 task"
    assert str(w.workflow.output("many").type) == "list[float]"


def test_a_command_has_its_places_as_ports() -> None:
    sort = command(["sort", "{text}", "-o", "{sorted}"], outputs={"sorted": "file"})
    head = command(
        ["/usr/bin/head", "-n", "{n}", "{text}"], {"n": "int", "text": "file"}, stdout="top"
    )
    with workflow("w") as w:
        w.output("top", head(n=3, text=sort(w.input("text", "file"))))
    assert [one.name for one in w.workflow.tasks] == ["sort", "head"]
    assert w.workflow["sort"].inputs == (Port("text", "file"),)
    assert w.workflow["head"].outputs == (Port("top", "file"),)


def test_tasks_known_by_name_are_steps() -> None:
    with workflow("w") as w:
        model, table = w.input("m", "model"), w.input("t", "table")
        w.output("metrics", named("evaluate")(model=model, table=table))
        w.output("votes", named("vote")([named("predict")(model, table).predictions]))
    assert [one.name for one in w.workflow.tasks] == ["evaluate", "predict", "vote"]
    assert [str(port.type) for port in w.workflow.outputs] == ["json", "table"]


def test_an_unknown_name_lists_the_known_ones() -> None:
    with pytest.raises(UnknownNameError, match="did you mean 'predict'"):
        named("predicted")


def test_names_never_collide() -> None:
    with workflow("w") as w:
        w.input("total")
        total([1])
        total([1])
        total.named("other")([1])
    assert [one.name for one in w.workflow.tasks] == ["total_2", "total_3", "other"]


def test_mistakes_come_out_at_the_end_all_at_once() -> None:
    with pytest.raises(WorkflowError) as caught, workflow("w") as w:
        x = w.input("x", "str")
        any_scale(x, 0)
        any_total(3)
    assert len(caught.value.mistakes) == 3


def test_an_exception_while_building_is_not_hidden() -> None:
    with pytest.raises(ZeroDivisionError), workflow("w"):
        any_total(3)
        _ = 1 / 0


@pytest.mark.parametrize(
    ("build", "said"),
    [
        (lambda w, x: any_total(numers=x), "did you mean 'numbers'?"),
        (lambda w, x: any_total(x, x), "takes 1 values and got 2"),
        (lambda w, x: any_total(x, numbers=x), "got 'numbers' twice"),
        (lambda w, x: any_total([x, 3]), "mixes references and values"),
        (lambda w, x: any_total({"a": x}), "hides a reference inside a value"),
        (lambda w, x: any_total([[x]]), "hides a reference inside a value"),
        (lambda w, x: any_total(ends(x)), "choose one of them: .low, .high"),
        (lambda w, x: w.output("y", 3), "give a reference"),
        (lambda w, x: list(x), "cannot be looped over"),
        (lambda w, x: 1 if x else 2, "cannot be tested"),
        (lambda w, x: total.map(), "got 0 lists"),
        (lambda w, x: total.map(x, x), "at most 1: numbers"),
        (lambda w, x: any_total(workflow("v").input("z")), "of another workflow"),
        (lambda w, x: any_task(3), "3 is no function"),
    ],
)
def test_a_wrong_call_says_the_way_out(build: Any, said: str) -> None:
    with pytest.raises(UsageError) as caught, workflow("w") as w:
        build(w, w.input("x", "list[float]"))
    assert said in str(caught.value)


def test_an_unknown_output_is_an_attribute_error_that_lists_the_outputs() -> None:
    with (
        pytest.raises(AttributeError, match=r"has no output 'rows'; it has: result"),
        workflow("w"),
    ):
        _ = total([1]).rows  # type: ignore[attr-defined]


def test_a_command_can_only_be_called_while_building() -> None:
    with pytest.raises(UsageError, match=r"with workflow\('name'\) as w: ls"):
        command(["ls"])()


def test_functions_of_other_shapes_get_a_name() -> None:
    with workflow("w") as w:
        task(lambda: 1)()
        task(Path.cwd)()
    assert [one.name for one in w.workflow.tasks] == ["lambda", "cwd"]


def test_a_workflow_can_be_frozen_before_it_is_finished() -> None:
    w = workflow("w")
    w.input("x")
    assert w.workflow is w.workflow
    assert [port.name for port in w.workflow.inputs] == ["x"]


def test_decorating_twice_changes_nothing() -> None:
    assert task(total) is total
