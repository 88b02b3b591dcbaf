"""Duplicator: the edge begins, and one accelerator takes over where it is likely to be faster."""

from __future__ import annotations

from math import isnan
from typing import ClassVar

import numpy as np

from lamina.estimates.distribution import Distribution
from lamina.planning.placement.view import View
from lamina.planning.placement.words import (
    Cancel,
    Choice,
    Job,
    Notice,
    Ready,
    Request,
    Start,
    Up,
)
from lamina.planning.policies.naming import Naming

ASK = 0.05
"""Chance of being faster from which on an accelerator is asked for: nothing is held until it is
up, and one that is given back before costs nothing."""
SURE = 0.5
"""Chance of being faster from which on it is kept and started: the choice that is right oftener."""
_GRID = (np.arange(64) + 0.5) / 64


class Duplicator(Naming):
    """STOIC's idea with chances in the place of single numbers.

    What stands ready begins at once. An accelerator is asked for where it might be faster; when it
    is up, and once more when it is ready, it is kept if it is likelier to be done first than what
    is at work, else given back.

    Args:
        helpers: names of accelerators; those with devices if none is given.
    """

    name: ClassVar[str] = "duplicator"
    about: ClassVar[str] = "the edge begins, an accelerator joins where it is likely to be faster"

    def decide(self, job: Job, view: View) -> Choice:
        """Requests what stands ready, and the accelerator that is likeliest to be faster."""
        near = [name for name in view.usable if view.runtimes[name].standby]
        far = self.accelerators(view)
        if not near:
            wanted = far[:1] or list(view.usable)[:1]
            return Choice(tuple(Request(name) for name in wanted), "nothing stands ready")
        here = min((view.outlook(name).total for name in near), key=_middle)
        chances = {name: chance(view.outlook(name).total, here) for name in far}
        best = max(chances, key=lambda name: chances[name], default="")
        why = f"{', '.join(near)} begins"
        if best:
            why += f"; {best} is faster with {chances[best]:.0%}"
        asked = [best] if best and chances[best] >= ASK else []
        return Choice(tuple(Request(name) for name in (*near, *asked)), why)

    def on_event(self, event: Notice, view: View) -> Choice:
        """Starts what stands ready; takes an accelerator or gives it back."""
        if not isinstance(event, Up | Ready):
            return Choice()
        runtime, ready = event.runtime, isinstance(event, Ready)
        at_work = [name for name in view.attempts if view.runtimes[name].standby]
        if runtime in at_work or not at_work:
            return Choice((Start(runtime),) if ready else ())
        here = min((_left(view, name) for name in at_work), key=_middle)
        likely = chance(view.outlook(runtime).total, here)
        why = f"{runtime} is faster with {likely:.0%}"
        if likely < SURE:
            return Choice((Cancel(runtime),), f"{why}: it is given back")
        return Choice((Start(runtime),) if ready else (), why)


def _left(view: View, runtime: str) -> Distribution:
    """Seconds until what stands ready is done; it may still wait for others."""
    at_work = view.attempts[runtime].started is not None
    return view.remaining(runtime) if at_work else view.outlook(runtime).total


def _middle(seconds: Distribution) -> float:
    middle = seconds.quantile(0.5)
    return float("inf") if isnan(middle) else middle


def chance(first: Distribution, second: Distribution) -> float:
    """Chance that one time is shorter than another; 1 where either is not known, to learn it."""
    if not first or not second:
        return 1.0
    there, here = first.quantiles(_GRID), second.quantiles(_GRID)
    return float((there[:, None] < here[None, :]).mean())
