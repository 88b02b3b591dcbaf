"""The comparison of two runs in words: one line to read first, then what stands behind it."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from textwrap import wrap
from typing import Any

from lamina.records.tables import duration, line, size, table_lines
from lamina.traces.comparison import (
    ALONE,
    BEYOND,
    CHANCE,
    FEW,
    LITTLE,
    SHORTEST,
    Change,
    Comparison,
)
from lamina.traces.statistics import SIMULATED
from lamina.traces.trace import Trace

_LEAST = 0.1
"""Share of the difference from which on something is named as its cause."""
_NAMED = 3
_WIDE = 110
"""Letters of a line from which on there is room for remarks."""
_SHOWN = 12
_BYTES = 1e6
"""Bytes below which a run has no input to speak of."""


def verdict(found: Comparison, called: tuple[str, str] = ("A", "B")) -> str:
    """What a person reads first.

    Args:
        found: the comparison.
        called: what the two runs are called in it.
    """
    first, second = called
    more, before = found.seconds, found.first.seconds
    if _about_as_long(found):
        told = " -> ".join(duration(one.seconds) for one in (found.first, found.second))
        return f"{second} took about as long as {first} ({told}){_all_the_same(found)}"
    share = f" ({_share(more / before)})" if before > 0 else ""
    words = "more" if more > 0 else "less"
    head = f"{second} took {duration(abs(more))} {words} than {first}{share}"
    causes = causes_of(found)[:_NAMED]
    if not causes or not in_common(found):
        return f"{head}: {_nothing(found)}"
    parts = [_part(one, one.cost) for one in causes]
    rest = more - sum(one.cost for one in causes)
    if found.by_path and abs(rest) > abs(more) / 2:
        parts.append(f"the rest ({_signed(rest)}) lies in many places")
    where = "" if found.by_path else "over all jobs together, "
    return f"{head}: {where}{', '.join(parts)}{_size(found, causes)}"


def _all_the_same(found: Comparison) -> str:
    """What differs in runs that took about as long."""
    changed = [one for one in found.cells if one.verdict == BEYOND]
    if not changed:
        return ", and nothing differs beyond chance"
    changed.sort(key=lambda one: -abs(one.change))
    parts = ", ".join(_part(one, one.change) for one in changed[:_NAMED])
    return f"; over all jobs together, {parts}"


def _share(change: float) -> str:
    return f"{100 * change:+.0f} %" if change < 9 else _times(1 + change)


def in_common(found: Comparison) -> bool:
    """Whether both runs have jobs of some type."""
    return any(all(one.jobs) for one in found.types)


def _about_as_long(found: Comparison) -> bool:
    return abs(found.seconds) <= max(LITTLE * found.first.seconds, SHORTEST)


def causes_of(found: Comparison) -> list[Change]:
    """Phases of types of jobs that made the second run longer, or shorter; what cost most first."""
    more = found.seconds
    return [
        one
        for one in found.cells
        if one.verdict != CHANCE and one.cost * more > 0 and abs(one.cost) >= _LEAST * abs(more)
    ]


def _nothing(found: Comparison) -> str:
    if not in_common(found):
        return "they have no type of job in common"
    few = max((min(one.jobs) for one in found.types), default=0)
    if few < 6:
        return "with so few jobs of each type, chance cannot be told from a cause"
    return "no phase of any type of job differs beyond chance"


def _part(one: Change, seconds: float) -> str:
    """ "stage in of individuals +180 s (4.3x)"."""
    words = [f"only in {'A' if one.jobs[0] else 'B'}"] if one.verdict == ALONE else []
    if all(one.jobs) and one.jobs[0] != one.jobs[1]:
        words.append(f"{one.jobs[0]} -> {one.jobs[1]} jobs")
    if one.times is not None and one.seconds[1]:
        words.append(_times(one.times))
    if one.by_input and one.input is not None:
        what = "larger" if one.input > 1 else "smaller"
        words.append(f"for {_times(one.input)} the bytes: a {what} input")
    if one.along is not None:
        words.append(f"of all jobs {_times(one.along)}")
    elif one.verdict == FEW:
        words.append(f"{_few(one)}: may be chance")
    return f"{_what(one)} {_signed(seconds)}" + (f" ({', '.join(words)})" if words else "")


def _size(found: Comparison, causes: Sequence[Change]) -> str:
    """Whether it is another task, and no other speed."""
    counts = [len(one.last) for one in (found.first, found.second)]
    if not 0.9 <= counts[1] / max(counts[0], 1) <= 1.1:
        return f". B is another size of workflow: {counts[0]} -> {counts[1]} jobs"
    whole = sum(one.cost for one in causes)
    by_input = sum(one.cost for one in causes if one.by_input)
    return ". Mostly another size of input" if whole and by_input / whole > 0.5 else ""


def heads(found: Comparison, names: tuple[str, str], room: int | None = None) -> list[str]:
    """The two runs, a line each; `room` is letters that a line may have, any number when None."""
    rows = map(_head, zip("AB", names, (found.first, found.second), strict=True))
    return table_lines([["", "", "", "", ""], *rows], room, (1,))[1:]


def said(
    found: Comparison, room: int | None = None, called: tuple[str, str] = ("A", "B")
) -> list[str]:
    """The verdict, then notes."""
    texts = [verdict(found, called), *notes(found)]
    return [
        line
        for text in texts
        for line in (wrap(text, room, subsequent_indent="  ") if room else [text])
    ]


def tables(found: Comparison, room: int | None = None) -> Iterator[str]:
    """What differs, each table below an empty line."""
    if not in_common(found):
        return
    told = (BEYOND,) if _about_as_long(found) else (BEYOND, FEW)
    changed = [one for one in found.cells if one.verdict in told]
    if changed:
        yield ""
        yield from table_lines(_cells(changed[:_SHOWN], found, room), room, (0,))
        if len(changed) > _SHOWN:
            yield f"and {len(changed) - _SHOWN} more: --json tells all"
    for head, of in (("PHASE", found.phases), ("TYPE", found.types), ("HOST", found.hosts)):
        rows = [one for one in of if one.verdict == BEYOND]
        if rows:
            yield ""
            yield from table_lines(_sums(rows[:_SHOWN], head), room, (0,))


def notes(found: Comparison) -> Iterator[str]:
    """What else a person has to know, line by line."""
    for letter, trace in zip("AB", (found.first, found.second), strict=True):
        yield from _of_run(letter, trace)
    if found.first.workflow != found.second.workflow:
        yield f"A ran {found.first.workflow}, B {found.second.workflow}"
    counts = [one for one in found.types if one.jobs[0] != one.jobs[1]]
    if counts:
        told = (f"{one.type} {one.jobs[0]} -> {one.jobs[1]}" for one in counts[:_SHOWN])
        more = ", ..." if len(counts) > _SHOWN else ""
        yield f"not the same jobs: {', '.join(told)}{more}"
    before, after = found.bytes
    if min(before, after) > 0 and max(before, after) >= _BYTES:
        yield from _of_input(before, after)
    tries = [len(one.attempts) - len(one.last) for one in (found.first, found.second)]
    if tries[0] != tries[1]:
        yield f"retries {tries[0]} -> {tries[1]}"
    if not found.by_path and causes_of(found):
        yield "what waits for what is not told: nobody knows the critical path"


def _of_input(before: float, after: float) -> Iterator[str]:
    """Whether the runs read as much."""
    if not 0.9 <= after / before <= 1.1:
        what = "larger" if after > before else "smaller"
        yield f"the input is {what}: {size(before)} -> {size(after)}, {_times(after / before)}"


def _of_run(letter: str, trace: Trace) -> Iterator[str]:
    """What is unusual in one of them."""
    if trace.simulated:
        yield f"{letter} is {SIMULATED}"
    bad = [one for one in trace.last.values() if one.failed]
    if bad:
        cause = line(bad[0].error.get("cause", ""))
        yield f"{letter} {trace.status}: {len(bad)} failed, {bad[0].task}: {cause}"
    reused = sum(one.number == 0 for one in trace.attempts)
    if reused:
        yield f"{letter} reused {reused} results of earlier runs, which took no time"


def _head(told: tuple[str, str, Trace]) -> list[str]:
    letter, name, trace = told
    return [letter, name, trace.labels.get("label", ""), trace.status, duration(trace.seconds)]


def _cells(changed: Iterable[Change], found: Comparison, room: int | None) -> list[list[str]]:
    """What differs: seconds of a job, and how many more over all jobs and on the critical path;
    remarks where there is room."""
    path = ["ON PATH"] if found.by_path else []
    remarks = ["REMARK"] if room is None or room >= _WIDE else []
    rows = [["WHAT", "JOBS", "A EACH", "B EACH", "TIMES", "ALL JOBS", *path, *remarks]]
    for one in changed:
        jobs = f"{one.jobs[0]}" if one.jobs[0] == one.jobs[1] else f"{one.jobs[0]}->{one.jobs[1]}"
        each = [
            _digits(total / count) if count else "-"
            for total, count in zip(one.seconds, one.jobs, strict=True)
        ]
        cost = [_plain(one.cost) if one.path and any(one.path) else "-"] if path else []
        times = _times(one.times) if one.times is not None else "-"
        remark = [_remark(one)] if remarks else []
        rows.append([_what(one), jobs, *each, times, _plain(one.change), *cost, *remark])
    return rows


def _few(one: Change) -> str:
    """Why no test can tell."""
    if one.seen < min(one.jobs):
        return "they waited as one" if one.seen == 1 else f"they waited as {one.seen}"
    return _jobs(min(one.jobs))


def _remark(one: Change) -> str:
    words = []
    if one.along is not None:
        words.append(f"few, but {one.phase.replace('_', ' ')} of all jobs took {_times(one.along)}")
    elif one.verdict == FEW:
        words.append(f"may be chance: {_few(one)}")
    if one.input is not None:
        words.append(f"{_times(one.input)} the bytes")
    return ", ".join(words)


def _sums(changed: Iterable[Change], head: str) -> list[list[str]]:
    """Seconds over all jobs, where they differ."""
    rows = [[head, "JOBS", "A", "B", "CHANGE", "TIMES"]]
    for one in changed:
        jobs = f"{one.jobs[0]}" if one.jobs[0] == one.jobs[1] else f"{one.jobs[0]}->{one.jobs[1]}"
        sums = map(_digits, one.seconds)
        times = _times(one.times) if one.times is not None else "-"
        rows.append([one.host or _what(one), jobs, *sums, _plain(one.change), times])
    return rows


def to_json(found: Comparison, names: tuple[str, str]) -> dict[str, Any]:
    """As plain values; `differences` are the phases of types of jobs, those of chance as well."""
    return {
        "runs": [
            {
                "name": name, "run": trace.run, "workflow": trace.workflow,
                "status": trace.status, "origin": trace.origin, "simulated": trace.simulated,
                "labels": dict(trace.labels), "makespan": trace.seconds,
            }
            for name, trace in zip(names, (found.first, found.second), strict=True)
        ],
        "verdict": verdict(found),
        "notes": list(notes(found)),
        "makespan_change": found.seconds,
        "bytes_read": list(found.bytes),
        "on_critical_path": found.by_path,
        "causes": [one.to_json() for one in causes_of(found)],
        "differences": [one.to_json() for one in found.cells],
        "phases": [one.to_json() for one in found.phases],
        "types": [one.to_json() for one in found.types],
        "hosts": [one.to_json() for one in found.hosts],
    }  # fmt: skip


def _what(one: Change) -> str:
    phase = one.phase.replace("_", " ")
    return f"{phase} of {one.type}" if phase and one.type else phase or one.type


def _times(value: float) -> str:
    return (
        f"{value:.0f}x" if value >= 9.95 else f"{value:.1f}x" if value >= 0.95 else f"{value:.2f}x"
    )


def _signed(seconds: float) -> str:
    return f"{'+' if seconds > 0 else '-'}{duration(abs(seconds))}"


def _plain(seconds: float) -> str:
    """A difference in a table."""
    return f"{seconds:+,.0f} s" if abs(seconds) >= 10 else f"{seconds:+.2f} s"


def _digits(seconds: float) -> str:
    return (
        f"{seconds:,.0f} s"
        if seconds >= 100
        else f"{seconds:.1f} s"
        if seconds >= 1
        else f"{seconds:.3f} s"
    )


def _jobs(count: int) -> str:
    return "1 job" if count == 1 else f"{count} jobs"
