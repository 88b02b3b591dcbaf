"""Chrome trace events, for Perfetto and chrome://tracing.

After the "Trace Event Format" of the Chromium project: complete events on the rows of workers,
nestable events for what waits, flows along the workflow's edges.
"""

from __future__ import annotations

from collections.abc import Iterator
from operator import itemgetter
from pathlib import Path
from typing import Any, ClassVar

from lamina.records.attempts import HELD, Attempt
from lamina.records.exports.base import Artifacts, Exporter, iso, write_lines
from lamina.records.history import History
from lamina.records.lanes import lanes_of
from lamina.workflow.masking import mask_plain

ARROWS = 20_000
"""Edges up to which arrows are written: more cannot be told apart, and make viewers slow."""

_WORKERS, _WAITING = 1, 2
"""Groups of rows: processes, in the words of the format."""


class ChromeExporter(Exporter):
    """A file with `traceEvents`; times are microseconds since the run began."""

    title: ClassVar[str] = "Chrome trace"

    def export(self, history: History, target: Path, artifacts: Artifacts) -> None:
        """Writes the events, in order of time."""
        del artifacts
        write_lines(trace_document(history), target)


def trace_document(history: History) -> dict[str, Any]:
    """The run as a trace document."""
    record = history.record
    lanes, ran = _placed(history)
    events = list(_events(history, ran))
    events.sort(key=itemgetter("ts"))
    return {
        "displayTimeUnit": "ms",
        "otherData": {
            "workflow": record.workflow,
            "run": record.id,
            "name": record.name,
            "status": history.status,
            "began": iso(history.begin),
        },
        "traceEvents": [*_names(history, lanes), *events],
    }


_Placed = tuple[Attempt, int, tuple[float, float]]
"""An attempt, the number of its row, and when it held a worker."""


def _placed(history: History) -> tuple[dict[tuple[str, int], int], list[_Placed]]:
    """Rows of workers by number, and what ran in them."""
    ran = [one for one in history.attempts if one.status not in ("reused", "skipped")]
    spans = [held(one, history.end) for one in ran]
    rows = lanes_of((one.worker, *span) for one, span in zip(ran, spans, strict=True))
    lanes: dict[tuple[str, int], int] = {}
    places = [
        lanes.setdefault((one.worker, row), len(lanes) + 1)
        for one, row in zip(ran, rows, strict=True)
    ]
    return lanes, list(zip(ran, places, spans, strict=True))


def _events(history: History, ran: list[_Placed]) -> Iterator[dict[str, Any]]:
    for placed in ran:
        yield from _attempt(placed, history.begin)
    yield from _arrows(history, {id(one): lane for one, lane, _ in ran})
    for time, what, task, text in history.notices:
        yield {
            "name": what, "cat": "notice", "ph": "i", "s": "g", "ts": _micros(time, history.begin),
            "pid": _WORKERS, "tid": 0, "args": mask_plain({"task": task, "text": text}),
        }  # fmt: skip
    for one in history.attempts:
        if one.status == "reused":
            yield {
                "name": f"{one.task} (reused)", "cat": "reused", "ph": "i", "s": "p",
                "ts": _micros(one.started, history.begin), "pid": _WORKERS, "tid": 0,
                "args": {"from": one.source},
            }  # fmt: skip


def _names(history: History, lanes: dict[tuple[str, int], int]) -> Iterator[dict[str, Any]]:
    titles = {_WORKERS: f"{history.record.workflow}: workers", _WAITING: "waiting"}
    for process, title in titles.items():
        yield _meta("process_name", process, 0, {"name": title})
        yield _meta("process_sort_index", process, 0, {"sort_index": process})
    for (worker, row), lane in lanes.items():
        name = (worker or "no worker") + (f" ({row + 1})" if row else "")
        yield _meta("thread_name", _WORKERS, lane, {"name": name})


def _meta(name: str, process: int, row: int, args: dict[str, Any]) -> dict[str, Any]:
    return {"name": name, "ph": "M", "pid": process, "tid": row, "args": args}


def held(one: Attempt, end: float) -> tuple[float, float]:
    """When an attempt held a worker; a running one until the end of what is known."""
    spans = [span for name, span in one.phases.items() if kind_of(name) in HELD]
    if len(spans) == 1:
        return spans[0]
    if not spans:
        return (one.started, max(end if one.ended is None else one.ended, one.started))
    return (min(begin for begin, _ in spans), max(last for _, last in spans))


def _attempt(placed: _Placed, since: float) -> Iterator[dict[str, Any]]:
    one, lane, (begin, end) = placed
    name, at = one.name, round((begin - since) * 1e6, 3)
    args = {
        "task": one.task, "attempt": one.number, "status": one.status, "reason": one.reason,
        "host": one.host, "process": one.pid, "usage": dict(one.usage),
    }  # fmt: skip
    if one.cause:
        args["error"] = mask_plain(one.cause)
    event = {
        "name": name, "cat": "attempt", "ph": "X", "ts": at,
        "dur": _length(at, end, since), "pid": _WORKERS, "tid": lane, "args": args,
    }  # fmt: skip
    if one.status != "succeeded":
        event["cname"] = "grey" if one.status == "running" else "terrible"
    yield event
    for piece, (first, last) in one.phases.items():
        kind, at = kind_of(piece), round((first - since) * 1e6, 3)
        if kind in HELD:
            yield {
                "name": kind, "cat": "phase", "pid": _WORKERS, "tid": lane, "ph": "X", "ts": at,
                "dur": _length(at, last, since),
            }  # fmt: skip
            continue
        yield {
            "name": kind, "cat": "phase", "pid": _WAITING, "tid": 0, "id": name, "ph": "b",
            "ts": at,
        }  # fmt: skip
        yield {
            "name": kind, "cat": "phase", "pid": _WAITING, "tid": 0, "id": name, "ph": "e",
            "ts": at if last < first else round((last - since) * 1e6, 3),
        }  # fmt: skip


def kind_of(name: str) -> str:
    """The phase that a piece is of: "run~2" is the second longest of a run in pieces."""
    return name.partition("~")[0] if "~" in name else name


def _arrows(history: History, lanes: dict[int, int]) -> Iterator[dict[str, Any]]:
    """From the end of an attempt to the begin of those that read it."""
    last = {one.task: one for one in history.attempts if id(one) in lanes}
    number = 0
    for task, one in last.items():
        for parent in history.parents.get(task) or ():
            before = last.get(parent)
            if before is None or before.status != "succeeded":
                continue
            number += 1
            if number > ARROWS:
                return
            event = {"name": "reads", "cat": "flow", "id": number, "pid": _WORKERS}
            leaves, arrives = held(before, history.end)[1], held(one, history.end)[0]
            yield {
                **event, "ph": "s", "tid": lanes[id(before)], "ts": _micros(leaves, history.begin),
            }  # fmt: skip
            yield {
                **event, "ph": "f", "bp": "e", "tid": lanes[id(one)],
                "ts": _micros(max(arrives, leaves), history.begin),
            }  # fmt: skip


def _length(at: float, end: float, since: float) -> float:
    """From a moment as it is written to a time, so that what ends together does so in viewers."""
    return max(round(round((end - since) * 1e6, 3) - at, 3), 0.0)


def _micros(time: float, since: float) -> float:
    return round((time - since) * 1e6, 3)
