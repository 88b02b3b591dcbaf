"""Which runtimes are down, and when a failed deployment is tried again."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Rules:
    """How failures are met; the numbers are the paper's.

    Args:
        pause: seconds before a failed deployment is tried again; doubled each time.
        tries: deployments of one attempt, before a job has no more hope there.
        timeout: seconds after which a deployment counts as failed.
        down_after: failed deployments in a row, of any job, after which a runtime is down.
        look_again: seconds until a runtime that is down is probed; doubled each time.
        longest: seconds between such probes at most.
        inquiry: seconds between probes for policies that want them all the time.
    """

    pause: float = 0.1
    tries: int = 10
    timeout: float = 600.0
    down_after: int = 2
    look_again: float = 60.0
    longest: float = 600.0
    inquiry: float = 60.0

    def backoff(self, tries: int) -> float:
        """Seconds to wait after so many failed tries."""
        return float(self.pause * 2.0 ** (tries - 1))


class Health:
    """Failures in a row of each runtime, and since when it is known to be down."""

    def __init__(self, rules: Rules) -> None:
        self.rules = rules
        self.failures: dict[str, int] = {}
        self.pauses: dict[str, float] = {}
        self.seen: dict[str, float] = {}
        """Runtime -> when it was up the last time that was heard of."""
        self.looking: set[str] = set()
        """Runtimes that are down and will be looked at."""

    def down(self, runtime: str) -> bool:
        """Whether nobody should wait for it."""
        return runtime in self.pauses

    def failed(self, runtime: str) -> bool:
        """Counts a failure; whether it is down by this one."""
        self.failures[runtime] = self.failures.get(runtime, 0) + 1
        if self.failures[runtime] < self.rules.down_after or self.down(runtime):
            return False
        self.pauses[runtime] = self.rules.look_again
        return True

    def came_up(self, runtime: str, now: float) -> None:
        """It was deployed: all is forgotten."""
        self.seen[runtime] = now
        self.failures.pop(runtime, None)
        self.pauses.pop(runtime, None)

    def pause(self, runtime: str) -> float:
        """Seconds until the next look at a runtime that is down; longer each time."""
        now = self.pauses[runtime]
        self.pauses[runtime] = min(now * 2.0, self.rules.longest)
        return now
