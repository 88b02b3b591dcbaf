"""Gantt charts as arrays for networks: each pixel tells exactly how much of it bars cover."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from importlib.util import find_spec
from typing import Any

import numpy as np
from numpy.typing import NDArray

from lamina.errors import MissingExtraError, UsageError
from lamina.traces.gantt.coverage import Layout, Ruler, layout_of, lines_of
from lamina.traces.gantt.edges import PAPER, edges_of_colours, edges_of_phases, strokes_of
from lamina.traces.table import PhaseTable
from lamina.workflow.log import PHASES

Array = NDArray[Any]

CHANNELS = {"phases": len(PHASES), "colours": 3}
"""What the channels of a chart can be -> how many there are."""

ORDERS = ("recorded", "start", "level")
"""In what order the jobs stand in the rows, from the top."""

ENGINES = ("auto", "native", "numpy")
"""What can draw charts."""

_AT_ONCE = 32
"""Charts that the vector code is given at a time: their edges should stay in a cache."""

_BLOCK_BYTES = 1 << 20
"""Lines of pixels that are made at a time: they should stay in the core's cache."""


@dataclass(frozen=True)
class ChartForm:
    """How charts are drawn for a network.

    Args:
        height, width: pixels.
        channels: "phases" (7 channels, one per phase of `lamina.workflow.log.PHASES`: the share
            of a pixel that the phase covers) or "colours" (red, green, blue of the palette X
        order: of the rows: "recorded" (as in the table), "start" (by time of begin) or "level"
            (by depth in the graph).
        seconds: where the time axis ends; None for each run's own makespan, as in the paper,
            which makes long and short runs look alike.
        bar: share of a row's height that its bar takes; the rows fill the height equally.
        dtype: "float32" (0 to 1) or "uint8" (0 to 255, rounded).

    Raises:
        UsageError: a value that is none of these.
    """

    height: int = 512
    width: int = 512
    channels: str = "phases"
    order: str = "recorded"
    seconds: float | None = None
    bar: float = 1.0
    dtype: str = "float32"

    def __post_init__(self) -> None:
        for name, choices in (
            ("channels", tuple(CHANNELS)),
            ("order", ORDERS),
            ("dtype", ("float32", "uint8")),
        ):
            if getattr(self, name) not in choices:
                raise UsageError(
                    f"{name} of a chart cannot be {getattr(self, name)!r}",
                    f"choose one of {', '.join(choices)}",
                )
        if self.height < 1 or self.width < 1:
            raise UsageError(
                f"a chart cannot be {self.height} x {self.width} pixels",
                "give it a height and a width of at least 1",
            )
        if self.seconds is not None and not 0 < self.seconds < float("inf"):
            raise UsageError(
                f"the time axis of a chart cannot end at {self.seconds} s",
                "give a number above 0, or None for each run's own makespan",
            )
        if not 0 < self.bar <= 1:
            raise UsageError(
                f"a bar cannot take {self.bar} of its row", "give a share above 0, at most 1"
            )

    @property
    def shape(self) -> tuple[int, int, int]:
        """Of one chart: channels, height, width."""
        return (CHANNELS[self.channels], self.height, self.width)


def draw_charts(
    tables: Sequence[PhaseTable],
    form: ChartForm | None = None,
    out: Array | None = None,
    engine: str = "auto",
) -> Array:
    """The charts of runs, (n, channels, height, width).

    The value of a pixel is the exact share of its area that bars cover: what rendering at any
    higher resolution and averaging down comes to. Nothing is ever rendered larger.

    Args:
        tables: of one run each; they may differ in the number of jobs.
        form: size, channels, order and axis.
        out: an array to draw into, of the right shape and type; used again, it saves the time
            that fresh memory takes.
        engine: "native" (vector code, compiled once per machine; the extra `fused`), "numpy", or
            "auto". They differ by rounding only: 2e-7, or 1 of 255 where a half is rounded.

    Raises:
        UsageError: an array of another shape or type, no such engine.
        MissingExtraError: as `engine_of`.
    """
    chosen = form or ChartForm()
    wanted = (len(tables), *chosen.shape)
    if out is None:
        out = np.empty(wanted, dtype=chosen.dtype)
    elif out.shape != wanted or out.dtype != chosen.dtype or not out.flags.c_contiguous:
        raise UsageError(
            f"charts of shape {wanted} and type {chosen.dtype} do not fit into an array of "
            f"shape {out.shape} and type {out.dtype}",
            "give a C-contiguous array of that shape and type, or none",
        )
    draw = _with_kernel if engine_of(engine) == "native" else _with_numpy
    draw(tables, chosen, out)
    return out


