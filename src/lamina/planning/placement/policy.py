"""What a policy is: it is told what happened to a job and says what to do; it keeps nothing."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping
from typing import TYPE_CHECKING, ClassVar

from lamina.errors import UsageError

if TYPE_CHECKING:
    from lamina.planning.placement.view import View
    from lamina.planning.placement.words import Choice, Job, Notice

OURS: Mapping[str, str] = {
    "upload": "link",
    "deployment": "decayed-quantiles",
    "warm": "decayed-quantiles",
    "processing": "default",
    "fetch": "link",
}
"""Stage -> predictor."""

PAPER: Mapping[str, str] = {
    "upload": "bandwidth-division",
    "deployment": "median-window",
    "processing": "ransac-10",
}
"""Stage -> predictor of STOIC: T_s = T_t + T_d + T_p, each after the other."""


class Policy(ABC):
    """Decides where jobs run. Equal jobs in equal views get equal choices.

    A policy holds settings only: what happened to a job stands in the view, time and chance too.
    """

    name: ClassVar[str] = ""
    """In `POLICIES`, in records and reports."""
    about: ClassVar[str] = ""
    """What it does, in one line."""
    predictors: ClassVar[Mapping[str, str]] = OURS
    """Stage -> name of the predictor that it is to see."""
    overlaps: ClassVar[bool] = True
    """Whether it knows that uploads go on while a runtime is deployed."""
    inquires: ClassVar[bool] = False
    """Whether each runtime is probed once a minute for it, as the paper's inquisitor does."""

    @classmethod
    def of(cls, setting: str) -> Policy:
        """The policy with a setting, as it stands behind a colon; most have none.

        Raises:
            UsageError: the setting does not fit.
        """
        if setting:
            raise UsageError(
                f"policy {cls.name!r} has no setting, but {setting!r} stands behind it",
                f"write {cls.name} alone",
            )
        return cls()

    @abstractmethod
    def decide(self, job: Job, view: View) -> Choice:
        """What to do with a job that came, or that lost all runtimes it was on."""

    @abstractmethod
    def on_event(self, event: Notice, view: View) -> Choice:
        """What to do when something happened to the job of the view."""
