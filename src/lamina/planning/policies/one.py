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
        return Choice((Request(runtime),), why, {runtime: 1.0})

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
                return Choice(actions, f"{runtime} is down; {why}", {other: 1.0})
        return Choice()
