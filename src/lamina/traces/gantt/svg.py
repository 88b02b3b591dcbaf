"""A Gantt chart as one self-contained SVG picture, for notebooks and pages."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from html import escape
from itertools import count

from lamina.traces.gantt.axis import Axis, duration, tick_step, tick_text, ticks
from lamina.traces.gantt.palette import BAD, LOOKS, MARKS
from lamina.traces.gantt.rows import name_of, remark_of, rows_of, title_of
from lamina.traces.statistics import told_path
from lamina.traces.trace import Attempt, Trace, busy, spans, worked

_ROW, _BAR, _HEAD, _FOOT, _EDGE = 18, 12, 62, 44, 16
_FONT = "system-ui, -apple-system, 'Segoe UI', 'Helvetica Neue', Arial, sans-serif"
_LETTER = 6.4
"""Pixels per letter of a note, about."""

_WIDTHS = {"ijlftr.,:;'| ": 4.2, "mwMW@%…": 10.8, "ABCDEFGHIJKLNOPQRSTUVXYZ": 8.0}
"""Pixels of letters in the widest of the fonts; of all others `_USUAL`."""
_USUAL, _BOLD = 6.9, 1.12

_NOTES, _MOST_NOTES = 150, 240
"""Pixels for notes behind the last bar, and where they are long."""

_CRITICAL = "critical path"

_numbers = count(1)


def gantt_svg(trace: Trace, width: int = 960, rows: int = 60) -> str:
    """The chart of a run as SVG text that follows the reader's colour scheme.

    Args:
        trace: of a run.
        width: pixels.
        rows: above it, attempts of one task are drawn together.
    """
    groups = rows_of(trace, rows)
    names = [_cut(name_of(group), 30) for group in groups]
    wide = (_wide(name, _is_bad(group)) for group, name in zip(groups, names, strict=True))
    left = _EDGE + max([*wide, 4 * _LETTER]) + 10
    longest = max((len(_note(group)) for group in groups), default=0) * _LETTER + 12
    notes = min(max(longest, _NOTES), _MOST_NOTES)
    room = max(width - left - _EDGE - notes, 200)
    chart = _Chart(trace, left, room, notes, f"g{next(_numbers)}")
    height = _HEAD + _ROW * len(groups) + _FOOT
    body = [*chart.scale(len(groups))]
    for number, (group, name) in enumerate(zip(groups, names, strict=True)):
        body += chart.row(_HEAD + number * _ROW, name, group)
    body += chart.legend(_HEAD + _ROW * len(groups) + 26, groups)
    return "\n".join(
        [
            f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width} {height}" '
            f'width="{width}" height="{height}" role="img" class="{chart.id}" '
            'style="max-width:100%;height:auto">',
            f"<title>{_text(title_of(trace))}</title>",
            f"<style>{_style(chart.id)}</style>",
            f'<rect class="paper" width="{width}" height="{height}" rx="8"/>',
            f'<text class="head" x="{_EDGE}" y="24">{_text(title_of(trace, groups))}</text>',
            *body,
            "</svg>",
        ]
    )


class _Chart:
    """Places things over one axis."""

    def __init__(self, trace: Trace, left: float, width: float, notes: float, name: str) -> None:
        self.axis = Axis.of(trace)
        self.left = left
        self.width = width
        self.notes = notes
        self.id = name
        self.critical = {id(one) for one in told_path(trace)}

    def x(self, time: float) -> float:
        return self.left + self.axis.at(time) * self.width / (self.axis.length or 1.0)

    def scale(self, rows: int) -> Iterator[str]:
        """Ticks with thin lines; a dashed line where a later session begins."""
        most = max(int(self.width / 90), 1)
        step = tick_step(self.axis.length, most)
        bottom = _HEAD + rows * _ROW
        for at in ticks(self.axis.length, most):
            x = self.left + at * self.width / (self.axis.length or 1.0)
            yield f'<path class="tick" d="M{_n(x)} {_HEAD - 8}V{bottom}"/>'
            yield f'<text class="axis" x="{_n(x)}" y="{_HEAD - 13}">{tick_text(at, step)}</text>'
        for at in self.axis.breaks:
            x = self.left + at * self.width / (self.axis.length or 1.0)
            yield f'<path class="break" d="M{_n(x)} {_HEAD - 8}V{bottom}"/>'

    def row(self, top: float, name: str, group: Sequence[Attempt]) -> Iterator[str]:
        """The name, the bars and the remark of a row."""
        bad = _is_bad(group)
        middle = top + _ROW - 5
        kind = "name bad" if bad else "name"
        yield f'<text class="{kind}" x="{_n(self.left - 8)}" y="{_n(middle)}">{_text(name)}</text>'
        if len(group) > 1:
            yield self.density(top, group)
            end = self.left + self.width
        else:
            yield from self.bars(top, group[0], id(group[0]) in self.critical)
            end = self.x(group[0].end)
        kind = "note bad" if bad else "note"
        room = int((self.left + self.width + self.notes - end) / _LETTER)
        text = _text(_cut(_note(group), max(room, 12)))
        yield f'<text class="{kind}" x="{_n(end + 6)}" y="{_n(middle)}">{text}</text>'

    def bars(self, top: float, one: Attempt, critical: bool) -> Iterator[str]:
        """The phases of one attempt, waiting as a thin line; an outline on the critical path."""
        y = top + (_ROW - _BAR) / 2
        if one.status == "reused":
            sign = MARKS["reused"].sign
            x = _n(self.x(one.begin))
            yield f'<text class="note" x="{x}" y="{_n(y + 10)}">{sign}</text>'
            return
        title = _text(
            f"{one.task}: " + ", ".join(f"{p.name} {duration(p.seconds)}" for p in spans(one))
        )
        yield f"<g><title>{title}</title>"
        for phase in spans(one):
            left, right = self.x(phase.begin), self.x(phase.end)
            thin = phase.name in ("waiting", "queue", "submit")
            tall = 3 if thin else _BAR
            kind = "bad-run" if one.failed and phase.name == "run" else phase.name
            yield (
                f'<rect class="{kind}" x="{_n(left)}" y="{_n(y + (_BAR - tall) / 2)}" '
                f'width="{_n(max(right - left, 0.6))}" height="{tall}"/>'
            )
        if critical:
            begin, end = map(self.x, busy(one))
            yield (
                f'<rect class="critical" x="{_n(begin - 1)}" y="{_n(y - 1)}" '
                f'width="{_n(max(end - begin, 1) + 2)}" height="{_BAR + 2}" rx="2"/>'
            )
        yield "</g>"

    def density(self, top: float, group: Sequence[Attempt]) -> str:
        """How many attempts of a task ran at the same time, as a filled curve."""
        changes = sorted(
            change for one in group for change in zip(map(self.x, busy(one)), (1, -1), strict=True)
        )
        points: list[tuple[float, int]] = []
        heights: list[tuple[float, int]] = []
        level = 0
        for x, change in changes:
            level += change
            points.append((x, level))
        most = max([high for _, high in points] + [1])
        base = top + _ROW - 3
        last = -1.0
        for x, high in points:
            if x - last < 0.4 and heights:
                heights[-1] = (heights[-1][0], max(high, heights[-1][1]))
                continue
            heights.append((x, high))
            last = x
        path = "".join(f"H{_n(x)}V{_n(base - (_ROW - 5) * high / most)}" for x, high in heights)
        title = f"{name_of(group)}: at most {most} at the same time"
        shape = f'<path class="run" d="M{_n(self.left)} {_n(base)}{path}V{_n(base)}z"/>'
        return f"<g><title>{_text(title)}</title>{shape}</g>"

    def legend(self, y: float, groups: Sequence[Sequence[Attempt]]) -> Iterator[str]:
        """The phases that occur, in order of time."""
        drawn = (one for group in groups for one in group if one.status != "reused")
        seen = {phase.name for one in drawn for phase in spans(one)}
        x = self.left
        for name, look in LOOKS.items():
            if name in seen:
                box = f'x="{_n(x)}" y="{_n(y - 9)}" width="11" height="11" rx="2"'
                yield f'<rect class="{name}" {box}/>'
                yield f'<text class="note" x="{_n(x + 16)}" y="{_n(y)}">{look.title}</text>'
                x += 30 + len(look.title) * _LETTER
        outlined = any(len(group) == 1 and id(group[0]) in self.critical for group in groups)
        if outlined and x + 16 + len(_CRITICAL) * _LETTER <= self.left + self.width + self.notes:
            box = f'x="{_n(x)}" y="{_n(y - 9)}" width="11" height="11" rx="2"'
            yield f'<rect class="critical" {box}/>'
            yield f'<text class="note" x="{_n(x + 16)}" y="{_n(y)}">{_CRITICAL}</text>'


def _style(name: str) -> str:
    light = {
        "text": f"font:11px {_FONT};fill:#414b59",
        ".head": "font-size:14px;font-weight:600;fill:#1f2630",
        ".name": "text-anchor:end;fill:#1f2630",
        ".axis": "text-anchor:middle",
        ".bad": f"fill:{BAD.colour};font-weight:600",
        ".paper": "fill:#fbfbfc",
        ".tick": "stroke:#dfe3e9",
        ".break": "stroke:#79828f;stroke-dasharray:3 3",
        ".critical": "fill:none;stroke:#1f2630;stroke-width:1.2",
        ".bad-run": f"fill:{BAD.colour}",
        **{f".{key}": f"fill:{look.colour}" for key, look in LOOKS.items()},
    }
    dark = {
        "text": "fill:#aab3c0",
        ".head": "fill:#e8ebf0",
        ".name": "fill:#e8ebf0",
        ".bad": f"fill:{BAD.dark}",
        ".paper": "fill:#14181e",
        ".tick": "stroke:#2b323d",
        ".critical": "stroke:#e8ebf0",
        ".bad-run": f"fill:{BAD.dark}",
        **{f".{key}": f"fill:{look.dark}" for key, look in LOOKS.items()},
    }
    here = f".{name} "
    rules = "".join(f"{here}{key}{{{body}}}" for key, body in light.items())
    dim = "".join(f"{here}{key}{{{body}}}" for key, body in dark.items())
    return f"{rules}@media (prefers-color-scheme:dark){{{dim}}}"


def _is_bad(group: Sequence[Attempt]) -> bool:
    return any(one.failed for one in group)


def _note(group: Sequence[Attempt]) -> str:
    """What stands behind the bars of a row: how long they took, and what is not as usual."""
    words = [remark] if (remark := remark_of(group)) else []
    if len(group) > 1:
        words.insert(0, f"{duration(sum(map(worked, group)))} in all")
    elif group[0].number:
        words.insert(0, duration(worked(group[0])))
    return ", ".join(words)


def _wide(text: str, bold: bool) -> float:
    """Pixels that a name takes at most."""
    found = sum(
        next((each for signs, each in _WIDTHS.items() if sign in signs), _USUAL) for sign in text
    )
    return found * (_BOLD if bold else 1.0)


def _cut(text: str, most: int) -> str:
    return text if len(text) <= most else text[: most - 7] + "…" + text[-6:]


def _text(text: str) -> str:
    legal = "".join(sign if sign.isprintable() else "\N{REPLACEMENT CHARACTER}" for sign in text)
    return escape(legal, quote=True)


def _n(value: float) -> str:
    return f"{value:.1f}".removesuffix(".0")
