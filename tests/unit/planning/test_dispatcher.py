"""The dispatcher under orders of events that nobody planned, and in each thing it promises."""

from __future__ import annotations

from collections.abc import Mapping
from random import Random

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from lamina.errors import UsageError
from lamina.planning.placement.dispatcher import Dispatcher, Surroundings
from lamina.planning.placement.health import Rules
from lamina.planning.placement.learning import fresh
from lamina.planning.placement.policy import Policy
from lamina.planning.placement.view import View
from lamina.planning.placement.words import (
    Arrived,
    Cancel,
    Choice,
    Command,
    Crashed,
    Deployed,
    End,
    Event,
    Finished,
    Job,
    Notice,
    Prepare,
    Probe,
    Probed,
    Rang,
    Ready,
    Request,
    Ring,
    Run,
    Runtime,
    Share,
    Start,
    Uploaded,
    Warmed,
)
from lamina.planning.policies import made

RULES = Rules(tries=3, timeout=20.0)
EDGE = Runtime("shed", standby=True, capacity=1)
GPU = Runtime("barn", devices=1)


def placer(
    policy: Policy | str, *runtimes: Runtime, progress: Mapping[str, float] | None = None
) -> Dispatcher:
    """A dispatcher that knows nothing."""
    known = {one.name: one for one in runtimes or (EDGE, GPU)}
    chosen = made(policy) if isinstance(policy, str) else policy
    around = Surroundings(np.random.default_rng(0), lambda job: progress or {}, rules=RULES)
    return Dispatcher(known, chosen, fresh(chosen, known), around)


def prepared(commands: list[Command]) -> list[Prepare]:
    return [one for one in commands if isinstance(one, Prepare)]


def events(dispatcher: Dispatcher) -> list[str]:
    return [one.event for one in dispatcher.ledger.decisions]


class Shell:
    """Carries out commands in any order; tells things twice, and late."""

    def __init__(self, dispatcher: Dispatcher, chance: Random) -> None:
        self.dispatcher = dispatcher
        self.chance = chance
        self.now = 0.0
        self.open: dict[int, Prepare] = {}
        self.waiting: list[Event] = []
        self.old: list[Event] = []
        self.running: dict[str, list[Run]] = {}

    def tell(self, event: Event) -> None:
        self.now += 0.5
        self.old.append(event)
        for command in self.dispatcher.handle(event, self.now):
            self.do(command)

    def do(self, command: Command) -> None:
        match command:
            case Prepare(attempt, job):
                assert attempt not in self.open
                assert job.name in self.dispatcher.jobs
                self.open[attempt] = command
                held = [o.runtime for o in self.open.values()].count(command.runtime)
                assert held <= self.dispatcher.runtimes[command.runtime].capacity
                fails = self.chance.random() < 0.2 and command.runtime != "shed"
                steps: list[Event] = [Uploaded(attempt, 1.0), Deployed(attempt, 1.0)]
                last: Event = Crashed(attempt, "no") if fails else Warmed(attempt, 1.0)
                self.waiting += [*steps, last]
            case Run(attempt, job):
                assert attempt in self.open
                self.running.setdefault(job.name, []).append(command)
                self.waiting.append(Finished(job.name, {attempt: Share(job.items, 3.0)}))
            case End(attempt):
                del self.open[attempt]
            case Ring(at, token) if token[0] != "timeout":
                self.waiting.append(Rang(token))
                self.now = max(self.now, at) if not self.open else self.now
            case Probe(runtime):
                self.waiting.append(Probed(runtime, 1.0))
            case _:
                pass

    def step(self) -> None:
        """Something that waits, or something that was told before."""
        if self.old and self.chance.random() < 0.25:
            again = self.chance.choice(self.old)
            if not isinstance(again, Arrived):
                self.tell(again)
                return
        place = self.chance.randrange(len(self.waiting))
        self.tell(self.waiting.pop(place))


