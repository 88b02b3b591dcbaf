"""Plans: workflows inside workflows, scatters, loops, conditions, and what is not known."""

from __future__ import annotations

from collections.abc import Sequence
from hashlib import sha256
from itertools import pairwise
from pathlib import Path

import pytest

from lamina.data.artifacts.reference import Ref
from lamina.estimates.observations import Observation, TaskTimes
from lamina.execution.cache.base import Memory, Question, Recall
from lamina.workflow.actions.choose import ChooseAction
from lamina.workflow.actions.loop import LoopAction
from lamina.workflow.actions.python import PythonAction
from lamina.workflow.actions.subworkflow import SubworkflowAction
from lamina.workflow.graph import Edge, Task, Workflow
from lamina.workflow.ports import Port
from lamina.workspace.plans import NOT_KNOWN, PlanValues, RunPlan, Step, plan
from lamina.workspace.project import Project


def ref(text: str) -> Ref:
    """A short JSON value."""
    return Ref("json", sha256(text.encode()).hexdigest(), len(text), text)


def step(name: str, scatter: tuple[str, ...] = (), gives: str = "any") -> Task:
    """A task x -> y."""
    return Task(name, PythonAction(f"f.py:{name}"), (Port("x"),), (Port("y", gives),), {}, scatter)


def chain(name: str, *tasks: Task) -> Workflow:
    """Tasks after each other."""
    edges = [Edge("x", f"{tasks[0].name}.x")]
    for before, after in pairwise(tasks):
        edges.append(Edge(f"{before.name}.y", f"{after.name}.x"))
    edges.append(Edge(f"{tasks[-1].name}.y", "y"))
    return Workflow(name, (Port("x"),), (Port("y"),), tasks, tuple(edges))


class Known(Memory):
    """Knows the outputs of some units; the reason of the others is "changed"."""

    def __init__(self, **outputs: str) -> None:
        self.outputs = {name.replace("__", "/"): text for name, text in outputs.items()}
        self.asked: list[str] = []

    def recall(self, questions: Sequence[Question]) -> list[Recall]:
        """One answer each."""
        self.asked += [question.name for question in questions]
        return [
            Recall("k", "r", "reused", {"y": ref(self.outputs[q.name])}, "run")
            if q.name in self.outputs
            else Recall("k", "r", "changed")
            for q in questions
        ]


@pytest.fixture
def values(tmp_path: Path) -> PlanValues:
    """Values of a project."""
    return PlanValues(Project(tmp_path / ".lamina"))


def told(found: RunPlan) -> list[tuple[str, str, int, int]]:
    """The plan without times."""
    return [(one.task, one.reason, one.run, one.reused) for one in found.steps]


def test_what_is_behind_a_task_that_runs_waits_for_it(values: PlanValues) -> None:
    workflow = chain("w", step("a"), step("b"), step("c"))
    times = TaskTimes(Observation("c", "", 1.0, seconds) for seconds in (3.0, 1.0, 2.0))

    found = plan(workflow, {"x": ref("1")}, values, Known(a="2"), times)

    assert told(found) == [
        ("a", "reused", 0, 1), ("b", "changed", 1, 0), ("c", "input x will be made", 1, 0),
    ]  # fmt: skip
    assert [one.seconds for one in found.steps] == [None, None, pytest.approx(2.0, rel=0.02)]
    assert (found.run, found.reused, found.seconds, found.open) == (2, 1, None, False)


def test_a_scatter_is_counted_by_its_units(values: PlanValues) -> None:
    memory = Known(a="[1, 2, 3]")
    memory.outputs |= {"b[0]": "1", "b[2]": "3"}

    found = plan(chain("w", step("a"), step("b", ("x",))), {"x": ref("1")}, values, memory)

    assert told(found)[1] == ("b", "1 of 3 run: changed", 1, 2)
    assert not found.open


def test_a_scatter_that_is_not_reached_counts_as_one_at_least(values: PlanValues) -> None:
    found = plan(chain("w", step("a"), step("b", ("x",))), {"x": ref("1")}, values, Known())

    assert told(found)[1] == ("b", "input x will be made", 1, 0)
    assert found.open
    assert found.text().splitlines()[-1] == "at least 2 tasks would run, 0 are reused"


def test_a_scatter_over_what_is_not_known_is_left_open(values: PlanValues) -> None:
    found = plan(chain("w", step("b", ("x",))), {"x": NOT_KNOWN}, values, Known())

    assert told(found) == [("b", "an input is not known before the run", 1, 0)]


