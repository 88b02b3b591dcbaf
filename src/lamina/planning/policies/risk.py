"""Risk: one runtime by what may happen there, not only by what is expected."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from math import inf, isfinite
from typing import ClassVar

import numpy as np

from lamina.errors import UsageError
from lamina.estimates.distribution import Floats
from lamina.planning.placement.policy import Policy
from lamina.planning.placement.view import View
from lamina.planning.placement.words import Job
from lamina.planning.policies.one import OnePlace, dear

COURSES = 128
"""Equally likely courses that are compared."""
CVAR = 0.9
"""Of `cvar` without a number: the worst tenth of all courses."""

_MIDDLES: Floats = (np.arange(COURSES) + 0.5) / COURSES
_ORDERS = np.random.default_rng(0).permuted(np.tile(np.arange(COURSES), (64, 1)), axis=1)

Courses = Mapping[str, Floats]
"""Runtime -> seconds, and what it costs as seconds, in each course."""


class Risk(OnePlace):
    """The least mean, the greatest chance of being the fastest, the least mean of the worst
    courses, or the greatest chance of keeping the deadline.

    Args:
        measure: "mean", "p-best", "cvar" or "deadline".
        number: of `cvar` the part of courses that are left out, of `deadline` seconds for jobs
            that have none of their own.
    """

    name: ClassVar[str] = "risk"
    about: ClassVar[str] = "one runtime by mean, p-best, cvar or deadline, as named behind a colon"

    def __init__(self, measure: str = "mean", number: float = 0.0) -> None:
        self.measure = measure
        self.number = number

    @classmethod
    def of(cls, setting: str) -> Policy:
        """The measure, and behind "=" its number: "cvar=0.9"."""
        measure, _, number = (setting or "mean").partition("=")
        if measure not in _MEASURES:
            raise UsageError(
                f"policy 'risk' with {measure!r}", f"choose from: {', '.join(_MEASURES)}"
            )
        if measure in {"mean", "p-best"} and number:
            raise UsageError(f"policy 'risk:{measure}' with a number", f"write risk:{measure}")
        default = CVAR if measure == "cvar" else inf
        try:
            value = float(number) if number else default
        except ValueError:
            value = -1.0
        if not value > 0.0 or (measure == "cvar" and value >= 1.0):
            raise UsageError(
                f"policy 'risk:{measure}' with {number!r}",
                "give cvar a part between 0 and 1, deadline seconds above 0",
            )
        return cls(measure, value)

    def choose(self, job: Job, view: View) -> tuple[str, str]:
        """The best by its measure; a runtime of which nothing is known yet is tried first."""
        courses = {}
        for place, name in enumerate(view.usable):
            total = view.outlook(name).total
            if not total:
                return name, "nothing is known of it yet"
            drawn = total.quantiles(_MIDDLES)[_ORDERS[place % len(_ORDERS)]]
            courses[name] = drawn + dear(view, name)
        return _MEASURES[self.measure](courses, self._number(job))

    def _number(self, job: Job) -> float:
        own = self.measure == "deadline" and isfinite(job.deadline)
        return job.deadline if own else self.number


def _mean(courses: Courses, number: float) -> tuple[str, str]:
    del number
    means = {name: float(one.mean()) for name, one in courses.items()}
    best = min(means, key=lambda name: means[name])
    return best, f"expected {means[best]:.1f} s"


def _p_best(courses: Courses, number: float) -> tuple[str, str]:
    del number
    names = list(courses)
    first = np.argmin(np.array([courses[name] for name in names]), axis=0)
    chances = {name: float((first == place).mean()) for place, name in enumerate(names)}
    best = max(chances, key=lambda name: chances[name])
    return best, f"the fastest in {100 * chances[best]:.0f} % of courses, {_about(courses, best)}"


def _cvar(courses: Courses, number: float) -> tuple[str, str]:
    left = max(round((1.0 - number) * COURSES), 1)
    worst = {name: float(np.sort(one)[-left:].mean()) for name, one in courses.items()}
    best = min(worst, key=lambda name: worst[name])
    return best, f"{worst[best]:.1f} s in the worst {100 * (1 - number):.0f} % of courses"


def _deadline(courses: Courses, number: float) -> tuple[str, str]:
    """Ties, also those of jobs without a deadline, go to the least mean."""
    kept = {name: float((one <= number).mean()) for name, one in courses.items()}
    best = min(courses, key=lambda name: (-kept[name], float(courses[name].mean())))
    if not isfinite(number):
        return best, f"no deadline, {_about(courses, best)}"
    chance = f"{100 * kept[best]:.0f} %"
    return best, f"within {number:.1f} s in {chance} of courses, {_about(courses, best)}"


def _about(courses: Courses, name: str) -> str:
    return f"expected {float(courses[name].mean()):.1f} s"


_MEASURES: Mapping[str, Callable[[Courses, float], tuple[str, str]]] = {
    "mean": _mean,
    "p-best": _p_best,
    "cvar": _cvar,
    "deadline": _deadline,
}
