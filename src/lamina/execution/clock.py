"""The clock of a run: the wall clock when a session began, plus the time since then."""

from __future__ import annotations

import time

_JUMP = 1.0
"""Seconds by which the wall clock may differ before it is said."""

_EVERY = 0.05
"""Seconds between two looks at the wall clock."""


class RunClock:
    """Seconds since 1970 that never go back, whatever is done to the machine's clock.

    Args:
        after: time of the latest event of an earlier session; this one begins after it.
    """

    def __init__(self, after: float = 0.0) -> None:
        self._behind = after - time.time()
        self._offset = max(time.time(), after) - time.monotonic()
        self._apart = time.time() - self.now()
        self._next = time.monotonic() + _EVERY

    def now(self) -> float:
        """The time."""
        return time.monotonic() + self._offset

    def at(self, monotonic: float) -> float:
        """The time of a reading of `time.monotonic()`."""
        return monotonic + self._offset

    def jump(self, last: bool = False) -> str:
        """One line about a jump of the wall clock since the last look; empty for none.

        Args:
            last: whether nobody will look again; otherwise it is not looked at all too often.
        """
        if self._behind >= _JUMP:
            behind, self._behind = self._behind, 0.0
            return (
                f"the machine's clock is {behind:.1f} s behind the record; times go on from there"
            )
        if time.monotonic() < self._next and not last:
            return ""
        self._next = time.monotonic() + _EVERY
        apart = time.time() - self.now()
        jumped, self._apart = apart - self._apart, apart
        if abs(jumped) < _JUMP:
            return ""
        way = "forward" if jumped > 0 else "back"
        return f"the machine's clock went {abs(jumped):.1f} s {way}; the run's own goes on evenly"
