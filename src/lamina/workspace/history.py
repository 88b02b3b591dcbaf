"""`ls` and `status`: the runs of a project, and where one of them is, from any process."""

from __future__ import annotations

import os
import platform
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from lamina.records.live import Live, Running
from lamina.records.store import RunRecord
from lamina.records.tables import duration, line, table_lines
from lamina.workspace.project import Project, project

INTERRUPTED = "interrupted"
"""What a run is called that nobody drives and that did not end."""

HEADS = ("UNREADY", "READY", "PRE", "QUEUED", "POST", "SUCCESS", "FAILURE", "%DONE", "RUNNING")
_HIDDEN = frozenset({"epoch", "epochs", "seconds", "group", "groups", "trainings", "device"})
_MOST = 12
_SILENT = 120.0
"""Seconds; an engine that lives tells something every 30."""


@dataclass(frozen=True)
class Standing:
    """Where a run is.

    Args:
        record: what the store knows of it.
        status: as in the record, or INTERRUPTED.
        live: the state of its newest session.
        now: seconds since 1970 when somebody looked.
    """

    record: RunRecord
    status: str
    live: Live
    now: float

    @property
    def seconds(self) -> float:
        """Since its newest session began, until its end or now."""
        end = self.now if self.status == "running" else self.live.time
        return max(0.0, end - self.live.began)

    @property
    def heard(self) -> float:
        """Seconds since its engine told anything."""
        return max(0.0, self.now - self.live.time)

    @property
    def silent(self) -> bool:
        """Whether its engine, on another machine, has told nothing for longer than one that lives.

        Nobody here can see whether it does.
        """
        elsewhere = self.record.host not in ("", platform.node())
        return elsewhere and self.status == "running" and self.heard > _SILENT

    @property
    def word(self) -> str:
        """Its status for people."""
        return f"{self.status}?" if self.silent else self.status

    @property
    def done(self) -> int:
        """Percent of the tasks that are known; rounded down, so that 100 is all of them."""
        counts = self.live.counts()
        whole = sum(counts.values())
        return 100 * counts["success"] // whole if whole else 100 * (self.status == "succeeded")

    def to_json(self) -> dict[str, Any]:
        """run, name, workflow, status, counts, done, running, failures and times."""
        record, live = self.record, self.live
        return {
            "run": record.id,
            "name": record.name,
            "workflow": record.workflow,
            "status": self.status,
            "created": record.created,
            "ended": record.ended,
            "sessions": record.sessions,
            "seconds": round(self.seconds, 3),
            "heard": round(self.heard, 3),
            "host": record.host,
            "pid": record.pid,
            "tasks": live.tasks,
            "counts": live.counts(),
            "done": self.done,
            "reused": live.reused,
            "running": [
                {"task": task, "attempt": one.attempt, "seconds": round(self.now - one.since, 3)}
                | {"values": one.values, "left": left(one, self.now)}
                for task, one in live.running.items()
                if self.status == "running"
            ],
            "failures": live.failures,
        }

    def lines(self) -> list[str]:
        """For a terminal."""
        record = self.record
        head = f"{record.name} ({record.id})  {record.workflow}  {self.word}"
        session = f"session {record.sessions}, " if record.sessions > 1 else ""
        reused = f", {self.live.reused} reused" if self.live.reused else ""
        lines = [f"{head}  {session}{duration(self.seconds)}{reused}", *counts_lines(self)]
        if self.status == "running" and self.live.running:
            lines += ["running", *_running(self.live, self.now)]
        if self.live.failures:
            lines += ["failed", *_failures(self.live)]
        return [*lines, *_way_out(self)]


def counts_lines(standing: Standing) -> list[str]:
    """The line of counts under its heads."""
    counts = standing.live.counts()
    row = [counts[head.lower()] if head != "%DONE" else standing.done for head in HEADS]
    cells = [(head, str(value)) for head, value in zip(HEADS, row, strict=True)]
    return [
        " ".join(head.rjust(len(value)) for head, value in cells),
        " ".join(value.rjust(len(head)) for head, value in cells),
    ]


def left(running: Running, now: float) -> float | None:
    """Seconds until a training is over, from how long its epochs took so far; None if unknown."""
    epoch, epochs = running.values.get("epoch"), running.values.get("epochs")
    first = running.firsts.get("epoch")
    if first is None or not isinstance(epoch, int | float) or not isinstance(epochs, int | float):
        return None
    done, took = epoch - first[1], running.told - first[0]
    if done <= 0 or took <= 0:
        return None
    return max(0.0, (epochs - epoch - 1) * took / done - (now - running.told))


def _running(live: Live, now: float) -> Iterator[str]:
    shown = list(live.running.items())[:_MOST]
    width = max(len(task) for task, _ in shown)
    for task, one in shown:
        again = f"  attempt {one.attempt}" if one.attempt > 1 else ""
        told = values_text(one, now)
        yield f"  {task:<{width}}  {duration(now - one.since)}{again}{told and f'  {told}'}"
    more = live.more + len(live.running) - len(shown)
    if more:
        yield f"  and {more} more"