@pytest.mark.parametrize("policy", ["share", "hedge", "stoic-duplicator", "eft", "fixed:barn"])
@settings(max_examples=30, deadline=None)
@given(seed=st.integers(0, 2**32))
def test_nothing_is_lost_or_done_twice_whatever_the_order_of_events(policy: str, seed: int) -> None:
    shell = Shell(placer(policy), Random(seed))
    jobs = [Job(f"job {number}", 5, divisible=number % 2 == 0) for number in range(3)]
    shell.waiting += [Arrived(job) for job in jobs]
    for _ in range(1_000):
        if len(shell.dispatcher.ledger.outcomes) == len(jobs):
            break
        shell.step()
    ledger = shell.dispatcher.ledger
    assert set(ledger.outcomes) == {job.name for job in jobs}
    assert not shell.open
    assert not shell.dispatcher.attempts
    for job in jobs:
        done = sum(one.items for one in ledger.usages if one.job == job.name)
        assert done == (0 if ledger.outcomes[job.name].failed else job.items)


def test_a_runtime_that_is_ready_twice_is_started_once() -> None:
    dispatcher = placer("fixed:barn")
    (first,) = prepared(dispatcher.handle(Arrived(Job("a", 3)), 0.0))
    assert dispatcher.handle(Warmed(first.attempt, 1.0), 5.0)
    assert dispatcher.handle(Warmed(first.attempt, 1.0), 6.0) == []
    assert dispatcher.handle(Deployed(first.attempt, 1.0), 7.0) == []


def test_what_is_told_of_a_try_that_failed_is_not_believed_of_the_next() -> None:
    dispatcher = placer("fixed:barn")
    (first,) = prepared(dispatcher.handle(Arrived(Job("a", 3)), 0.0))
    dispatcher.handle(Deployed(first.attempt, 4.0), 4.0)
    out = dispatcher.handle(Crashed(first.attempt, "gone"), 5.0)
    assert End(first.attempt) in out
    assert dispatcher.handle(Warmed(first.attempt, 1.0), 5.05) == []
    (failed,) = dispatcher.ledger.usages
    assert (failed.end, failed.held) == ("failed", 1.0)
    ring = next(one for one in out if isinstance(one, Ring))
    (second,) = prepared(dispatcher.handle(Rang(ring.token), ring.at))
    assert (second.attempt, second.tries) == (first.attempt, 2)
    assert dispatcher.attempts[second.attempt].deployed is None


def test_an_attempt_that_timed_out_ends_once() -> None:
    dispatcher = placer("fixed:barn")
    out = dispatcher.handle(Arrived(Job("a", 3)), 0.0)
    ends = 0
    for _ in range(40):
        rings = sorted((one for one in out if isinstance(one, Ring)), key=lambda one: one.at)
        out = [one for one in out if one is not rings[0]]
        commands = dispatcher.handle(Rang(rings[0].token), rings[0].at)
        ends += sum(isinstance(one, End) for one in commands)
        out += commands
        if dispatcher.ledger.outcomes:
            break
    assert ends == RULES.tries
    assert dispatcher.ledger.outcomes["a"].failed


def test_a_warm_up_that_never_ends_is_given_up() -> None:
    dispatcher = placer("fixed:barn")
    (first,) = prepared(dispatcher.handle(Arrived(Job("a", 3)), 0.0))
    dispatcher.handle(Uploaded(first.attempt, 1.0), 1.0)
    out = dispatcher.handle(Deployed(first.attempt, 15.0), 15.0)
    (ring,) = [one for one in out if isinstance(one, Ring)]
    assert ring.at == 15.0 + RULES.timeout
    assert dispatcher.handle(Rang(("timeout", str(first.attempt), "1")), 20.0) == []
    assert End(first.attempt) in dispatcher.handle(Rang(ring.token), ring.at)


def test_a_runtime_that_breaks_at_work_again_and_again_is_left() -> None:
    dispatcher = placer("fixed:barn")
    commands = dispatcher.handle(Arrived(Job("a", 3)), 0.0)
    seen = []
    while prepared(commands):
        (one,) = prepared(commands)
        seen.append(one.tries)
        dispatcher.handle(Warmed(one.attempt, 1.0), 1.0)
        commands = dispatcher.handle(Crashed(one.attempt, "broke"), 2.0)
    assert seen == [1, 2, 3]
    assert dispatcher.ledger.outcomes["a"].failed == "policy 'fixed' wants none of shed"


