"""Who is being served on each runtime, who waits there, and for how long."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Mapping

from lamina.planning.placement.view import Attempt
from lamina.planning.placement.words import Runtime


class Lines:
    """A line before each runtime; as many are served at once as it has capacity.

    Args:
        runtimes: name -> runtime.
    """

    def __init__(self, runtimes: Mapping[str, Runtime]) -> None:
        self._capacity = {name: one.capacity for name, one in runtimes.items()}
        self._busy: dict[str, dict[int, Attempt]] = {name: {} for name in runtimes}
        self._line: dict[str, deque[Attempt]] = {name: deque() for name in runtimes}

    def enter(self, attempt: Attempt) -> bool:
        """Takes an attempt in; whether it is served at once."""
        free = len(self._busy[attempt.runtime]) < self._capacity[attempt.runtime]
        if free:
            self._busy[attempt.runtime][attempt.number] = attempt
        else:
            self._line[attempt.runtime].append(attempt)
        return free

    def leave(self, attempt: Attempt) -> Attempt | None:
        """Lets an attempt go; whose turn it is then, if anybody's."""
        busy, line = self._busy[attempt.runtime], self._line[attempt.runtime]
        if attempt.number not in busy:
            self._line[attempt.runtime] = deque(o for o in line if o.number != attempt.number)
            return None
        del busy[attempt.number]
        if not line:
            return None
        following = line.popleft()
        busy[following.number] = following
        return following

    def wait(self, runtime: str, own: Attempt | None, left: Callable[[Attempt], float]) -> float:
        """Seconds until an attempt is served, or one that would enter now.

        Args:
            runtime: where.
            own: the attempt; None for one that would enter.
            left: seconds that another attempt will hold its place, once it is served.
        """
        busy, line = self._busy[runtime], self._line[runtime]
        if len(busy) < self._capacity[runtime] or (own is not None and own.number in busy):
            return 0.0
        # Places get free one by one; each who waits takes the next one.
        free = sorted(left(one) for one in busy.values())
        for one in line:
            if own is not None and one.number == own.number:
                break
            free[0] += left(one)
            free.sort()
        return free[0]
