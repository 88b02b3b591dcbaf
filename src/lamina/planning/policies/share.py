"""Share: what stands ready begins at once, helpers are asked for, and all of them take items."""

from __future__ import annotations

from typing import ClassVar

from lamina.planning.placement.words import Job
from lamina.planning.policies.asking import Asking
from lamina.planning.policies.together import Way, raced, shared


class Share(Asking):
    """Standby runtimes take items from the head of a batch, helpers from its tail.

    A job that cannot be divided is hedged.
    """

    name: ClassVar[str] = "share"
    about: ClassVar[str] = "what stands ready begins, helpers that are worth it take items too"

    def way(self, job: Job) -> Way:
        """Together, or in a race."""
        return shared if job.divisible else raced

    def shares(self, job: Job) -> bool:
        """Where the job can be divided."""
        return job.divisible