def test_a_job_that_comes_while_all_is_down_is_done_when_something_is_back() -> None:
    dispatcher = placer("eft", GPU)
    (first,) = prepared(dispatcher.handle(Arrived(Job("a", 3)), 0.0))
    dispatcher.handle(Crashed(first.attempt, "no"), 1.0)
    dispatcher.handle(Rang(("retry", str(first.attempt))), 1.1)
    dispatcher.handle(Crashed(first.attempt, "no"), 2.0)
    assert dispatcher.health.down("barn")
    assert not prepared(dispatcher.handle(Arrived(Job("b", 3)), 3.0))
    (second,) = prepared(dispatcher.handle(Probed("barn", 1.0), 100.0))
    assert second.job.name == "b"


def test_a_runtime_that_is_down_is_looked_at_by_one_chain_of_probes() -> None:
    dispatcher = placer("fixed:barn")
    (first,) = prepared(dispatcher.handle(Arrived(Job("a", 3)), 0.0))
    dispatcher.handle(Crashed(first.attempt, "no"), 1.0)
    dispatcher.handle(Rang(("retry", str(first.attempt))), 1.1)
    looks = [o for o in dispatcher.handle(Crashed(first.attempt, "no"), 2.0) if _looks(o)]
    assert len(looks) == 1
    # An inquisitor's probe that fails too begins no second one.
    assert not any(_looks(one) for one in dispatcher.handle(Probed("barn", None), 3.0))
    assert dispatcher.handle(Rang(("look", "barn")), 62.0) == [Probe("barn")]
    assert [_looks(one) for one in dispatcher.handle(Probed("barn", None), 63.0)] == [True]


def _looks(command: Command) -> bool:
    return isinstance(command, Ring) and command.token == ("look", "barn")


class Told(Policy):
    """Does what a table says."""

    name = "told"

    def __init__(self, table: Mapping[str, Choice]) -> None:
        self.table = table

    def decide(self, job: Job, view: View) -> Choice:
        return self.table.get("decide", Choice())

    def on_event(self, event: Notice, view: View) -> Choice:
        return self.table.get(f"{type(event).__name__} {getattr(event, 'runtime', '')}", Choice())


def test_a_runtime_that_is_up_can_be_given_back_before_it_is_warm() -> None:
    table = {
        "decide": Choice((Request("shed"), Request("barn"))),
        "Up barn": Choice((Cancel("barn"),)),
    }
    dispatcher = placer(Told(table))
    _, second = prepared(dispatcher.handle(Arrived(Job("a", 3)), 0.0))
    assert End(second.attempt) in dispatcher.handle(Deployed(second.attempt, 4.0), 4.0)
    (usage,) = dispatcher.ledger.usages
    assert (usage.end, usage.held) == ("cancelled", 0.0)


def test_a_job_that_a_policy_wants_nowhere_is_given_up() -> None:
    dispatcher = placer(Told({}))
    dispatcher.handle(Arrived(Job("a", 3)), 0.0)
    assert dispatcher.ledger.outcomes["a"].failed == "policy 'told' wants none of shed, barn"


def test_items_of_a_job_that_cannot_be_divided_are_not_shared() -> None:
    table = {
        "decide": Choice((Request("shed"),)), "Ready shed": Choice((Start("shed", shared=True),)),
    }  # fmt: skip
    dispatcher = placer(Told(table))
    (first,) = prepared(dispatcher.handle(Arrived(Job("a", 3)), 0.0))
    with pytest.raises(UsageError, match="cannot be divided"):
        dispatcher.handle(Warmed(first.attempt, 0.0), 0.0)


def test_items_that_an_attempt_did_before_it_broke_count_and_teach() -> None:
    table = {
        "decide": Choice((Request("shed"), Request("barn"))),
        "Ready shed": Choice((Start("shed", shared=True),)),
        "Ready barn": Choice((Start("barn", shared=True),)),
    }
    dispatcher = placer(Told(table), progress={"barn": 2.0})
    first, second = prepared(dispatcher.handle(Arrived(Job("a", 5, divisible=True)), 0.0))
    dispatcher.handle(Warmed(first.attempt, 0.0), 0.0)
    dispatcher.handle(Warmed(second.attempt, 1.0), 1.0)
    dispatcher.handle(Crashed(second.attempt, "broke"), 9.0)
    shares = {first.attempt: Share(3, 30.0), second.attempt: Share(2, 8.0)}
    dispatcher.handle(Finished("a", shares), 30.0)
    assert {one.runtime: one.items for one in dispatcher.ledger.usages} == {"barn": 2, "shed": 3}
    assert dispatcher.ledger.outcomes["a"].by == ("shed", "barn")
    known = dispatcher.learner.estimates["barn"].stages["processing"]
    assert known.to_document()["experts"][0]["count"] == 1


