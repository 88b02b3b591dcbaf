"""The state of a run, held to its promises by random workflows and random events."""

from __future__ import annotations

from collections.abc import Mapping
from random import Random
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st
from run_models import V, WorldValues, direct, grown, made_workflow, partly
from run_worlds import World

from lamina.execution.past import Past
from lamina.execution.state import Policy
from lamina.workflow.graph import Workflow
from lamina.workflow.log import AttemptEnded, AttemptStarted, Event, TaskReused

seeds = st.integers(0, 2**32)
VALUES = WorldValues()


def policy(random: Random, **changes: Any) -> Policy:
    found: dict[str, Any] = {
        "retries": random.choice([0, 1, 3]),
        "keep_going": random.random() < 0.5,
        "backoff": 0.5,
        "recall": random.random() < 0.3,
        "lasting": True,
        "streaming": random.random() < 0.7,
        "note": VALUES.note,
        "holds": VALUES.holds,
        **changes,
    }
    if not found["streaming"] and random.random() < 0.3:
        found["lasting"] = False
    return Policy(**found)


def expected(workflow: Workflow) -> dict[str, Any] | None:
    """The outputs that a run has to give; None where it has to fail."""
    try:
        return direct(workflow, {"x": 3})
    except ValueError:
        return None


def there(world: World, failed: set[str]) -> dict[str, Any]:
    """The outputs that have to be there although these tasks failed."""
    found = partly(world.workflow, {"x": 3}, failed)
    until = world.machine.policy.until
    sources = {edge.target_port: edge.source_task for edge in world.workflow.incoming[""]}
    return {name: value for name, value in found.items() if not until or sources[name] in until}


def check_end(world: World) -> None:
    """What holds however a run ended."""
    machine, wanted = world.machine, expected(world.workflow)
    for name, value in world.outputs().items():
        assert wanted is None or value == wanted[name], f"{name} is another"
    if machine.policy.keep_going and machine.status != "cancelled":
        failed = {failure.task.replace("[", "/").partition("/")[0] for failure in machine.failures}
        failed = {name.partition("#")[0] for name in failed}
        assert world.outputs().items() >= there(world, failed).items()
    if machine.status == "succeeded":
        if not machine.policy.until:
            assert wanted is not None, "a loop that is never done succeeded"
            assert world.outputs() == wanted
        assert machine.counts["success"] == len({*world.succeeded, *world.past.finished})
        assert sum(machine.counts.values()) == machine.counts["success"]
    if machine.status == "failed":
        assert machine.failures
    assert not any(machine.counts[word] for word in ("ready", "pre", "queued", "running", "post"))
    assert all(count >= 0 for count in machine.counts.values()), machine.counts
    for unit, count in world.succeeded.items():
        assert count <= 1 + world.damages, f"{unit} counted {count} times"


@settings(max_examples=300, deadline=None)
@given(seeds)
def test_an_undisturbed_run_gives_what_its_words_say(seed: int) -> None:
    random = Random(seed)
    world = World(made_workflow(random), {"x": 3}, random, policy(random))
    world.play()
    assert world.machine.status == ("failed" if expected(world.workflow) is None else "succeeded")
    check_end(world)


@settings(max_examples=300, deadline=None)
@given(seeds)
def test_whatever_happens_a_run_ends_and_counts_nothing_twice(seed: int) -> None:
    random = Random(seed)
    chances = {
        "bad": random.choice([0.02, 0.1, 0.3]),
        "damaged": random.choice([0.0, 0.1]),
        "lacking": random.choice([0.0, 0.1]),
        "cancel": random.choice([0.0, 0.01]),
        "cancel-one": random.choice([0.0, 0.03]),
        "late": random.choice([0.0, 0.5]),
        "twice": random.choice([0.0, 0.2]),
        "refused": random.choice([0.0, 0.02]),
    }
    workflow = made_workflow(random)
    names = sorted(workflow.by_name)
    until = tuple(random.sample(names, random.randint(0, min(2, len(names)))))
    chosen = policy(random, until=until if random.random() < 0.3 else ())
    if not chosen.lasting:
        chances["damaged"] = chances["lacking"] = 0.0
    world = World(workflow, {"x": 3}, random, chosen, chances)
    world.play()
    check_end(world)


