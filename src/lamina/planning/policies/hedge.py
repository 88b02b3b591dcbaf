"""Hedge: what stands ready begins at once, others are asked for, and the first one done counts."""

from __future__ import annotations

from typing import ClassVar

from lamina.planning.placement.words import Job
from lamina.planning.policies.asking import Asking
from lamina.planning.policies.together import Way, raced


class Hedge(Asking):
    """For work that cannot be divided: a race, in which whoever has no hope is given back early.

    Of the family of STOIC's duplicator: with "hedge:gpu1" it races what stands ready against
    gpu1 alone.
    """

    name: ClassVar[str] = "hedge"
    about: ClassVar[str] = "what stands ready begins, others are asked for, the first one counts"

    def way(self, job: Job) -> Way:
        """A race."""
        del job
        return raced

    def shares(self, job: Job) -> bool:
        """Each does all of it."""
        del job
        return False
