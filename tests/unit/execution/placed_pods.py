"""Pods for tests: real processes that serve `placed_functions`, and ways to see them end."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

from lamina.execution.placing.children import Child, Recipe, start
from lamina.execution.placing.items import Item
from lamina.execution.placing.pods import Limits, Pod

FUNCTIONS = Path(__file__).with_name("placed_functions.py")
LIMITS = Limits(answer=5.0, lease=20.0, start=30.0, warm=20.0)


def recipe(folder: Path, name: str = "work", limits: Limits = LIMITS) -> Recipe:
    """How a pod is started."""
    return Recipe(f"{FUNCTIONS}:{name}", folder, folder / "pods", {}, limits)


@contextmanager
def a_pod(folder: Path, name: str = "work", **limits: float) -> Iterator[Child]:
    """A pod of our own while the block lasts."""
    child = start(recipe(folder, name, replace(LIMITS, **limits)), threading.Event())
    try:
        yield child
    finally:
        child.end()


def values(*given: Any) -> list[dict[str, Any]]:
    """Items as pods are told of them."""
    return [Item(str(one), value=one).sent("") for one in given]


def all_results(pod: Pod, key: str) -> list[dict[str, Any]]:
    """Results of a work, once none is waited for."""
    found: list[dict[str, Any]] = []
    until = time.monotonic() + 20.0
    while time.monotonic() < until:
        answer = pod.results(key, len(found), 1.0)
        found += answer.results
        if not answer.waiting:
            return found
    raise AssertionError("the work did not end")


def soon(true: Callable[[], bool], within: float = 10.0) -> bool:
    """Whether something becomes true."""
    until = time.monotonic() + within
    while not true() and time.monotonic() < until:
        time.sleep(0.02)
    return true()
