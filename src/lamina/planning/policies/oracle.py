"""Oracle: the runtime that will be fastest, as only a simulation can know."""

from __future__ import annotations

from typing import ClassVar

from lamina.errors import UsageError
from lamina.planning.placement.view import View
from lamina.planning.placement.words import Job
from lamina.planning.policies.one import OnePlace


class Oracle(OnePlace):
    """Least of what each runtime will really take, with nothing else going on there."""

    name: ClassVar[str] = "oracle"
    about: ClassVar[str] = "the runtime that will be fastest; in simulations only"

    def choose(self, job: Job, view: View) -> tuple[str, str]:
        """The least of what will be."""
        if view.truth is None:
            raise UsageError(
                "policy 'oracle' outside of a simulation", "nobody knows the future: take share"
            )
        truth = {name: view.truth[name] for name in view.usable}
        best = min(truth, key=lambda name: truth[name])
        return best, f"it will take {truth[best]:.1f} s"
