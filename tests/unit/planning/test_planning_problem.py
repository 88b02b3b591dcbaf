"""Problems and resources are valid at birth; where documents, workflows and instances give them."""

from __future__ import annotations

from copy import deepcopy
from typing import Any

import pytest

from lamina.errors import PlanError
from lamina.planning.problem import Edge, Problem, Task
from lamina.planning.reading import (
    machine_cores,
    problem_from_document,
    problem_from_workflow,
    resources_from_document,
)
from lamina.planning.resources import Link, Resource
from lamina.planning.wfformat import is_wfformat, problem_from_wfformat
from lamina.workflow.document import workflow_from_text
from lamina.workflow.reading import parse_text

ONE = (Resource("m"),)


def test_all_mistakes_of_a_resource_are_said() -> None:
    with pytest.raises(PlanError) as caught:
        Resource("m", speed=0, times={"t": -1.0}, price=-2, interval=0, delay=-3, count=0)
    assert len(caught.value.mistakes) == 6


def test_tasks_in_a_circle_are_no_problem() -> None:
    edges = (Edge("a", "b"), Edge("b", "c"), Edge("c", "b"))
    with pytest.raises(PlanError, match="in a circle: 'b', 'c'"):
        Problem("p", tuple(Task(name, 1.0) for name in "abc"), edges, ONE)


@pytest.mark.parametrize(
    ("tasks", "edges", "wrong"),
    [
        ((Task("a", 1.0), Task("a", 1.0)), (), "two tasks 'a'"),
        ((Task("a", 1.0),), (Edge("a", "b"),), "names no task: 'b'"),
        ((Task("a", -1.0),), (), "run time is -1"),
        ((Task("a", 1.0), Task("b", 1.0)), (Edge("a", "b", -5.0),), "size is -5"),
        ((Task("a"),), (), "no run time is known of 'a'"),
        ((Task("a", 1.0, labels=frozenset(["gpu"])),), (), "labelled gpu; labels are: none"),
        ((), (), "it has no tasks"),
    ],
)
def test_what_is_wrong_with_a_problem_is_said(
    tasks: tuple[Task, ...], edges: tuple[Edge, ...], wrong: str
) -> None:
    with pytest.raises(PlanError, match=wrong):
        Problem("p", tasks, edges, ONE)


def test_edges_between_two_tasks_count_as_one() -> None:
    edges = (Edge("a", "b", 5.0), Edge("a", "b", 7.0, stays=frozenset(["edge"])))
    labelled = (Resource("m", labels=frozenset(["edge"])),)
    problem = Problem("p", (Task("a", 1.0), Task("b", 1.0)), edges, labelled)
    assert problem.edges == (Edge("a", "b", 12.0, None, frozenset(["edge"])),)


def test_the_most_particular_run_time_counts() -> None:
    fast = Resource("fast", speed=4.0, times={"a": 7.0})
    assert Task("a", 8.0, {"fast": 3.0}).on(fast) == 7.0
    assert Task("b", 8.0, {"fast": 3.0}).on(fast) == 3.0
    assert Task("c", 8.0).on(fast) == 2.0
    assert Task("d").on(fast) is None


PROFILE = """
interval: 1 h
delay: 90 s
resources:
  edge: {labels: [edge], count: 2, shared: true, delay: 0}
  gpu: {speed: 8, price: 3, count: any, interval: 1 min, times: {train: 10 min}}
network:
  bandwidth: 100 MB/s
  latency: 10 ms
  links: [{between: [gpu, edge], bandwidth: 3 MB}]
"""


def test_a_profile_gives_resources_and_network() -> None:
    (edge, gpu), network = resources_from_document(parse_text(PROFILE))
    assert edge == Resource("edge", labels=frozenset(["edge"]), count=2, shared=True)
    assert gpu == Resource("gpu", 8.0, {"train": 600.0}, 3.0, 60.0, 90.0, count=None)
    assert network.between("edge", "gpu") == Link(3e6)
    assert network.between("gpu", "gpu") == Link(1e8, 0.01)


