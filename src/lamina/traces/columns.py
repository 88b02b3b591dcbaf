"""A trace as columns of plain values: what documents of ours carry, to be read again as it was.

A document of events rounds times and hides what belongs together. The columns stand behind the
events, with their checksum: they hold as long as the events are those that they were written with.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from functools import partial
from itertools import accumulate, chain, pairwise
from math import isfinite
from typing import Any
from zlib import crc32

from lamina.records.exports.base import lined
from lamina.records.history import Notice, Session
from lamina.traces.trace import Attempt, Phase, Trace, made
from lamina.workflow.log import PHASES, STATUSES
from lamina.workflow.masking import mask, mask_plain

_STATES = frozenset({*STATUSES, "running", "reused"})
_TEXTS = ("task", "status", "worker", "host", "reason", "kind")
_TIMES = ("ready", "begin", "end")
_phase = partial(tuple.__new__, Phase)
"""A phase from its three values, without a call of Python's for each."""

_MARK = b',\n "lamina": {\n  "crc32": '
"""Ends the part of a document that others read; no text of JSON has a line's end in it."""


def with_columns(document: Mapping[str, Any], trace: Trace) -> bytes:
    """A document, and behind it the trace that it was made of."""
    body = lined(document).removesuffix("\n}").encode("utf-8", "backslashreplace")
    columns = {"crc32": crc32(body), **columns_of(trace)}
    more = f',\n "lamina": {lined(columns, " ")}\n}}\n'
    return body + more.encode("utf-8", "backslashreplace")


def trace_behind(data: bytes) -> Trace | None:
    """The trace behind a document; None where there is none, or the document is no longer the
    one that was made of it."""
    place = data.rfind(_MARK)
    if place < 0:
        return None
    try:
        told = json.loads(b"{" + data[place + 2 :])["lamina"]
        if told["crc32"] != crc32(memoryview(data)[:place]):
            return None
        return trace_of_columns(told)
    except (ValueError, TypeError, KeyError, IndexError, AttributeError, RecursionError):
        return None


def columns_of(trace: Trace) -> dict[str, Any]:
    """What is told of a run and of its attempts."""
    ran = trace.attempts
    shapes: dict[tuple[str, ...], int] = {}
    kept: dict[str, list[Any]] = {
        name: [getattr(one, name) for one in ran]
        for name in (*_TEXTS, *_TIMES, "number", "exit", "usage", "labels")
    }
    kept["usage"] = [dict(one) for one in kept["usage"]]
    kept["labels"] = [dict(one) for one in kept["labels"]]
    kept["cause"] = [mask(str(one.error.get("cause") or "")) for one in ran]
    kept["shape"] = [
        shapes.setdefault(tuple([phase[0] for phase in one.phases]), len(shapes)) for one in ran
    ]
    return {
        "run": trace.run,
        "name": trace.name,
        "workflow": trace.workflow,
        "status": trace.status,
        "simulated": trace.simulated,
        "planned": trace.planned,
        "labels": dict(trace.labels),
        "sessions": [list(one) for one in trace.sessions],
        "notices": mask_plain([list(one) for one in trace.notices]),
        "shapes": [list(shape) for shape in shapes],
        "parents": [list(trace.parents.get(one.task, ())) for one in ran],
        "spans": [time for one in ran for phase in one.phases for time in phase[1:]],
        "attempts": {
            name: column
            for name, column in kept.items()
            if any(column) or (name == "exit" and 0 in column)
        },
    }


