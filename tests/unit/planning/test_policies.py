"""What each placement policy does, seen in views that are made by hand."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

import numpy as np
import pytest

from lamina.errors import UsageError
from lamina.estimates.stages import Load, RuntimeEstimates
from lamina.planning.placement.view import Attempt, More, View, Weights
from lamina.planning.placement.words import (
    Cancel,
    Choice,
    Failed,
    Job,
    Ready,
    Request,
    Runtime,
    Start,
    Tick,
    Up,
    Wait,
)
from lamina.planning.policies import POLICIES, made

RUNTIMES = {
    "shed": Runtime("shed", standby=True, capacity=1),
    "barn": Runtime("barn", devices=1, price=1.0, power=250.0),
    "hall": Runtime("hall", devices=2, price=2.0, power=500.0),
}
TIMES = {"shed": (2.0, 1.5), "barn": (25.0, 0.25), "hall": (22.0, 0.15)}
"""Seconds before the first item, and of each."""


def learnt(name: str, deploy: float = 10.0) -> RuntimeEstimates:
    """What thirty regular runs tell."""
    stages = ["processing"] if name == "shed" else ["deployment", "warm", "processing"]
    made_of = RuntimeEstimates.usual(*stages)
    start, item = TIMES[name]
    for number in range(30):
        size = float(5 + 10 * number)
        wobble = 1.0 + 0.01 * (number % 3 - 1)
        seconds = {"deployment": deploy * wobble, "warm": 20.0 * wobble}
        seconds["processing"] = (start + item * size) * wobble
        for stage in stages:
            made_of.update(stage, Load(size), seconds[stage])
    return made_of


KNOWN = {name: learnt(name) for name in RUNTIMES}


def view(
    items: int = 100,
    now: float = 0.0,
    divisible: bool = True,
    attempts: Mapping[str, Attempt] | None = None,
    **more: object,
) -> View:
    """A moment of a job that came at 0."""
    job = Job("batch", items, divisible=divisible)
    known = More(
        KNOWN, np.random.default_rng(0), Weights(), lambda runtime: 0.0, dict,
        seen=dict.fromkeys(RUNTIMES, now),
    )  # fmt: skip
    runtimes = {name: RUNTIMES[name] for name in TIMES}
    usable = tuple(str(name) for name in more.pop("usable", runtimes))  # type: ignore[attr-defined]
    return View(now, job, runtimes, usable, attempts or {}, replace(known, **more))  # type: ignore[arg-type]


def attempt(runtime: str, state: str, at: float = 0.0, shared: bool = True) -> Attempt:
    """What a job has on a runtime since 0; in a state since `at`."""
    one = Attempt(1, Job("batch", 1), runtime, 0.0, 1, 0.0, shared=shared)
    if state in {"up", "ready", "running"}:
        one.deployed, one.uploaded = at, True
    if state in {"ready", "running"}:
        one.warm = at
    if state == "running":
        one.started = at
    return one


def asked(choice: Choice) -> list[str]:
    return [one.runtime for one in choice.actions if isinstance(one, Request)]


def test_share_asks_nobody_where_the_edge_is_done_before_they_could_help() -> None:
    moment = view(items=10)
    choice = made("share").decide(moment.job, moment)
    assert asked(choice) == ["shed"]
    assert choice.why.startswith("shed: done in 17.")


def test_share_looks_again_when_a_job_is_late() -> None:
    moment = view(items=10)
    (wait,) = [o for o in made("share").decide(moment.job, moment).actions if isinstance(o, Wait)]
    assert 20.0 < wait.seconds < 40.0
    running = {"shed": attempt("shed", "running")}
    late = view(items=100, now=wait.seconds, attempts=running)
    assert asked(made("share").on_event(Tick(), late)) == ["hall"]


def test_share_asks_for_accelerators_that_help_and_the_edge_first() -> None:
    moment = view(items=400)
    choice = made("share").decide(moment.job, moment)
    assert asked(choice)[0] == "shed"
    assert set(asked(choice)) == {"shed", "barn", "hall"}


def test_share_keeps_the_first_that_is_up_and_gives_back_one_that_is_not_worth_it() -> None:
    attempts = {"shed": attempt("shed", "running"), "barn": attempt("barn", "ready", 30.0)}
    attempts["hall"] = attempt("hall", "up", 31.0)
    moment = view(items=60, now=31.0, attempts=attempts, progress=lambda: {"shed": 19.0})
    choice = made("share").on_event(Up("hall"), moment)
    assert choice.actions == (Cancel("hall"),)
    big = view(items=2000, now=31.0, attempts=attempts, progress=lambda: {"shed": 19.0})
    assert made("share").on_event(Up("hall"), big).actions == ()


def test_share_gives_an_accelerator_back_when_the_edge_is_nearly_done() -> None:
    attempts = {"shed": attempt("shed", "running"), "barn": attempt("barn", "ready", 55.0)}
    moment = view(items=40, now=55.0, attempts=attempts, progress=lambda: {"shed": 35.0})
    choice = made("share").on_event(Ready("barn"), moment)
    assert choice.actions == (Cancel("barn"),)


def test_share_starts_what_is_ready_and_shares_only_what_can_be_divided() -> None:
    attempts = {"shed": attempt("shed", "running"), "barn": attempt("barn", "ready", 30.0)}
    moment = view(items=300, now=30.0, attempts=attempts, progress=lambda: {"shed": 18.0})
    assert Start("barn", shared=True) in made("share").on_event(Ready("barn"), moment).actions
    whole = {name: replace(one, shared=False) for name, one in attempts.items()}
    same = view(items=300, now=30.0, divisible=False, attempts=whole)
    hedged, shared = (made(n).on_event(Ready("barn"), same) for n in ("hedge", "share"))
    assert hedged == shared
    assert Start("barn") in hedged.actions


def test_a_race_gives_up_the_place_of_who_cannot_win_it() -> None:
    attempts = {
        "shed": attempt("shed", "running", 0.0, shared=False),
        "barn": attempt("barn", "ready", 40.0, shared=False),
    }
    far = view(items=400, now=40.0, divisible=False, attempts=attempts)
    choice = made("hedge").on_event(Ready("barn"), far)
    assert choice.actions == (Start("barn"), Cancel("shed"))
    close = view(items=54, now=40.0, divisible=False, attempts=attempts)
    assert made("hedge").on_event(Ready("barn"), close).actions == (Start("barn"),)


def test_share_asks_others_when_one_failed() -> None:
    attempts = {"shed": attempt("shed", "running")}
    moment = view(
        items=400, now=20.0, attempts=attempts, usable=("shed", "hall"),
        progress=lambda: {"shed": 12.0},
    )  # fmt: skip
    assert asked(made("share").on_event(Failed("barn", final=True), moment)) == ["hall"]


def test_share_asks_again_for_what_was_not_seen_for_an_hour_where_it_might_help() -> None:
    slow = {**KNOWN, "barn": learnt("barn", deploy=400.0)}
    for number in range(60):
        seconds = 400.0 if number % 15 else 20.0
        slow["barn"].update("deployment", Load(), seconds + number % 7)
    fresh = view(items=42, usable=("shed", "barn"), estimates=slow)
    assert asked(made("share").decide(fresh.job, fresh)) == ["shed"]
    stale = view(items=42, usable=("shed", "barn"), estimates=slow, seen={})
    assert asked(made("share").decide(stale.job, stale)) == ["shed", "barn"]
    small = view(items=8, usable=("shed", "barn"), estimates=slow, seen={})
    assert asked(made("share").decide(small.job, small)) == ["shed"]


def test_money_and_energy_keep_accelerators_away() -> None:
    dear = Weights(price=3.0, energy=0.01)
    for name in ("share", "hedge", "eft", "risk"):
        moment = view(items=60, weights=dear, divisible=name != "hedge")
        assert asked(made(name).decide(moment.job, moment)) == ["shed"], name


def test_helpers_that_are_named_are_the_only_ones() -> None:
    moment = view(items=400)
    assert asked(made("share:hall").decide(moment.job, moment)) == ["shed", "hall"]
    assert asked(made("hedge:barn").decide(moment.job, moment)) == ["shed", "barn"]
    assert set(asked(made("share:barn+hall").decide(moment.job, moment))) == set(RUNTIMES)


def test_what_nothing_is_known_of_is_tried() -> None:
    unknown = {
        name: RuntimeEstimates.usual("processing", "deployment") if name == "barn" else one
        for name, one in KNOWN.items()
    }
    moment = view(items=10, estimates=unknown)
    choice = made("share").decide(moment.job, moment)
    assert asked(choice) == ["shed", "barn"]
    assert "nothing is known yet of barn" in choice.why
    for name in ("eft", "risk:p-best"):
        assert asked(made(name).decide(moment.job, moment)) == ["barn"]


def test_the_duplicator_starts_the_edge_and_deploys_at_once() -> None:
    moment = view(items=4)
    policy = made("stoic-duplicator")
    assert asked(policy.decide(moment.job, moment)) == ["shed", "hall"]
    both = {"shed": attempt("shed", "ready"), "barn": attempt("barn", "preparing")}
    ready = view(items=4, attempts=both)
    assert policy.on_event(Ready("shed"), ready).actions == (Start("shed"),)
    assert asked(made("stoic-duplicator:barn").decide(moment.job, moment)) == ["shed", "barn"]


def test_the_duplicator_compares_what_is_left_at_the_edge() -> None:
    policy = made("stoic-duplicator")
    attempts = {
        "shed": attempt("shed", "running", 0.0, shared=False),
        "barn": attempt("barn", "ready", 40.0, shared=False),
    }
    more = view(items=60, now=40.0, attempts=attempts)  # 52 s are left, against 40 s
    assert policy.on_event(Ready("barn"), more).actions == (Start("barn"),)
    fewer = view(items=50, now=40.0, attempts=attempts)  # 37 s are left, against 37.5 s
    assert policy.on_event(Ready("barn"), fewer).actions == (Cancel("barn"),)


def test_the_duplicator_with_nothing_standing_ready_takes_the_fastest() -> None:
    moment = view(items=400, usable=("barn", "hall"))
    policy = made("stoic-duplicator")
    assert asked(policy.decide(moment.job, moment)) == ["hall"]
    alone = view(items=400, attempts={"hall": attempt("hall", "ready", 3.0)})
    assert policy.on_event(Ready("hall"), alone).actions == (Start("hall"),)


def test_chance_is_logged_and_comes_from_the_source_that_is_handed_in() -> None:
    moment = view(usable=("shed", "hall"))
    drawn = [made("random").decide(moment.job, moment) for _ in range(40)]
    assert {asked(one)[0] for one in drawn} == {"shed", "hall"}
    assert all(one.chances == {"shed": 0.5, "hall": 0.5} for one in drawn)


def test_risk_takes_the_runtime_that_keeps_the_deadline() -> None:
    wide = {**KNOWN, "barn": learnt("barn")}
    for number in range(60):
        wide["barn"].update("deployment", Load(), 1.0 if number % 4 else 300.0)
    moment = view(items=60, usable=("shed", "barn"), estimates=wide)
    picks = {
        setting: asked(made(f"risk:{setting}").decide(moment.job, moment))
        for setting in ("p-best", "cvar=0.9", "deadline=80", "deadline=110")
    }
    assert picks == {
        "p-best": ["barn"], "cvar=0.9": ["shed"], "deadline=80": ["barn"], "deadline=110": ["shed"],
    }  # fmt: skip


@pytest.mark.parametrize(
    "text", ["risk:cvar=1", "risk:often", "risk:p-best=3", "risk:deadline=-4", "share:+", "fixed",
             "stoic-duplicator:a++b", "eft:now"],
)  # fmt: skip
def test_settings_that_do_not_fit_are_refused(text: str) -> None:
    with pytest.raises(UsageError):
        made(text)


def test_the_oracle_wants_a_simulation() -> None:
    moment = view()
    with pytest.raises(UsageError, match="outside of a simulation"):
        made("oracle").decide(moment.job, moment)


def test_every_policy_says_what_it_does_in_a_line() -> None:
    for name in POLICIES.names():
        policy = POLICIES.get(name)
        assert policy.name == name
        assert policy.about
        assert "\n" not in policy.about
