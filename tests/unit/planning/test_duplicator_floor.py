"""What a choice at the start of the work can be worth at best in the worlds that are drawn."""

from __future__ import annotations

from math import erf, exp, sqrt

import numpy as np
import pytest

from lamina.benchmark.placement.suite import REGIMES, WORKLOADS, Cell
from lamina.planning.simulation.generator import CLOUD, CONGESTED, CONGESTION, LEVELS, OWN
from lamina.planning.simulation.laws import KINDS, TYPICAL, stream, wandering
from lamina.planning.simulation.laws import REGIMES as LAWS


def below(score: np.ndarray) -> np.ndarray:
    """Probability of a normal score to be lower."""
    return np.array([0.5 * (1.0 + erf(one / sqrt(2.0))) for one in score])


def best(cell: Cell, seed: int) -> float:
    """Part of right choices between edge and gpu1, each made when gpu1 is ready, by one who knows
    what the edge still needs, and of gpu1 the law of its work and how slow it and the cloud were
    at the batch before; not the luck of this one, nor whether it is congested."""
    world, law, kind = cell.world(seed), LAWS[cell.regime], KINDS["gpu1"]
    count, keep = len(world.jobs), exp(-1.0 / LEVELS)
    items = np.array([job.items for job in world.jobs], dtype=np.float64)
    edge, works, readies = [], [], []
    for place, job in enumerate(world.jobs):
        draw = world.draw(place, "gpu1", 1, job.ready)
        works.append(draw.start + draw.item * job.items + draw.fetch)
        readies.append(draw.total(job.items) - works[-1])
        edge.append(world.draw(place, "edge", 1, job.ready).total(job.items))
    left = np.array(edge) - np.array(readies)
    line = kind.start + kind.item * items
    width = law.spread * kind.spread * np.sqrt(line / (kind.start + kind.item * TYPICAL))
    cloud = sqrt(CLOUD) * wandering(stream(seed, "level"), count, LEVELS)
    own = sqrt(OWN) * wandering(stream(seed, "gpu1", "levels"), count, LEVELS)
    known = keep * np.concatenate([[0.0], (cloud + own)[:-1]])
    luck = width * sqrt(1.0 - (CLOUD + OWN) * keep * keep)

    def faster(within: np.ndarray) -> np.ndarray:
        return below((within - line - width * known) / luck)

    rare = law.congested * CONGESTED
    likely = (1.0 - rare) * faster(left) + rare * faster(left / CONGESTION)
    right = (np.array(works) <= left) == (likely > 0.5)
    return float(np.mean(right | (left <= 0.0)))


@pytest.mark.parametrize(("clock", "reached"), [("ours", 0.973), ("paper", 0.965)])
def test_nobody_who_chooses_at_the_start_of_the_work_is_right_in_975_of_1000(
    clock: str, reached: float
) -> None:
    found = [
        best(Cell(workload, regime, False, clock=clock), seed)
        for workload in WORKLOADS
        for regime in REGIMES
        for seed in range(1000, 1030)
    ]
    assert float(np.mean(found)) == pytest.approx(reached, abs=0.001)
    assert float(np.mean(found)) < 0.975
