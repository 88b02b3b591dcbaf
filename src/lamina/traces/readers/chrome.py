"""Chrome traces: the events of chrome://tracing and Perfetto, from Lamina or from anyone.

What Lamina wrote is read back attempt by attempt: from the columns behind the events, and from the
events themselves where they were changed since or have none. In the traces of others each outermost
event of a thread is a task; what is called inside it is part of it.
"""

from __future__ import annotations

import re
from bisect import bisect_left
from collections.abc import Iterator
from dataclasses import dataclass, replace
from operator import attrgetter, itemgetter
from typing import Any, ClassVar

from lamina.records.history import Notice, Session
from lamina.traces.columns import trace_behind
from lamina.traces.readers.base import Reader, Source
from lamina.traces.readers.documents import Document, moment
from lamina.traces.reading import uncollected
from lamina.traces.trace import Attempt, Phase, Trace, made
from lamina.workflow.log import PHASES, STATUSES

_FIRST = re.compile(rb'^\s*\[\s*\{[^{}]*"ph"\s*:')
_NAME = re.compile(r"^(?P<task>.*)~\d+$")
_ANY = float("-inf")
_ROUNDED = 1e-6
_MOST = 1e300
_STATES = frozenset({*STATUSES, "running", "reused"})


class ChromeReader(Reader):
    """A document with `traceEvents`, or a list of events."""

    title: ClassVar[str] = "Chrome trace"

    def detects(self, source: Source) -> bool:
        """By the key of the events, or by the first of them."""
        head = source.head.lstrip(b"\xef\xbb\xbf \t\r\n")
        if head.startswith(b"["):
            return _FIRST.search(head) is not None
        return head.startswith(b"{") and b'"traceEvents"' in source.data

    def read(self, source: Source) -> Iterator[Trace]:
        """The one run."""
        with uncollected():
            found = trace_behind(source.data)
            if found is None:
                yield _Events(source).trace()
            else:
                yield replace(found, about={"source": source.name}, origin="chrome")


@dataclass
class _Span:
    """A complete event, in seconds since the trace began."""

    name: str
    begin: float
    end: float
    row: tuple[str, str]
    category: str
    args: dict[str, Any]


