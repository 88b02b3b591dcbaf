"""A Gantt chart for the terminal: a line per attempt, or per task where attempts are many."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from statistics import median

from lamina.traces.gantt.axis import Axis, duration, tick_step, tick_text, ticks
from lamina.traces.gantt.palette import BAD, LOOKS, MARKS
from lamina.traces.gantt.rows import (
    ROWS,
    SIMULATED,
    left_out_of,
    name_of,
    printable,
    remark_of,
    rows_of,
)
from lamina.traces.trace import WAITING, Attempt, Trace, busy, spans, worked

_LEVELS = "▁▂▃▄▅▆▇█"
_EIGHTHS = "▏▎▍▌▋▊▉"
_USUAL = (WAITING, "submit", "queue", "stage_in", "run", "stage_out")
_DIM, _BOLD = "\x1b[2m", "\x1b[1m"
_END = "\x1b[0m"
_WAITED = 0.1
"""Share of a run from which it is told that the critical path had no place to run."""


@dataclass(frozen=True)
class _Style:
    """What a terminal can show."""

    plain: bool
    colour: bool

    def ink(self, text: str, number: int) -> str:
        """Text in a colour of 256."""
        return f"\x1b[38;5;{number}m{text}{_END}" if self.colour and text.strip() else text

    def dim(self, text: str) -> str:
        return f"{_DIM}{text}{_END}" if self.colour and text.strip() else text

    def bold(self, text: str) -> str:
        return f"{_BOLD}{text}{_END}" if self.colour and text.strip() else text

    def pick(self, sign: str, plain: str) -> str:
        return plain if self.plain else sign


@dataclass(frozen=True)
class _Row:
    """A line of the chart: its name, the painted cells, what stands behind them, remarks."""

    name: str
    cells: list[str]
    seconds: str
    remark: str = ""
    bad: bool = False


@dataclass(frozen=True)
class _Paper:
    """The chart's room: cells over the axis."""

    axis: Axis
    cells: int
    style: _Style

    def place(self, time: float) -> float:
        """Where a time stands, in cells."""
        return self.axis.at(time) * self.cells / (self.axis.length or 1.0)


