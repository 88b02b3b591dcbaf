"""Watching a training: what is looked at, kept and said, and how many epochs go at a time."""

from __future__ import annotations

import time
from dataclasses import dataclass
from pathlib import Path

from lamina.errors import SettingsError
from lamina.training import progress
from lamina.training.program import Program
from lamina.training.taps import Tap

_SHARE = 20
"""Without a user's word, a checkpoint waits so many times as long as the last one took."""

HEAVY = 1e10
"""Floating-point operations from which a training that nobody watches goes in chunks."""


@dataclass(frozen=True)
class Watch:
    """What is looked at, kept and said while a network trains; none of it changes the weights.

    Args:
        listener: takes events; a `Progress` states how often it wants them.
        interval: seconds between two events of kind Advanced.
        folder: of checkpoints; None for none.
        every_epochs: between checkpoints; 0 for none by epochs.
        every_seconds: between checkpoints; 0 for none by time. One is always written at the end,
            unless:
        since: seconds of `time.perf_counter()` when a training began that needs none at its end if
            it has taken less than `every_seconds` by then; None for one that does.
        resume: goes on from the newest whole checkpoint in the folder.
        taps: layers whose output feeds functions.
    """

    listener: progress.Listener | None = None
    interval: float = 0.2
    folder: Path | None = None
    every_epochs: int = 0
    every_seconds: float = 0.0
    since: float | None = None
    resume: bool = False
    taps: tuple[Tap, ...] = ()

    def __post_init__(self) -> None:
        mistakes = []
        if self.every_epochs < 0 or self.every_seconds < 0 or self.interval < 0:
            mistakes.append("epochs and seconds between checkpoints and events are not negative")
        if self.folder is None and (self.resume or self.every_epochs or self.every_seconds):
            mistakes.append("resuming and checkpoints need a folder: name it with checkpoint=")
        if mistakes:
            raise SettingsError("the training cannot be watched so", mistakes)

    def say(self, event: progress.Event) -> None:
        """Hands an event to the listener, if there is one."""
        if self.listener is not None:
            self.listener(event)


class Pace:
    """How many epochs go at a time: all of them, unless somebody wants to look in between."""

    def __init__(self, program: Program, watch: Watch) -> None:
        self._total = program.epochs
        self._steps = [tap.every for tap in watch.taps]
        self._steps += [watch.every_epochs] if watch.every_epochs else []
        self._every_epochs, self._every_seconds = watch.every_epochs, watch.every_seconds
        self._stepwise = program.members[0].settings.patience > 0
        spans = [watch.interval] if watch.listener is not None else []
        spans += [watch.every_seconds / 4] if watch.every_seconds else []
        # Long trainings come up for air, so that an interrupt is heard between two chunks.
        spans += [0.5] if _operations(program) > HEAVY else []
        self._span = min(spans, default=0.0)
        self._timed = bool(spans)
        self._chunk = 1 if self._timed else self._total
        self._rate = 0.0
        self._kept = self._due = time.perf_counter()
        self._since, self._pause = watch.since, watch.every_seconds

    @property
    def rate(self) -> float:
        """Epochs per second of the last chunks."""
        return self._rate

    def epochs(self, done: int) -> int:
        """Epochs to go before the next look."""
        stops = [done + (1 if self._stepwise else self._chunk), self._total]
        stops += [(done // step + 1) * step for step in self._steps]
        return min(stops) - done

    def learn(self, epochs: int, seconds: float) -> None:
        """Sets the next chunk by what the last one took; grows it tenfold at most."""
        rate = epochs / max(seconds, 1e-9)
        self._rate = rate if not self._rate else 0.5 * (self._rate + rate)
        if self._timed:
            self._chunk = max(1, min(int(rate * self._span), 10 * self._chunk))

    def checkpoint_due(self, done: int, over: bool) -> bool:
        """Whether a checkpoint is written after `done` epochs; always when it is over."""
        by_epoch = self._every_epochs and done % self._every_epochs == 0
        now = self._due = time.perf_counter()
        if over and (self._since is None or now - self._since >= self._every_seconds):
            return True
        by_time = self._every_seconds and now - self._kept >= self._pause
        return bool((by_epoch or by_time) and not over)

    def kept(self) -> None:
        """A checkpoint was written; nobody asked for so many if it took long."""
        self._kept = time.perf_counter()
        if self._since is not None:
            self._pause = max(self._every_seconds, _SHARE * (self._kept - self._due))


def _operations(program: Program) -> float:
    """Floating-point operations of a program, forward and backward."""
    rows = sum(len(program.portions[member.portion].train) for member in program.members)
    return 3.0 * program.network.cost() * rows * program.epochs
