"""How a run goes, for whoever watches: a live view on a terminal, plain lines elsewhere."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from lamina.cli.streams import harmless, note
from lamina.workflow import log

MANY = 60
"""Tasks from which on the plain form says counts from time to time instead of a line per task."""

_EVERY = 2.0
_SHOWN = 6

Listener = Callable[[Sequence[log.Event]], None]


class Lines:
    """A line when a task ends; for many tasks a count every few seconds, and the failures."""

    def __init__(self, say: Callable[[str], None] = note) -> None:
        self._say = say
        self._began = 0.0
        self._tasks = 0
        self._ended = 0
        self._spoken = 0.0

    def __call__(self, events: Sequence[log.Event]) -> None:
        """Says what is worth a line."""
        for event in events:
            if isinstance(event, log.RunStarted):
                self._began, self._tasks = event.time, event.tasks
            line = line_of(event, brief=self._tasks > MANY)
            if isinstance(event, (log.TaskReused, log.AttemptEnded)):
                self._ended += 1
            if line:
                self._say(f"{event.time - self._began:8.2f} s  {line}")
        self._counts()

    def close(self) -> None:
        """Nothing is left open."""

    def _counts(self) -> None:
        now = time.monotonic()
        if self._tasks > MANY and now - self._spoken > _EVERY:
            self._spoken = now
            self._say(f"           {self._ended} of {self._tasks} tasks done")


def line_of(event: log.Event, brief: bool = False) -> str:
    """One line for an event; empty for those that nobody wants to read.

    Args:
        event: what happened.
        brief: leaves out what ends well.
    """
    if isinstance(event, log.AttemptEnded):
        return _ended(event, brief)
    if isinstance(event, log.TaskReused):
        return "" if brief else f"reused  {event.task}{_unless(event.reason, 'reused')}"
    if isinstance(event, log.AttemptStarted):
        return _started(event, brief)
    if isinstance(event, log.TaskSkipped):
        return "" if brief else f"skipped {event.task}  {event.reason}"
    return _noticed(event) if isinstance(event, log.Noticed) else ""


def _noticed(event: log.Noticed) -> str:
    """Of a task whose worker was lost, the end of its attempt tells already."""
    if event.task and event.what == "worker lost":
        return ""
    told = ": ".join(part for part in (event.what, event.text) if part)
    return f"notice  {event.task}{'  ' if event.task else ''}{told}"


def _started(event: log.AttemptStarted, brief: bool) -> str:
    """Only where somebody may wonder why it runs."""
    if event.attempt > 1:
        reason = f": {event.reason}" if event.reason else ""
        return f"again   {event.task}  attempt {event.attempt}{reason}"
    expected = brief or event.reason in ("", "not run before")
    return "" if expected else f"runs    {event.task}  ({event.reason})"


def _unless(reason: str, expected: str) -> str:
    return "" if reason in ("", expected) else f"  ({reason})"


def _ended(event: log.AttemptEnded, brief: bool) -> str:
    if event.status == "succeeded":
        begin, end = event.phases.get("run", (0.0, 0.0))
        return "" if brief else f"done    {event.task}  ({end - begin:.2f} s)"
    cause = str(event.error.get("cause", "")) or event.status
    return f"{event.status:<7} {event.task}  {cause}"


class Live:
    """One view that is drawn again and again: counts, what runs, and its metrics."""

    def __init__(self) -> None:
        from rich.console import Console
        from rich.live import Live as Display

        self._lines = Lines(self._print)
        self._running: dict[str, float] = {}
        self._told: dict[str, Mapping[str, Any]] = {}
        self._counts: Mapping[str, int] = {}
        self._ended = 0
        self._tasks = 0
        self._display = Display(
            console=Console(stderr=True), transient=True, refresh_per_second=8,
            get_renderable=self._view,
        )  # fmt: skip
        self._display.start()

    def __call__(self, events: Sequence[log.Event]) -> None:
        """Takes in what happened; the view is drawn by its own clock."""
        for event in events:
            if isinstance(event, log.RunStarted):
                self._tasks = event.tasks
            elif isinstance(event, log.AttemptStarted):
                self._running[event.task] = time.monotonic()
            elif isinstance(event, log.AttemptProgressed):
                self._told[event.task] = event.values
            elif isinstance(event, (log.AttemptEnded, log.TaskReused)):
                self._ended += 1
                self._running.pop(event.task, None)
                self._told.pop(event.task, None)
            elif isinstance(event, log.Counted):
                self._counts = event.counts
        self._lines(events)

    def close(self) -> None:
        """Takes the view away."""
        self._display.stop()

    def _print(self, line: str) -> None:
        self._display.console.print(harmless(line), markup=False, highlight=False)

    def _view(self) -> Any:
        from rich.console import Group
        from rich.progress_bar import ProgressBar
        from rich.table import Table
        from rich.text import Text

        total = max(self._tasks, sum(self._counts.values()), self._ended)
        head = Table.grid(padding=(0, 1))
        head.add_row(
            Text(f"{self._ended} of {total} tasks"),
            ProgressBar(total=max(1, total), completed=self._ended, width=40),
        )
        now = time.monotonic()
        rows = [
            Text(harmless(f"  {task}  {now - since:.1f} s  {told(self._told.get(task, {}))}"))
            for task, since in list(self._running.items())[:_SHOWN]
        ]
        more = len(self._running) - _SHOWN
        if more > 0:
            rows.append(Text(f"  and {more} more"))
        return Group(head, *rows)


def told(values: Mapping[str, Any]) -> str:
    """Live metrics in a few words; of a list of values the last."""
    words = []
    for name, value in values.items():
        last = value[-1] if isinstance(value, (list, tuple)) and value else value
        words.append(f"{name} {last:.4g}" if isinstance(last, float) else f"{name} {last}")
    return "  ".join(words)


def listener() -> Lines | Live:
    """The view that fits standard error."""
    return Live() if sys.stderr.isatty() else Lines()
