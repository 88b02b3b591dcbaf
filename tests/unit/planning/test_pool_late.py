"""Items of jobs that come late in a long run: times are known less exactly there."""

from __future__ import annotations

from math import inf

import numpy as np
import pytest

from lamina.planning.simulation.pool import Pool, Worker


@pytest.mark.parametrize("begin", [0.0, 1e5, 3e7, 1e9])
def test_all_items_are_done_when_they_are_said_to_be(begin: float) -> None:
    source = np.random.default_rng(0)
    for _ in range(300):
        first, second = begin + source.uniform(0.0, 100.0, 2)
        items = int(source.integers(1, 60))
        pool = Pool(items)
        pool.workers[1] = Worker("near", begin, first, source.uniform(0.1, 2.0), 0.0, True)
        if source.random() < 0.5:
            pool.workers[2] = Worker("far", begin, second, source.uniform(0.1, 2.0), 0.0, True)
        shares = pool.shares(pool.over())
        assert sum(share.items for share in shares.values()) >= items


def test_who_falls_silent_does_nothing_more_though_nobody_ended_it() -> None:
    pool = Pool(10)
    pool.workers[1] = Worker("near", 0.0, 0.0, 1.0, 0.0, True)
    pool.workers[2] = Worker("far", 0.0, 0.0, 1.0, 0.0, True, silent=2.5)
    assert pool.over() == 8.0
    assert {number: share.items for number, share in pool.shares(8.0).items()} == {1: 8, 2: 2}


def test_who_falls_silent_alone_ends_nothing() -> None:
    pool = Pool(10)
    pool.workers[1] = Worker("far", 0.0, 0.0, 1.0, 0.0, False, silent=2.5)
    assert pool.over() == inf
    pool.workers[2] = Worker("far", 0.0, 0.0, 1.0, 0.0, True, silent=2.5)
    assert pool.over() == inf
