"""What runtimes make of a job together, against each course computed by itself."""

from __future__ import annotations

from itertools import pairwise

import numpy as np
import pytest

from lamina.planning.policies.together import (
    COURSES,
    EXCHANGE,
    WASTE,
    Hand,
    Way,
    pick,
    raced,
    shared,
)


def hands(count: int, seed: int) -> list[Hand]:
    source = np.random.default_rng(seed)
    found = []
    for number in range(count):
        held = source.uniform(0.0, 60.0, COURSES)
        rows = np.empty((6, COURSES))
        rows[0], rows[1] = held, held + source.uniform(-40.0, 30.0, COURSES)
        rows[2] = source.uniform(0.1, 2.0, COURSES)
        rows[3], rows[4], rows[5] = source.uniform(0.0, 5.0), 0.1 * number, 0.01 * number
        found.append(Hand(f"runtime-{number}", rows))
    return found


def done_by(team: list[Hand], left: float, course: int) -> float:
    """When those who take items have done as many as there are, from one beginning to the next."""
    order = sorted((float(hand.rows[1, course]), 1 / float(hand.rows[2, course])) for hand in team)
    did = rate = 0.0
    for (begun, own), (following, _) in pairwise([*order, (np.inf, 0.0)]):
        rate += own
        if did + rate * (following - begun) >= left:
            return begun + (left - did) / rate
        did += rate * (following - begun)
    raise AssertionError("somebody always works on")


@pytest.mark.parametrize("count", [1, 2, 3, 4, 6])
def test_sharing_ends_when_all_items_are_done(count: int) -> None:
    *working, one, other = hands(count + 1, count)
    left = 70.0
    over, price = shared.joined(working, [one, other], left)
    for row, joined in enumerate((one, other)):
        team = [*working, joined]
        for course in range(COURSES):
            ends = done_by(team, left, course)
            held, first, item, fetch, scarce, dear = (
                np.array([hand.rows[place, course] for hand in team]) for place in range(6)
            )
            ends += float(max(fetch * np.maximum(ends - first, 0.0) / item / left))
            assert over[row, course] == pytest.approx(ends, rel=1e-12)
            costs = (scarce + dear) * np.maximum(ends - held, 0.0)
            assert price[row, course] == pytest.approx(float(costs.sum()), rel=1e-12, abs=1e-12)


@pytest.mark.parametrize("count", [1, 2, 4])
def test_a_race_is_over_when_the_first_one_is_and_costs_what_the_others_held(count: int) -> None:
    *working, one, other = hands(count + 1, 10 + count)
    over, price = raced.joined(working, [one, other], 70.0)
    for row, joined in enumerate((one, other)):
        team = [*working, joined]
        ends = np.array([hand.alone(70.0) for hand in team])
        assert over[row] == pytest.approx(ends.min(axis=0), rel=1e-12)
        costs = np.zeros(COURSES)
        for end, hand in zip(ends, team, strict=True):
            each = np.where(end > over[row], hand.rows[4] * WASTE / EXCHANGE, 0.0) + hand.dear
            costs += each * np.maximum(over[row] - hand.rows[0], 0.0)
        assert price[row] == pytest.approx(costs, rel=1e-12, abs=1e-12)


@pytest.mark.parametrize("way", [shared, raced])
def test_whoever_is_not_picked_would_make_it_no_better(way: Way) -> None:
    given, *others = hands(5, 3)
    for left in (5.0, 60.0, 400.0):
        found = pick([given], {one.runtime: one for one in others}, left, way)
        team = [given, *(one for one in others if one.runtime in found.chosen)]
        over, price = way(team, left)
        assert found.over == pytest.approx(float(over.mean()))
        for one in others:
            if one not in team:
                with_it, cost = way([*team, one], left)
                assert (with_it + cost).mean() >= (over + price).mean()
                saved = np.maximum(over + price - with_it - cost, 0.0)
                assert found.hopes[one.runtime] == pytest.approx(float(saved.mean()))
