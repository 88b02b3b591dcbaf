"""Planners on the ten tasks of DATAVIEW, and on small problems where the right plan is plain."""

from __future__ import annotations

from itertools import pairwise
from pathlib import Path

import pytest

from lamina.errors import InfeasibleError, UsageError
from lamina.planning.goals import Goal, planned
from lamina.planning.planners import PLANNERS
from lamina.planning.planners.lpod import paths
from lamina.planning.planners.t_cluster import clusters
from lamina.planning.problem import Edge, Problem, Task
from lamina.planning.reading import problem_from_document
from lamina.planning.resources import Resource
from lamina.planning.schedule import Schedule
from lamina.workflow.reading import parse_text

TEN = Path(__file__).parents[3] / "examples" / "planning" / "ten-tasks.yaml"


@pytest.fixture(name="ten")
def fixture_ten() -> Problem:
    return problem_from_document(parse_text(TEN.read_text()))


def made(planner: str, problem: Problem, **goal: float) -> Schedule:
    return planned(PLANNERS.get(planner), problem, Goal(**goal))


def groups(schedule: Schedule) -> set[frozenset[str]]:
    """The tasks that share a machine."""
    return {frozenset(slot.task for slot in slots) for slots in schedule.machines.values()}


def test_the_ten_tasks_are_those_of_the_publication(ten: Problem) -> None:
    assert [edge.seconds for edge in ten.edges] == [1, 2, 2, 2, 1, 1, 4, 3, 3]
    sums = {name: sum(t[name] for t in ten.times.values()) for name in ("VM1", "VM2", "VM3")}
    assert sums == {"VM1": 71, "VM2": 140, "VM3": 202}
    assert [(one.price, one.interval, one.delay) for one in ten.resources] == [
        (5, 10, 1), (2, 10, 1), (1, 10, 1),
    ]  # fmt: skip


def test_t_cluster_cuts_the_ten_tasks_into_the_chains_of_the_publication(ten: Problem) -> None:
    chains = [("T1", "T4", "T7"), ("T2", "T5", "T8"), ("T3", "T6", "T9"), ("T10",)]
    assert clusters(ten) == chains
    assert groups(made("t-cluster", ten)) == {frozenset(chain) for chain in chains}


def test_lpod_keeps_a_deadline_of_50_for_at_most_37(ten: Problem) -> None:
    plan = made("lpod", ten, deadline=50)
    assert plan.makespan <= 50
    assert plan.cost <= 37


def test_lpod_spends_at_most_23_when_there_is_time(ten: Problem) -> None:
    plan = made("lpod", ten, deadline=240)
    assert plan.makespan <= 240
    assert plan.cost <= 23


def test_ic_pcp_spends_at_most_27_when_there_is_time(ten: Problem) -> None:
    plan = made("ic-pcp", ten, deadline=240)
    assert plan.makespan <= 240
    assert plan.cost <= 27


@pytest.mark.parametrize("planner", ["ic-pcp", "lpod"])
def test_more_time_costs_no_more(planner: str, ten: Problem) -> None:
    costs = [made(planner, ten, deadline=time).cost for time in (36, 50, 70, 100, 240)]
    assert all(later <= sooner for sooner, later in pairwise(costs))
    assert costs[-1] < costs[0] / 1.7


@pytest.mark.parametrize("planner", PLANNERS.names())
def test_a_deadline_nobody_can_keep_names_the_least_one(planner: str, ten: Problem) -> None:
    with pytest.raises(InfeasibleError, match=f"planner '{planner}'.* 20 s") as caught:
        made(planner, ten, deadline=20)
    told = float(caught.value.way_out.partition("reaches is ")[2].split()[0])
    assert "no plan ends before 29 s" in caught.value.way_out
    assert made(planner, ten, deadline=told).makespan <= told


def test_lpod_buys_the_earliest_end_that_a_budget_allows(ten: Problem) -> None:
    ends = [made("lpod", ten, budget=budget).makespan for budget in (23, 30, 37, 60)]
    assert ends == sorted(ends, reverse=True)
    assert ends[-1] < ends[0] / 2
    assert made("lpod", ten, budget=30).cost <= 30


def test_a_budget_too_small_names_the_least_one(ten: Problem) -> None:
    with pytest.raises(InfeasibleError, match="costs at most 5") as caught:
        made("heft", ten, budget=5)
    assert made("heft", ten, budget=caught.value.least).cost == caught.value.least