class _Events:
    """The events of one document."""

    def __init__(self, source: Source) -> None:
        self.document = told = Document(source, listed="traceEvents")
        self.other = told.mapping(told.root.get("otherData") or {}, "otherData")
        self.names: dict[tuple[str, str], str] = {}
        self.spans: list[_Span] = []
        self.notices: list[Notice] = []
        self.waits: dict[str, list[Phase]] = {}
        self._open: dict[tuple[str, str], list[_Span]] = {}
        self._waiting: dict[tuple[str, str], float] = {}
        self.began = moment(told.text(self.other, "began")) or 0.0
        for number, event in enumerate(told.rows(told.root.get("traceEvents"), "traceEvents")):
            self.take(event, f"event {number}")
        for spans in self._open.values():  # begun and never ended: until the last that is known
            last = max((span.end for span in self.spans), default=0.0)
            for span in spans:
                span.end = max(span.begin, last)
                self.spans.append(span)
        self.spans.sort(key=lambda span: (span.row, span.begin, -span.end))

    def trace(self) -> Trace:
        """The run."""
        ours = [span for span in self.spans if span.category == "attempt"]
        attempts = list(self.ours(ours) if ours else self.others())
        source = self.document.source
        if not attempts:
            raise source.broken("it has no event with a duration")
        attempts.sort(key=attrgetter("begin"))
        begin = min([one.ready for one in attempts] + ([self.began] if ours else []))
        failed = any(one.failed for one in {one.task: one for one in attempts}.values())
        status = self.document.text(self.other, "status") if ours else ""
        return Trace(
            run=self.document.text(self.other, "run") or source.stem,
            name=self.document.text(self.other, "name"),
            workflow=self.document.text(self.other, "workflow") or source.stem,
            status=status or ("failed" if failed else "succeeded"),
            sessions=(Session(begin, max(begin, *(one.end for one in attempts))),),
            attempts=tuple(attempts),
            notices=tuple(sorted(self.notices)),
            planned=len({one.task for one in attempts}),
            about={"source": source.name},
            origin="chrome",
            simulated=self.other.get("simulated") is True,
        )

    def take(self, event: dict[str, Any], near: str) -> None:
        """An event: complete ones, begins and ends, waits, names; the others tell no spans."""
        told = self.document
        kind = told.text(event, "ph", near)
        row = (told.text(event, "pid", near), told.text(event, "tid", near))
        args = event.get("args")
        args = args if isinstance(args, dict) else {}
        if kind == "M":
            if event.get("name") in ("process_name", "thread_name"):
                key = (row[0], "") if event["name"] == "process_name" else row
                self.names[key] = str(args.get("name") or "")
            return
        if kind not in "XBEbei" or not kind:
            return
        at = told.number(event, "ts", near, least=_ANY)
        if at is None:
            raise self.wrong("it has no ts", near)
        at /= 1e6
        name = told.text(event, "name", near)
        span = _Span(name, at, at, row, told.text(event, "cat", near), args)
        self.placed(kind, event, span, near)

    def placed(self, kind: str, event: dict[str, Any], span: _Span, near: str) -> None:
        """Puts a span where it belongs."""
        match kind:
            case "X":
                span.end += (self.document.number(event, "dur", near) or 0.0) / 1e6
                self.spans.append(span)
            case "B":
                self._open.setdefault(span.row, []).append(span)
            case "E" if self._open.get(span.row):
                opened = self._open[span.row].pop()
                opened.end = max(span.end, opened.begin)
                self.spans.append(opened)
            case "b" | "e":
                self.waited(kind, str(event.get("id")), span)
            case "i" if span.category == "notice":
                task, text = str(span.args.get("task") or ""), str(span.args.get("text") or "")
                self.notices.append(Notice(self.began + span.begin, span.name, task, text))

    def waited(self, kind: str, id: str, span: _Span) -> None:
        """The begin or the end of a wait, which lies on no thread."""
        if kind == "b":
            self._waiting[id, span.name] = span.begin
            return
        begin = self._waiting.pop((id, span.name), None)
        if begin is not None and span.name in PHASES:
            times = (self.began + begin, self.began + max(span.begin, begin))
            self.waits.setdefault(id, []).append(Phase(span.name, *times))

    def ours(self, spans: list[_Span]) -> Iterator[Attempt]:
        """Attempts that Lamina wrote: the phases are events inside, and waits of the same name."""
        inside: dict[tuple[str, str], list[_Span]] = {}
        numbers: dict[str, set[int]] = {}
        for span in self.spans:
            if span.category == "phase" and span.name in PHASES:
                inside.setdefault(span.row, []).append(span)
        begins = {row: [one.begin for one in found] for row, found in inside.items()}
        for span in spans:
            phases = list(self.waits.get(span.name, ()))
            at = bisect_left(begins.get(span.row, ()), span.begin - _ROUNDED)
            found = inside.get(span.row, [])
            for place in range(at, len(found)):
                phase = found[place]
                if phase.begin > span.end + _ROUNDED:
                    break
                if phase.end <= span.end + _ROUNDED:
                    times = (self.began + phase.begin, self.began + phase.end)
                    phases.append(Phase(phase.name, *times))
            one = self.attempt(span, phases)
            known = numbers.setdefault(one.task, set())
            if one.number in known:
                one = replace(one, number=max(known) + 1)
            known.add(one.number)
            yield one

    def attempt(self, span: _Span, phases: list[Phase]) -> Attempt:
        """One of ours."""
        args = span.args
        named = _NAME.match(span.name)
        begin, end = self.began + span.begin, self.began + span.end
        phases.sort(key=lambda phase: (phase.begin, PHASES.index(phase.name)))
        first = min([begin, *(phase.begin for phase in phases)])
        number, status = args.get("attempt"), str(args.get("status") or "succeeded")
        status = status if status in _STATES else "succeeded"
        bad = status not in ("succeeded", "reused", "running")
        return made(
            str(args.get("task") or (named["task"] if named else span.name)),
            number if isinstance(number, int) else 1,
            status, first, first, max([end, *(phase.end for phase in phases)]),
            tuple(_apart(phases)),
            self.names.get(span.row, "") or span.row[1], str(args.get("host") or ""),
            reason=str(args.get("reason") or ""),
            usage=_usage(args.get("usage")),
            error={"cause": str(args.get("error") or status)} if bad else {},
            kind=str(args.get("kind") or ""),
        )  # fmt: skip

    def others(self) -> Iterator[Attempt]:
        """The outermost events of each thread."""
        seen: dict[str, int] = {}
        total: dict[str, int] = {}
        outer = list(self.outermost())
        for span in outer:
            total[span.name] = total.get(span.name, 0) + 1
        for span in sorted(outer, key=attrgetter("begin")):
            place = seen[span.name] = seen.get(span.name, -1) + 1
            name = span.name or "event"
            begin, end = self.began + span.begin, self.began + span.end
            host = self.names.get((span.row[0], "")) or span.row[0]
            yield made(
                f"{name}[{place}]" if total[span.name] > 1 else name, 1, "succeeded", begin, begin,
                end, (Phase("run", begin, end),), self.names.get(span.row) or ":".join(span.row),
                host, kind=name, labels={"category": span.category} if span.category else {},
            )  # fmt: skip

    def outermost(self) -> Iterator[_Span]:
        """Events that lie in no other of their thread."""
        row, until = ("", ""), _ANY
        for span in self.spans:
            if span.row != row:
                row, until = span.row, _ANY
            if span.begin >= until or until == _ANY:
                yield span
            until = max(until, span.end)

    def wrong(self, reason: str, near: str) -> Exception:
        """The error for an event."""
        return self.document.source.broken(f"{near}: {reason}")


def _usage(told: Any) -> dict[str, float]:
    """The numbers of an object."""
    found = told.items() if isinstance(told, dict) else ()
    return {
        str(name): float(value)
        for name, value in found
        if isinstance(value, int | float) and abs(value) < _MOST
    }


def _apart(phases: list[Phase]) -> Iterator[Phase]:
    """Phases of which none lies over another: microseconds are rounded in the file."""
    at = _ANY
    for name, begin, end in map(itemgetter(0, 1, 2), phases):
        first = max(begin, at)
        at = max(first, end)
        yield Phase(name, first, at)
