"""Fixed: always the same runtime, whatever is expected of it."""

from __future__ import annotations

from typing import ClassVar

from lamina.errors import UsageError
from lamina.planning.placement.policy import Policy
from lamina.planning.placement.view import View
from lamina.planning.placement.words import Choice, Job, Notice, Ready, Request, Start


class Fixed(Policy):
    """All jobs on one runtime.

    Args:
        runtime: its name.
    """

    name: ClassVar[str] = "fixed"
    about: ClassVar[str] = "always the runtime that is named behind a colon"

    def __init__(self, runtime: str) -> None:
        self.runtime = runtime

    @classmethod
    def of(cls, setting: str) -> Policy:
        """With the runtime that is named."""
        if not setting:
            raise UsageError("policy 'fixed' without a runtime", "name one: fixed:edge")
        return cls(setting)

    def decide(self, job: Job, view: View) -> Choice:
        """Requests it."""
        return Choice((Request(self.runtime),), "told to", {self.runtime: 1.0})

    def on_event(self, event: Notice, view: View) -> Choice:
        """Starts it."""
        return Choice((Start(self.runtime),)) if isinstance(event, Ready) else Choice()
