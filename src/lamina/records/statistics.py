"""Figures of a run: summary, tasks, runtimes, transfer and integrity."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from statistics import median
from typing import Any

from lamina.records.attempts import Attempt, newest
from lamina.records.history import History, Notice
from lamina.records.selection import waited
from lamina.records.tables import duration, line, size
from lamina.workflow.log import PHASES

Rows = list[list[str]]

_MOVED = re.compile(r"(\d+) bytes in (\d+(?:\.\d+)?) s")
_DAMAGE = ("artifact damaged", "artifact lost", "artifact missing", "checkpoint damaged")
_BYTES = ("bytes_read", "bytes_written")


@dataclass(frozen=True)
class Story:
    """A run, or some of its attempts, as all figures take it.

    Args:
        attempts: see `lamina.records.attempts`.
        sessions: (begin, end) in seconds since 1970.
        notices: what went wrong around the tasks.
        tasks: units that the newest session knew at its start.
    """

    attempts: tuple[Attempt, ...]
    sessions: tuple[tuple[float, float], ...]
    notices: tuple[Notice, ...]
    tasks: int = 0

    @classmethod
    def of(cls, history: History, some: Sequence[Attempt] | None = None) -> Story:
        """That of a run; of some of its attempts where they are given."""
        known = history.planned if some is None else len({one.task for one in some})
        kept = history.attempts if some is None else some
        return cls(tuple(kept), tuple(history.sessions), history.notices, known)

    @property
    def wall(self) -> float:
        """Seconds in which an engine drove the run; the pauses between sessions are none."""
        return sum(end - begin for begin, end in self.sessions)

    @property
    def ran(self) -> list[Attempt]:
        """Attempts that were started; reused and skipped tasks are none."""
        return [one for one in self.attempts if one.number]


def figures(story: Story) -> dict[str, Any]:
    """The summary as plain values: seconds, counts of units and attempts."""
    last = newest(story.attempts)
    statuses = _counted(one.status for one in last.values())
    ran, good = story.ran, [one for one in story.ran if one.status == "succeeded"]
    spent = sum(one.seconds or 0.0 for one in ran)
    useful = sum(one.seconds or 0.0 for one in good)
    return {
        "wall": story.wall,
        "sessions": len(story.sessions),
        "tasks": max(story.tasks, len(last)),
        **{name: statuses.get(name, 0) for name in ("succeeded", "reused", "skipped")},
        "failed": sum(one.failed for one in last.values()),
        "unfinished": max(story.tasks - len(last), 0) + statuses.get("running", 0),
        "attempts": len(ran),
        "retries": len(ran) - len({one.task for one in ran}),
        "run": spent,
        "run_useful": useful,
        "cpu": sum(one.usage.get("cpu", 0.0) for one in ran),
        "wait": sum(waited(one) or 0.0 for one in ran),
        "memory_peak": max((one.usage.get("memory_peak", 0) for one in ran), default=0),
        "busy": sum(one.held for one in ran) / story.wall if story.wall else 0.0,
        "notices": len(story.notices),
    }


def summary(story: Story) -> Rows:
    """What a person asks first."""
    told = figures(story)
    rows = [
        ("makespan", f"{duration(told['wall'])} in {_many(told['sessions'], 'session')}"),
        ("tasks", _tasks(told)),
        ("attempts", f"{told['attempts']}, of which {told['retries']} repeat an earlier one"),
        ("run time of all", f"{duration(told['run'])}, {duration(told['run_useful'])} of it good"),
        ("CPU time", duration(told["cpu"])),
        ("waited", f"{duration(told['wait'])} from ready to running, all tasks together"),
        ("at the same time", f"{told['busy']:.2f} tasks on average"),
        ("memory peak", size(told["memory_peak"])),
        ("notices", str(told["notices"])),
    ]
    return [list(row) for row in rows]


def _tasks(told: Mapping[str, Any]) -> str:
    names = ("succeeded", "reused", "failed", "skipped", "unfinished")
    parts = [f"{told[name]} {name}" for name in names if told[name]]
    return f"{told['tasks']}: {', '.join(parts) or 'none'}"


def tasks(story: Story) -> Rows:
    """An attempt per line, with the seconds of its phases."""
    heads = ["UNIT", "ATTEMPT", "STATUS", "WAIT", *(phase.upper() for phase in PHASES), "CPU"]
    rows = [heads]
    for one in story.attempts:
        seconds = [one.spent(phase) for phase in PHASES]
        times = [waited(one), *seconds, one.usage.get("cpu")]
        rows.append([one.task, str(one.number), one.status, *map(_seconds, times)])
    return rows


def runtimes(story: Story) -> Rows:
    """A task per line: how often it ran, and for how long."""
    rows = [["TASK", "RAN", "GOOD", "REUSED", "MIN", "MEDIAN", "MEAN", "MAX", "SUM", "CPU"]]
    groups: dict[str, list[Attempt]] = {}
    for one in story.attempts:
        groups.setdefault(one.type, []).append(one)
    for task, found in groups.items():
        seconds = [one.seconds for one in found if one.seconds is not None] or [0.0]
        numbers = [
            sum(one.number > 0 for one in found),
            sum(one.status == "succeeded" for one in found),
            sum(one.status == "reused" for one in found),
        ]
        spread = [min(seconds), median(seconds), sum(seconds) / len(seconds), max(seconds)]
        cpu = sum(one.usage.get("cpu", 0.0) for one in found)
        times = [*spread, sum(seconds), cpu]
        rows.append([task, *map(str, numbers), *map(_seconds, times)])
    return rows


def transfer(story: Story) -> Rows:
    """A task per line: seconds in staging, bytes read and written; then files from elsewhere."""
    rows = [["TASK", "STAGED", "STAGE IN", "STAGE OUT", "READ", "WRITTEN", "INPUTS", "OUTPUTS"]]
    groups: dict[str, list[Attempt]] = {}
    for one in story.ran:
        groups.setdefault(one.type, []).append(one)
    for task, found in groups.items():
        staged = [one for one in found if {"stage_in", "stage_out"} & one.phases.keys()]
        spent = [_spent(staged, "stage_in"), _spent(staged, "stage_out")]
        moved = [sum(one.usage.get(name, 0) for one in found) for name in _BYTES]
        sizes = [
            sum(_weight(one.inputs) for one in found),
            sum(_weight(one.outputs) for one in found),
        ]
        rows.append([task, str(len(staged)), *map(_seconds, spent), *map(size, [*moved, *sizes])])
    for what in ("staged in", "staged out"):
        moves = [_MOVED.search(notice.text) for notice in story.notices if notice.what == what]
        told = [(int(found[1]), float(found[2])) for found in moves if found]
        if told:
            whole, spent_all = sum(each[0] for each in told), sum(each[1] for each in told)
            speed = f"{size(whole / spent_all)}/s" if spent_all else "-"
            files = _many(len(told), "file")
            rows.append([what, files, _seconds(spent_all), speed, size(whole), "", "", ""])
    return rows


def integrity(story: Story) -> Rows:
    """What was named by its digest, what was verified when it was read, and what was damaged."""
    good = [one for one in story.attempts if one.status in ("succeeded", "reused")]
    made = [ref for one in good if one.number for ref in one.outputs.values() if _kept(ref)]
    read = [ref for one in story.ran for ref in one.inputs.values() if _kept(ref)]
    damaged = [notice for notice in story.notices if notice.what in _DAMAGE]
    rows = [
        ["artifacts made", f"{len(made)}, {size(sum(r.get('size', 0) for r in made))}"],
        ["artifacts read and verified", f"{len(read)}, {size(sum(map(_size, read)))}"],
        ["damaged or lost", str(len(damaged))],
        ["made again", str(_made_again(story.attempts))],
    ]
    return [*rows, *([f"  {notice.task or '-'}", line(notice.text)] for notice in damaged)]


FORMS = {
    "summary": summary,
    "tasks": tasks,
    "runtimes": runtimes,
    "transfer": transfer,
    "integrity": integrity,
}
"""What `stats -s` knows -> the function that makes it."""


def _made_again(found: Sequence[Attempt]) -> int:
    """Units that succeeded, or were reused, and then ran once more."""
    done: set[str] = set()
    again: set[str] = set()
    for one in found:
        if one.task in done and one.number:
            again.add(one.task)
        if one.status in ("succeeded", "reused"):
            done.add(one.task)
    return len(again)


def _kept(ref: Any) -> bool:
    return isinstance(ref, Mapping) and ref.get("inline") is None and bool(ref.get("digest"))


def _size(ref: Mapping[str, Any]) -> int:
    return int(ref.get("size", 0))


def _weight(refs: Mapping[str, Any]) -> int:
    return sum(_size(ref) for ref in refs.values() if isinstance(ref, Mapping))


def _spent(found: Sequence[Attempt], phase: str) -> float:
    return sum(one.spent(phase) or 0.0 for one in found)


def _counted(words: Iterable[str]) -> dict[str, int]:
    found: dict[str, int] = {}
    for word in words:
        found[word] = found.get(word, 0) + 1
    return found


def _seconds(value: float | None) -> str:
    return "-" if value is None else f"{value:.3f}"


def _many(count: int, what: str) -> str:
    return f"{count} {what}{'' if count == 1 else 's'}"