def test_single_resource_takes_the_cheapest_machine_in_time(ten: Problem) -> None:
    assert made("single-resource", ten).makespan == 72
    assert made("single-resource", ten, deadline=150).leases[0].resource == "VM2"
    assert made("single-resource", ten, budget=30).leases[0].resource == "VM2"
    with pytest.raises(InfeasibleError, match="costs at most 20") as caught:
        made("single-resource", ten, budget=20)
    assert caught.value.least == 21
    slow = made("single-resource", ten, deadline=240)
    assert (slow.makespan, slow.cost) == (203, 21)


def test_one_per_resource_takes_as_many_machines_as_tasks(ten: Problem) -> None:
    assert len(made("one-per-resource", ten).leases) == 10


def test_lpod_follows_the_most_urgent_reader(ten: Problem) -> None:
    assert next(paths(ten)) == ["T2", "T6", "T9"]


def test_heft_and_cpop_end_as_in_their_paper() -> None:
    """The graph of ten tasks and three processors of Topcuoglu and others: 80 and 86."""
    times = {
        1: (14, 16, 9), 2: (13, 19, 18), 3: (11, 13, 19), 4: (13, 8, 17), 5: (12, 13, 10),
        6: (13, 16, 9), 7: (7, 15, 11), 8: (5, 11, 14), 9: (18, 12, 20), 10: (21, 7, 16),
    }  # fmt: skip
    edges = {
        (1, 2): 18, (1, 3): 12, (1, 4): 9, (1, 5): 11, (1, 6): 14, (2, 8): 19, (2, 9): 16,
        (3, 7): 23, (4, 8): 27, (4, 9): 23, (5, 9): 13, (6, 8): 15, (7, 10): 17, (8, 10): 11,
        (9, 10): 13,
    }  # fmt: skip
    problem = Problem(
        "paper",
        tuple(
            Task(str(n), None, dict(zip(("P1", "P2", "P3"), t, strict=True)))
            for n, t in times.items()
        ),
        tuple(Edge(str(a), str(b), seconds=s) for (a, b), s in edges.items()),
        tuple(Resource(name) for name in ("P1", "P2", "P3")),
    )
    assert made("heft", problem).makespan == 80
    assert made("cpop", problem).makespan == 86


def test_min_min_places_the_shortest_first() -> None:
    tasks = tuple(Task(f"t{n}", float(n)) for n in (4, 1, 3, 2))
    plan = made("min-min", Problem("p", tasks, (), (Resource("m"),)))
    assert [slot.task for slot in plan.slots] == ["t1", "t2", "t3", "t4"]


def test_data_that_stays_on_the_edge_is_read_there_whatever_it_costs() -> None:
    machines = (
        Resource("edge", speed=0.1, price=9, labels=frozenset(["edge"])),
        Resource("cloud", count=None),
    )
    stays = (Edge("photo", "blur", stays=frozenset(["edge"])), Edge("blur", "count"))
    tasks = (Task("photo", 1.0), Task("blur", 1.0), Task("count", 1.0))
    for planner in PLANNERS.names():
        plan = made(planner, Problem("p", tasks, stays, machines))
        assert plan.by_task["photo"].resource == plan.by_task["blur"].resource == "edge"
        if planner in ("heft", "min-min", "lpod", "one-per-resource"):
            assert plan.by_task["count"].resource == "cloud", planner


def test_a_goal_below_nothing_is_no_goal() -> None:
    with pytest.raises(UsageError, match="deadline is -1"):
        Goal(deadline=-1)
    with pytest.raises(UsageError, match="budget is nan"):
        Goal(budget=float("nan"))


def test_what_lies_beside_a_path_moves_with_its_begin() -> None:
    """The path is a, b, d; where a runs slowly, c begins later, and d has to wait for c."""
    times = {"a": (10.0, 4.0), "b": (20.0, 2.0), "c": (10.0, 8.0), "d": (1.0, 1.0)}
    tasks = tuple(Task(n, None, {"slow": s, "fast": f}) for n, (s, f) in times.items())
    edges = (Edge("a", "b"), Edge("a", "c"), Edge("b", "d"), Edge("c", "d"))
    machines = (
        Resource("slow", price=1.0, interval=1.0, count=None),
        Resource("fast", price=100.0, interval=1.0, count=None),
    )
    problem = Problem("p", tasks, edges, machines)
    plan = made("lpod", problem, deadline=25)
    assert plan.by_task["c"].begin >= plan.by_task["a"].end
    assert plan.cost < made("heft", problem).cost
