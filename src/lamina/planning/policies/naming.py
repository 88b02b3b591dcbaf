"""What policies have in common whose setting names runtimes: "hedge:gpu1", "share:gpu1+gpu2"."""

from __future__ import annotations

from collections.abc import Sequence

from lamina.errors import UsageError
from lamina.planning.placement.policy import Policy
from lamina.planning.placement.view import View


class Naming(Policy):
    """Runtimes may be named that help what stands ready.

    Args:
        helpers: their names; the policy chooses among all if there is none.
    """

    def __init__(self, helpers: Sequence[str] = ()) -> None:
        self.helpers = tuple(helpers)

    @classmethod
    def of(cls, setting: str) -> Policy:
        """With the runtimes that are named, + between them."""
        names = [name.strip() for name in setting.split("+")] if setting else []
        if not all(names):
            raise UsageError(
                f"policy {cls.name!r} with the setting {setting!r}",
                f"name runtimes, + between them: {cls.name}:gpu1+gpu2",
            )
        return cls(names)

    def accelerators(self, view: View) -> list[str]:
        """Usable runtimes that are named; else those with devices, else all that do not stand
        ready."""
        far = [name for name in view.usable if not view.runtimes[name].standby]
        if self.helpers:
            return [name for name in far if name in self.helpers]
        return [name for name in far if view.runtimes[name].devices] or far
