"""What a kind of fault is: how it is done to a run, and how the record shows it."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Sequence
from random import Random

from lamina.benchmark.faults.shapes import SHAPES
from lamina.benchmark.faults.stage import Command, Stage, words_of
from lamina.workflow.log import Event


class Fault(ABC):
    """One kind of fault, done once to a run; a new one is made for each case.

    Args:
        random: decides on moments and victims.
        haste: the part of a run's time in which the moment lies.
    """

    shapes: tuple[str, ...] = tuple(SHAPES)
    """Shapes that it can be done to."""

    def __init__(self, random: Random, haste: float = 1.0) -> None:
        self.random = random
        self.haste = haste
        self.struck = False
        self.notes: list[str] = []

    @classmethod
    def obstacle(cls) -> str:
        """Why this kind cannot be played on this machine; empty when it can."""
        return ""

    def prepare(self, stage: Stage) -> None:
        """Sets the project up."""
        stage.set_up()

    def clean(self, stage: Stage) -> None:  # noqa: B027 - most leave nothing behind
        """Takes away what `prepare` made; called whatever happened."""

    @abstractmethod
    def play(self, stage: Stage) -> None:
        """Runs the workflow, does the fault, and does what a user would do then.

        Sets `struck` once the fault has been done: a run may be over before.
        """

    @abstractmethod
    def seen(self, events: Sequence[Event]) -> bool:
        """Whether the record shows the fault; asked only where it struck."""

    def after(self, stage: Stage) -> list[str]:
        """What else is not as it should be, in words; called before the project is removed."""
        del stage
        return []

    def over_before(self, stage: Stage, command: Command) -> bool:
        """Waits until it is time to strike; says whether the command was over before.

        One time in six that is any moment from the start of the process; otherwise any moment
        after the run got its folder, since most of what can go wrong begins there.
        """
        if self.random.random() < 1 / 6:
            return command.over_within(self.haste * self.random.uniform(0.0, stage.usual))
        part = self.haste * self.random.random()
        while not stage.folders():
            if command.over_within(0.01):
                return True
        return command.over_within(part * stage.busy)


def noticed(events: Sequence[Event], *words: str) -> bool:
    """Whether a notice says one of some words."""
    return any(
        word in f"{event.what} {event.text}".lower()
        for event in words_of(events, "Noticed")
        for word in words
    )


def ended_badly(events: Sequence[Event], *statuses: str) -> bool:
    """Whether an attempt ended with one of some statuses."""
    return any(event.status in statuses for event in words_of(events, "AttemptEnded"))


def cut_short(events: Sequence[Event]) -> bool:
    """Whether a session began after one that has no end: its engine was gone."""
    open_ = False
    for event in events:
        kind = type(event).__name__
        if kind == "RunStarted":
            if open_:
                return True
            open_ = True
        elif kind == "RunFinished":
            open_ = False
    return False


def sessions(events: Sequence[Event]) -> int:
    """How often the run was started or resumed."""
    return len(words_of(events, "RunStarted"))
