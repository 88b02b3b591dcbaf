"""Chrome traces: what Perfetto and chrome://tracing ask of a file."""

from __future__ import annotations

import itertools
from collections import Counter
from typing import Any

import pytest

from lamina.records.exports.chrome import trace_document
from lamina.testing.exporters import KINDS, made

REQUIRED = {
    "X": {"name", "cat", "ts", "dur", "pid", "tid"},
    "b": {"name", "cat", "ts", "id", "pid", "tid"},
    "e": {"name", "cat", "ts", "id", "pid", "tid"},
    "s": {"name", "cat", "ts", "id", "pid", "tid"},
    "f": {"name", "cat", "ts", "id", "pid", "tid", "bp"},
    "i": {"name", "cat", "ts", "s", "pid", "tid"},
    "M": {"name", "args", "pid", "tid"},
}


def events(kind: str) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = trace_document(made(kind))["traceEvents"]
    return found


@pytest.mark.parametrize("kind", KINDS)
def test_every_event_has_what_its_kind_needs(kind: str) -> None:
    for event in events(kind):
        assert REQUIRED[event["ph"]] <= event.keys(), event
        assert event.get("ts", 0) >= 0 <= event.get("dur", 0)
        assert isinstance(event["pid"], int)
        assert isinstance(event["tid"], int)


@pytest.mark.parametrize("kind", KINDS)
def test_spans_open_and_close_and_arrows_begin_before_they_end(kind: str) -> None:
    found = events(kind)
    opened = Counter((e["cat"], e["id"], e["name"]) for e in found if e["ph"] == "b")
    closed = Counter((e["cat"], e["id"], e["name"]) for e in found if e["ph"] == "e")
    assert opened == closed
    starts = {e["id"]: e["ts"] for e in found if e["ph"] == "s"}
    ends = {e["id"]: e["ts"] for e in found if e["ph"] == "f"}
    assert starts.keys() == ends.keys()
    assert all(starts[one] <= ends[one] for one in starts)


@pytest.mark.parametrize("kind", KINDS)
def test_phases_lie_inside_of_their_attempts_to_the_nanosecond(kind: str) -> None:
    # Viewers stack what lies inside, and lose what only overlaps.
    rows: dict[int, list[tuple[int, int, str]]] = {}
    for event in events(kind):
        if event["ph"] == "X":
            begin, length = round(event["ts"] * 1000), round(event["dur"] * 1000)
            rows.setdefault(event["tid"], []).append((begin, begin + length, event["cat"]))
    for spans in rows.values():
        attempts = [span for span in spans if span[2] == "attempt"]
        for begin, end, cat in spans:
            if cat == "phase":
                assert any(first <= begin and end <= last for first, last, _ in attempts)


@pytest.mark.parametrize("kind", KINDS)
def test_attempts_of_a_row_do_not_overlap(kind: str) -> None:
    rows: dict[int, list[tuple[float, float]]] = {}
    for event in events(kind):
        if event["ph"] == "X" and event["cat"] == "attempt":
            rows.setdefault(event["tid"], []).append((event["ts"], event["ts"] + event["dur"]))
    for spans in rows.values():
        spans.sort()
        for (_, end), (begin, _) in itertools.pairwise(spans):
            assert end <= begin + 2000


def test_phases_lie_inside_their_attempt() -> None:
    found = [e for e in events("scatter") if e["ph"] == "X"]
    attempts = [e for e in found if e["cat"] == "attempt"]
    assert len(attempts) == 11
    for phase in (e for e in found if e["cat"] == "phase"):
        assert any(
            one["tid"] == phase["tid"]
            and one["ts"] <= phase["ts"] + 1
            and phase["ts"] + phase["dur"] <= one["ts"] + one["dur"] + 1
            for one in attempts
        )


def test_workers_are_named() -> None:
    names = [e["args"]["name"] for e in events("scatter") if e["name"] == "thread_name"]
    assert sorted(names) == ["worker-1", "worker-2", "worker-3"]
