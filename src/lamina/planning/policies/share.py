"""Share: who stands ready begins at once, an accelerator is asked for, and both take items."""

from __future__ import annotations

from typing import ClassVar

from lamina.planning.placement.policy import Policy
from lamina.planning.placement.view import View
from lamina.planning.placement.words import Cancel, Choice, Job, Notice, Ready, Request, Start


class Share(Policy):
    """The edge starts at the head of a batch, the first of the others that is ready at its tail."""

    name: ClassVar[str] = "share"
    about: ClassVar[str] = "all that stands ready and the first of the others share the items"

    def decide(self, job: Job, view: View) -> Choice:
        """Requests what stands ready, and others where they could still help."""
        wanted = [n for n in view.usable if view.runtimes[n].standby or view.runtimes[n].devices]
        return Choice(tuple(Request(name) for name in wanted), "all, to begin with")

    def on_event(self, event: Notice, view: View) -> Choice:
        """The first accelerator that is ready takes items, the others are cancelled."""
        if not isinstance(event, Ready):
            return Choice()
        if view.runtimes[event.runtime].standby:
            return Choice((Start(event.runtime, shared=True),))
        others = [
            Cancel(name)
            for name in view.attempts
            if name != event.runtime and not view.runtimes[name].standby
        ]
        return Choice((*others, Start(event.runtime, shared=True)))
