"""`benchmark gantt`: charts for networks per second, beside matplotlib drawing them large."""

from __future__ import annotations

import statistics
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from lamina.benchmark.bars import Bar
from lamina.benchmark.document import Results, Say, Tree, document_of
from lamina.benchmark.machine import Beginning
from lamina.benchmark.made_runs import made_table
from lamina.benchmark.results import look, put
from lamina.benchmark.sheets import Sheet, bars_sheet, number
from lamina.errors import MissingExtraError
from lamina.traces.gantt.palette import LOOKS
from lamina.traces.gantt.tensor import CHANNELS, ChartForm, draw_charts, engine_of
from lamina.traces.table import PhaseTable
from lamina.workflow.log import PHASES

KIND = "gantt"
"""The value of `benchmark` in a results document of this kind."""

JOBS, SIZE, PAPER_SIZE = 57, 512, 3875
"""Jobs of a run, pixels of a chart for a network, pixels of the Gantt paper's pictures."""

_NEW = 3
"""How often drawing into fresh memory is measured, which takes longest."""

BAR_RATE, BAR_RATIO = 2000.0, 500.0
"""Charts per second on one core; times as fast as the paper's way."""

_THE_PAPERS = "colours uint8"
"""The form that is what the paper's pictures are: red, green and blue of a byte each."""


@dataclass(frozen=True)
class Options:
    """What is asked for.

    Args:
        quick: fewer charts and fewer repeats.
        seed: of the made-up runs.
    """

    quick: bool = False
    seed: int = 0

    @property
    def charts(self) -> int:
        """Charts that are drawn at a time."""
        return 50 if self.quick else 100

    @property
    def repeats(self) -> int:
        """Of which the median counts."""
        return 3 if self.quick else 9


def benchmark_gantt(options: Options, command: str, say: Say) -> Tree:
    """Measures both ways and returns the results document.

    Stable keys: `charts_per_second.<channels dtype>` (drawn into memory that is there),
    `charts_per_second_new.<channels dtype>` (fresh memory each time),
    `charts_per_second_numpy.<channels dtype>` (without vector code), `engine`,
    `matplotlib.seconds`, `ratio`, `difference.{mean,largest,mean_box}` (of 255), `absent`, `bars`.
    Seconds are those of the processor, of one thread.

    Args:
        options: what is asked for.
        command: the command line, for the document.
        say: takes a line of progress.
    """
    began = Beginning()
    tables = [made_table(JOBS, options.seed + number) for number in range(options.charts)]
    tree: Tree = {"absent": {}, "failed": {}, "engine": engine_of("auto")}
    if tree["engine"] != "native":
        tree["absent"]["native"] = "llvmlite is not installed: the extra `fused` has it"
    for channels in CHANNELS:
        for dtype in ("uint8", "float32"):
            name, form = f"{channels} {dtype}", ChartForm(SIZE, SIZE, channels, dtype=dtype)
            used, new = rates(tables, form, options.repeats, tree["engine"])
            plain, _ = rates(tables, form, options.repeats, "numpy")
            put(tree, ("charts_per_second", name), used)
            put(tree, ("charts_per_second_new", name), new)
            put(tree, ("charts_per_second_numpy", name), plain)
            say(f"{name}: {used:.0f} charts/s, with NumPy alone {plain:.0f}")
    try:
        _beside(tree, tables[: 2 if options.quick else 5], say)
    except MissingExtraError as error:
        tree["absent"]["matplotlib"] = str(error)
        say(str(error))
    told = {"quick": options.quick, "charts": options.charts, **tree}
    return document_of(KIND, (began, command), told, bars)


def rates(
    tables: Sequence[PhaseTable], form: ChartForm, repeats: int, engine: str
) -> tuple[float, float]:
    """Charts per second of one core: into memory that is there, and into fresh memory."""
    room = np.zeros((len(tables), *form.shape), dtype=form.dtype)
    draw_charts(tables, form, room, engine)
    used = [_seconds(tables, form, room, engine) for _ in range(repeats)]
    del room
    new = [_seconds(tables, form, None, engine) for _ in range(min(repeats, _NEW))]
    return len(tables) / statistics.median(used), len(tables) / statistics.median(new)


def _seconds(
    tables: Sequence[PhaseTable], form: ChartForm, room: NDArray[Any] | None, engine: str
) -> float:
    start = time.process_time()
    draw_charts(tables, form, room, engine)
    return time.process_time() - start


def _beside(tree: Tree, tables: Sequence[PhaseTable], say: Say) -> None:
    """The paper's way: its seconds per chart, and how far its pictures are from ours."""
    papers_picture(tables[0], 100, 50)
    seconds, mean, largest, box = [], [], [], []
    for table in tables:
        start = time.process_time()
        theirs = papers_picture(table)
        seconds.append(time.process_time() - start)
        ours = draw_charts([table], ChartForm(SIZE, SIZE, "colours"))[0] * 255.0
        apart = np.abs(ours - theirs)
        mean.append(float(apart.mean()))
        largest.append(float(apart.max()))
        averaged = papers_picture(table, filtered="BOX")
        box.append(float(np.abs(ours - averaged).mean()))
    tree["matplotlib"] = {"seconds": statistics.median(seconds), "pixels": PAPER_SIZE}
    tree["difference"] = {
        "mean": statistics.mean(mean),
        "largest": max(largest),
        "mean_box": statistics.mean(box),
    }
    tree["ratio"] = tree["charts_per_second"][_THE_PAPERS] * tree["matplotlib"]["seconds"]
    say(f"matplotlib: {tree['matplotlib']['seconds']:.3g} s per chart, {tree['ratio']:.0f} times")


