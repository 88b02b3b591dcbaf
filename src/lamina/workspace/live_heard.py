"""What is heard of a placing run while it goes on: lines for people, attempts for the records."""

from __future__ import annotations

import os
import platform
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from lamina.planning.placement.ledger import Outcome, Usage
from lamina.planning.placement.log import Entry
from lamina.planning.placement.words import Arrived, Crashed, Request, Start
from lamina.workflow import log
from lamina.workspace.project import Project

if TYPE_CHECKING:
    from lamina.records.store import RunRecord


def both(*listeners: Callable[[Entry], None]) -> Callable[[Entry], None]:
    """All of them, one after the other."""

    def heard(entry: Entry) -> None:
        for listener in listeners:
            listener(entry)

    return heard


class Lines:
    """A line for what a person wants to see."""

    def __init__(self, say: Callable[[str], None]) -> None:
        self._say = say

    def __call__(self, entry: Entry) -> None:
        told = _told(entry.what)
        if told:
            self._say(f"{entry.at:9.2f} s  {told}")


def _told(what: Any) -> str:
    match what:
        case Arrived(job):
            return f"{job.name}: {job.items} items"
        case Crashed(number, reason):
            return f"attempt {number} failed: {reason}"
        case Outcome(job, _, by, failed):
            end = f"failed: {failed}" if failed else f"done in {what.latency:.2f} s by "
            return f"{job.name}: {end}{', '.join(by)}"
    choice = getattr(what, "choice", None)
    if choice is None or not choice.actions:
        return ""
    asked = [one.runtime for one in choice.actions if isinstance(one, Request)]
    started = [one.runtime for one in choice.actions if isinstance(one, Start)]
    parts = [f"asks for {', '.join(asked)}"] if asked else []
    parts += [f"starts {', '.join(started)}"] if started else []
    why = f" ({choice.why})" if choice.why else ""
    return f"{what.job}: {'; '.join(parts)}{why}" if parts else ""


_STATUS: Mapping[str, str] = {
    "done": "succeeded", "shared": "succeeded", "lost": "cancelled", "cancelled": "cancelled",
    "failed": "failed",
}  # fmt: skip


class Recorder:
    """Writes a placing run into the records: an attempt on a runtime is one of a task."""

    def __init__(
        self, home: Project, record: RunRecord, scale: float, standby: frozenset[str]
    ) -> None:
        self._store, self._run, self._name = home.store, record.id, record.workflow
        self._scale = scale
        self._standby = standby
        self._began = time.time()
        self._ready: dict[str, float] = {}
        self._counts: dict[str, int] = {}

    def begin(self) -> None:
        """The session begins."""
        self._began = time.time()
        about = {"host": platform.node(), "pid": os.getpid(), "directory": str(Path.cwd())}
        self._store.append(self._run, [log.RunStarted(self._began, 1, self._name, 0, about)])

    def __call__(self, entry: Entry) -> None:
        what = entry.what
        if isinstance(what, Arrived):
            self._ready[what.job.name] = what.job.ready
        elif isinstance(what, Usage):
            self._store.append(self._run, self._attempt(what))

    def finish(self, cancelled: bool, failed: bool) -> None:
        """The session is over."""
        status = "cancelled" if cancelled else "failed" if failed else "succeeded"
        self._store.append(self._run, [log.RunFinished(time.time(), status)])

    def _attempt(self, one: Usage) -> list[log.Event]:
        task = f"{one.job}@{one.runtime}"
        number = self._counts[task] = self._counts.get(task, 0) + 1
        started = one.ended if one.started is None else one.started
        deployed = started if one.deployed is None else min(one.deployed, started)
        first = "queue" if one.runtime in self._standby else "submit"
        spans = {
            first: (one.asked, deployed), "stage_in": (deployed, started),
            "run": (started, one.ended),
        }  # fmt: skip
        phases = {
            name: (self._at(begin), self._at(end)) for name, (begin, end) in spans.items()
            if end > begin
        }  # fmt: skip
        error = {"cause": "the pod failed", "kind": "PodError"} if one.end == "failed" else {}
        return [
            log.AttemptStarted(
                self._at(one.asked), task, number, self._at(self._ready.get(one.job, one.asked)),
                reason=f"{one.items} items, {one.end}",
            ),
            log.AttemptEnded(
                self._at(one.ended), task, number, _STATUS[one.end], one.runtime, one.runtime,
                phases=phases, error=error,
            ),
        ]  # fmt: skip

    def _at(self, seconds: float) -> float:
        return self._began + seconds / self._scale
