"""The picture of the overhead: cost per task in ever larger runs, and beside other engines."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from lamina.benchmark.canvas import drawing, figure_of, saved
from lamina.benchmark.overhead.peers import OURS as LAMINA
from lamina.benchmark.overhead.peers import title_of
from lamina.benchmark.results import look

if TYPE_CHECKING:
    from matplotlib.axes import Axes

Results = Mapping[str, Any]

NAME = "overhead-per-task"
OURS, THEIRS = "#D55E00", "#0072B2"


def draw(results: Results, folder: Path) -> list[Path]:
    """Draws the picture as PNG and SVG and returns the files; none without figures.

    Raises:
        MissingExtraError: matplotlib is not installed.
    """
    with drawing():
        runs, engines = look(results, "scale"), look(results, "ms_per_task")
        if not runs and not engines:
            return []
        figure = figure_of((10, 4), results["machine"]["cpu"])
        panels = [(_sizes, runs), (_engines, engines)]
        shown = [(panel, values) for panel, values in panels if values]
        for place, (panel, values) in enumerate(shown):
            panel(figure.add_subplot(1, len(shown), place + 1), values)
        return saved(figure, folder, NAME)


def _sizes(axes: Axes, runs: Mapping[str, Any]) -> None:
    points = sorted((run["tasks"], run["ms_per_task"]) for run in runs.values())
    axes.plot([n for n, _ in points], [ms for _, ms in points], color=OURS, marker="o", linewidth=2)
    for tasks, ms in points:
        axes.annotate(f"{ms:.2f}", (tasks, ms), (0, 8), textcoords="offset points", ha="center")
    axes.axhline(1.0, color="#555555", linestyle=(0, (2, 2)))
    axes.set(xscale="log", xlabel="independent no-op tasks of a run", ylabel="ms per task")
    axes.set_ylim(0.0, max([1.2, *(1.3 * ms for _, ms in points)]))
    axes.set_title("Lamina, warm workers, whole runs")
    axes.spines[["top", "right"]].set_visible(False)


def _engines(axes: Axes, engines: Mapping[str, float]) -> None:
    order = sorted(engines, key=lambda who: -engines[who])
    axes.barh(
        [title_of(who) for who in order],
        [engines[who] for who in order],
        color=[OURS if who in LAMINA else THEIRS for who in order],
        hatch=["//" if who in LAMINA else "" for who in order],
        edgecolor="white",
    )
    for place, who in enumerate(order):
        axes.annotate(
            f"{engines[who]:.2f}", (engines[who], place), (4, 0),
            textcoords="offset points", va="center",
        )  # fmt: skip
    axes.set(xscale="log", xlabel="ms per independent no-op task")
    axes.set_title("Beside other engines")
    axes.spines[["top", "right"]].set_visible(False)
