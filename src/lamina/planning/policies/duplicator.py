"""Duplicator: the edge begins, and one accelerator takes over where it is likely to be faster."""

from __future__ import annotations

from collections.abc import Sequence
from math import isnan
from typing import ClassVar

import numpy as np

from lamina.estimates.distribution import Distribution, added
from lamina.planning.placement.view import View
from lamina.planning.placement.words import (
    Cancel,
    Choice,
    Job,
    Notice,
    Ready,
    Request,
    Start,
    Tick,
    Up,
    Wait,
)
from lamina.planning.policies.naming import Naming

ASK = 0.05
"""Chance of being faster from which on an accelerator is asked for: nothing is held until it is
up, and one that is given back before costs nothing."""
SURE = 0.5
"""Chance of being faster from which on it is kept and started: the choice that is right oftener."""
SEEN = 25.0
"""Seconds of work after which the pace of an accelerator tells whether it will be first."""
WORTH = 16.0
"""Seconds of an accelerator that being faster is worth."""
LOST = 0.2
"""Chance of still being first below which one that is at work is given back."""
LOOK = 2.0
"""Seconds between two looks at a race: what one costs at most that is lost already."""
_GRID = (np.arange(64) + 0.5) / 64


class Duplicator(Naming):
    """STOIC's idea with chances in the place of single numbers.

    What stands ready begins at once. An accelerator is asked for where it might be faster; when it
    is up, and once more when it is ready, it is kept if it is likelier to be done first than what
    is at work, else given back; one that was not held yet has to be surer. While both work, how
    fast each does its items is looked at, and an accelerator that will not be first any more is
    given back: a cloud that is congested shows at work only.

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
        """Starts what stands ready; takes an accelerator or gives it back, also one at work."""
        if isinstance(event, Tick):
            return self._race(view)
        if not isinstance(event, Up | Ready):
            return Choice()
        runtime, ready = event.runtime, isinstance(event, Ready)
        at_work = [name for name in view.attempts if view.runtimes[name].standby]
        if runtime in at_work or not at_work:
            return Choice((Start(runtime),) if ready else ())
        likely = chance(_left(view, runtime), _first(view, at_work))
        why = f"{runtime} is faster with {likely:.0%}"
        if likely < (max(_worth(view, runtime), SURE) if ready else SURE):
            return Choice((Cancel(runtime),), f"{why}: it is given back")
        return Choice((Start(runtime), Wait(LOOK)) if ready else (), why)

    def _race(self, view: View) -> Choice:
        """Gives back what is at work and will hardly be first any more."""
        at_work = [name for name, one in view.attempts.items() if one.state == "running"]
        near = [name for name in at_work if view.runtimes[name].standby]
        far = [name for name in at_work if name not in near]
        if not near or not far:
            return Choice()
        here = _first(view, near)
        chances = {name: chance(_left(view, name), here) for name in far}
        lost = {name: likely for name, likely in chances.items() if likely < LOST}
        gone = tuple(Cancel(name) for name in lost)
        why = [f"{name} is first with {likely:.0%} only" for name, likely in lost.items()]
        return Choice((*gone, Wait(LOOK)) if len(lost) < len(far) else gone, "; ".join(why))


def _first(view: View, near: Sequence[str]) -> Distribution:
    """Seconds until what stands ready is done."""
    return min((_left(view, name) for name in near), key=_middle)


def _left(view: View, runtime: str) -> Distribution:
    """Seconds until all is done there and back; it may not be at work yet."""
    if view.attempts[runtime].started is None:
        return view.outlook(runtime).total
    fetch = view.stages(runtime).get("fetch")
    rest = view.rest(runtime)
    return rest if fetch is None else added([rest, fetch])


def _worth(view: View, runtime: str) -> float:
    """Chance of being faster from which on less of one that is ready is wasted by starting it.

    Given back, what it was held so far is wasted; started, that and SEEN seconds where it is not
    first, and nothing where it is.
    """
    deployed = view.attempts[runtime].deployed
    held = 0.0 if deployed is None else view.now - deployed
    return SEEN / (SEEN + held + WORTH)


def _middle(seconds: Distribution) -> float:
    middle = seconds.quantile(0.5)
    return float("inf") if isnan(middle) else middle


def chance(first: Distribution, second: Distribution) -> float:
    """Chance that one time is shorter than another; 1 where either is not known, to learn it."""
    if not first or not second:
        return 1.0
    there, here = first.quantiles(_GRID), second.quantiles(_GRID)
    return float((there[:, None] < here[None, :]).mean())