def papers_picture(
    table: PhaseTable, large: int = PAPER_SIZE, small: int = SIZE, filtered: str = "BILINEAR"
) -> NDArray[np.float64]:
    """A chart as the Gantt paper makes it: drawn large by matplotlib, then resized by Pillow.

    It stays in memory: the paper's pictures were files in between, which takes longer still.

    Args:
        table: of a run.
        large, small: pixels before and after.
        filtered: name of Pillow's way of resizing.

    Returns:
        (3, small, small), 0 to 255.

    Raises:
        MissingExtraError: matplotlib or Pillow is not installed.
    """
    try:
        from matplotlib.backends.backend_agg import FigureCanvasAgg
        from matplotlib.figure import Figure
        from PIL import Image
    except ImportError:
        raise MissingExtraError("matplotlib", "pictures", "the paper's way of drawing") from None
    figure = Figure(figsize=(large / 100, large / 100), dpi=100)
    canvas = FigureCanvasAgg(figure)
    axes = figure.add_axes((0, 0, 1, 1))
    axes.set_xlim(0, table.seconds)
    axes.set_ylim(len(table), 0)
    axes.axis("off")
    for column, name in enumerate(PHASES):
        begin = table.phase_begin[:, column]
        rows = np.flatnonzero(~np.isnan(begin))
        axes.barh(
            rows + 0.5,
            table.spent[rows, column],
            left=begin[rows],
            height=1.0,
            color=LOOKS[name].colour,
        )
    canvas.draw()  # type: ignore[no-untyped-call]
    drawn = np.asarray(canvas.buffer_rgba())  # type: ignore[no-untyped-call]
    picture = Image.fromarray(drawn).convert("RGB")
    resized = picture.resize((small, small), getattr(Image.Resampling, filtered))
    return np.asarray(resized, dtype=np.float64).transpose(2, 0, 1)


def bars(results: Results) -> Iterator[Bar]:
    """The bars, from a results document of `lamina benchmark gantt`."""
    title = f"charts of {JOBS} jobs at {SIZE} x {SIZE} per second and core"
    for name, rate in results["charts_per_second"].items():
        yield Bar(title, name, rate, BAR_RATE, "/s")
    title = f"times as fast as matplotlib at {PAPER_SIZE} pixels, resized"
    yield Bar(title, _THE_PAPERS, look(results, "ratio"), BAR_RATIO, "x")


def head(results: Results) -> list[str]:
    """What the page says first, besides command, date, machine and versions."""
    return [
        f"engine: {results['engine']}",
        f"{results['charts']} made-up runs of {JOBS} jobs at a time, {SIZE} x {SIZE} pixels; "
        "seconds of the processor, one thread, medians",
    ]


def sheets(results: Results) -> list[Sheet]:
    """All tables that the document has figures for, bars last."""
    return [
        sheet for sheet in (_rates(results), _paper(results), bars_sheet(results)) if sheet.rows
    ]


def _rates(results: Results) -> Sheet:
    rows = []
    for name, rate in results["charts_per_second"].items():
        channels, dtype = name.split()
        size = ChartForm(SIZE, SIZE, channels, dtype=dtype)
        bytes_each = int(np.prod(size.shape)) * np.dtype(dtype).itemsize
        new = results["charts_per_second_new"][name]
        plain = results["charts_per_second_numpy"][name]
        moved = rate * bytes_each / 1e9
        figures = (f"{one:.0f}" for one in (rate, new, plain))
        rows.append((name, f"{bytes_each:,}", *figures, f"{moved:.2f}"))
    head = (
        "channels and type", "bytes of a chart", "charts/s", "in fresh memory", "NumPy alone",
        "GB/s",
    )  # fmt: skip
    return Sheet("Charts per second and core", head, tuple(rows))


def _paper(results: Results) -> Sheet:
    rows = [
        (what, number(look(results, *path)), unit)
        for what, path, unit in (
            ("the paper's way, per chart", ("matplotlib", "seconds"), "s"),
            ("times as fast", ("ratio",), "x"),
            ("difference of a value, on average", ("difference", "mean"), "of 255"),
            ("the same where Pillow averages (box)", ("difference", "mean_box"), "of 255"),
            ("largest difference", ("difference", "largest"), "of 255"),
        )
        if look(results, *path) is not None
    ]
    notes = (
        "Bilinear resizing spreads every edge over two pixels, and matplotlib moves edges to whole "
        "pixels of the large picture; values away from edges are the same.",
    )
    title = f"Beside matplotlib at {PAPER_SIZE} x {PAPER_SIZE}, resized to {SIZE}"
    return Sheet(title, ("what", "measured", "unit"), tuple(rows), notes if rows else (), (0, 2))
