"""Records that pegasus-kickstart writes around a program: XML up to version 2, YAML from 3 on.

Only the few fields that a trace needs are looked for. Neither form is given to a parser that could
expand entities or make objects: the YAML is of one plain shape and is read line by line, the XML
goes to expat without its prologue. A record that ends early tells what it told.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from math import isfinite
from typing import Any, NamedTuple
from xml.parsers import expat

from lamina.traces.readers.base import Source
from lamina.traces.readers.documents import moment


class Part(NamedTuple):
    """A program that ran: the main one, or one before or after it."""

    name: str
    begin: float
    seconds: float


class Invocation(NamedTuple):
    """One record.

    Args:
        line: where it begins.
        begin, seconds: of the whole; 0 seconds where it was cut before.
        parts: programs in order, the main one is "mainjob".
        told: transformation, derivation, resource, hostname.
        usage: cpu in seconds, memory_peak in bytes.
        exit: of the main program, or minus a signal; None where it was cut before.
        cause: why it failed; empty where it did not.
        cut: line at which it ends early; 0 where it is whole.
    """

    line: int
    begin: float
    seconds: float
    parts: tuple[Part, ...]
    told: Mapping[str, str]
    usage: Mapping[str, float]
    exit: int | None
    cause: str = ""
    cut: int = 0

    @property
    def end(self) -> float:
        """When the last thing that it tells of was over."""
        return max([self.begin + self.seconds, *(one.begin + one.seconds for one in self.parts)])


PARTS = ("setup", "prejob", "mainjob", "postjob", "cleanup")
_TOLD = ("transformation", "derivation", "resource", "hostname")
_XML = re.compile(rb"<invocation[\s>]")
_YAML = re.compile(r"^- invocation:", re.MULTILINE)
_FIELD = re.compile(r"^(?P<indent> *)(?P<key>[A-Za-z][\w-]*):(?: +(?P<value>.*))?$")
_CLUSTER = re.compile(
    r"^\[(?P<what>(?:cluster|seqexec)-(?:summary|task)|struct) (?P<rest>.*)\]", re.M
)
_PAIR = re.compile(r"(?P<key>[\w-]+)=(?:\"(?P<quoted>[^\"]*)\"|(?P<bare>[^,\s\]]*))")
_LONGEST = 1 << 16
"""Letters of a line above which it is no field."""


def is_kickstart(data: bytes) -> bool:
    """Whether there are records in a file."""
    return bool(
        _XML.search(data) or data.startswith(b"- invocation:") or b"\n- invocation:" in data
    )


def invocations(source: Source) -> Iterator[Invocation]:
    """The records of a file.

    Raises:
        TraceError: one that does not even tell when it began, or that declares entities.
    """
    data = source.data
    if _XML.search(data):
        yield from _xml_records(source, data)
    if b"- invocation:" in data:
        yield from _yaml_records(source, source.text())


def summaries(source: Source) -> Iterator[Invocation]:
    """What programs that run many tasks in one job (pegasus-cluster, pegasus-mpi-cluster) tell of
    themselves and of each task."""
    text = source.text()
    line, at = 1, 0
    for found in _CLUSTER.finditer(text):
        line += text.count("\n", at, found.start())
        at = found.start()
        told = {key: quoted or bare for key, quoted, bare in _PAIR.findall(found[2])}
        start = told.get("start", "").strip()
        if not start:
            continue
        program = told.get("app", "").rpartition("/")[2]
        named = (program, told.get("name", ""), told.get("hostname", ""))
        keys = ("transformation", "derivation", "hostname")
        bad = told.get("stat", "ok").lower() != "ok" or any(
            told.get(key, "0") != "0" for key in ("status", "failed")
        )
        begin, took = moment(start), _seconds(told.get("duration", "0"))
        if begin is None:
            raise source.broken(f"start is {start[:40]!r}, not a time", line)
        if took is None:
            raise source.broken(f"duration is {told['duration'][:40]!r}, not a number", line)
        yield Invocation(
            line, begin, max(took, 0.0), (),
            {key: text for key, text in zip(keys, named, strict=True) if text}, {}, int(bad),
            "exit code 1" if bad else "",
        )  # fmt: skip


def _seconds(text: str) -> float | None:
    """A number; None where it is none."""
    try:
        found = float(text or 0)
    except ValueError:
        return None
    return found if isfinite(found) else None


class _Record:
    """What is known of one record so far."""

    def __init__(self, source: Source, line: int) -> None:
        self.source = source
        self.line = line
        self.found: dict[tuple[str, ...], tuple[str, int]] = {}

    def put(self, path: tuple[str, ...], value: str, line: int) -> None:
        """A field; the first of a name counts."""
        self.found.setdefault(path, (value.strip().strip("\"'"), line))

    def text(self, *path: str) -> str:
        """A field as it stands; empty where it is not told."""
        return self.found.get(path, ("", 0))[0]

    def number(self, *path: str) -> float:
        """A field as a number; 0 where it is not told."""
        text, line = self.found.get(path, ("", 0))
        if not text:
            return 0.0
        try:
            found = float(text)
        except ValueError:
            found = float("nan")
        if not isfinite(found):
            raise self.wrong(f"{'.'.join(path)} is {text[:40]!r}, not a number", line)
        return found

    def time(self, *path: str) -> float | None:
        """A field as seconds since 1970; None where it is not told."""
        text, line = self.found.get(path, ("", 0))
        if not text:
            return None
        found = moment(text)
        if found is None:
            raise self.wrong(f"{'.'.join(path)} is {text[:40]!r}, not a time", line)
        return found

    def wrong(self, reason: str, line: int = 0) -> Exception:
        """The error with the line."""
        return self.source.broken(reason, line or self.line)

    def made(self, cut: int) -> Invocation:
        """The record as it is."""
        begin = self.time("start")
        if begin is None:
            where = f" and ends early in line {cut}" if cut else ""
            raise self.wrong(f"the record tells no start{where}")
        parts = []
        for name in PARTS:
            start = self.time(name, "start")
            # A program that could not be started began in 1970, in the record's words.
            if start is not None and start >= begin - 1:
                parts.append(Part(name, start, max(self.number(name, "duration"), 0.0)))
        exit, cause = self._ended()
        return Invocation(
            self.line, begin, max(self.number("duration"), 0.0), tuple(parts),
            {key: self.text(key) for key in _TOLD if self.text(key)}, self._usage(), exit,
            cause or (_no_end(cut) if exit is None else ""), cut,
        )  # fmt: skip

    def _ended(self) -> tuple[int | None, str]:
        inside = ("mainjob", "status")
        told = self.text(*inside, "regular_exitcode")
        if told:
            code = int(self.number(*inside, "regular_exitcode"))
            return code, f"exit code {code}" if code else ""
        if self.text(*inside, "signalled"):
            signal = int(self.number(*inside, "signalled"))
            return -signal or -1, f"signal {signal}"
        failure = self.text(*inside, "failure")
        if failure or self.text(*inside, "raw"):
            raw = int(self.number(*inside, "raw"))
            code = raw >> 8 if raw > 0xFF else raw
            return code or int(bool(failure)), failure or (
                f"kickstart told the status {raw}" if raw else ""
            )
        return None, ""

    def _usage(self) -> dict[str, float]:
        found: dict[str, float] = {}
        names = [name for name in PARTS if (name, "usage", "utime") in self.found]
        if names:
            found["cpu"] = sum(
                self.number(name, "usage", "utime") + self.number(name, "usage", "stime")
                for name in names
            )
        peak = max((self.number(name, "usage", "maxrss") for name in names), default=0.0)
        if peak > 0:
            found["memory_peak"] = peak * 1024
        return found


def _no_end(cut: int) -> str:
    return f"the record ends early, in line {cut}" if cut else "the record tells no exit code"


def _yaml_records(source: Source, text: str) -> Iterator[Invocation]:
    starts = [found.start() for found in _YAML.finditer(text)]
    line = 1
    at = 0
    for start, stop in zip(starts, [*starts[1:], len(text)], strict=True):
        line += text.count("\n", at, start)
        at = start
        yield _yaml_record(source, text[start:stop], line)


def _yaml_record(source: Source, text: str, line: int) -> Invocation:
    """One record: fields below each other, each level two spaces deeper."""
    record = _Record(source, line)
    path: list[tuple[int, str]] = []
    lines = text.split("\n")
    last = line
    for number, one in enumerate(lines[1:], line + 1):
        if one and not one.startswith(" "):
            break
        last = number if one else last
        found = _FIELD.match(one) if len(one) < _LONGEST else None
        if found is None:
            continue
        depth = len(found["indent"])
        while path and path[-1][0] >= depth:
            path.pop()
        path.append((depth, found["key"]))
        where = tuple(key for _, key in path)
        if where[0] in (*_TOLD, "start", "duration", *PARTS) and len(where) <= 3:
            record.put(_SIGNALS.get(where, where), found["value"] or "", number)
    whole = ("mainjob", "status", "raw") in record.found
    return record.made(0 if whole else last)


_SIGNALS: Mapping[tuple[str, ...], tuple[str, ...]] = {
    ("mainjob", "status", f"{what}_signal"): ("mainjob", "status", "signalled")
    for what in ("signalled", "suspended")
}
"""What the YAML calls otherwise."""


def _xml_records(source: Source, data: bytes) -> Iterator[Invocation]:
    starts = [found.start() for found in _XML.finditer(data)]
    line = 1
    at = 0
    for start, stop in zip(starts, [*starts[1:], len(data)], strict=True):
        line += data.count(b"\n", at, start)
        at = start
        end = data.find(b"</invocation>", start, stop)
        whole = end >= 0
        yield _Xml(source, line).parsed(data[start : end + 13 if whole else stop], whole)


class _Xml:
    """One record as expat tells it."""

    def __init__(self, source: Source, line: int) -> None:
        self.source = source
        self.record = _Record(source, line)
        self.path: list[str] = []
        self.words: list[str] = []
        self.parser = expat.ParserCreate("iso-8859-1")
        self.parser.StartElementHandler = self.start
        self.parser.EndElementHandler = self.end
        self.parser.CharacterDataHandler = self.words.append
        self.parser.EntityDeclHandler = self.refused
        self.parser.StartDoctypeDeclHandler = self.refused

    def parsed(self, data: bytes, whole: bool) -> Invocation:
        """The record; one without an end is told as far as it goes."""
        try:
            self.parser.Parse(data, whole)
        except expat.ExpatError as error:
            line = self.record.line + error.lineno - 1
            told = expat.errors.messages.get(error.code, str(error))
            if whole or not self.record.found:
                raise self.source.broken(f"it is no XML: {told}", line) from error
            return self.record.made(line)
        except ValueError as error:
            raise self.source.broken(f"it is no XML: {error}", self.here()) from error
        return self.record.made(0 if whole else self.here())

    def here(self) -> int:
        """The line that is being read."""
        return self.record.line + self.parser.CurrentLineNumber - 1

    def refused(self, *_: Any) -> None:
        """Entities are a way to fill memory, and records have none."""
        raise self.source.broken("it declares entities: no record of kickstart does", self.here())

    def start(self, name: str, attributes: dict[str, str]) -> None:
        """An element begins."""
        name = name.rpartition(":")[2]
        self.path.append(name)
        self.words.clear()
        inside = tuple(self.path[1:])
        if not inside:
            for key in ("start", "duration", *_TOLD):
                self.take((key,), attributes.get(key))
        elif inside[0] in PARTS:
            self.of_part(inside, attributes)

    def of_part(self, inside: tuple[str, ...], attributes: dict[str, str]) -> None:
        """An element of one of the programs."""
        if len(inside) == 1:
            for key in ("start", "duration"):
                self.take((inside[0], key), attributes.get(key))
        elif inside[1:] == ("usage",):
            for key in ("utime", "stime", "maxrss"):
                self.take((*inside, key), attributes.get(key))
        elif inside[1:] == ("status",):
            self.take((*inside, "raw"), attributes.get("raw"))
        elif inside[1:] == ("status", "regular"):
            self.take((*inside[:2], "regular_exitcode"), attributes.get("exitcode"))
        elif inside[1:] in (("status", "signalled"), ("status", "suspended")):
            self.take((*inside[:2], "signalled"), attributes.get("signal"))

    def end(self, name: str) -> None:
        """An element ends."""
        del name
        if self.path[1:] == ["mainjob", "status", "failure"]:
            self.take(("mainjob", "status", "failure"), "".join(self.words) or "it failed")
        self.path.pop()

    def take(self, path: tuple[str, ...], value: str | None) -> None:
        """An attribute, if it is there."""
        if value is not None:
            self.record.put(path, value, self.here())
