"""`logs`: what the attempts of a run printed, once or as they print it."""

from __future__ import annotations

import re
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from lamina.errors import UnknownNameError
from lamina.records.attempts import Attempt, attempts, belongs
from lamina.records.store import RunRecord, Store
from lamina.records.tables import line
from lamina.workflow.log import AttemptEnded, AttemptStarted, Event
from lamina.workflow.units import folder_of, task_of
from lamina.workspace.history import status_of
from lamina.workspace.project import Project, project

STREAMS = tuple(
    f"{part}{stream}"
    for part in ("pre_script.", "", "post_script.")
    for stream in ("stdout", "stderr")
)
"""What may be printed in an attempt, in the order of time; each is a file that ends in .txt."""

_STEERING = re.compile(r"[\x00-\x08\x0b-\x1f\x7f]")
_WORDS = ("attempt-started", "attempt-ended")
_UNITS = ("attempt-started", "task-reused")
_MANY = 30
_PIECE = 1 << 20


@dataclass(frozen=True)
class Log:
    """What one stream of one attempt holds.

    Args:
        attempt: which.
        stream: one of STREAMS; empty for an attempt that printed nothing.
        path: of the file; None where nothing was printed.
    """

    attempt: Attempt
    stream: str
    path: Path | None

    @property
    def head(self) -> str:
        """A line above the text."""
        parts = [self.attempt.name, self.attempt.status, *([self.stream] if self.stream else [])]
        return f"== {'  '.join(parts)} =="

    def text(self) -> str:
        """All of it; bytes that are no UTF-8 are shown as such."""
        return self.path.read_text(encoding="utf-8", errors="replace") if self.path else ""

    def to_json(self) -> dict[str, Any]:
        """task, attempt, status, stream, path, text, and the error of a failed attempt."""
        one = self.attempt
        told = {"task": one.task, "attempt": one.number, "status": one.status}
        told |= {"stream": self.stream, "path": str(self.path or ""), "text": self.text()}
        return {**told, "error": dict(one.error)} if one.error else told


def parted(text: str) -> tuple[str, str]:
    """RUN/TASK as its two parts: "brave-otter/inner/sort" -> ("brave-otter", "inner/sort")."""
    run, _, task = text.partition("/")
    return run or "last", task


def placed(store: Store, target: str) -> tuple[RunRecord, str]:
    """The run and the task that are meant; a task alone is one of the newest run.

    Raises:
        UnknownNameError: no such run, and no task of the newest one.
    """
    run, task = parted(target)
    try:
        return store.find(run), task
    except UnknownNameError:
        record = store.find("last")
        for _, event in store.events(record.id, words=_UNITS):
            if belongs(getattr(event, "task", ""), target):
                return record, target
        raise


def chosen(found: list[Attempt], task: str, record: RunRecord) -> list[Attempt]:
    """The attempts of a task; all of them for an empty name.

    Raises:
        UnknownNameError: no unit is called so; carries the run's tasks.
    """
    kept = [one for one in found if belongs(one.task, task)] if task else found
    if not kept and task:
        units = list(dict.fromkeys(one.task for one in found))
        names = units if len(units) <= _MANY else list(dict.fromkeys(map(task_of, units)))
        raise UnknownNameError(f"task of run {record.name}", task, names[:_MANY])
    return kept


def logs(target: str = "last", failed: bool = False, here: Project | None = None) -> list[Log]:
    """What attempts printed, in the order in which they began.

    Args:
        target: RUN, RUN/TASK, or a task of the newest run.
        failed: only of attempts that failed, and of those that printed nothing as well.
        here: the project; that of the current folder when None.

    Raises:
        LaminaError: no such run or task, or records that cannot be read.
    """
    place = here or project()
    record, task = placed(place.store, target)
    found = attempts(event for _, event in place.store.events(record.id))
    folder = place.run_folder(record.id)
    return [
        log
        for one in chosen(found, task, record)
        if one.failed or not failed
        for log in _of(one, folder, failed)
    ]