def test_tasks_inside_of_a_workflow_have_their_full_names(values: PlanValues) -> None:
    inner = chain("inner", step("a"), step("b"))
    task = Task("in", SubworkflowAction(inner), (Port("x"),), (Port("y"),))
    workflow = chain("w", task, step("c"))

    found = plan(workflow, {"x": ref("1")}, values, Known(in__a="2"))

    assert told(found) == [
        ("in/a", "reused", 0, 1), ("in/b", "changed", 1, 0), ("c", "input x will be made", 1, 0),
    ]  # fmt: skip


def looped(until: str = "false") -> tuple[Workflow, Known]:
    """A loop of one task, whose first iteration is known."""
    body = Workflow(
        "body", (Port("x"),), (Port("x"), Port("done", "bool")),
        (Task("s", PythonAction("f.py:s"), (Port("x"),), (Port("y"), Port("d", "bool"))),),
        (Edge("x", "s.x"), Edge("s.y", "x"), Edge("s.d", "done")),
    )  # fmt: skip
    task = Task("loop", LoopAction(body, "done"), (Port("x"),), (Port("x"),))
    edges = (Edge("x", "loop.x"), Edge("loop.x", "y"))
    memory = Known()
    recall = Recall("k", "r", "reused", {"y": ref("2"), "d": ref(until)}, "run")
    memory.recall = lambda questions: [  # type: ignore[method-assign]
        recall if q.name == "loop#0/s" else Recall("k", "r", "changed") for q in questions
    ]
    return Workflow("w", (Port("x"),), (Port("y"),), (task,), edges), memory


def test_a_loop_is_followed_as_far_as_it_is_known(values: PlanValues) -> None:
    workflow, memory = looped()

    found = plan(workflow, {"x": ref("1")}, values, memory)

    assert told(found) == [("loop/s", "1 of 2 run: changed", 1, 1)]


def test_a_loop_that_ends_is_done(values: PlanValues) -> None:
    workflow, memory = looped("true")

    assert told(plan(workflow, {"x": ref("1")}, values, memory)) == [("loop/s", "reused", 0, 1)]


def test_a_loop_that_is_not_reached_is_one_line(values: PlanValues) -> None:
    workflow, _ = looped()
    before = step("a")
    edges = (Edge("x", "a.x"), Edge("a.y", "loop.x"), Edge("loop.x", "y"))
    workflow = Workflow("w", (Port("x"),), (Port("y"),), (before, *workflow.tasks), edges)

    found = plan(workflow, {"x": ref("1")}, values, Known())

    assert told(found)[1][:2] == ("loop", "input x will be made")
    assert found.open


@pytest.mark.parametrize(
    ("when", "expected"),
    [
        ("true", [("if/a", "changed", 1, 0)]),
        ("false", [("if", "nothing to run: its condition is false", 0, 0)]),
    ],
)
def test_of_a_condition_only_what_is_chosen_is_told(
    values: PlanValues, when: str, expected: list[object]
) -> None:
    branch = chain("then", step("a"))
    ports = (Port("when", "bool"), Port("x"))
    task = Task("if", ChooseAction(branch), ports, (Port("y"),))
    edges = (Edge("when", "if.when"), Edge("x", "if.x"))
    workflow = Workflow("w", ports, (), (task,), edges)

    found = plan(workflow, {"when": ref(when), "x": ref("1")}, values, Known())

    assert told(found) == expected


def test_an_end_before_the_end(values: PlanValues) -> None:
    workflow = chain("w", step("a"), step("b"), step("c"))

    found = plan(workflow, {"x": ref("1")}, values, Known(), until=["b"])

    assert [one.task for one in found.steps] == ["a", "b"]


def test_an_input_that_would_have_to_be_read_is_told(values: PlanValues) -> None:
    memory = Known()
    memory.recall = lambda questions: [  # type: ignore[method-assign]
        Recall("k", "r", "input x changed") for _ in questions
    ]

    found = plan(chain("w", step("a")), {"x": NOT_KNOWN}, values, memory)

    assert told(found) == [("a", "input x was not read before", 1, 0)]


def test_more_units_than_are_asked_about_at_once(values: PlanValues) -> None:
    memory = Known(a=str(list(range(3500))))

    found = plan(chain("w", step("a"), step("b", ("x",))), {"x": ref("1")}, values, memory)

    assert told(found)[1] == ("b", "changed", 3500, 0)


def test_a_step_tells_its_time() -> None:
    def shown(run: int, seconds: float | None) -> str:
        return Step("t", "f()", "changed", run, 0, seconds).predicted()

    assert shown(0, 3.0) == "-"
    assert shown(1, None) == "?"
    assert shown(1, 2.5) == "2.50 s"
    assert shown(3, 90.0) == "3 x 1 m 30 s"
