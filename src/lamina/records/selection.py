"""Attempts as a table: fields by name, and filters such as `status=failed and run>10`."""

from __future__ import annotations

import operator
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from lamina.errors import UnknownNameError, UsageError
from lamina.records.attempts import Attempt
from lamina.records.tables import duration, line, size
from lamina.workflow.log import PHASES
from lamina.workflow.units import task_of

Value = str | float | None


@dataclass(frozen=True)
class Field:
    """A column.

    Args:
        kind: "text", "number", "seconds", "bytes" or "time" (seconds since 1970).
        read: its value of an attempt; None where there is none.
        about: one line of help.
    """

    kind: str
    read: Callable[[Attempt], Any]
    about: str

    def shown(self, attempt: Attempt) -> str:
        """The value as people read it."""
        value = self.read(attempt)
        if value is None or value == "":
            return "-"
        if self.kind == "time":
            return datetime.fromtimestamp(value).strftime("%Y-%m-%d %H:%M:%S.%f")[:-3]
        form: Callable[[Any], str] = {"seconds": duration, "bytes": size}.get(self.kind, line)
        return form(value)


def _spent(phase: str) -> Callable[[Attempt], float | None]:
    return lambda attempt: attempt.spent(phase)


def _used(name: str) -> Callable[[Attempt], float | None]:
    return lambda attempt: attempt.usage.get(name)


def waited(attempt: Attempt) -> float | None:
    """Seconds from its inputs being there until the task itself ran; None where it did not."""
    pieces = [span[0] for name, span in attempt.phases.items() if name.partition("~")[0] == "run"]
    return max(0.0, min(pieces) - attempt.ready) if pieces else None


def _total(attempt: Attempt) -> float | None:
    return None if attempt.ended is None else attempt.ended - attempt.ready


def _values(refs: Mapping[str, Any]) -> str:
    return " ".join(
        f"{port}={ref.get('inline') or str(ref.get('digest', ''))[:10]}"
        for port, ref in refs.items()
        if isinstance(ref, Mapping)
    )


def _labels(attempt: Attempt) -> str:
    told = attempt.about.get("labels") or {}
    return " ".join(f"{name}={value}" for name, value in told.items())


def _metrics(attempt: Attempt) -> str:
    last: dict[str, Any] = {}
    for row in attempt.epochs():
        last.update(row)
    return " ".join(f"{name}={value}" for name, value in last.items() if name != "time")