def _of(one: Attempt, folder: Path, failed: bool) -> list[Log]:
    place = folder / (one.folder or folder_of(one.task, one.number))
    known = bool(one.folder) or one.status == "running"
    paths = [(stream, place / f"{stream}.txt") for stream in STREAMS] if known else []
    found = [Log(one, stream, path) for stream, path in paths if path.is_file()]
    return found or ([Log(one, "", None)] if failed else [])


def lines(found: list[Log]) -> Iterator[str]:
    """The logs as text: a head above each, the cause of a failure below its last one."""
    for place, log in enumerate(found):
        yield log.head
        text = log.text()
        if text:
            yield text.removesuffix("\n")
        following = found[place + 1].attempt if place + 1 < len(found) else None
        if log.attempt.failed and following is not log.attempt:
            yield from _cause(log, text)


def _cause(log: Log, printed: str) -> Iterator[str]:
    error = log.attempt.error
    yield f"-- {log.attempt.status}: {line(error.get('cause', '') or 'no cause was told')}"
    details = str(error.get("details", "")).splitlines()
    # Of a command that failed, the details are what it printed last.
    if details and details[-1] not in printed:
        yield from (f"   | {_STEERING.sub('', text)}" for text in details)
    if error.get("way_out"):
        yield f"   way out: {line(error['way_out'])}"


@dataclass(frozen=True)
class Heard:
    """A line that an attempt printed."""

    task: str
    attempt: int
    stream: str
    text: str


@dataclass
class _Tail:
    """A file that grows, and how far it was read."""

    path: Path
    read: int = 0
    rest: bytes = b""

    def news(self, ended: bool) -> list[str]:
        """Whole lines since the last look; of a file that has ended, what is left as well."""
        whole: list[bytes] = []
        try:
            with self.path.open("rb") as file:
                file.seek(self.read)
                while data := file.read(_PIECE):
                    self.read += len(data)
                    *lines, self.rest = (self.rest + data).split(b"\n")
                    whole += lines
        except OSError:
            pass
        if ended and self.rest:
            whole, self.rest = [*whole, self.rest], b""
        return [text.decode("utf-8", "replace") for text in whole]


@dataclass
class _Follower:
    """Attempts that may print, and their files as they appear."""

    folder: Path
    task: str
    open: dict[tuple[str, int], dict[str, _Tail]] = field(default_factory=dict)
    ended: set[tuple[str, int]] = field(default_factory=set)

    def take(self, event: Event) -> None:
        if not isinstance(event, AttemptStarted | AttemptEnded):
            return
        if self.task and not belongs(event.task, self.task):
            return
        if isinstance(event, AttemptStarted):
            self.open[event.task, event.attempt] = {}
        else:
            self.ended.add((event.task, event.attempt))

    def look(self, last: bool) -> Iterator[Heard]:
        for (task, attempt), tails in list(self.open.items()):
            ended = last or (task, attempt) in self.ended
            for stream in STREAMS:
                path = self.folder / folder_of(task, attempt) / f"{stream}.txt"
                if stream not in tails and path.is_file():
                    tails[stream] = _Tail(path)
                if stream in tails:
                    news = tails[stream].news(ended)
                    yield from (Heard(task, attempt, stream, text) for text in news)
            if ended:
                del self.open[task, attempt]


def follow(
    target: str = "last", here: Project | None = None, every: float = 0.2
) -> Iterator[Heard]:
    """What attempts print, line by line, from the beginning of the run until its end.

    Args:
        target: RUN, RUN/TASK, or a task of the newest run; a task that has not begun is waited for.
        here: the project; that of the current folder when None.
        every: seconds between two looks.

    Raises:
        LaminaError: no such run, or records that cannot be read.
    """
    place = here or project()
    record, task = placed(place.store, target)
    follower = _Follower(place.run_folder(record.id), task)
    seen = 0
    while True:
        # Asked before the events are read, so that none is missed when it ends between the two.
        ending = status_of(place.store.find(record.id), place) != "running"
        for number, event in place.store.events(record.id, seen, _WORDS):
            seen = number
            follower.take(event)
        yield from follower.look(ending)
        if ending:
            return
        time.sleep(every)
