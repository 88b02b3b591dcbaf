"""Outputs of pegasus-kickstart by themselves: a run of the programs that one file tells of."""

from __future__ import annotations

import re
from collections.abc import Iterator
from operator import attrgetter
from typing import ClassVar

from lamina.records.history import Notice, Session
from lamina.traces.readers.base import Reader, Source
from lamina.traces.readers.invocations import (
    Invocation,
    invocations,
    is_kickstart,
    summaries,
)
from lamina.traces.trace import Attempt, Phase, Trace, made

_SUMMARY = re.compile(rb"^\[(?:cluster|seqexec)-(?:summary|task) ", re.MULTILINE)
_NAMES = {"setup": "pre_script", "prejob": "pre_script", "mainjob": "run"}


class KickstartReader(Reader):
    """A file with one record of kickstart or several, in XML or YAML; cut ones as well."""

    title: ClassVar[str] = "kickstart output (XML and YAML)"

    def detects(self, source: Source) -> bool:
        """By the begin of a record; what batch systems print before is passed over."""
        head = source.head
        if b"\0" in head:
            return False
        if is_kickstart(head) or _SUMMARY.search(head):
            return True
        # A prologue may be long, but is text and stands in a file of an output.
        return source.parts[-1:] != () and ".out" in source.parts[-1] and is_kickstart(source.data)

    def read(self, source: Source) -> Iterator[Trace]:
        """One run, of all records."""
        found = list(invocations(source))
        # A summary tells the same once more, but where it tells of a failure.
        found += [one for one in summaries(source) if one.exit or not found]
        if not found:
            raise source.broken("it has no record of a program that began")
        attempts = sorted(_attempts(found, source.stem), key=attrgetter("begin"))
        notices = tuple(
            Notice(one.begin, "cut", one.told.get("derivation", source.stem), one.cause)
            for one in found
            if one.cut
        )
        begin = attempts[0].begin
        yield Trace(
            run=source.stem,
            name="",
            workflow=source.stem,
            status="failed" if any(one.failed for one in attempts) else "succeeded",
            sessions=(Session(begin, max(one.end for one in attempts)),),
            attempts=tuple(attempts),
            notices=notices,
            planned=len(attempts),
            about={"source": source.name},
            origin="kickstart",
        )


def _attempts(found: list[Invocation], stem: str) -> Iterator[Attempt]:
    """Records of one derivation are tries of it; those of none are items of the job."""
    tries: dict[str, int] = {}
    bare = sum(one.told.get("derivation", "null") == "null" for one in found)
    job = stem.partition(".")[0] or "job"
    place = -1
    for one in found:
        task = one.told.get("derivation", "null")
        if task == "null":
            place += 1
            task = job if bare == 1 else f"{job}[{place}]"
        number = tries[task] = tries.get(task, 0) + 1
        yield attempt_of(one, task, number)


def attempt_of(one: Invocation, task: str, number: int) -> Attempt:
    """A record as an attempt."""
    phases = phases_of(one)
    status = "lost" if one.exit is None else "failed" if one.exit else "succeeded"
    end = max([one.end, *(phase.end for phase in phases)])
    host = one.told.get("hostname", "")
    return made(
        task, number, status, one.begin, one.begin, end, phases, host, host, usage=one.usage,
        exit=one.exit, error={"cause": one.cause} if one.cause else {}, kind=kind_of_program(one),
        labels={"site": one.told["resource"]} if "resource" in one.told else {},
    )  # fmt: skip


def kind_of_program(one: Invocation) -> str:
    """ "diamond::findrange:4.0" -> "findrange"."""
    name = one.told.get("transformation", "")
    return name.rpartition("::")[2].partition(":")[0]


def phases_of(one: Invocation) -> tuple[Phase, ...]:
    """Programs before, the main one, and those after; none over another."""
    found: list[Phase] = []
    at = one.begin
    for part in one.parts:
        begin = max(part.begin, at)
        at = max(begin, part.begin + part.seconds)
        found.append(Phase(_NAMES.get(part.name, "post_script"), begin, at))
    return tuple(found) or (Phase("run", one.begin, one.end),)