@settings(max_examples=300, deadline=None)
@given(seeds)
def test_messages_that_come_late_or_twice_change_nothing(seed: int) -> None:
    random = Random(seed)
    chances = {"late": 0.7, "twice": 0.3}
    world = World(made_workflow(random), {"x": 3}, random, policy(random), chances)
    world.play()
    assert world.machine.status == ("failed" if expected(world.workflow) is None else "succeeded")
    check_end(world)
    assert max(world.succeeded.values(), default=1) == 1


@settings(max_examples=300, deadline=None)
@given(seeds)
def test_lost_values_are_made_again_and_the_outputs_stay_the_same(seed: int) -> None:
    random = Random(seed)
    chances = {"damaged": 0.2}
    world = World(made_workflow(random), {"x": 3}, random, policy(random, lasting=True), chances)
    world.play()
    if world.machine.failures:
        causes = {str(one.error["cause"]) for one in world.machine.failures}
        known = (
            "no task of this run makes it",
            "not done after",
            "made again 3 times",
            "run again",
        )
        assert all(any(one in cause for one in known) for cause in causes), causes
    check_end(world)


@settings(max_examples=300, deadline=None)
@given(seeds)
def test_a_killed_and_resumed_run_repeats_nothing_and_ends_the_same(seed: int) -> None:
    random = Random(seed)
    workflow, log = made_workflow(random), list[Event]()
    chosen = policy(random, lasting=True, keep_going=False, retries=100)
    kill = 0.1
    for _ in range(60):
        past = past_of(log)
        chances = {"kill": kill, "bad": 0.0}
        world = World(workflow, {"x": 3}, random, chosen, chances, past=past)
        world.play()
        log += world.log
        assert not set(world.succeeded) & set(past.finished), "a finished unit ran again"
        if not world.killed:
            break
        kill *= 0.9
    assert not world.killed
    check_end(world)
    if expected(workflow) is not None:
        assert world.machine.status == "succeeded"


@settings(max_examples=300, deadline=None)
@given(seeds)
def test_a_run_is_resumed_whatever_its_sessions_met(seed: int) -> None:
    random = Random(seed)
    workflow, log = made_workflow(random), list[Event]()
    worst = {"kill": 0.03, "bad": 0.2, "cancel": 0.02, "cancel-one": 0.03, "damaged": 0.05}
    for session in range(8):
        last = session == 7
        chosen = policy(random, lasting=True, retries=100 if last else 1)
        chances = {"late": 0.3, "twice": 0.1, **({} if last else worst)}
        past = past_of(log)
        world = World(workflow, {"x": 3}, random, chosen, chances, past=past)
        world.play()
        log += world.log
        if not world.damages:
            assert not set(world.succeeded) & set(past.finished), "a finished unit ran again"
        if not world.killed:
            check_end(world)
    assert world.machine.status == ("failed" if expected(workflow) is None else "succeeded")


@settings(max_examples=300, deadline=None)
@given(seeds)
def test_what_an_earlier_run_left_stands_in(seed: int) -> None:
    random = Random(seed)
    workflow = made_workflow(random)
    chosen = policy(random, lasting=True, recall=True, streaming=False)
    first = World(workflow, {"x": 3}, random, chosen)
    first.play()
    left = past_of(first.log).finished
    half = {unit: found for unit, found in left.items() if random.random() < 0.7}
    second = World(workflow, {"x": 3}, random, chosen, reused=half)
    second.play()
    check_end(second)
    ran = {event.task for event in second.log if isinstance(event, AttemptStarted)}
    assert not ran & set(half)


def past_of(log: list[Event]) -> Past:
    """What a log of the made-up world leaves; its values need no reading."""
    finished: dict[str, Mapping[str, Any]] = {}
    expansions: dict[str, tuple[Workflow, Mapping[str, Any]]] = {}
    attempts: dict[str, int] = {}
    for event in log:
        if isinstance(event, AttemptStarted):
            attempts[event.task] = event.attempt
        if isinstance(event, AttemptEnded) and event.expansion:
            expansions[event.task] = (grown(), event.expansion["inputs"])
        elif isinstance(event, TaskReused) or (
            isinstance(event, AttemptEnded) and event.status == "succeeded"
        ):
            finished[event.task] = event.outputs
    assert all(isinstance(v, V) for found in finished.values() for v in found.values())
    return Past(1 if log else 0, finished, expansions, attempts, log[-1].time if log else 0.0)
