"""Placing for real beside its simulation: the same jobs and draws, few of them."""

from __future__ import annotations

from dataclasses import replace
from math import inf

import pytest

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


@pytest.mark.slow
def test_a_few_jobs_take_for_real_what_they_take_when_they_are_simulated() -> None:
    found = compared("share", world_of(16, seed=3))
    assert (found.lost, found.doubled, found.tasks) == (0, 0, 16)
    assert found.live == pytest.approx(found.simulated, rel=0.15)
    assert found.equal > 0.85
    assert replace(found, live=0.0).to_json()["ratio"] == 0.0
