"""Random: any runtime that can be reached, each with the same chance."""

from __future__ import annotations

from typing import ClassVar

from lamina.planning.placement.view import View
from lamina.planning.placement.words import Job
from lamina.planning.policies.one import OnePlace


class Random(OnePlace):
    """The chances are logged: what is learnt from its choices can be weighed by them."""

    name: ClassVar[str] = "random"
    about: ClassVar[str] = "any runtime that can be reached, with equal chances"

    def choose(self, job: Job, view: View) -> tuple[str, str]:
        """Draws one."""
        del job
        names = view.usable
        drawn = names[int(view.source.integers(len(names)))]
        return drawn, f"drawn from {len(names)}"

    def chances(self, view: View, chosen: str) -> dict[str, float]:
        """All have the same."""
        del chosen
        return dict.fromkeys(view.usable, 1.0 / len(view.usable))