def engine_of(name: str) -> str:
    """The engine that draws: of "auto", the vector code where it can be compiled.

    Raises:
        UsageError: no such engine.
        MissingExtraError: the vector code is asked for, and llvmlite is not installed.
    """
    if name not in ENGINES:
        raise UsageError(f"charts are not drawn by {name!r}", f"choose one of {', '.join(ENGINES)}")
    there = find_spec("llvmlite") is not None
    if name == "native" and not there:
        raise MissingExtraError("llvmlite", "fused", "vector code for charts")
    if name == "auto":
        return "native" if there else "numpy"
    return name


def _with_kernel(tables: Sequence[PhaseTable], form: ChartForm, out: Array) -> None:
    """Draws with the vector code of `lamina.traces.gantt.kernel`."""
    from lamina.traces.gantt.kernel import bands_of, paint

    for first in range(0, len(tables), _AT_ONCE):
        some = tables[first : first + _AT_ONCE]
        begin, end = _places(some, form)
        bands = [bands_of(len(table), form.height, form.bar) for table in some]
        strokes = strokes_of(begin, end, form.channels)
        paint(strokes, bands, [len(table) for table in some], out[first : first + _AT_ONCE])


def _with_numpy(tables: Sequence[PhaseTable], form: ChartForm, out: Array) -> None:
    """Draws with NumPy alone."""
    blocks = list(_blocks(tables, form))
    most = max((sum(layout.lines for layout in layouts) for _, layouts in blocks), default=0)
    room = np.empty(most * form.shape[0] * form.width, dtype=form.dtype)
    for first, layouts in blocks:
        last = first + len(layouts)
        _draw(tables[first:last], layouts, form, out[first:last], room)


def row_order(table: PhaseTable, order: str = "recorded") -> NDArray[np.int64]:
    """Rows of a table in the order in which a chart shows them, top to bottom."""
    if order == "start":
        return np.argsort(table.begin, kind="stable")
    if order == "level":
        return np.argsort(table.levels, kind="stable")
    return np.arange(len(table))


def _blocks(tables: Sequence[PhaseTable], form: ChartForm) -> Iterator[tuple[int, list[Layout]]]:
    """(first table, layouts of it and of those behind it) that are drawn at a time."""
    cell = CHANNELS[form.channels] * form.width * np.dtype(form.dtype).itemsize
    first, size = 0, 0
    layouts: list[Layout] = []
    for at, table in enumerate(tables):
        layout = layout_of(len(table), form.height, form.bar)
        if layouts and size + layout.lines * cell > _BLOCK_BYTES:
            yield first, layouts
            first, size, layouts = at, 0, []
        layouts.append(layout)
        size += layout.lines * cell
    if layouts:
        yield first, layouts


def _draw(
    tables: Sequence[PhaseTable],
    layouts: Sequence[Layout],
    form: ChartForm,
    out: Array,
    room: Array,
) -> None:
    """Draws a block: first every line of pixels that differs from others, then copies of it."""
    begin, end = _places(tables, form)
    if form.channels == "phases":
        edges, planes, paper = edges_of_phases(begin, end), len(PHASES), 0
    else:
        edges, planes, paper = edges_of_colours(begin, end), 1, PAPER
    lines = lines_of(edges, layouts, Ruler(form.width, planes, paper, form.dtype), room)
    top = 0
    for chart, layout in zip(out, layouts, strict=True):
        source = layout.source + top
        for channel, found in zip(chart, lines, strict=True):
            np.take(found, source, axis=0, out=channel, mode="clip")
        top += layout.lines


def _places(tables: Sequence[PhaseTable], form: ChartForm) -> tuple[Array, Array]:
    """Where the phases of all rows begin and end, in pixels along the axis; (rows, 7)."""
    begins, ends, scales = [], [], []
    for table in tables:
        begin, end = table.phase_begin, table.phase_end
        if form.order != "recorded":
            rows = row_order(table, form.order)
            begin, end = begin[rows], end[rows]
        begins.append(begin)
        ends.append(end)
        length = form.seconds or table.seconds
        scales.append(form.width / length if length > 0 else 0.0)
    scale = np.repeat(scales, [len(table) for table in tables])[:, None]
    begin = np.clip(np.concatenate(begins) * scale, 0.0, form.width)
    end = np.clip(np.concatenate(ends) * scale, 0.0, form.width)
    return begin, np.maximum(begin, end)
