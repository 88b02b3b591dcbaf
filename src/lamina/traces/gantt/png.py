"""A Gantt chart as a PNG picture, for slides and papers; drawn by matplotlib."""

from __future__ import annotations

import io
from collections.abc import Sequence
from typing import Any

from lamina.errors import MissingExtraError
from lamina.traces.gantt.axis import Axis, duration, tick_step, tick_text, ticks
from lamina.traces.gantt.palette import BAD, LOOKS, MARKS
from lamina.traces.gantt.rows import name_of, remark_of, rows_of, title_of
from lamina.traces.statistics import told_path
from lamina.traces.trace import Attempt, Trace, busy, spans, worked

_ROW, _HEAD, _FOOT, _EDGE, _NOTES = 18, 64, 46, 16, 190
"""Pixels, as in the SVG form: of a row, above and below all rows, at the edges, for remarks."""

_LETTER = 6.4
"""Pixels per letter of a name, about."""

_SCALE = 2
"""Dots per pixel, for sharp letters."""

_PAPER, _INK, _DIM, _LINE = "#fbfbfc", "#1f2630", "#414b59", "#dfe3e9"
_BAR, _THIN = 0.66, 0.17
"""Shares of a row's height that a bar takes, and a line of waiting."""


def gantt_png(trace: Trace, width: int = 1100, rows: int = 60) -> bytes:
    """The chart of a run as the content of a PNG file.

    Args:
        trace: of a run.
        width: pixels; the file has twice as many dots.
        rows: above it, attempts of one task are drawn together.

    Raises:
        MissingExtraError: matplotlib is not installed.
    """
    try:
        from matplotlib.backends.backend_agg import FigureCanvasAgg
        from matplotlib.figure import Figure
    except ImportError:
        raise MissingExtraError("matplotlib", "pictures", "a chart as PNG") from None
    groups = rows_of(trace, rows)
    names = [_cut(_plain(name_of(group)), 34) for group in groups]
    height = _HEAD + _ROW * max(len(groups), 1) + _FOOT
    figure = Figure(figsize=(width / 72, height / 72), dpi=72 * _SCALE, facecolor=_PAPER)
    FigureCanvasAgg(figure)
    left = _EDGE + max([len(name) for name in names] + [4]) * _LETTER + 10
    room = max(width - left - _EDGE - _NOTES, 200)
    place = (left / width, _FOOT / height, room / width, 1 - (_HEAD + _FOOT) / height)
    chart = _Chart(trace, figure.add_axes(place), room, max(len(groups), 1))
    chart.scale()
    critical = {id(one) for one in told_path(trace)}
    for row, (group, name) in enumerate(zip(groups, names, strict=True)):
        chart.row(row, name, group, critical)
    chart.legend(groups, bool(critical))
    title = _plain(title_of(trace, groups))
    figure.text(
        _EDGE / width, 1 - 24 / height, title, size=13, weight="bold", color=_INK, parse_math=False
    )
    found = io.BytesIO()
    # Without a version inside, equal charts are equal files.
    figure.savefig(found, format="png", dpi=72 * _SCALE, metadata={"Software": None})
    return found.getvalue()


