"""The log of a placing run: a JSON object per line, written as things happen, read back whole."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import MISSING, dataclass, field, fields, is_dataclass
from math import inf, isfinite, nan
from pathlib import Path
from types import TracebackType
from typing import Any, BinaryIO, Self

from lamina.errors import LaminaError, TraceError
from lamina.planning.placement.ledger import Decision, Outcome, Usage
from lamina.planning.placement.words import (
    Arrived,
    Cancel,
    Choice,
    Crashed,
    Deployed,
    Finished,
    Job,
    Migrate,
    Probed,
    Rang,
    Request,
    Runtime,
    Share,
    Start,
    Uploaded,
    Wait,
    Warmed,
    Withdrawn,
)

VERSION = 1


@dataclass(frozen=True)
class Begun:
    """What a placing run begins with.

    Args:
        policy: as `policies.made` takes it.
        runtimes: where jobs can go.
        seed: of what the policy leaves to chance.
        started: seconds since 1970 at which the clock of the log stood at 0.
        scale: seconds of the log in a second of this machine; 1 unless a run is replayed faster.
        known: runtime -> (stage, size, seconds) of runs before this one, as estimates were told.
        rules: fields of `health.Rules`.
        about: what else a reader may want: name of the run, the job's file, the profile.
        version: of this format.
    """

    policy: str
    runtimes: tuple[Runtime, ...]
    seed: int = 0
    started: float = 0.0
    scale: float = 1.0
    known: Mapping[str, tuple[tuple[str, float, float], ...]] = field(default_factory=dict)
    rules: Mapping[str, float] = field(default_factory=dict)
    about: Mapping[str, Any] = field(default_factory=dict)
    version: int = VERSION


What = (
    Begun
    | Arrived
    | Uploaded
    | Deployed
    | Warmed
    | Crashed
    | Finished
    | Withdrawn
    | Rang
    | Probed
    | Decision
    | Usage
    | Outcome
)


@dataclass(frozen=True)
class Entry:
    """A line: what happened, and when on the log's clock, in seconds from 0."""

    at: float
    what: What


KINDS: Mapping[str, type[Any]] = {
    kind.__name__.lower(): kind
    for kind in (
        Begun, Arrived, Uploaded, Deployed, Warmed, Crashed, Finished, Withdrawn, Rang, Probed,
        Decision, Usage, Outcome,
    )
}  # fmt: skip
"""Word of a line -> what it holds."""

_ACTIONS: Mapping[str, type[Any]] = {
    kind.__name__.lower(): kind for kind in (Request, Start, Cancel, Migrate, Wait)
}
_ODD = {"inf": inf, "-inf": -inf, "nan": nan}


def to_json(entry: Entry) -> dict[str, Any]:
    """An entry as plain values; what is as it is by default is left out."""
    return {"at": entry.at, "kind": type(entry.what).__name__.lower(), **_fields(entry.what)}


def of_json(given: Mapping[str, Any]) -> Entry:
    """The entry of plain values; keys of later versions are passed over.

    Raises:
        KeyError, TypeError, ValueError: it is none.
    """
    word = given["kind"]
    if word not in KINDS:
        raise ValueError(f"kind {word!r} is none of {', '.join(KINDS)}")
    return Entry(float(given["at"]), _made(KINDS[word], given))


class LogWriter:
    """Adds lines to a log; each is handed to the system at once, so that a killed process loses
    at most the one that it was writing.

    Args:
        path: of the log; one that is there is gone on with, a torn last line cut off.
    """

    def __init__(self, path: Path) -> None:
        path.parent.mkdir(parents=True, exist_ok=True)
        self._file: BinaryIO = path.open("a+b", buffering=0)
        _cut(self._file)

    def write(self, at: float, what: What) -> None:
        """Adds what happened."""
        line = json.dumps(to_json(Entry(at, what)), separators=(",", ":"), allow_nan=False)
        rest = memoryview(line.encode() + b"\n")
        while rest:
            rest = rest[self._file.write(rest) or 0 :]

    def close(self) -> None:
        """Ends it."""
        self._file.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        at: TracebackType | None,
    ) -> None:
        self.close()


def write(path: Path, entries: Iterable[Entry]) -> None:
    """Adds entries to a log."""
    with LogWriter(path) as log:
        for entry in entries:
            log.write(entry.at, entry.what)


