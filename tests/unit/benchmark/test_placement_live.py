"""Placing for real beside its simulation: the same jobs and draws, few of them."""

from __future__ import annotations

from dataclasses import replace
from math import inf
from typing import Any

import pytest

from lamina.benchmark.placement.live_sheets import live_bars, live_sheet
from lamina.benchmark.placement_live import (
    LIMITS,
    SCALE,
    compared,
    equal_decisions,
    world_of,
)
from lamina.planning.placement.ledger import Decision, Ledger
from lamina.planning.placement.words import Cancel, Choice, Request, Start, Wait


def ledger(*choices: tuple[str, tuple[Request | Start | Cancel | Wait, ...]]) -> Ledger:
    return Ledger([Decision(0.0, "a", event, "", Choice(what), 0.0) for event, what in choices])


def test_decisions_are_equal_whatever_the_seconds_to_wait() -> None:
    one = ledger(("arrived", (Request("edge"), Wait(1.0))), ("ready", (Start("edge"),)))
    other = ledger(("arrived", (Request("edge"), Wait(2.0))), ("ready", (Start("edge"),)))
    assert equal_decisions(one, other) == equal_decisions(one, other, moments=True) == 1.0


def test_another_runtime_is_another_decision() -> None:
    one = ledger(("arrived", (Request("edge"), Request("gpu1"))))
    other = ledger(("arrived", (Request("edge"), Request("gpu2"))))
    assert equal_decisions(one, other) == 0.5


def test_what_was_asked_for_at_another_moment_is_unequal_where_moments_count() -> None:
    one = ledger(("arrived", (Request("a"),)), ("up", (Cancel("a"),)))
    other = ledger(("arrived", (Request("a"),)), ("ready", (Cancel("a"),)))
    assert equal_decisions(one, other) == 1.0
    assert equal_decisions(one, other, moments=True) == 0.5


def test_a_decision_too_many_counts_against_it() -> None:
    one = ledger(("arrived", (Request("edge"),)))
    other = ledger(("arrived", (Request("edge"), Request("gpu1"))))
    assert equal_decisions(one, other) == equal_decisions(other, one) == 0.5


def test_worlds_have_faults_of_every_kind_and_none_on_the_local_pool() -> None:
    world = world_of(200, seed=1)
    draws = {
        name: [world.draw(place, name, 1, job.ready) for place, job in enumerate(world.jobs)]
        for name in world.runtimes
    }
    assert all(draw.breaks == inf for draw in draws["edge"])
    broken = [place for place, draw in enumerate(draws["gpu1"]) if draw.breaks < inf]
    assert {world.fault(place) for place in broken} == {"kill", "hang", "cut"}
    silent = [draws["gpu1"][p] for p in broken if world.fault(p) != "kill"]
    assert all(draw.silent <= draw.breaks - LIMITS.answer * SCALE * 0.9 for draw in silent)


def test_who_is_sent_to_a_runtime_again_does_not_meet_the_same_fault() -> None:
    world = world_of(200, seed=1)
    place, job = next(
        (place, job)
        for place, job in enumerate(world.jobs)
        if world.draw(place, "gpu1", 1, job.ready).breaks < inf
    )
    assert world.draw(place, "gpu1", 1, job.ready + 100.0).breaks == inf


@pytest.mark.slow
def test_a_few_jobs_take_for_real_what_they_take_when_they_are_simulated() -> None:
    found = compared("share", world_of(16, seed=3))
    assert (found.lost, found.doubled, found.tasks) == (0, 0, 16)
    assert found.live == pytest.approx(found.simulated, rel=0.15)
    assert found.equal > 0.85
    assert replace(found, live=0.0).to_json()["ratio"] == 0.0


def told(**changes: Any) -> dict[str, Any]:
    """A document with figures of placing for real."""
    one = {
        "tasks": 600, "ratio": 1.01, "equal": 0.99, "same_moment": 0.98, "lost": 0, "doubled": 0,
        "repeated": 3, "faults": {"kill": 4},
    }  # fmt: skip
    other = {**one, "ratio": 0.97, "faults": {"kill": 1, "cut": 2}}
    live = {
        "policies": {"share": one, "eft": other}, "tasks": 1200, "equal": 0.98,
        "same_moment": 0.97, "lost": 0, "doubled": 0,
    }  # fmt: skip
    return {"live": {**live, **changes}}


def test_the_bars_take_the_worst_policy_and_all_faults() -> None:
    off, equal, lost = live_bars(told())
    assert off.value == pytest.approx(0.03)
    assert off.note == "1200 tasks; cut: 2, kill: 5"
    assert (equal.value, lost.value) == (0.98, 0.0)
    assert [bar.reached for bar in (off, equal, lost)] == [True, True, True]


def test_lost_items_and_too_few_tasks_miss_the_bar() -> None:
    assert list(live_bars(told(doubled=1)))[2].reached is False
    few = list(live_bars(told(tasks=24)))
    assert few[2].value is None and few[2].reached is not True
    assert [bar.value for bar in live_bars({})] == [None, None, None]


def test_a_short_run_has_a_verdict_on_its_own_lost_items() -> None:
    assert len(list(live_bars(told()))) == 3
    for doubled, good in ((0, True), (2, False)):
        last = list(live_bars(told(tasks=24, doubled=doubled)))[3]
        assert last.name.endswith("in the 24 tasks of this run")
        assert (last.value, last.reached) == (float(doubled), good)


def test_the_table_has_a_row_for_each_policy() -> None:
    assert [row[0] for row in live_sheet(told()).rows] == ["share", "eft"]
