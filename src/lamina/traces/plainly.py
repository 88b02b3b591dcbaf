"""A run of ours that went as most do, read without an event for each entry of its records.

One session that ended, every attempt with its begin and end: then an attempt is made of two entries
at once, which takes half the time. What else there is, `lamina.records.attempts` tells.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import replace
from functools import partial
from typing import Any

from lamina.records.dependencies import Dependencies
from lamina.records.history import history_of
from lamina.records.store import Row, RunRecord
from lamina.traces.reading import ORDER, trace_of_history, uncollected
from lamina.traces.trace import Attempt, Phase, Trace, made
from lamina.workflow.log import Event, event_of

_BEGUN, _ENDED, _PASSED = "attempt-started", "attempt-ended", "attempt-placed"
_AROUND = ("run-started", "run-finished", "noticed")
PLAIN = (_BEGUN, _ENDED, _PASSED, *_AROUND)
"""The kinds of events of such a run."""

_phase: Callable[[Iterable[Any]], Phase] = partial(tuple.__new__, Phase)
_NOTHING: Mapping[str, Any] = {}

Pages = Iterable[tuple[list[Row], Iterator[dict[str, Any]]]]
"""As `Store.pages` gives them."""


def plain_trace_of(record: RunRecord, pages: Pages) -> Trace | None:
    """The trace of such a run; None where it is another after all."""
    with uncollected():
        try:
            return _Plain(pages).trace(record)
        except (KeyError, TypeError, ValueError, AttributeError, IndexError):
            return None


class _Plain:
    """The entries, put together.

    Raises:
        KeyError: an attempt ended that had not begun, or has no end.
        TypeError, ValueError, AttributeError, IndexError: an entry is not what an engine writes.
    """

    def __init__(self, pages: Pages) -> None:
        self.around: list[Event] = []
        self.found: list[Attempt | None] = []
        self.tasks: dict[str, None] = {}
        self.last = float("-inf")
        self.begun: dict[tuple[str, int], tuple[int, float, dict[str, Any]]] = {}
        for rows, bodies in pages:
            self.take(rows, bodies)
            self.last = max(self.last, *(row[1] for row in rows))
        if self.begun:
            raise KeyError(next(iter(self.begun)))

    def take(self, rows: list[Row], bodies: Iterator[dict[str, Any]]) -> None:
        """A page more."""
        begun, found = self.begun, self.found
        for (_, time, word, task, attempt, _), body in zip(rows, bodies, strict=True):
            if word == _ENDED:
                place, start, told = begun.pop((task, attempt))
                found[place] = _attempt((task, attempt), (start, told), (time, body))
            elif word == _BEGUN:
                begun[task, attempt] = (len(found), time, body)
                found.append(None)
                self.tasks[task] = None
            elif word in _AROUND:
                self.around.append(event_of(word, time, body | {"task": task}))

    def trace(self, record: RunRecord) -> Trace:
        """The trace."""
        history = history_of(record, self.around)
        if len(history.sessions) > 1 or history.status == "running" or history.end < self.last:
            raise ValueError("it has sessions, or something happened after its end")
        attempts = [one for one in self.found if one is not None]
        attempts.sort(key=lambda one: one.begin)
        trace = trace_of_history(history)
        parents = Dependencies(record.document, self.tasks, {}, None)
        return replace(trace, attempts=tuple(attempts), parents=parents)


def _attempt(
    key: tuple[str, int], begun: tuple[float, Mapping[str, Any]], ended: tuple[float, Any]
) -> Attempt:
    """An attempt, of the two entries that tell of it."""
    (begin, told), (last, end) = begun, ended
    if "expansion" in end:
        raise ValueError("a task that decided on others")
    phases = [_phase((name, *span)) for name, span in end.get("phases", _NOTHING).items()]
    begins = [phase[1] for phase in phases]
    if begins != sorted(begins):
        phases.sort(key=lambda phase: (phase.begin, ORDER.get(phase.name, 0)))
    ready, tell = told.get("ready", 0.0), end.get
    return made(
        *key, end["status"], begin if begin < ready else ready, begin,
        begin if begin > last else last, tuple(phases), tell("worker", ""), tell("host", ""),
        tell("pid", 0), tuple(told.get("gpus", ())), told.get("reason", ""),
        tell("usage", _NOTHING), tell("exit"), tell("error", _NOTHING), tell("folder", ""),
    )  # fmt: skip