def test_results_of_an_attempt_that_was_thought_broken_count_all_the_same() -> None:
    dispatcher = placer("fixed:barn")
    (first,) = prepared(dispatcher.handle(Arrived(Job("a", 3)), 0.0))
    dispatcher.handle(Warmed(first.attempt, 1.0), 1.0)
    dispatcher.handle(Crashed(first.attempt, "silent"), 8.0)
    dispatcher.handle(Finished("a", {first.attempt: Share(3, 7.0)}), 8.5)
    assert [one.items for one in dispatcher.ledger.usages] == [3, 0]
    assert dispatcher.ledger.outcomes["a"].by == ("barn",)


class Noting(Policy):
    """Requests the first runtime, and notes how long it would have had to queue there."""

    name = "noting"

    def __init__(self) -> None:
        self.queues: list[float] = []

    def decide(self, job: Job, view: View) -> Choice:
        self.queues.append(view.queue("shed"))
        return Choice((Request("shed"),))

    def on_event(self, event: Notice, view: View) -> Choice:
        return Choice((Start("shed"),)) if isinstance(event, Ready) else Choice()


def test_a_queue_gets_shorter_while_work_that_is_not_divided_goes_on() -> None:
    policy = Noting()
    dispatcher = placer(policy, EDGE)
    (first,) = prepared(dispatcher.handle(Arrived(Job("a", 10)), 0.0))
    dispatcher.handle(Warmed(first.attempt, 0.0), 0.0)
    dispatcher.handle(Finished("a", {first.attempt: Share(10, 100.0)}), 100.0)
    (second,) = prepared(dispatcher.handle(Arrived(Job("b", 10)), 100.0))
    dispatcher.handle(Warmed(second.attempt, 0.0), 100.0)
    dispatcher.handle(Arrived(Job("c", 10)), 130.0)
    dispatcher.handle(Arrived(Job("d", 10)), 150.0)
    nothing, again, third, fourth = policy.queues
    assert (nothing, again) == (0.0, 0.0)
    whole = dispatcher.learner.work(dispatcher.attempts[second.attempt], 10.0, 150.0)
    assert third == pytest.approx(whole - 30.0)
    assert fourth == pytest.approx(2 * whole - 50.0)


def test_whose_turn_it_is_begins_when_another_job_is_done() -> None:
    dispatcher = placer("fixed:shed", EDGE)
    (first,) = prepared(dispatcher.handle(Arrived(Job("a", 3)), 0.0))
    assert not prepared(dispatcher.handle(Arrived(Job("b", 3)), 1.0))
    assert not prepared(dispatcher.handle(Arrived(Job("c", 3)), 2.0))
    dispatcher.handle(Warmed(first.attempt, 0.0), 2.0)
    out = dispatcher.handle(Finished("a", {first.attempt: Share(3, 9.0)}), 9.0)
    assert [one.job.name for one in prepared(out)] == ["b"]


def test_views_know_when_a_runtime_was_up_the_last_time() -> None:
    seen: list[float] = []

    class Looking(Noting):
        def on_event(self, event: Notice, view: View) -> Choice:
            seen.append(view.unseen("barn"))
            return Choice()

        def decide(self, job: Job, view: View) -> Choice:
            seen.append(view.unseen("barn"))
            return Choice((Request("barn"),))

    dispatcher = placer(Looking())
    (first,) = prepared(dispatcher.handle(Arrived(Job("a", 3)), 0.0))
    dispatcher.handle(Deployed(first.attempt, 4.0), 4.0)
    dispatcher.handle(Arrived(Job("b", 3)), 50.0)
    assert seen == [float("inf"), 0.0, 46.0]