def gantt_text(
    trace: Trace, width: int = 100, *, plain: bool = False, colour: bool = False, rows: int = ROWS
) -> str:
    """The chart of a run.

    Args:
        trace: of a run.
        width: letters per line; at least 50 are used.
        plain: only ASCII signs.
        colour: with the colours of 256-colour terminals.
        rows: lines for attempts; above it, attempts of one task are drawn together.
    """
    style = _Style(plain, colour)
    groups = rows_of(trace, rows)
    names = [name_of(group) for group in groups]
    left = min(max([len(name) for name in names] + [4]), max(width // 4, 12))
    remarks = max([len(remark_of(group)) for group in groups] + [0])
    right = 9 + (2 + min(remarks, max(width // 4, 12)) if remarks else 0)
    paper = _Paper(Axis.of(trace), max(width - left - right - 3, 20), style)
    lines = [_head(trace, style), ""]
    lines += [" " * (left + 1) + line for line in _scale(paper)]
    for group, name in zip(groups, names, strict=True):
        lines.append(_line(_row(group, name, paper), left, right, style))
    left_out = left_out_of(trace, groups)
    if left_out:
        lines.append(style.dim(_cut(left_out, width, style)))
    return "\n".join(line.rstrip() for line in [*lines, "", *_foot(trace, groups, width, style)])


def _row(group: Sequence[Attempt], name: str, paper: _Paper) -> _Row:
    if len(group) > 1:
        middle = median(worked(one) for one in group)
        bad = any(one.failed for one in group)
        remark = remark_of(group)
        return _Row(name, _density(group, paper), f"~{duration(middle)}", remark, bad)
    one = group[0]
    seconds = "" if one.status == "reused" else duration(worked(one))
    return _Row(name, _bar(one, paper), seconds, remark_of(group), one.failed)


def _bar(attempt: Attempt, paper: _Paper) -> list[str]:
    """The cells of one attempt, and the mark behind its last."""
    style = paper.style
    cells = [" "] * (paper.cells + 1)
    last = -1
    shares: dict[int, dict[str, float]] = {}
    for phase in spans(attempt):
        for cell, share in _shares(paper.place(phase.begin), paper.place(phase.end), paper.cells):
            found = shares.setdefault(cell, {})
            found[phase.name] = found.get(phase.name, 0.0) + share
    for cell, found in sorted(shares.items()):
        name = max(found, key=lambda key: found[key])
        covered = sum(found.values())
        if covered >= 0.5 or len(shares) == 1:
            partly = covered if cell == max(shares) or len(shares) == 1 else 1.0
            cells[cell] = _sign(name, partly, attempt, style)
            last = cell
    if last < 0:
        last = min(int(paper.place(attempt.begin)), paper.cells - 1)
        cells[last] = _sign("run", 0.1, attempt, style) if attempt.status != "reused" else " "
    last = max(last, _run_shown(attempt, paper, cells, last))
    mark = MARKS.get(attempt.status)
    if mark is not None:
        spot = last if attempt.status == "reused" else last + 1
        cells[spot] = style.ink(style.pick(mark.sign, mark.plain), mark.ansi)
    return cells


def _run_shown(attempt: Attempt, paper: _Paper, cells: list[str], last: int) -> int:
    """Gives the run itself a sign where other phases would hide it; tells where."""
    run = next((phase for phase in attempt.phases if phase.name == "run"), None)
    if run is None:
        return last
    first, end = (min(int(paper.place(at)), paper.cells - 1) for at in (run.begin, run.end))
    sign = _sign("run", 0.1, attempt, paper.style)
    block = _sign("run", 1.0, attempt, paper.style)
    if any(cells[cell] == block for cell in range(first, end + 1)) or cells[end] == sign:
        return last
    if paper.place(run.end) - paper.place(run.begin) < 0.5:
        cells[end] = sign
        return end
    return last


def _sign(phase: str, covered: float, attempt: Attempt, style: _Style) -> str:
    look = LOOKS[phase]
    sign = style.pick(look.sign, look.plain)
    if phase == "run" and not style.plain and covered < 0.95:
        sign = _EIGHTHS[min(int(covered * 8), 6)]
    if style.plain and covered < 0.5:
        sign = "|"
    return style.ink(sign, BAD.ansi if phase == "run" and attempt.failed else look.ansi)


def _shares(begin: float, end: float, cells: int) -> Iterable[tuple[int, float]]:
    """(cell, part of it that is covered) for a span in cells."""
    for cell in range(max(int(begin), 0), min(int(end) + 1, cells)):
        share = min(end, cell + 1) - max(begin, cell)
        if share > 0:
            yield cell, share


def _density(group: Sequence[Attempt], paper: _Paper) -> list[str]:
    """How many attempts of a task ran at the same time, against the row's own most."""
    style = paper.style
    steps = [0.0] * (paper.cells + 2)
    bad: set[int] = set()
    for attempt in group:
        begin, end = map(paper.place, busy(attempt))
        for at, sign in ((begin, 1.0), (end, -1.0)):
            cell = min(int(at), paper.cells - 1)
            inside = at - cell
            steps[cell] += sign * (1 - inside)
            steps[cell + 1] += sign * inside
        if attempt.failed:
            bad.add(min(int(end), paper.cells - 1))
    heights, height = [], 0.0
    for step in steps[: paper.cells]:
        height += step
        heights.append(height)
    top = max([*heights, 1e-12])
    reused = {min(int(paper.place(one.begin)), paper.cells - 1) for one in group if not one.number}
    cells = [_level(height / top, cell in bad, style) for cell, height in enumerate(heights)]
    for cell in reused:
        if cells[cell] == " ":
            mark = MARKS["reused"]
            cells[cell] = style.ink(style.pick(mark.sign, mark.plain), mark.ansi)
    return [*cells, " "]


def _level(height: float, bad: bool, style: _Style) -> str:
    if height <= 1e-9:
        return style.ink(style.pick(BAD.sign, BAD.plain), BAD.ansi) if bad else " "
    levels = "123456789" if style.plain else _LEVELS
    sign = levels[min(int(height * len(levels)), len(levels) - 1)]
    return style.ink(sign, BAD.ansi if bad else LOOKS["run"].ansi)


def _line(row: _Row, left: int, right: int, style: _Style) -> str:
    name = _cut(row.name, left, style)
    shown = style.ink(name, BAD.ansi) if row.bad else name
    remark = _cut(row.remark, max(right - 11, 0), style)
    tail = f"{row.seconds:>8}"
    behind = f"  {style.ink(remark, BAD.ansi) if row.bad else style.dim(remark)}" if remark else ""
    return f"{shown}{' ' * (left - len(name) + 1)}{''.join(row.cells)} {tail}{behind}"


def _cut(text: str, most: int, style: _Style) -> str:
    """A text in a room; a long one keeps its end, where items of a scatter differ."""
    if len(text) <= most:
        return text
    dots = style.pick("…", "..")
    keep = max(most - len(dots), 1)
    tail = min(keep // 3, 8)
    return text[: keep - tail] + dots + text[len(text) - tail :]


def _scale(paper: _Paper) -> list[str]:
    """The axis: texts over ticks, and a dotted sign where a later session begins."""
    style = paper.style
    length = paper.axis.length
    most = max(paper.cells // 12, 1)
    step = tick_step(length, most)
    words, marks = [" "] * (paper.cells + 10), [style.pick("─", "-")] * (paper.cells + 1)
    for at in ticks(length, most):
        cell = min(round(at * paper.cells / (length or 1.0)), paper.cells)
        marks[cell] = style.pick("┬", "+")
        text = tick_text(at, step)
        words[cell : cell + len(text)] = text
    for at in paper.axis.breaks:
        cell = min(round(at * paper.cells / (length or 1.0)), paper.cells)
        marks[cell] = style.pick("╫", "!")
    return [style.dim("".join(words[: paper.cells + 9]).rstrip()), style.dim("".join(marks))]


def _head(trace: Trace, style: _Style) -> str:
    ink = {"succeeded": 34, "failed": BAD.ansi, "interrupted": BAD.ansi, "cancelled": 245}
    units = len(trace.last)
    parts = [
        style.bold(printable(trace.workflow)),
        f"{trace.name} {trace.run}".strip(),
        style.ink(trace.status, ink.get(trace.status, 32)),
        f"{units} task{'' if units == 1 else 's'} in {duration(trace.seconds)}"
        if units
        else "no task has begun",
    ]
    if len(trace.sessions) > 1:
        parts.append(f"{len(trace.sessions)} sessions")
    if trace.simulated:
        parts.append(SIMULATED)
    return style.pick("  ·  ", "  ").join(part for part in parts if part)


def _foot(
    trace: Trace, groups: Sequence[Sequence[Attempt]], width: int, style: _Style
) -> list[str]:
    lines = _legend(groups, width, style)
    if len(trace.sessions) > 1:
        pauses = trace.end - trace.begin - trace.seconds
        lines.append(f"{style.pick('╫', '!')} resumed; {duration(pauses)} of pauses are not drawn")
    path = trace.critical_path
    if len(path) > 1:
        arrow = style.pick(" → ", " -> ")
        seconds = trace.critical_seconds
        wait = trace.critical_wait
        places = f", {duration(wait)} without a place" if wait > _WAITED * trace.seconds else ""
        head = f"critical path {duration(seconds)} of {duration(trace.seconds)}{places}: "
        lines.append(
            head + _chain([name_of([one]) for one in path], arrow, width - len(head), style)
        )
    if trace.skipped:
        head = f"{len(trace.skipped)} skipped: "
        names = ", ".join(map(printable, list(trace.skipped)[:5]))
        lines.append(head + _cut(names, width - len(head), style))
    return lines


def _chain(names: Sequence[str], arrow: str, room: int, style: _Style) -> str:
    """Names joined by arrows; of a long chain the middle is left out."""
    whole = arrow.join(names)
    if len(whole) <= room:
        return whole
    dots = style.pick("…", "...")
    for kept in range(len(names) - 1, 1, -1):
        first = (kept + 1) // 2
        text = arrow.join([*names[:first], dots, *names[len(names) - (kept - first) :]])
        if len(text) <= room:
            return text
    return _cut(arrow.join([names[0], dots, names[-1]]), max(room, 12), style)


def _legend(groups: Sequence[Sequence[Attempt]], width: int, style: _Style) -> list[str]:
    """The usual phases and those that occur besides, with their signs."""
    single = [group[0] for group in groups if len(group) == 1 and group[0].number]
    seen = {phase.name for one in single for phase in one.phases}
    seen |= set(_USUAL) if single else set()
    parts = [
        (style.pick(look.sign, look.plain) * 2, look.ansi, look.title)
        for name, look in LOOKS.items()
        if name in seen
    ]
    if any(len(group) > 1 for group in groups):
        levels = style.pick("▁▄█", "159")
        parts.append((levels, LOOKS["run"].ansi, "attempts at the same time"))
    lines: list[list[str]] = [[]]
    room = width
    for signs, ansi, title in parts:
        needed = len(signs) + len(title) + 4
        if needed > room and lines[-1]:
            lines.append([])
            room = width
        lines[-1].append(f"{style.ink(signs, ansi)} {title}")
        room -= needed
    return ["   ".join(line) for line in lines if line]
