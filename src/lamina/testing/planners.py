"""What every planner has to do: problems drawn at random, and the conformance suite."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from math import ceil, isclose

from hypothesis import strategies as st

from lamina.errors import InfeasibleError
from lamina.planning.goals import Goal, Planner, planned
from lamina.planning.problem import Edge, Problem, Task
from lamina.planning.resources import Link, Network, Resource
from lamina.planning.schedule import Schedule

LABELS = ("edge", "gpu")
_SECONDS = st.sampled_from([0.0, 0.1, 1.0, 2.0, 3.0, 7.5, 20.0, 1000.0])
_TRANSFERS = st.none() | st.sampled_from([0.0, 1.0, 4.0, 30.0])


@st.composite
def problems(draw: st.DrawFn, largest: int = 12) -> Problem:
    """A problem with a graph of any form, labels, limits, delays, prices and slow links.

    The first resource has all labels, so that every task has a place.
    """
    count = draw(st.integers(1, largest))
    names = [f"t{number}" for number in range(count)]
    kinds = draw(st.integers(1, 3))
    resources = tuple(_resource(draw, number) for number in range(kinds))
    tasks = tuple(_task(draw, name, resources) for name in names)
    pairs = [(one, other) for place, other in enumerate(names) for one in names[:place]]
    chosen = draw(st.lists(st.sampled_from(pairs), unique=True, max_size=20)) if pairs else []
    edges = tuple(_edge(draw, *ends) for ends in chosen)
    return Problem(
        "drawn", tuple(draw(st.permutations(tasks))), edges, resources, _network(draw, resources)
    )


def _resource(draw: st.DrawFn, number: int) -> Resource:
    labels = LABELS if number == 0 else draw(st.lists(st.sampled_from(LABELS), unique=True))
    return Resource(
        f"r{number}",
        speed=draw(st.sampled_from([0.5, 1.0, 3.0])),
        price=draw(st.sampled_from([0.0, 1.0, 5.0])),
        interval=draw(st.sampled_from([1.0, 10.0, 3600.0])),
        delay=draw(st.sampled_from([0.0, 0.0, 1.0, 60.0])),
        labels=frozenset(labels),
        count=draw(st.sampled_from([None, None, 1, 2])),
        shared=draw(st.booleans()),
    )


def _task(draw: st.DrawFn, name: str, resources: tuple[Resource, ...]) -> Task:
    labels = frozenset(draw(st.lists(st.sampled_from(LABELS), max_size=1)))
    if draw(st.booleans()):
        return Task(name, draw(_SECONDS), labels=labels)
    return Task(name, None, {one.name: draw(_SECONDS) for one in resources}, labels)


def _edge(draw: st.DrawFn, source: str, target: str) -> Edge:
    stays = draw(st.sampled_from([(), (), (), ("edge",)]))
    size = draw(st.sampled_from([0.0, 10.0, 5000.0]))
    return Edge(source, target, size, draw(_TRANSFERS), frozenset(stays))


def _network(draw: st.DrawFn, resources: tuple[Resource, ...]) -> Network:
    slow = Link(draw(st.sampled_from([1.0, 1000.0])), draw(st.sampled_from([0.0, 2.0])))
    ends = (resources[0].name, resources[-1].name)
    return Network(Link(1e6), {ends: slow} if draw(st.booleans()) else {})


def keeps_the_rules(planner: Planner, problem: Problem) -> None:
    """Precedence, transfers, one task at a time per machine, delays and limits: told here once
    more, and apart from what `Schedule` itself refuses."""
    made = planner.plan(problem, Goal())
    by_task = {slot.task: slot for slot in made.slots}
    assert sorted(by_task) == sorted(task.name for task in problem.tasks)
    assert len(made.slots) == len(problem.tasks)
    tolerance = 1e-6
    for edge in problem.edges:
        source, target = by_task[edge.source], by_task[edge.target]
        moved = 0.0
        if source.machine != target.machine:
            moved = problem.transfer(edge, source.resource, target.resource)
        assert target.begin >= source.end + moved - tolerance
    for slot in made.slots:
        resource = problem.by_name[slot.resource]
        assert slot.begin >= resource.delay - tolerance
        assert resource.count is None or slot.number < resource.count
        assert isclose(slot.end - slot.begin, problem.times[slot.task][slot.resource], abs_tol=1e-6)
        for other in made.slots:
            if other.task != slot.task and other.machine == slot.machine:
                shared = min(slot.end, other.end) - max(slot.begin, other.begin)
                assert shared <= tolerance


def honours_labels(planner: Planner, problem: Problem) -> None:
    """A task runs on a resource with all its labels; so do both ends of data that stays."""
    made = planner.plan(problem, Goal())
    for task in problem.tasks:
        assert task.labels <= problem.by_name[made.by_task[task.name].resource].labels
    for edge in problem.edges:
        for end in (edge.source, edge.target):
            assert edge.stays <= problem.by_name[made.by_task[end].resource].labels


def never_beats_the_bound(planner: Planner, problem: Problem) -> None:
    """No plan ends before the critical path at its best; nor before all that one machine each
    could do in that time."""
    made = planner.plan(problem, Goal())
    assert made.makespan >= made.bound * (1 - 1e-9)
    assert made.over_bound >= 1 - 1e-9
    assert made.bound >= max(min(times.values()) for times in problem.times.values()) * (1 - 1e-9)


def costs_what_its_machines_cost(planner: Planner, problem: Problem) -> None:
    """Whole intervals from asking for a machine until its work is done and its data sent."""
    made = planner.plan(problem, Goal())
    total = 0.0
    for (name, _), slots in made.machines.items():
        resource = problem.by_name[name]
        held = max(slot.end for slot in slots) - min(slot.begin for slot in slots) + resource.delay
        least = max(1, ceil(held / resource.interval - 1e-6))
        lease = next(one for one in made.leases if (one.resource, one.number) == slots[0].machine)
        assert lease.intervals >= least
        assert isclose(lease.cost, lease.intervals * resource.price)
        total += lease.cost
    assert isclose(made.cost, total)


def plans_the_same_again(planner: Planner, problem: Problem) -> None:
    """Nothing but the problem decides: no clock, no random number, no order of a set."""
    again = replace(problem, name="again")
    first, second = planner.plan(problem, Goal()), planner.plan(again, Goal())
    assert first.slots == second.slots


def says_the_least_deadline_that_it_keeps(planner: Planner, problem: Problem) -> None:
    """A deadline that cannot be kept is refused with one that can."""
    bound = planner.plan(problem, Goal()).bound
    if bound <= 0:
        return
    try:
        made = planned(planner, problem, Goal(bound * 0.99))
    except InfeasibleError as error:
        assert error.least >= bound * (1 - 1e-9)
        kept = planned(planner, problem, Goal(error.least))
        assert kept.makespan <= error.least * (1 + 1e-6)
    else:
        raise AssertionError(f"ends at {made.makespan}, before the bound {bound}")


def says_the_least_budget_that_it_keeps(planner: Planner, problem: Problem) -> None:
    """A budget that is refused comes with one that is not, by which nothing cheaper is missed
    that the planner itself gives for a late deadline."""
    free = planner.plan(problem, Goal())
    late = planner.plan(problem, Goal(10 * free.makespan + 1))
    if min(free.cost, late.cost) <= 0:
        return
    try:
        made = planned(planner, problem, Goal(budget=0.01 * min(free.cost, late.cost)))
    except InfeasibleError as error:
        assert error.least <= min(free.cost, late.cost) * (1 + 1e-9)
        assert planned(planner, problem, Goal(budget=error.least)).cost <= error.least * (1 + 1e-6)
    else:
        assert made.cost <= 0.01 * min(free.cost, late.cost) * (1 + 1e-6)


def keeps_a_deadline_that_it_takes(planner: Planner, problem: Problem) -> None:
    """A plan that is given for a deadline ends by then, and one for a budget costs no more."""
    free = planner.plan(problem, Goal())
    for share in (1.0, 1.3, 3.0):
        deadline = free.bound * share
        made = _or_none(planner, problem, Goal(deadline))
        assert made is None or made.makespan <= deadline * (1 + 1e-6)
    budget = free.cost
    made = _or_none(planner, problem, Goal(budget=budget))
    assert made is not None
    assert made.cost <= budget * (1 + 1e-6)
    assert made.makespan <= free.makespan * (1 + 1e-9)


def _or_none(planner: Planner, problem: Problem, goal: Goal) -> Schedule | None:
    try:
        return planned(planner, problem, goal)
    except InfeasibleError:
        return None


CONFORMANCE: tuple[Callable[[Planner, Problem], None], ...] = (
    keeps_the_rules,
    honours_labels,
    never_beats_the_bound,
    costs_what_its_machines_cost,
    plans_the_same_again,
    says_the_least_deadline_that_it_keeps,
    says_the_least_budget_that_it_keeps,
    keeps_a_deadline_that_it_takes,
)
"""Checks that take a planner and a problem, which `problems` draws."""