def values_text(running: Running, now: float) -> str:
    """Live metrics in a line: "epoch 31/100  loss 0.1234  left 27 s"."""
    values, parts = running.values, []
    if "epoch" in values:
        of = f"/{values['epochs']}" if "epochs" in values else ""
        counted = values["epoch"]
        parts.append(f"epoch {counted + 1 if isinstance(counted, int) else counted}{of}")
    parts += [
        f"{name} {value:.4g}" if isinstance(value, float) else f"{name} {value}"
        for name, value in values.items()
        if name not in _HIDDEN and isinstance(value, int | float | str)
    ]
    remaining = left(running, now)
    return "  ".join([*parts, *([f"left {duration(remaining)}"] if remaining else [])])


def _failures(live: Live) -> Iterator[str]:
    shown = list(live.failures.items())[-_MOST:]
    for task, cause in shown:
        yield f"  {task}: {line(cause)}"
    more = max(live.failed, len(live.failures)) - len(shown)
    if more > 0:
        yield f"  and {more} more failed attempt{'' if more == 1 else 's'}"


def _way_out(standing: Standing) -> list[str]:
    name = standing.record.name
    if standing.status == INTERRUPTED:
        return [f"  way out: its engine is gone; go on with `lamina resume {name}`"]
    if standing.silent:
        where = f"on {standing.record.host} (process {standing.record.pid})"
        return [
            f"  its engine {where} was last heard {duration(standing.heard)} ago",
            f"  way out: look there; if it is gone, go on with `lamina resume {name}`",
        ]
    if standing.status == "failed":
        again = f"  once it is mended: lamina resume {name}"
        return [f"  way out: lamina logs {name} --failed", again]
    return []


def status_of(record: RunRecord, here: Project) -> str:
    """The status of a run; INTERRUPTED where its engine is gone."""
    if record.status != "running" or record.host != platform.node():
        return record.status
    if not _lives(record.pid):
        return INTERRUPTED
    from lamina.execution.lock import is_driven

    # The lock alone would tell; but to look at it is to hold it for a moment, in which an engine
    # that begins would be refused. So it is asked only where a process with that number lives.
    return record.status if is_driven(here.run_folder(record.id)) else INTERRUPTED


def _lives(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except OSError:
        return True
    return pid > 0


def standing(run: str = "last", here: Project | None = None) -> Standing:
    """Where a run is now.

    Raises:
        LaminaError: no such run, or records that cannot be read.
    """
    chosen = here or project()
    record = chosen.store.find(run)
    return _standing(chosen, record)


def _standing(here: Project, record: RunRecord) -> Standing:
    live = here.store.lives([record.id]).get(record.id) or Live()
    return Standing(record, status_of(record, here), live, time.time())


def watch(run: str, here: Project | None = None, every: float = 0.5) -> Iterator[Standing]:
    """Looks at a run again and again, until nobody drives it.

    Args:
        run: id, beginning of an id, name, or "last".
        here: the project; that of the current folder when None.
        every: seconds between two looks.
    """
    chosen = here or project()
    identity = chosen.store.find(run).id
    while True:
        found = _standing(chosen, chosen.store.find(identity))
        yield found
        if found.status != "running":
            return
        time.sleep(every)


def listing(limit: int = 20, here: Project | None = None) -> list[Standing]:
    """The newest runs, newest first."""
    chosen = here or project()
    records = chosen.store.runs(limit)
    lives = chosen.store.lives([record.id for record in records])
    now = time.time()
    return [
        Standing(record, status_of(record, chosen), lives.get(record.id) or Live(), now)
        for record in records
    ]


def listing_lines(found: list[Standing], room: int | None = None) -> list[str]:
    """The runs as a table.

    Args:
        found: of `listing`.
        room: letters that a line may have: names of workflows, then of runs, are cut to fit.
    """
    if not found:
        return ["no run is recorded here; start one with `lamina run FILE`"]
    rows = [("NAME", "RUN", "WORKFLOW", "STATUS", "DONE", "BEGAN", "TOOK")]
    for one in found:
        counts = one.live.counts()
        began = _began(one.record.created, one.now)
        done = f"{counts['success']}/{sum(counts.values()) or one.live.tasks}"
        row = (one.record.name, one.record.id, one.record.workflow, one.word, done, began)
        rows.append((*row, duration(one.seconds)))
    return table_lines(rows, room, (2, 0))


def _began(created: float, now: float) -> str:
    """When a run began: today the time, this year the day, else the year as well."""
    then, today = datetime.fromtimestamp(created), datetime.fromtimestamp(now)
    if then.date() == today.date():
        return then.strftime("%H:%M:%S")
    return then.strftime("%b %d %H:%M" if then.year == today.year else "%Y-%m-%d")


def brief(one: Standing) -> Mapping[str, Any]:
    """A run as `ls --json` tells it."""
    told = one.to_json()
    return {name: value for name, value in told.items() if name not in ("running", "failures")}
