"""Earliest finish time: the runtime whose expected total is least."""

from __future__ import annotations

from math import isnan
from typing import ClassVar

from lamina.planning.placement.view import View
from lamina.planning.placement.words import Job
from lamina.planning.policies.one import OnePlace, dear


class Eft(OnePlace):
    """Least expected seconds, costs counted as some; an unknown runtime is tried first."""

    name: ClassVar[str] = "eft"
    about: ClassVar[str] = "the runtime with the least expected total"

    def choose(self, job: Job, view: View) -> tuple[str, str]:
        """The least mean."""
        means = {name: view.outlook(name).total.mean + dear(view, name) for name in view.usable}
        unknown = [name for name, mean in means.items() if isnan(mean)]
        if unknown:
            return unknown[0], "nothing is known of it yet"
        best = min(means, key=lambda name: means[name])
        return best, f"expected {means[best]:.1f} s"
