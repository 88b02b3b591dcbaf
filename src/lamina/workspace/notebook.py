"""A run in a notebook: where it is, below the cell, while it goes on."""

from __future__ import annotations

import sys
import time
from collections.abc import Sequence
from contextvars import copy_context
from html import escape
from importlib import import_module
from threading import Event, Lock, Thread
from typing import Any

from lamina.records.live import Live, Running
from lamina.workflow import log

_AFTER = 0.5
"""Seconds after which something is shown: short runs need nothing."""

_EVERY = 0.5
_SHOWN = 6


def display() -> Any:
    """What shows things below a cell; None where this is no notebook."""
    ipython = sys.modules.get("IPython")
    shell = ipython.get_ipython() if ipython is not None else None
    if not hasattr(shell, "kernel"):  # a terminal has its own ways
        return None
    return import_module("IPython.display").display


class Progress:
    """Shows counts, what runs and its live metrics; takes the events of a run.

    Args:
        name: of the run.
        show: as `display` gives it.
    """

    def __init__(self, name: str, show: Any) -> None:
        self._name = name
        self._show = show
        self._live = Live()
        self._lock = Lock()
        self._over = Event()
        self._handle: Any = None
        # Outputs find their cell by the context; a task may tell nothing for minutes.
        drawing = copy_context()
        Thread(target=lambda: drawing.run(self._draw), name="lamina-view", daemon=True).start()

    def __call__(self, events: Sequence[log.Event]) -> None:
        """Takes in what happened."""
        with self._lock:
            for event in events:
                self._live.apply(event)

    def close(self) -> None:
        """The run is over: what is shown stays as it is."""
        self._over.set()
        if self._handle is not None:
            self._update()

    def _draw(self) -> None:
        if self._over.wait(_AFTER):
            return
        self._handle = self._show(self._now(), display_id=True)
        while not self._over.wait(_EVERY):
            self._update()

    def _update(self) -> None:
        self._handle.update(self._now())

    def _now(self) -> _Html:
        with self._lock:
            return _Html(_text(self._name, self._live, self._over.is_set()))


class _Html:
    """HTML, and the same as text for those who show none."""

    def __init__(self, lines: list[str]) -> None:
        self._lines = lines

    def _repr_html_(self) -> str:
        head, *rest = map(escape, self._lines)
        return "<br>".join([f"<b>{head}</b>", *rest])

    def __repr__(self) -> str:
        return "\n".join(self._lines)


def _text(name: str, live: Live, over: bool) -> list[str]:
    counts = live.counts()
    done, failed = counts["success"], counts["failure"]
    parts = [f"{name}: {done} of {sum(counts.values())} tasks done"]
    parts += [f"{live.reused} of them reused"] if live.reused else []
    parts += [f"{failed} failed"] if failed else []
    now = live.time if over else max(time.time(), live.time)
    parts += [f"{now - live.began:.1f} s"] if live.began else []
    if over:
        return [", ".join(parts)]
    running = [_line(task, one, now) for task, one in list(live.running.items())[:_SHOWN]]
    more = len(live.running) + live.more - len(running)
    return [", ".join(parts), *running, *([f"and {more} more run"] if more > 0 else [])]


def _line(task: str, one: Running, now: float) -> str:
    told = "  ".join(
        f"{name} {value:.4g}" if isinstance(value, float) else f"{name} {value}"
        for name, value in one.values.items()
    )
    return f"{task}  {max(0.0, now - one.since):.1f} s  {told}".rstrip()