FIELDS: dict[str, Field] = {
    "task": Field("text", lambda a: task_of(a.task), "the task, without places of items"),
    "type": Field("text", lambda a: a.type, "of job: its task, in runs of Lamina"),
    "unit": Field("text", lambda a: a.task, 'the unit: "count[3]"'),
    "attempt": Field("number", lambda a: a.number, "from 1; 0 for a reused result"),
    "status": Field("text", lambda a: a.status, "how it ended"),
    "reason": Field("text", lambda a: a.reason, "why it ran, was reused, or was skipped"),
    "session": Field("number", lambda a: a.session, "session of the run"),
    "ready": Field("time", lambda a: a.ready, "when its inputs were there"),
    "start": Field("time", lambda a: a.started, "when it was handed to a runtime"),
    "end": Field("time", lambda a: a.ended, "when it was over"),
    "total": Field("seconds", _total, "from ready to end"),
    "wait": Field("seconds", waited, "from ready until the task itself ran"),
    **{phase: Field("seconds", _spent(phase), f"the phase {phase}") for phase in PHASES},
    "cpu": Field("seconds", _used("cpu"), "CPU time"),
    "memory": Field("bytes", _used("memory_peak"), "peak of memory"),
    "gpu_memory": Field("bytes", _used("gpu_memory_peak"), "peak of memory on the device"),
    "read": Field("bytes", _used("bytes_read"), "bytes read"),
    "written": Field("bytes", _used("bytes_written"), "bytes written"),
    "staged_in": Field("bytes", _used("stage_in_bytes"), "bytes staged in"),
    "staged_out": Field("bytes", _used("stage_out_bytes"), "bytes staged out"),
    "critical": Field(
        "text", lambda a: a.about.get("critical", ""), '"yes" where it is on the critical path'
    ),
    "labels": Field("text", _labels, "what a collection says of it: site, anomaly"),
    "exit": Field("number", lambda a: a.exit, "exit code of a command, or minus a signal"),
    "cause": Field("text", lambda a: a.cause, "why it failed"),
    "worker": Field("text", lambda a: a.worker, "who did it"),
    "runtime": Field("text", lambda a: a.runtime, "of a profile, where it was placed"),
    "placement": Field("text", lambda a: a.placement.get("reason", ""), "why it was placed there"),
    "host": Field("text", lambda a: a.host, "where"),
    "pid": Field("number", lambda a: a.pid or None, "process"),
    "gpus": Field("text", lambda a: ",".join(a.gpus), "ids of the devices that it could use"),
    "cpus": Field("number", lambda a: a.needs.get("cpus"), "cores that it was given"),
    "device": Field("text", lambda a: a.device, "what it computed on: cpu, or devices"),
    "seed": Field("number", lambda a: a.seed, "that it told, or was given"),
    "user": Field("text", lambda a: a.about.get("user", ""), "who ran it"),
    "inputs": Field("text", lambda a: _values(a.inputs), "values, or digests, by port"),
    "outputs": Field("text", lambda a: _values(a.outputs), "values, or digests, by port"),
    "metrics": Field("text", _metrics, "what it told last: epoch, loss, ...; all of it in JSON"),
    "environment": Field(
        "text", lambda a: a.about.get("environment", ""), "digest of machine and packages"
    ),
    "key": Field("text", lambda a: a.key, "cache key"),
    "recipe": Field("text", lambda a: a.recipe, "digest of code, parameters and environment"),
    "source": Field("text", lambda a: a.source, "run that made a reused result"),
    "folder": Field("text", lambda a: a.folder, "of its logs, in the run's folder"),
}
"""Name -> column."""

USUAL = ("unit", "attempt", "status", "start", "wait", "run", "cpu", "memory", "reason")
"""What is told when nobody says."""

SHOWN = tuple(name for name in USUAL if name != "start")
"""The same in a table for people, which fits a terminal."""


def fields_of(text: str, usual: tuple[str, ...] = USUAL) -> tuple[str, ...]:
    """Names of fields from "task,status"; the usual ones with more behind "+": "+host,exit".

    Raises:
        UnknownNameError: a field that does not exist.
    """
    names = [name.strip() for name in text.removeprefix("+").split(",") if name.strip()]
    if names == ["all"]:
        return tuple(FIELDS)
    for name in names:
        if name not in FIELDS:
            raise UnknownNameError("field", name, FIELDS)
    return tuple(dict.fromkeys((*(usual if text.startswith("+") or not names else ()), *names)))


Test = Callable[[Attempt], bool]

_TERM = re.compile(r"^\s*(?P<field>\w+)\s*(?P<sign><=|>=|!=|!~|==|=|<|>|~)\s*(?P<value>.*?)\s*$")
_NUMBER = re.compile(r"^(?P<number>[-+]?\d+(?:\.\d+)?(?:e[-+]?\d+)?)\s*(?P<unit>[a-z]*)$", re.I)
_ORDERED: dict[str, Callable[[Any, Any], bool]] = {
    "<": operator.lt,
    ">": operator.gt,
    "<=": operator.le,
    ">=": operator.ge,
}
_SCALES: dict[str, dict[str, float]] = {
    "seconds": {"": 1, "ms": 1e-3, "s": 1, "m": 60, "min": 60, "h": 3600, "d": 86400},
    "bytes": {
        **{"": 1, "b": 1, "k": 1e3, "kb": 1e3, "mb": 1e6, "gb": 1e9, "tb": 1e12},
        **{"kib": 2**10, "mib": 2**20, "gib": 2**30, "tib": 2**40, "m": 1e6, "g": 1e9},
    },
    "number": {"": 1},
}
_EXAMPLE = "write FIELD=VALUE, with one of = != < > <= >= ~ !~: status=failed and run>10"