class _Chart:
    """Draws rows over one axis: seconds along, rows from the top down."""

    def __init__(self, trace: Trace, axes: Any, room: float, rows: int) -> None:
        self.axis = Axis.of(trace)
        self.length = self.axis.length or 1.0
        self.axes, self.room = axes, room
        axes.set_xlim(0, self.length)
        axes.set_ylim(rows, 0)
        axes.set_facecolor(_PAPER)
        for side in axes.spines.values():
            side.set_visible(False)
        self.pixel = self.length / room

    def scale(self) -> None:
        """Ticks with thin lines; a dashed line where a later session begins."""
        most = max(int(self.room / 90), 1)
        step = tick_step(self.length, most)
        places = ticks(self.length, most)
        self.axes.set_xticks(places, [tick_text(at, step) for at in places])
        self.axes.xaxis.tick_top()
        self.axes.tick_params(length=0, labelsize=9, labelcolor=_DIM)
        self.axes.set_yticks([])
        self.axes.grid(axis="x", color=_LINE, linewidth=0.8)
        self.axes.set_axisbelow(True)
        for at in self.axis.breaks:
            self.axes.axvline(at, color="#79828f", linewidth=1, linestyle=(0, (3, 3)))

    def row(self, row: int, name: str, group: Sequence[Attempt], critical: set[int]) -> None:
        """The name, the bars and the remark of a row."""
        bad = any(one.failed for one in group)
        ink = BAD.colour if bad else _INK
        self._text(-8 * self.pixel, row, name, ink, "right")
        if len(group) > 1:
            self._density(row, group)
            words, end = [f"{duration(sum(map(worked, group)))} in all"], self.length
        else:
            self._bars(row, group[0], id(group[0]) in critical)
            words = [duration(worked(group[0]))] if group[0].number else []
            end = self.axis.at(group[0].end)
        words += [remark] if (remark := _plain(remark_of(group))) else []
        room = int((self.room - end / self.pixel + _NOTES) / _LETTER)
        text = _cut(", ".join(words), max(room, 12))
        self._text(end + 6 * self.pixel, row, text, ink if bad else _DIM, "left")

    def _text(self, x: float, row: int, text: str, ink: str, side: str) -> None:
        self.axes.text(
            x, row + 0.54, text, size=8.5, color=ink, ha=side, va="center", parse_math=False
        )

    def _bars(self, row: int, one: Attempt, critical: bool) -> None:
        """The phases of one attempt, waiting as a thin line; an outline on the critical path."""
        if one.status == "reused":
            self._text(self.axis.at(one.begin), row, MARKS["reused"].sign, _DIM, "left")
            return
        for phase in spans(one):
            left, right = self.axis.at(phase.begin), self.axis.at(phase.end)
            tall = _THIN if phase.name in ("waiting", "queue", "submit") else _BAR
            failed = one.failed and phase.name == "run"
            colour = BAD.colour if failed else LOOKS[phase.name].colour
            self.axes.barh(
                row + 0.5,
                max(right - left, 0.6 * self.pixel),
                tall,
                left,
                color=colour,
                linewidth=0,
            )
        if critical:
            begin, end = map(self.axis.at, busy(one))
            self.axes.barh(
                row + 0.5,
                max(end - begin, self.pixel) + 2 * self.pixel,
                _BAR + 0.12,
                begin - self.pixel,
                fill=False,
                edgecolor=_INK,
                linewidth=1.1,
                clip_on=False,
            )

    def _density(self, row: int, group: Sequence[Attempt]) -> None:
        """How many attempts of a task ran at the same time, as a filled curve."""
        changes = sorted(
            (self.axis.at(at), change)
            for one in group
            if one.status != "reused"
            for at, change in zip(busy(one), (1, -1), strict=True)
        )
        places, levels = [0.0], [0]
        for at, change in changes:
            places.append(at)
            levels.append(levels[-1] + change)
        base, most = row + 0.86, max(levels) or 1
        tops = [base - 0.72 * level / most for level in levels]
        colour = LOOKS["run"].colour
        self.axes.fill_between(places, tops, base, step="post", color=colour, linewidth=0)

    def legend(self, groups: Sequence[Sequence[Attempt]], critical: bool) -> None:
        """The phases that occur, in order of time; then what else the chart shows."""
        from matplotlib.patches import Patch

        drawn = (one for group in groups for one in group if one.status != "reused")
        seen = {phase.name for one in drawn for phase in spans(one)}
        looks = [look for name, look in LOOKS.items() if name in seen]
        looks += [BAD] if any(one.failed for group in groups for one in group) else []
        handles = [Patch(color=look.colour, label=look.title) for look in looks]
        if critical:
            handles.append(Patch(fill=False, edgecolor=_INK, label="critical path"))
        self.axes.legend(
            handles=handles,
            loc="upper left",
            bbox_to_anchor=(0, -8 / (self.axes.get_ylim()[0] * _ROW)),
            ncols=max(len(handles), 1),
            frameon=False,
            fontsize=8.5,
            labelcolor=_DIM,
            handlelength=1,
            handleheight=1,
            borderaxespad=0,
            columnspacing=1.4,
        )


def _plain(text: str) -> str:
    """Signs that a font can draw; others would turn the line, or be missing with a warning."""
    return "".join(sign if sign.isprintable() and ord(sign) < 0x2500 else "?" for sign in text)


def _cut(text: str, most: int) -> str:
    return text if len(text) <= most else text[: most - 7] + "…" + text[-6:]
