"""Counting primes: work that grows with its numbers, and that can be done apart."""

from __future__ import annotations

from pathlib import Path

from lamina import run
from lamina.workflow import Workflow, task, workflow

LIMITS = [20_000, 40_000, 60_000, 80_000, 100_000, 120_000, 140_000, 160_000]


@task(placement={"items": "limits"})
def count(limits: list[int]) -> list[int]:
    """How many primes there are below each number."""
    return [sum(map(is_prime, range(limit))) for limit in limits]


@task(placement="auto")
def growth(limits: list[int], counts: list[int]) -> list[float]:
    """How dense they are."""
    return [round(found / limit, 4) for limit, found in zip(limits, counts, strict=True)]


def is_prime(number: int) -> bool:
    """Tries what may divide it."""
    if number < 4 or number % 2 == 0:
        return number in (2, 3)
    return all(number % by for by in range(3, int(number**0.5) + 1, 2))


def primes() -> Workflow:
    """The same workflow as primes.yaml."""
    with workflow("primes", folder=Path(__file__).parent) as w:
        limits = w.input("limits", "list[int]", default=LIMITS)
        w.output("density", growth(limits, count(limits)))
    return w.workflow


if __name__ == "__main__":
    profile = str(Path(__file__).parent / "profile.yaml")
    print(run(primes(), profile=profile)["density"])  # noqa: T201