def trace_of_columns(told: Mapping[str, Any]) -> Trace:
    """The trace again.

    Raises:
        ValueError, TypeError, KeyError: they are no such columns.
    """
    attempts = list(_attempts(told))
    _texts(list(chain.from_iterable(_only(told["parents"], list))))
    sessions = tuple(Session(*_floats(one)) for one in told["sessions"])
    if not attempts or not sessions:
        raise ValueError("there is no attempt, or no session")
    if any(one.end > two.begin for one, two in pairwise(sessions)) or any(
        one.begin > one.end for one in sessions
    ):
        raise ValueError("sessions lie over each other")
    labels = _mappings([told["labels"]], str)[0]
    run, name, workflow, status = _texts([told[key] for key in _ABOUT])
    return Trace(
        run, name, workflow, status, sessions, tuple(attempts),
        parents={one.task: up for one, up in zip(attempts, told["parents"], strict=True)},
        notices=tuple(
            Notice(_floats([time])[0], *_texts(rest)) for time, *rest in told["notices"]
        ),
        planned=int(told["planned"]),
        labels=labels,
        simulated=told["simulated"] is True,
    )  # fmt: skip


_ABOUT = ("run", "name", "workflow", "status")


def _attempts(told: Mapping[str, Any]) -> Iterator[Attempt]:
    spans, told = told, told["attempts"]
    count = len(told["task"])
    texts = [_texts(told.get(name) or [""] * count) for name in _TEXTS]
    times = [_floats(told.get(name) or [0.0] * count) for name in _TIMES]
    numbers = _wholes(told.get("number") or [0] * count)
    exits = told.get("exit") or [None] * count
    _wholes([one for one in exits if one is not None])
    usage = _mappings(told.get("usage") or [{} for _ in range(count)], float)
    labels = _mappings(told.get("labels") or [{} for _ in range(count)], str)
    causes = _texts(told.get("cause") or [""] * count)
    if not _STATES.issuperset(texts[1]):
        raise ValueError("a status that is none")
    errors = [{"cause": cause} if cause else {} for cause in causes]
    rows = zip(*texts, *times, numbers, exits, usage, labels, errors, strict=True)
    for row, phases in zip(rows, _phases(spans, told.get("shape") or [0] * count), strict=True):
        task, status, worker, host, reason, kind, ready, begin, end, number, *more = row
        if begin > end:
            raise ValueError("an attempt ends before it begins")
        code, used, named, error = more
        yield made(
            task, number, status, ready, begin, end, phases, worker, host, 0, (), reason, used,
            code, error, "", kind, named,
        )  # fmt: skip


def _phases(told: Mapping[str, Any], places: Sequence[int]) -> Iterator[tuple[Phase, ...]]:
    """Of each attempt: the names are those of its shape, the times follow in order."""
    shapes = [_texts(one) for one in told["shapes"]]
    if not set(PHASES).issuperset(chain.from_iterable(shapes)):
        raise ValueError("a phase that is none")
    spans = _floats(told["spans"])
    of = [shapes[place] for place in _wholes(places)]
    bounds = list(accumulate(map(len, of), initial=0))
    if 2 * bounds[-1] != len(spans):
        raise ValueError("times that belong to no phase")
    found = list(map(_phase, zip(chain.from_iterable(of), spans[::2], spans[1::2], strict=True)))
    if any(first > last for _, first, last in found):
        raise ValueError("a phase that ends before it begins")
    return (tuple(found[one:two]) for one, two in pairwise(bounds))


def _texts(column: Sequence[Any]) -> list[str]:
    return _only(column, str)


def _wholes(column: Sequence[Any]) -> list[int]:
    return _only(column, int)


def _floats(column: Sequence[Any]) -> list[float]:
    found: list[float] = [float(one) for one in _only(column, float, int)]
    if not all(map(isfinite, found)):
        raise ValueError("a time that is none")
    return found


def _mappings(column: Sequence[Any], of: type) -> list[dict[str, Any]]:
    found = _only(column, dict)
    (_floats if of is float else _texts)(list(chain.from_iterable(map(dict.values, found))))
    return found


def _only(column: Sequence[Any], *kinds: type) -> list[Any]:
    """A column of values of some kinds and no others."""
    if not isinstance(column, list) or not set(kinds).issuperset(map(type, column)):
        raise TypeError(f"a column of other values than {kinds[0].__name__}")
    return column