def read_log(path: Path) -> list[Entry]:
    """All entries of a log. A last line that was being written when its writer died is left out.

    Raises:
        TraceError: it is not there, or a line is none; names file, line and reason.
    """
    try:
        lines = path.read_bytes().split(b"\n")
    except OSError as error:
        raise TraceError(str(path), error.strerror or str(error)) from error
    return list(_entries(str(path), lines))


def _entries(file: str, lines: list[bytes]) -> Iterator[Entry]:
    for number, line in enumerate(lines[:-1], 1):  # what has no line break behind it is torn
        if not line.strip():
            continue
        try:
            given = json.loads(line)
        except ValueError as error:
            raise TraceError(file, f"it is no JSON: {error}", number) from error
        try:
            yield of_json(given)
        except KeyError as error:
            raise TraceError(file, f"{error.args[0]!r} is missing", number) from error
        except (TypeError, ValueError, AttributeError, LaminaError) as error:
            reason = getattr(error, "message", str(error))
            raise TraceError(
                file, reason, number, f"lines are objects; kinds: {', '.join(KINDS)}"
            ) from error


def _cut(file: BinaryIO) -> None:
    """Takes off what stands behind the last line break."""
    end = file.seek(0, 2)
    while end:
        begin = max(end - 65536, 0)
        file.seek(begin)
        found = file.read(end - begin).rfind(b"\n")
        if found >= 0:
            end = begin + found + 1
            break
        end = begin
    file.truncate(end)


# Values to JSON.


def _fields(value: Any) -> dict[str, Any]:
    found = {}
    for one in fields(value):
        held = getattr(value, one.name)
        if one.name != "at" and held != _default(one):
            found[one.name] = _plain(held)
    return found


def _default(one: Any) -> Any:
    made = one.default_factory
    return one.default if made is MISSING else made()


def _plain(value: Any) -> Any:
    if is_dataclass(value) and not isinstance(value, type):
        word = type(value).__name__.lower()
        tag = {"do": word} if _ACTIONS.get(word) is type(value) else {}
        return {**tag, **_fields(value)}
    if isinstance(value, Mapping):
        return {str(key): _plain(one) for key, one in value.items()}
    if isinstance(value, frozenset):
        return sorted(value)
    if isinstance(value, tuple | list):
        return [_plain(one) for one in value]
    if isinstance(value, float) and not isfinite(value):
        return str(value)
    return value


# And back.


def _made(kind: type[Any], given: Mapping[str, Any]) -> Any:
    told = {}
    for one in fields(kind):
        if one.name in given:
            usual = _number if one.type == "float" else _same
            shape: Callable[[Any], Any] = _SHAPES.get((kind, one.name), usual)
            told[one.name] = shape(given[one.name])
        elif _default(one) is MISSING:
            raise KeyError(one.name)
    return kind(**told)


def _same(value: Any) -> Any:
    return value


def _number(value: Any) -> float:
    return _ODD[value] if value in _ODD else float(value)


def _action(given: Mapping[str, Any]) -> Any:
    if given["do"] not in _ACTIONS:
        raise ValueError(f"action {given['do']!r} is none of {', '.join(_ACTIONS)}")
    return _made(_ACTIONS[given["do"]], given)


def _job(given: Mapping[str, Any]) -> Job:
    job: Job = _made(Job, given)
    return job


_SHAPES: Mapping[tuple[type[Any], str], Callable[[Any], Any]] = {
    (Begun, "runtimes"): lambda given: tuple(_made(Runtime, one) for one in given),
    (Begun, "known"): lambda given: {
        name: tuple((str(s), float(n), float(t)) for s, n, t in rows)
        for name, rows in given.items()
    },
    (Runtime, "labels"): frozenset,
    (Job, "needs"): frozenset,
    (Arrived, "job"): _job,
    (Finished, "shares"): lambda given: {
        int(number): _made(Share, one) for number, one in given.items()
    },
    (Rang, "token"): tuple,
    (Probed, "seconds"): lambda given: None if given is None else float(given),
    (Decision, "choice"): lambda given: _made(Choice, given),
    (Choice, "actions"): lambda given: tuple(_action(one) for one in given),
    (Usage, "promised"): tuple,
    (Outcome, "job"): _job,
    (Outcome, "by"): tuple,
}
