"""Progress: what happens in a training as frozen events, and listeners that show them."""

from __future__ import annotations

import sys
import time
from abc import ABC, abstractmethod
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, TextIO


@dataclass(frozen=True)
class Event:
    """Something that happened in a training; `group` counts its programs from 0."""

    group: int


@dataclass(frozen=True)
class Started(Event):
    """A program is on its device.

    Args:
        engine, device, form: how it runs.
        reason: why this engine was chosen.
        members: number of trainings.
        epochs: that each of them takes.
        epoch: that it starts from; above 0 when resumed.
        groups: number of programs in all.
    """

    engine: str
    device: str
    form: str
    reason: str
    members: int
    epochs: int
    epoch: int
    groups: int


@dataclass(frozen=True)
class Advanced(Event):
    """Some epochs are done.

    Args:
        epoch, epochs: done, and in all.
        loss: mean training loss of the members that are still training.
        validation: mean validation loss, or None without validation rows.
        active: members that are still training.
        rate: epochs per second (each of all members).
        remaining: seconds to go at that rate.
    """

    epoch: int
    epochs: int
    loss: float
    validation: float | None
    active: int
    rate: float
    remaining: float


@dataclass(frozen=True, eq=False)
class Epochs(Event):
    """What some epochs cost, each of them; said before Advanced.

    Args:
        first: number of the first of them, from 1.
        losses: mean training loss of the members that took part, by epoch.
        validations: mean validation loss by epoch, or None without early stopping.
        seconds: that each of them took; None for epochs of before a resume.
    """

    first: int
    losses: tuple[float, ...]
    validations: tuple[float, ...] | None
    seconds: float | None


@dataclass(frozen=True)
class Checkpointed(Event):
    """A checkpoint was written to `path` after `epoch` epochs."""

    epoch: int
    path: str


@dataclass(frozen=True)
class Resumed(Event):
    """A training goes on from a checkpoint after `epoch` epochs."""

    epoch: int


@dataclass(frozen=True)
class Warned(Event):
    """Something is wrong that does not end the training."""

    text: str


@dataclass(frozen=True)
class Stopped(Event):
    """A member stopped early; its best weights, of `best` epochs, are kept."""

    member: str
    epoch: int
    best: int


@dataclass(frozen=True)
class Diverged(Event):
    """A member's loss is not a number from `epoch` on, and why that may be."""

    member: str
    epoch: int
    cause: str


@dataclass(frozen=True)
class Finished(Event):
    """A program's training is over."""

    epoch: int
    seconds: float
    loss: float


Listener = Callable[[Event], None]


class Progress(ABC):
    """A listener that shows events; `interval` seconds lie between two of kind Advanced."""

    interval: float = 0.2

    @abstractmethod
    def __call__(self, event: Event) -> None:
        """Takes an event."""

    @abstractmethod
    def close(self) -> None:
        """Ends the display; also after an error."""


class PlainProgress(Progress):
    """Lines of text, at most one every few seconds.

    Args:
        stream: where the lines go; stderr when left out.
        interval: seconds between two lines.
    """

    def __init__(self, stream: TextIO | None = None, interval: float = 3.0) -> None:
        self.stream = stream or sys.stderr
        self.interval = interval
        self._last = -interval

    def __call__(self, event: Event) -> None:
        """Prints the event when it is due."""
        if isinstance(event, Advanced):
            now = time.monotonic()
            if now - self._last < self.interval:
                return
            self._last = now
        if text := line(event):
            self.stream.write(text + "\n")
            self.stream.flush()

    def close(self) -> None:
        """Nothing to end."""


class LiveProgress(Progress):
    """One live line on a terminal, drawn with rich; other events are printed above it.

    Args:
        console: a rich Console; one on stderr when left out.
        interval: seconds between two updates.
    """

    def __init__(self, console: Any = None, interval: float = 0.15) -> None:
        from rich.console import Console
        from rich.live import Live

        self.console = console or Console(stderr=True)
        self.interval = interval
        self._live = Live(console=self.console, auto_refresh=False, transient=True)
        self._running = False

    def __call__(self, event: Event) -> None:
        """Updates the line, or prints the event above it."""
        text = line(event)
        if not isinstance(event, Advanced):
            if text:
                self.console.print(text, markup=False, highlight=False)
            return
        if not self._running:
            self._live.start()
            self._running = True
        self._live.update(self._bar(event), refresh=True)

    def close(self) -> None:
        """Takes the line away."""
        if self._running:
            self._live.stop()
            self._running = False

    def _bar(self, event: Advanced) -> Any:
        from rich.progress_bar import ProgressBar
        from rich.table import Table
        from rich.text import Text

        text = Text(line(event), no_wrap=True, overflow="ellipsis")
        width = min(24, self.console.width - len(text) - 2)
        row = Table.grid(padding=(0, 1))
        if width < 4:
            row.add_row(text)
        else:
            row.add_row(ProgressBar(total=event.epochs, completed=event.epoch, width=width), text)
        return row


def progress_for(stream: TextIO | None = None, quiet: bool = False) -> Progress | None:
    """The display that suits a stream: live on a terminal, lines elsewhere, None when quiet."""
    if quiet:
        return None
    target = stream or sys.stderr
    if not target.isatty():
        return PlainProgress(target)
    from rich.console import Console

    return LiveProgress(Console(file=target))


def line(event: Event) -> str:
    """An event in one line of text; empty when it is not worth one."""
    writer = _LINES.get(type(event))
    return writer(event) if writer else ""


def span(seconds: float) -> str:
    """A time span for people: "0.4 s", "12 s", "3 min 20 s", "2 h 5 min"."""
    if seconds < 10:
        return f"{seconds:.1f} s"
    whole = round(seconds)
    if whole < 60:
        return f"{whole} s"
    if whole < 3600:
        return f"{whole // 60} min {whole % 60} s"
    return f"{whole // 3600} h {whole % 3600 // 60} min"


def _started(event: Any) -> str:
    trainings = f"{event.members} training{'s' if event.members != 1 else ''}"
    part = f" (program {event.group + 1} of {event.groups})" if event.groups > 1 else ""
    form = f", {event.form}" if event.form else ""
    why = f": {event.reason}" if event.reason else ""
    return f"{trainings} on {event.engine}/{event.device}{form}{part}{why}"


def _advanced(event: Any) -> str:
    validation = "" if event.validation is None else f", validation {event.validation:.4f}"
    members = f", {event.active} training" if event.active > 1 else ""
    return (
        f"epoch {event.epoch}/{event.epochs}, loss {event.loss:.4f}{validation}{members}, "
        f"{_rate(event.rate)} epochs/s, {span(event.remaining)} to go"
    )


def _rate(rate: float) -> str:
    return f"{rate:,.0f}" if rate >= 100 else f"{rate:.3g}"


_LINES: dict[type[Event], Callable[[Any], str]] = {
    Started: _started,
    Advanced: _advanced,
    Resumed: lambda e: f"resumed after epoch {e.epoch}",
    Warned: lambda e: f"warning: {e.text}",
    Stopped: lambda e: f"{e.member}: stopped at epoch {e.epoch}, best at epoch {e.best}",
    Diverged: lambda e: f"{e.member}: loss is not a number at epoch {e.epoch}; {e.cause}",
    Finished: lambda e: f"{e.epoch} epochs in {span(e.seconds)}, loss {e.loss:.4f}",
}
