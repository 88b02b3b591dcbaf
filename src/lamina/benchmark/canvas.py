"""Figures on no screen, for the pictures of results; matplotlib is loaded for them alone."""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import AbstractContextManager
from pathlib import Path
from typing import TYPE_CHECKING, Any

from lamina.errors import MissingExtraError

if TYPE_CHECKING:
    from matplotlib.figure import Figure

_STYLE = {"svg.hashsalt": "lamina", "font.size": 10}
"""Equal results give equal files."""


def drawing(style: Mapping[str, Any] | None = None) -> AbstractContextManager[None]:
    """While figures are drawn; style: settings of matplotlib besides those of all our figures.

    Raises:
        MissingExtraError: matplotlib is not installed.
    """
    try:
        import matplotlib
    except ModuleNotFoundError as error:
        raise MissingExtraError("matplotlib", "pictures", "drawing the figures") from error
    settings: dict[Any, Any] = {**_STYLE, **(style or {})}
    return matplotlib.rc_context(settings)


def figure_of(size: tuple[float, float], foot: str) -> Figure:
    """An empty figure; foot: one small line at its lower right, say the machine's."""
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    figure = Figure(figsize=size, layout="constrained")
    FigureCanvasAgg(figure)
    figure.supxlabel(foot, x=0.995, ha="right", fontsize=7, color="#666666")
    return figure


def saved(figure: Figure, folder: Path, name: str) -> list[Path]:
    """Writes a figure as PNG and SVG; the files."""
    files = [folder / f"{name}.png", folder / f"{name}.svg"]
    figure.savefig(files[0], dpi=150)
    figure.savefig(files[1], metadata={"Date": None})
    return files