def filter_of(text: str) -> Test:
    """A test from "status=failed and run>10"; `or` binds weaker than `and`.

    Texts are compared as they are, `~` looks for a part of one. Numbers may have a unit: "run>2m",
    "memory>1.5GB". Times are dates: "start>2026-11-21 10:00". "-" stands for no value. Nothing
    of it is run.

    Raises:
        UnknownNameError: a field that does not exist.
        UsageError: anything else that cannot be understood.
    """
    either = [
        [_term(term) for term in re.split(r"\s+and\s+|\s*&&\s*|\s*,\s*", part, flags=re.I)]
        for part in re.split(r"\s+or\s+|\s*\|\|\s*", text, flags=re.I)
    ]
    return lambda attempt: any(all(test(attempt) for test in tests) for tests in either)


def _term(text: str) -> Test:
    found = _TERM.match(text)
    if found is None:
        raise UsageError(f"the filter {text.strip()!r} cannot be understood", _EXAMPLE)
    name, sign = found["field"], found["sign"]
    if name not in FIELDS:
        raise UnknownNameError("field", name, FIELDS)
    field, value = FIELDS[name], found["value"].strip("\"'")
    if sign in _ORDERED and field.kind == "text":
        raise UsageError(f"{name} is a text, and {sign} compares numbers", _EXAMPLE)
    if sign in ("~", "!~"):
        return _holding(field, value, sign == "~")
    if value in ("", "-") and sign not in _ORDERED:
        return _lacking(field, sign in ("=", "=="))
    if field.kind == "text":
        wanted: Value = value
    else:
        wanted = _moment(value) if field.kind == "time" else _number(name, field.kind, value)
    if sign in _ORDERED:
        return _compared(field, _ORDERED[sign], wanted)
    equal = sign in ("=", "==")
    return lambda attempt: (field.read(attempt) == wanted) is equal


def _holding(field: Field, part: str, wanted: bool) -> Test:
    return lambda attempt: (part in str(field.read(attempt) or "")) is wanted


def _lacking(field: Field, wanted: bool) -> Test:
    return lambda attempt: (field.read(attempt) in (None, "")) is wanted


def _compared(field: Field, compare: Callable[[Any, Any], bool], wanted: Value) -> Test:
    def test(attempt: Attempt) -> bool:
        value = field.read(attempt)
        return value is not None and compare(value, wanted)

    return test


def _number(name: str, kind: str, text: str) -> float:
    found = _NUMBER.match(text)
    scale = None if found is None else _SCALES[kind].get(found["unit"].lower())
    if found is None or scale is None:
        units = ", ".join(unit for unit in _SCALES[kind] if unit)
        raise UsageError(
            f"{text!r} is no value of {name}",
            f"give a number{f', with a unit if you like: {units}' if units else ''}",
        )
    return float(found["number"]) * scale


def _moment(text: str) -> float:
    try:
        if re.fullmatch(r"\d+(\.\d+)?", text):
            return float(text)
        told = datetime.fromisoformat(text)
        return (told if told.tzinfo else told.astimezone()).astimezone(UTC).timestamp()
    except (ValueError, OverflowError, OSError) as error:
        raise UsageError(
            f"{text!r} is no time", "write 2026-11-21 or 2026-11-21 10:30 or seconds since 1970"
        ) from error


def rows_of(found: Sequence[Attempt], names: Sequence[str]) -> list[list[str]]:
    """A head and a row for each attempt, as people read them."""
    return [list(names), *([FIELDS[name].shown(one) for name in names] for one in found)]


def values_of(found: Sequence[Attempt], names: Sequence[str]) -> list[dict[str, Any]]:
    """The attempts as plain values by field."""
    whole: dict[str, Callable[[Attempt], Any]] = {
        "metrics": lambda one: one.epochs(),
        "inputs": lambda one: dict(one.inputs),
        "outputs": lambda one: dict(one.outputs),
    }
    read = {name: whole.get(name, FIELDS[name].read) for name in names}
    return [{name: read[name](one) for name in names} for one in found]
