"""Schedules are valid at birth, and cost what their machines cost."""

from __future__ import annotations

from dataclasses import replace

import pytest

from lamina.errors import PlanError
from lamina.planning.problem import Edge, Problem, Task
from lamina.planning.resources import Link, Network, Resource
from lamina.planning.schedule import Schedule, Slot

CLOUD = Resource("cloud", price=3.0, interval=10.0, delay=2.0, count=2)
EDGE = Resource("edge", speed=0.5, labels=frozenset(["edge"]))
PROBLEM = Problem(
    "p",
    (Task("a", 5.0), Task("b", 4.0), Task("c", 1.0, labels=frozenset(["edge"]))),
    (Edge("a", "b", seconds=3.0), Edge("b", "c", seconds=8.0)),
    (CLOUD, EDGE),
)


def plan(*slots: tuple[str, str, int, float, float]) -> Schedule:
    return Schedule(PROBLEM, "hand", tuple(Slot(*slot) for slot in slots))


A, B, C = ("a", "cloud", 0, 2.0, 7.0), ("b", "cloud", 0, 7.0, 11.0), ("c", "edge", 0, 19.0, 21.0)


def test_a_machine_is_paid_from_its_request_until_its_data_is_sent() -> None:
    good = plan(A, B, C)
    cloud, edge = good.leases
    assert (cloud.request, cloud.release, cloud.intervals, cloud.cost) == (0.0, 19.0, 2, 6.0)
    assert (edge.request, edge.release, edge.cost) == (19.0, 21.0, 0.0)
    assert (good.makespan, good.cost) == (21.0, 6.0)


def test_a_begun_interval_is_paid_in_full() -> None:
    later = plan(A, B, ("c", "edge", 0, 23.0, 25.0))
    assert later.leases[0].intervals == 2, "data is sent when it is there, not when it is read"
    apart = plan(A, ("b", "cloud", 1, 10.0, 14.0), ("c", "edge", 0, 22.0, 24.0))
    assert [(one.request, one.release, one.intervals) for one in apart.leases] == [
        (0.0, 10.0, 1), (8.0, 22.0, 2), (22.0, 24.0, 1),
    ]  # fmt: skip


def test_the_bound_moves_data_only_where_it_has_to() -> None:
    assert plan(A, B, C).bound == 10 + 8 + 2, "all of it on the slow edge, which moves nothing"
    assert plan(A, B, C).over_bound == 21 / 20
    fast = PROBLEM.on((CLOUD, replace(EDGE, speed=0.1)))
    found = Schedule(fast, "hand", (Slot(*A), Slot(*B), Slot("c", "edge", 0, 19.0, 29.0)))
    assert found.bound == 2 + 5 + 4 + 8 + 10


@pytest.mark.parametrize(
    ("slots", "wrong"),
    [
        ((A, B), "lacking: \\['c'\\]"),
        ((A, A, B, C), "4 slots for 3 tasks"),
        ((("a", "cloud", 0, 1.0, 6.0), B, C), "begins at 1, before cloud can be ready"),
        ((A, ("b", "cloud", 1, 9.0, 13.0), ("c", "edge", 0, 21.0, 23.0)), "before its data comes"),
        ((A, ("b", "cloud", 0, 7.0, 10.0), C), "b runs 3 s, not 4 s"),
        ((A, B, ("c", "cloud", 1, 19.0, 20.0)), "c may not run on cloud"),
        ((A, ("b", "cloud", 2, 10.0, 14.0), ("c", "edge", 0, 22.0, 24.0)), "does not exist"),
        ((A, B, ("c", "edge", 0, 18.0, 20.0)), "c begins at 18, before its data comes at 19"),
    ],
)
def test_a_schedule_that_breaks_a_rule_is_none(
    slots: tuple[tuple[str, str, int, float, float], ...], wrong: str
) -> None:
    with pytest.raises(PlanError, match=wrong):
        plan(*slots)


def test_a_machine_runs_one_task_at_a_time() -> None:
    two = Problem("p", (Task("a", 5.0), Task("b", 4.0)), (), (Resource("m"),))
    with pytest.raises(PlanError, match=r"a and b run on .* at the same time"):
        Schedule(two, "hand", (Slot("a", "m", 0, 0.0, 5.0), Slot("b", "m", 0, 4.0, 8.0)))


def test_machines_with_one_disk_move_nothing() -> None:
    cores = Resource("core", count=2, shared=True)
    two = Problem("p", (Task("a", 5.0), Task("b", 4.0)), (Edge("a", "b", seconds=9.0),), (cores,))
    slots = (Slot("a", "core", 0, 0.0, 5.0), Slot("b", "core", 1, 5.0, 9.0))
    assert Schedule(two, "hand", slots).makespan == 9.0


def test_bytes_take_the_link_between_their_machines() -> None:
    network = Network(Link(100.0, 1.0), {("edge", "cloud"): Link(10.0)})
    problem = Problem("p", (Task("a", 1.0), Task("b", 1.0)), (Edge("a", "b", 50.0),),
                      (CLOUD, EDGE), network)  # fmt: skip
    edge = problem.edges[0]
    assert problem.transfer(edge, "cloud", "edge") == problem.transfer(edge, "edge", "cloud") == 5.0
    assert problem.transfer(edge, "cloud", "cloud") == 1.5
