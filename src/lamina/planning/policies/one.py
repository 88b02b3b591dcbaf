"""What policies have in common that put a job on one runtime and leave it there."""

from __future__ import annotations

from abc import abstractmethod
from typing import final

from lamina.planning.placement.policy import Policy
from lamina.planning.placement.view import View
from lamina.planning.placement.words import (
    Cancel,
    Choice,
    Failed,
    Job,
    Notice,
    Ready,
    Request,
    Start,
)


class OnePlace(Policy):
    """Chooses one runtime when the job comes; another one when that is down or lost."""

    @abstractmethod
    def choose(self, job: Job, view: View) -> tuple[str, str]:
        """A runtime among `view.usable`, which has some, and why in a line."""

    @final
    def decide(self, job: Job, view: View) -> Choice:
        """Requests the chosen runtime; nothing where all are down."""
        if not view.usable:
            return Choice(why="no runtime can be reached")
        runtime, why = self.choose(job, view)
        return Choice((Request(runtime),), f"{runtime}: {why}", self.chances(view, runtime))

    def chances(self, view: View, chosen: str) -> dict[str, float]:
        """Runtime -> probability with which it was to be chosen; certain unless told otherwise."""
        del view
        return {chosen: 1.0}

    @final
    def on_event(self, event: Notice, view: View) -> Choice:
        """Starts what is ready; leaves a runtime that is down for another."""
        match event:
            case Ready(runtime):
                return Choice((Start(runtime),))
            case Failed(runtime) if runtime not in view.usable and runtime in view.attempts:
                if not view.usable:
                    return Choice()
                other, why = self.choose(view.job, view)
                actions = (Cancel(runtime), Request(other))
                chances = self.chances(view, other)
                return Choice(actions, f"{runtime} is down; {other}: {why}", chances)
        return Choice()


def dear(view: View, runtime: str) -> float:
    """What a job is expected to cost there in money and energy, as seconds of waiting."""
    money = view.weights.price * view.runtimes[runtime].price
    energy = view.weights.energy * view.runtimes[runtime].power
    if not (money or energy):
        return 0.0
    stages = view.stages(runtime)
    work = stages["processing"].mean if "processing" in stages else 0.0
    fetch = stages["fetch"].mean if "fetch" in stages else 0.0
    return float(money * (work + fetch) + energy * work)
