"""Makespans of plans: order, cores, units, workflows inside workflows."""

from __future__ import annotations

import pytest

from lamina.workflow.actions.python import PythonAction
from lamina.workflow.actions.subworkflow import SubworkflowAction
from lamina.workflow.graph import Edge, Task, Workflow
from lamina.workflow.ports import Port
from lamina.workspace.makespans import Share, before, makespan


def step(name: str, *inputs: str) -> Task:
    """A task with these ports."""
    return Task(name, PythonAction(f"f.py:{name}"), tuple(map(Port, inputs)), (Port("y"),))


def edges(*texts: str) -> tuple[Edge, ...]:
    """From "a.y b.x"."""
    pairs = (text.split() for text in texts)
    return tuple(Edge(source, target) for source, target in pairs)


def fork() -> Workflow:
    """a -> b, a -> c, both -> d."""
    tasks = (step("a", "x"), step("b", "x"), step("c", "x"), step("d", "b", "c"))
    joined = edges("x a.x", "a.y b.x", "a.y c.x", "b.y d.b", "c.y d.c", "d.y y")
    return Workflow("w", (Port("x"),), (Port("y"),), tasks, joined)


SECONDS = {"a": 1.0, "b": 2.0, "c": 5.0, "d": 1.0}
SHARES = {name: Share(1, seconds) for name, seconds in SECONDS.items()}


@pytest.mark.parametrize(("cores", "seconds"), [(1, 9.0), (2, 7.0), (8, 7.0)])
def test_tasks_run_side_by_side_where_there_are_cores(cores: int, seconds: float) -> None:
    assert makespan(fork(), SHARES, cores) == pytest.approx(seconds)


def test_a_task_that_does_not_run_keeps_the_order_of_those_around_it() -> None:
    shares = {name: share for name, share in SHARES.items() if name not in ("b", "c")}

    assert before(fork(), shares) == {"a": set(), "d": {"a"}}
    assert makespan(fork(), shares, 8) == pytest.approx(2.0)


def test_where_a_time_is_not_known_there_is_no_makespan() -> None:
    assert makespan(fork(), {**SHARES, "c": Share(1, None)}, 2) is None
    assert makespan(fork(), {}, 2) == 0.0


@pytest.mark.parametrize(("units", "seconds"), [(3, 4.0), (100_000, 100_000.0)])
def test_units_share_the_cores(units: int, seconds: float) -> None:
    assert makespan(fork(), {"a": Share(units, 2.0)}, 2) == pytest.approx(seconds, rel=0.01)


def test_a_task_that_wants_more_cores_than_there_are_runs_alone() -> None:
    shares = {"b": Share(1, 2.0, 16.0), "c": Share(1, 5.0, 2.0)}

    assert makespan(fork(), shares, 2) == pytest.approx(7.0)


def test_tasks_inside_of_a_workflow_wait_for_what_it_reads() -> None:
    inner = fork()
    inside = Task("in", SubworkflowAction(inner), (Port("x"),), (Port("y"),))
    joined = edges("x first.x", "first.y in.x", "in.y last.x", "last.y y")
    outer = Workflow(
        "o", (Port("x"),), (Port("y"),), (step("first", "x"), inside, step("last", "x")),
        joined,
    )  # fmt: skip
    names = {"first": Share(1, 1.0), "last": Share(1, 1.0)} | {
        f"in/{name}": share for name, share in SHARES.items()
    }

    assert before(outer, names)["in/a"] == {"first"}
    assert "in/d" in before(outer, names)["last"]
    assert makespan(outer, names, 2) == pytest.approx(9.0)
