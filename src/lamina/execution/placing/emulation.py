"""The function of emulated pods: it takes the time that it is told, and returns the items."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Iterator, Mapping
from functools import cache
from pathlib import Path
from typing import Any

from lamina.execution.functions import function_of
from lamina.execution.placing.calling import warm_of
from lamina.workflow.actions.python import PythonAction

Given = Mapping[str, Any]

_BEGUN: dict[str, list[float]] = {}
"""Mark of an attempt -> when its work began, and how many items it has done."""


def warm(
    warmth: float = 0.0, scale: float = 1.0, of: str = "", given: Given | None = None, **rest: Any
) -> None:
    """Takes the seconds of a warm-up, in which a function gets warm that is called; forgets
    attempts before this one."""
    del rest
    began = time.monotonic()
    _BEGUN.clear()
    own = warm_of(_function(of)) if of else None
    if own is not None:
        own(**(given or {}))
    time.sleep(max(warmth / scale - (time.monotonic() - began), 0.0))


def work(  # noqa: PLR0913 - the arguments of a served function stand in one mapping
    items: list[Any],
    mark: str,
    start: float,
    item: float,
    scale: float = 1.0,
    *,
    warmth: float = 0.0,
    of: str = "",
    given: Given | None = None,
) -> Iterator[Any]:
    """Each item ends at its time from the beginning of the attempt, however the items came.

    Args:
        items: are returned as they are, unless a function is called.
        mark: of the attempt.
        start, item: seconds before the first item, and of each.
        scale: of these seconds in a second of this machine.
        warmth: for `warm`.
        of: a function that does the work; it takes that time at least.
        given: arguments of this function.
    """
    del warmth
    state = _BEGUN.setdefault(mark, [time.monotonic(), 0.0])
    found: Iterable[Any] = _function(of)(items, **(given or {})) if of else map(_itself, items)
    for one in found:
        state[1] += 1.0
        due = state[0] + (start + item * state[1]) / scale
        left = due - time.monotonic()
        if left > 0:
            time.sleep(left)
        yield one


def _itself(item: Any) -> Any:
    return item[0] if isinstance(item, list) else str(item)


@cache
def _function(name: str) -> Callable[..., Any]:
    return function_of(PythonAction(name, Path.cwd()))


def timed(items: list[Any], scale: float = 1.0) -> Iterator[Any]:
    """Items that say themselves how long they take: [id, mark, start, item]; see `work`."""
    for one in items:
        _, mark, start, item = one
        for _ in work([one], str(mark), float(start), float(item), scale):
            yield one[0]
