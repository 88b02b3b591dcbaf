"""Mean and deviation of a long list: scatter over parts, gather the sums."""

from __future__ import annotations

import math
from typing import NamedTuple

from lamina import run
from lamina.workflow import Workflow, named, task, workflow


class Sums(NamedTuple):
    """Count, sum, and sum of squares of some numbers."""

    count: int
    total: float
    squares: float


class Summary(NamedTuple):
    """Mean and standard deviation (of the population)."""

    mean: float
    deviation: float


@task
def sums(numbers: list[float]) -> Sums:
    """The sums of one part."""
    return Sums(len(numbers), math.fsum(numbers), math.fsum(x * x for x in numbers))


@task
def combine(counts: list[int], totals: list[float], squares: list[float]) -> Summary:
    """Gather: mean and deviation from the sums of all parts."""
    count = sum(counts)
    mean = math.fsum(totals) / count
    return Summary(mean, math.sqrt(max(math.fsum(squares) / count - mean * mean, 0.0)))


def scatter_mean() -> Workflow:
    """The same workflow as scatter-mean.yaml."""
    with workflow("scatter-mean") as w:
        numbers = w.input("numbers", "list[float]", default=[1, 2, 3, 4, 5, 6, 7, 8])
        parts = w.input("parts", "int", default=4)
        part = sums.map(named("split")(items=numbers, parts=parts))
        found = combine(part.count, part.total, part.squares)
        w.output("mean", found.mean)
        w.output("deviation", found.deviation)
    return w.workflow


if __name__ == "__main__":
    print(run(scatter_mean()).outputs)  # noqa: T201