@pytest.mark.parametrize(
    ("text", "wrong"),
    [
        ("resources: {a: {sped: 1}}", "resources: a: unknown key 'sped'; known: speed"),
        ("resources: {a: {delay: soon}}", "delay is 'soon', not a time such as"),
        ("resources: {a: {count: 1.5}}", 'count is 1.5, not a whole number or "any"'),
        ("resources: {a: {price: -1}}", "resources: a: price is -1"),
        ("resources: {a: {labels: 3}}", "labels is 3, not a list of labels"),
        ("resources: {a: {shared: 1}}", "shared is 1, not true or false"),
        ("resources: [a]", "resources is .'a'., not a mapping"),
        ("resources: {a: 3}", "resources: a is '3', not a mapping"),
        ("resources: {a: {}}\nnetwork: {links: [{between: [a, b]}]}", "there is no resource 'b'"),
        ("resources: {a: {}}\nnetwork: {bandwidth: 0}", "bandwidth is 0, not a size"),
        ("delay: 1 s", "names no resources"),
        ("7", "not a mapping"),
    ],
)
def test_what_is_wrong_with_a_profile_is_said(text: str, wrong: str) -> None:
    with pytest.raises(PlanError, match=wrong):
        resources_from_document(parse_text(text))


def test_all_mistakes_of_a_plain_problem_are_said() -> None:
    text = "tasks: {a: soon, b: {second: 3}}\nedges: [{from: a, too: b}]\nresources: {m: {spd: 1}}"
    with pytest.raises(PlanError) as caught:
        problem_from_document(parse_text(text))
    assert len(caught.value.mistakes) == 4


def test_a_plain_problem_has_tasks_edges_and_labels() -> None:
    text = """
    lamina: problem/1
    tasks: {fetch: 12 s, train: {seconds: 600, times: {gpu: 80}, labels: gpu}}
    edges: [{from: fetch, to: train, size: 2 GB}]
    resources: {gpu: {labels: [gpu]}}
    """
    problem = problem_from_document(parse_text(text))
    assert problem.tasks[1] == Task("train", 600.0, {"gpu": 80.0}, frozenset(["gpu"]))
    assert problem.edges == (Edge("fetch", "train", 2e9),)
    assert problem.times == {"fetch": {"gpu": 12.0}, "train": {"gpu": 80.0}}


WORKFLOW = """
lamina: workflow/1
name: numbers
inputs: {numbers: {type: "list[int]"}}
tasks:
  count: {do: python, function: "f.py:count", takes: {n: int}, gives: {out: int},
          scatter: [n], in: {n: numbers}}
  square: {do: python, function: "f.py:square", takes: {n: int}, gives: {out: int},
           scatter: [n], in: {n: count.out}}
  total: {do: python, function: "f.py:total", takes: {all: "list[int]"}, gives: {out: int},
          in: {all: square.out}}
"""


def test_items_of_scattered_tasks_are_tasks_of_their_own() -> None:
    workflow = workflow_from_text(WORKFLOW)
    told: dict[str, Any] = {"count": [1.0, 2.0], "square": [3.0, 4.0], "total": {"core": 5.0}}
    problem = problem_from_workflow(
        workflow, told, machine_cores(2), sizes={"count.out": 20.0, "square.out": 8.0}
    )
    assert [task.name for task in problem.tasks] == [
        "count[0]", "count[1]", "square[0]", "square[1]", "total",
    ]  # fmt: skip
    assert {(e.source, e.target, e.size) for e in problem.edges} == {
        ("count[0]", "square[0]", 10.0), ("count[1]", "square[1]", 10.0),
        ("square[0]", "total", 4.0), ("square[1]", "total", 4.0),
    }  # fmt: skip


def test_a_workflow_without_times_names_its_tasks() -> None:
    with pytest.raises(PlanError, match="no run time is known of 'square', 'total'"):
        problem_from_workflow(workflow_from_text(WORKFLOW), {"count": 1.0}, machine_cores(1))


def test_times_of_a_profile_are_enough_for_a_workflow() -> None:
    known = (Resource("m", times={"count": 1.0, "square": 2.0, "total": 3.0}),)
    problem = problem_from_workflow(workflow_from_text(WORKFLOW), {}, known)
    assert problem.times["total"] == {"m": 3.0}


