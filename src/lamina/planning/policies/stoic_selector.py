"""STOIC's selector as printed (Zhang, Krintz and Wolski 2020): least T_t + T_d + T_p."""

from __future__ import annotations

from collections.abc import Mapping
from math import inf, isnan
from typing import ClassVar

from lamina.planning.placement.policy import PAPER
from lamina.planning.placement.view import View
from lamina.planning.placement.words import Job
from lamina.planning.policies.one import OnePlace


class StoicSelector(OnePlace):
    """The least sum of predicted transfer, deployment and processing time."""

    name: ClassVar[str] = "stoic-selector"
    about: ClassVar[str] = "the paper's: least transfer + deployment + processing, each a number"
    predictors: ClassVar[Mapping[str, str]] = PAPER
    overlaps: ClassVar[bool] = False
    inquires: ClassVar[bool] = True

    def choose(self, job: Job, view: View) -> tuple[str, str]:
        """The least sum of medians."""
        sums = {name: predicted(view, name) for name in view.usable}
        best = min(sums, key=lambda name: sums[name])
        return best, f"predicted {sums[best]:.1f} s"


def predicted(view: View, runtime: str) -> float:
    """T_s: its stages as numbers, added; infinite where the paper's predictors know nothing."""
    stages = view.outlook(runtime).stages.values()
    total = sum(stage.quantile(0.5) for stage in stages)
    return inf if isnan(total) else float(total)
