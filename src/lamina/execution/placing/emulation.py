"""The function of emulated pods: it takes the time that it is told, and returns the items."""

from __future__ import annotations

import time
from collections.abc import Iterator
from typing import Any

_BEGUN: dict[str, list[float]] = {}
"""Mark of an attempt -> when its work began, and how many items it has done."""


def warm(warmth: float = 0.0, scale: float = 1.0, **rest: Any) -> None:
    """Takes the seconds of a warm-up; forgets attempts before this one."""
    del rest
    _BEGUN.clear()
    time.sleep(warmth / scale)


def work(
    items: list[Any], mark: str, start: float, item: float, scale: float = 1.0, warmth: float = 0.0
) -> Iterator[Any]:
    """Each item ends at its time from the beginning of the attempt, however the items came.

    Args:
        items: are returned as they are.
        mark: of the attempt.
        start, item: seconds before the first item, and of each.
        scale: of these seconds in a second of this machine.
        warmth: for `warm`.
    """
    del warmth
    state = _BEGUN.setdefault(mark, [time.monotonic(), 0.0])
    for one in items:
        state[1] += 1.0
        due = state[0] + (start + item * state[1]) / scale
        left = due - time.monotonic()
        if left > 0:
            time.sleep(left)
        yield one[0] if isinstance(one, list) else str(one)


def timed(items: list[Any], scale: float = 1.0) -> Iterator[Any]:
    """Items that say themselves how long they take: [id, mark, start, item]; see `work`."""
    for one in items:
        _, mark, start, item = one
        for _ in work([one], str(mark), float(start), float(item), scale):
            yield one[0]