def test_a_workflow_inside_takes_what_its_tasks_take() -> None:
    problem = problem_from_workflow(
        workflow_from_text(WORKFLOW),
        {"count/a": 1.0, "count/b": [2.0, 3.0], "square": 1.0, "total": 1.0},
        machine_cores(1),
    )
    assert problem.times["count"] == {"core": 6.0}


INSTANCE_5: dict[str, Any] = {
    "name": "toy", "schemaVersion": "1.5",
    "workflow": {
        "specification": {
            "tasks": [
                {"id": "a1", "name": "a", "parents": [], "children": ["b1"],
                 "inputFiles": ["x"], "outputFiles": ["y", "z"]},
                {"id": "b1", "name": "b", "inputFiles": ["y", "w"], "outputFiles": []},
            ],
            "files": [{"id": "x", "sizeInBytes": 1}, {"id": "y", "sizeInBytes": 70},
                      {"id": "z", "sizeInBytes": 5}, {"id": "w", "sizeInBytes": 3}],
        },
        "execution": {"tasks": [{"id": "a1", "runtimeInSeconds": 4.5},
                                {"id": "b1", "runtimeInSeconds": 2}]},
    },
}  # fmt: skip
INSTANCE_4: dict[str, Any] = {
    "name": "toy", "schemaVersion": "1.4",
    "workflow": {
        "tasks": [
            {"name": "a1", "id": "ID1", "runtime": 4.5, "children": ["b1"],
             "files": [{"link": "output", "name": "y", "size": 70}]},
            {"name": "b1", "id": "ID2", "runtimeInSeconds": 2, "parents": ["ID1"],
             "files": [{"link": "input", "name": "y", "sizeInBytes": 70}]},
        ]
    },
}  # fmt: skip


@pytest.mark.parametrize("instance", [INSTANCE_4, INSTANCE_5], ids=["1.4", "1.5"])
def test_an_instance_tells_times_and_the_files_between_tasks(instance: dict[str, Any]) -> None:
    assert is_wfformat(instance)
    problem = problem_from_wfformat(instance, ONE)
    assert [(task.name, task.seconds) for task in problem.tasks] == [("a1", 4.5), ("b1", 2.0)]
    assert problem.edges == (Edge("a1", "b1", 70.0),)


def test_what_cores_tasks_want_is_told_of_instances_and_workflows() -> None:
    five = deepcopy(INSTANCE_5)
    five["workflow"]["execution"]["tasks"][1]["coreCount"] = 8
    four = deepcopy(INSTANCE_4)
    four["workflow"]["tasks"][1]["cores"] = 4
    told = [problem_from_wfformat(one, ONE).wide for one in (five, four, INSTANCE_5)]
    assert [[(task.name, task.cores) for task in wide] for wide in told] == [
        [("b1", 8.0)], [("b1", 4.0)], []
    ]  # fmt: skip
    text = WORKFLOW.replace("in: {all: square.out}", "in: {all: square.out}, needs: {cpus: 3}")
    times = {"count": 1.0, "square": 1.0, "total": 1.0}
    wide = problem_from_workflow(workflow_from_text(text), times, machine_cores(1)).wide
    assert [(task.name, task.cores) for task in wide] == [("total", 3.0)]


def test_an_instance_without_run_times_is_refused() -> None:
    body = {**INSTANCE_5["workflow"], "execution": {"tasks": []}}
    with pytest.raises(PlanError, match="no run time is told of 'a1', 'b1'"):
        problem_from_wfformat({**INSTANCE_5, "workflow": body}, ONE)


@pytest.mark.parametrize("body", [None, {}, {"tasks": 3}, {"tasks": [3]}, {"tasks": [{}]}])
def test_what_is_no_instance_is_refused(body: Any) -> None:
    with pytest.raises(PlanError, match=r"no WfFormat instance|has no tasks"):
        problem_from_wfformat({"schemaVersion": "1.5", "workflow": body}, ONE)
