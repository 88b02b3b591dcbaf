"""A trace from the events of a run of ours, finished or not."""

from __future__ import annotations

import gc
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from functools import partial
from typing import Any

from lamina.records import attempts as recorded
from lamina.records.dependencies import Body
from lamina.records.history import History, history_of
from lamina.records.store import RunRecord
from lamina.traces.trace import Attempt, Phase, Trace, made
from lamina.workflow.log import PHASES, Event

_phase = partial(tuple.__new__, Phase)
"""A phase from its three values, without a call of Python's for each."""
ORDER = {name: place for place, name in enumerate(PHASES)}
"""Phase -> its place among those that begin at one time."""


def trace_of(
    record: RunRecord,
    events: Iterable[Event],
    until: float | None = None,
    read: Callable[[str], Body | None] | None = None,
) -> Trace:
    """The trace of a run; the arguments are those of `history_of`."""
    with uncollected():
        return trace_of_history(history_of(record, events, until, read))


@contextmanager
def uncollected() -> Iterator[None]:
    """Puts the collection of garbage off: a large trace is many small objects, all in use, and
    looking through them again and again takes longer than making them.

    What was made counts as old afterwards, or the next collection of the youngest would look
    through all of it. Who froze objects before, for a fork, finds them frozen.
    """
    before, frozen = gc.isenabled(), gc.get_freeze_count()
    gc.disable()
    try:
        yield
    finally:
        if before:
            if not frozen:
                gc.freeze()
                gc.unfreeze()
            gc.enable()


def trace_of_history(history: History) -> Trace:
    """The trace of a run whose records were read before."""
    record, found = history.record, history.attempts
    drawn = [_attempt(one, history.end) for one in found if one.status != "skipped"]
    return Trace(
        record.id,
        record.name,
        record.workflow,
        history.status,
        history.sessions,
        tuple(sorted(drawn, key=lambda one: one.begin)),
        history.parents,
        {one.task: one.reason for one in found if one.status == "skipped"},
        history.notices,
        {(one.task, one.number): _told(one) for one in found if one.told},
        history.planned,
        history.about,
        history.outputs,
    )


def _attempt(one: recorded.Attempt, end: float) -> Attempt:
    phases = [_phase((name, span[0], span[1])) for name, span in one.phases.items()]
    begins = [phase[1] for phase in phases]
    if begins != sorted(begins):
        phases.sort(key=lambda phase: (phase.begin, ORDER.get(phase.name, 0)))
    begin = one.started
    last = end if one.ended is None else one.ended
    return made(
        one.task, one.number, one.status, min(one.ready, begin), begin, max(begin, last),
        tuple(phases), one.worker, one.host, one.pid, one.gpus, one.reason, one.usage, one.exit,
        one.error, one.folder,
    )  # fmt: skip


def _told(one: recorded.Attempt) -> tuple[tuple[float, Mapping[str, Any]], ...]:
    """Live metrics, moment by moment."""
    return tuple(
        (row["time"], {k: v for k, v in row.items() if k != "time"}) for row in one.epochs()
    )
