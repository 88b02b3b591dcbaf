"""The rows of a chart: one per attempt, or one per task where its attempts are many."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

from lamina.traces.gantt.axis import duration
from lamina.traces.gantt.palette import MARKS
from lamina.traces.trace import Attempt, Trace, worked

SIMULATED = "simulated: no times were recorded"
"""What a chart of a made-up schedule says of itself."""

ROWS = 48
"""Rows of a chart before attempts of one task are drawn together."""


def rows_of(trace: Trace, most: int = ROWS) -> list[tuple[Attempt, ...]]:
    """The attempts that share a row, in order of their first; at most `most` rows.

    Of more tasks than rows, those are taken that worked longest.
    """
    types = list(groups_of(trace).values())
    longest = max(map(len, types), default=0)
    for limit in (longest, 32, 16, 8, 4, 2, 1):
        if sum(len(found) if len(found) <= limit else 1 for found in types) <= most:
            break
    if len(types) > most:
        by_work = sorted(types, key=lambda found: -sum(map(worked, found)))
        chosen = {id(found) for found in by_work[:most]}
        types = [found for found in types if id(found) in chosen]
    rows: list[tuple[Attempt, ...]] = []
    for found in types:
        rows += [(one,) for one in found] if len(found) <= limit else [found]
    return sorted(rows, key=lambda row: row[0].begin)


def groups_of(trace: Trace) -> dict[str, tuple[Attempt, ...]]:
    """Type of job -> its attempts, in order of the types' first."""
    found: dict[str, list[Attempt]] = {}
    for attempt in trace.attempts:
        found.setdefault(attempt.type, []).append(attempt)
    return {name: tuple(attempts) for name, attempts in found.items()}


def name_of(row: Sequence[Attempt]) -> str:
    """The name beside a row: "sort", "sort ~2" for a second attempt, "count x100" for many."""
    first = row[0]
    if len(row) == 1:
        return printable(first.task) + (f" ~{first.number}" if first.number > 1 else "")
    return f"{printable(first.type)} x{len({one.task for one in row})}"


def left_out_of(trace: Trace, rows: Sequence[Sequence[Attempt]]) -> str:
    """That rows do not show all tasks, in words; nothing where they do."""
    count = len(groups_of(trace)) - len({row[0].type for row in rows})
    return f"and {count} more tasks that took less time" if count > 0 else ""


def title_of(trace: Trace, rows: Sequence[Sequence[Attempt]] = ()) -> str:
    """What stands above a chart: workflow, run, status, how many tasks, how long; and that the
    rows, where they are given, do not show all of them."""
    count = len(trace.last)
    parts = [trace.workflow, trace.name, trace.status, f"{count} task{'s' if count != 1 else ''}"]
    parts += [duration(trace.seconds), SIMULATED if trace.simulated else ""]
    more = left_out_of(trace, rows) if rows else ""
    parts.append(f"{len(rows)} rows {more}" if more else "")
    return " · ".join(part for part in parts if part)


def remark_of(row: Sequence[Attempt]) -> str:
    """What is not as usual: how an attempt ended, why it was repeated; for many, how many."""
    if len(row) > 1:
        counts = Counter(one.status for one in row if one.status in MARKS)
        return ", ".join(f"{count} {MARKS[status].word}" for status, count in counts.items())
    one = row[0]
    words = [MARKS[one.status].word] if one.status in MARKS else []
    if one.failed and one.exit:
        words.append(f"exit {one.exit}")
    if one.number > 1:
        words.append(one.reason or "retry")
    return ", ".join(words)


def printable(text: str) -> str:
    """Without what would move the cursor, or turn the direction of a line."""
    return "".join(sign if sign.isprintable() else "?" for sign in text)
