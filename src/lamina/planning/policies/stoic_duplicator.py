"""STOIC's duplicator as printed (Zhang, Krintz and Wolski 2020): edge and cloud, then one."""

from __future__ import annotations

from collections.abc import Mapping
from typing import ClassVar

from lamina.planning.placement.policy import PAPER
from lamina.planning.placement.view import View
from lamina.planning.placement.words import (
    Action,
    Cancel,
    Choice,
    Job,
    Notice,
    Ready,
    Request,
    Start,
)
from lamina.planning.policies.naming import Naming
from lamina.planning.policies.stoic_selector import predicted


class StoicDuplicator(Naming):
    """The edge begins at once, while an accelerator is deployed and the data travels there.

    When that is ready, what is left at the edge is compared with the processing there: both go
    on and the first one counts, or the accelerator is given back.

    Args:
        helpers: names of accelerators; those with devices if none is given, and all that do not
            stand ready if there are no devices.
    """

    name: ClassVar[str] = "stoic-duplicator"
    about: ClassVar[str] = "the paper's: the edge begins, an accelerator joins if it is faster"
    predictors: ClassVar[Mapping[str, str]] = PAPER
    overlaps: ClassVar[bool] = False
    inquires: ClassVar[bool] = True

    def decide(self, job: Job, view: View) -> Choice:
        """Requests what stands ready, and the accelerator that is predicted to be fastest."""
        del job
        if not view.usable:
            return Choice(why="no runtime can be reached")
        near = [name for name in view.usable if view.runtimes[name].standby]
        far = self.accelerators(view)
        if not near and not far:  # named ones are down, and nothing stands ready
            far = list(view.usable)
        sums = {name: predicted(view, name) for name in far}
        fastest = sorted(sums, key=lambda name: sums[name])[:1]
        why = [f"{name} begins at once" for name in near]
        why += [f"{name} predicted {sums[name]:.1f} s" for name in fastest]
        return Choice(tuple(Request(name) for name in (*near, *fastest)), "; ".join(why))

    def on_event(self, event: Notice, view: View) -> Choice:
        """Starts what stands ready; compares when the accelerator is ready."""
        if not isinstance(event, Ready):
            return Choice()
        runtime = event.runtime
        lefts = {name: _left(view, name) for name in view.attempts if view.runtimes[name].standby}
        if runtime in lefts or not lefts:
            return Choice((Start(runtime),))
        there = view.processing(runtime).quantile(0.5)
        near = min(lefts, key=lambda name: lefts[name])
        slower = there >= lefts[near]  # what is not known is tried
        action: Action = Cancel(runtime) if slower else Start(runtime)
        why = f"{runtime} {there:.1f} s, what is left on {near} {lefts[near]:.1f} s"
        return Choice((action,), why)


def _left(view: View, runtime: str) -> float:
    """Seconds of work that are left where it began, as a number."""
    attempt = view.attempts[runtime]
    whole = view.processing(runtime).quantile(0.5)
    if attempt.started is None:
        return view.queue(runtime) + whole
    return max(whole - (view.now - attempt.started), 0.0)
