"""Adaptive quadrature: a task whose estimate is not good enough has two halves take its place."""

from __future__ import annotations

import math
from pathlib import Path

from lamina import run
from lamina.workflow import Builder, Workflow, expand, task, workflow


def height(x: float) -> float:
    """The curve: flat in most places, steep in one."""
    return math.exp(-40.0 * (x - 1.0) ** 2)


def simpson(low: float, high: float) -> float:
    """Simpson's rule with one parabola."""
    middle = (low + high) / 2
    return (high - low) / 6 * (height(low) + 4 * height(middle) + height(high))


@task
def add(left: float, right: float) -> float:
    """The area of both halves."""
    return left + right


@task
def integral(low: float, high: float, tolerance: float) -> float:
    """The area below the curve: a number, or a workflow that finds it in two halves."""
    middle = (low + high) / 2
    halves = simpson(low, middle) + simpson(middle, high)
    if abs(halves - simpson(low, high)) < 15 * tolerance and high - low <= 1:
        return halves
    area: float = expand(both(), low=low, middle=middle, high=high, tolerance=tolerance / 2)
    return area


def both() -> Builder:
    """The two halves of an interval, and their sum."""
    with workflow("both") as w:
        low, middle, high = (w.input(name, "float") for name in ("low", "middle", "high"))
        tolerance = w.input("tolerance", "float")
        left = integral.named("left")(low, middle, tolerance)
        right = integral.named("right")(middle, high, tolerance)
        w.output("area", add(left, right))
    return w


def adaptive_integral() -> Workflow:
    """The same workflow as adaptive-integral.yaml."""
    with workflow("adaptive-integral", folder=Path(__file__).parent) as w:
        low = w.input("low", "float", default=0)
        high = w.input("high", "float", default=4)
        tolerance = w.input("tolerance", "float", default=0.001)
        w.output("area", integral(low, high, tolerance))
    return w.workflow


if __name__ == "__main__":
    print(run(adaptive_integral()).outputs["area"])  # noqa: T201
