"""The papers' figures 7, 8 and 9, drawn from a results document."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from lamina.benchmark.canvas import drawing, figure_of, saved
from lamina.benchmark.cases import HYPER_PARAMETERS
from lamina.benchmark.results import look
from lamina.benchmark.sheets import contestants, names, title_of

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

Results = Mapping[str, Any]

# Okabe and Ito's palette, which people with any common colour blindness can tell apart;
# lines carry markers as well, and bars hatches.
STYLES = {
    "fused": ("#D55E00", "o", ""),
    "fused-2threads": ("#E69F00", "s", "//"),
    "torch": ("#CC79A7", "D", ""),
    "torch-memory": ("#0072B2", "^", ""),
    "torch-memory-2threads": ("#56B4E9", "v", "//"),
    "sklearn": ("#009E73", "P", ""),
    "jax": ("#F0E442", "X", ""),
    "torch-loader": ("#555555", "*", ".."),
}
LARGER = "always the larger class"
OTHER = ("#999999", "h", "xx")
STYLE = {"axes.spines.top": False, "axes.spines.right": False, "hatch.linewidth": 0.6}
SET_STYLES = (("#0072B2", ""), ("#E69F00", "//"), ("#009E73", ".."), ("#CC79A7", "xx"))


def draw(results: Results, folder: Path) -> list[Path]:
    """Draws each figure that the document has values for, as PNG and SVG; returns the files.

    Raises:
        MissingExtraError: matplotlib is not installed.
    """
    with drawing(STYLE):
        figures = {
            "figure-7-train-and-test": figure7(results),
            "figure-8-cross-validation": figure8(results),
            "figure-9-hyper-parameters": figure9(results),
        }
        return [file for name, f in figures.items() if f for file in saved(f, folder, name)]


def figure7(results: Results) -> Figure | None:
    """Group I: accuracy over repeats with other weights, and seconds against rows."""
    return _two(results, "Group I: train and test", "accuracy_holdout", "seconds")


def figure8(results: Results) -> Figure | None:
    """Group II: mean accuracy of the folds with its deviation, and seconds."""
    return _two(results, "Group II: 5-fold cross validation", "accuracy", "group2")


def figure9(results: Results) -> Figure | None:
    """Group III: mean accuracy with deviation of each hyper-parameter set."""
    group = look(results, "group3", "accuracy")
    if not group:
        return None
    labels = {
        str(key): f"set {key}: learning rate {rate}, momentum {momentum}"
        for key, (rate, momentum) in HYPER_PARAMETERS.items()
    }
    bars = {
        label: {
            name: (found[key]["mean"], found[key]["std"])
            for name, found in group.items()
            if key in found
        }
        for key, label in labels.items()
    }
    figure, (axes,) = _figure(1, results)
    styles = dict(zip(bars, SET_STYLES, strict=True))
    _grouped(axes, bars, names(results), styles)
    axes.set_title(f"Group III: hyper-parameter sets, {results['epochs']} epochs")
    _rows_below(axes, results)
    _legend(figure, axes, axes, columns=2)
    return figure


def _two(results: Results, title: str, shares: str, times: str) -> Figure | None:
    order = contestants(results, times)
    if not order:
        return None
    figure, (upper, lower) = _figure(2, results)
    accuracies = {
        who: {name: (value["mean"], value["std"]) for name, value in found.items()}
        for who, found in (look(results, shares) or {}).items()
    }
    # Two threads compute the same as one: their bars would only repeat it.
    alone = [who for who in order if not who.endswith("threads") and who in accuracies]
    styles = {title_of(who): (style(who)[0], style(who)[2]) for who in alone}
    _grouped(upper, {title_of(who): accuracies[who] for who in alone}, names(results), styles)
    upper.set_title(f"{title}, {results['epochs']} epochs")
    _rows_below(upper, results)
    for who in order:
        _times(lower, results, times, who)
    lower.set(xscale="log", yscale="log", xlabel="rows of the data set", ylabel="seconds")
    _ticks_at_rows(lower, results)
    lower.grid(axis="y", which="major", color="#dddddd")
    _legend(figure, lower, upper, columns=3)
    return figure


def style(who: str) -> tuple[str, str, str]:
    """Colour, marker and hatch of an engine or a peer."""
    return STYLES.get(who, OTHER)


def _figure(panels: int, results: Results) -> tuple[Figure, list[Axes]]:
    cpu = results["machine"]["cpu"]
    quick = ", quick form" if results["quick"] else ""
    figure = figure_of((9, 1.2 + 3.9 * panels), f"{cpu}{quick}")
    return figure, [figure.add_subplot(panels, 1, k + 1) for k in range(panels)]


def _grouped(
    axes: Axes,
    bars: Mapping[str, Mapping[str, tuple[float, float]]],
    groups: list[str],
    styles: Mapping[str, tuple[str, str]],
) -> None:
    width = 0.8 / max(1, len(bars))
    for index, (label, values) in enumerate(bars.items()):
        there = [k for k, group in enumerate(groups) if group in values]
        offset = (index - (len(bars) - 1) / 2) * width
        means = [values[groups[k]][0] for k in there]
        deviations = [values[groups[k]][1] for k in there]
        colour, hatch = styles[label]
        axes.bar(
            [k + offset for k in there],
            means,
            width * 0.92,
            yerr=deviations if any(deviations) else None,
            label=label,
            color=colour,
            hatch=hatch,
            edgecolor="white",
            linewidth=0.4,
            error_kw={"elinewidth": 1.0, "capsize": 2.5, "ecolor": "#222222"},
        )
    highest = max(sum(pair) for values in bars.values() for pair in values.values())
    axes.set_ylim(0.0, max(1.05, highest + 0.03))
    axes.set_yticks([0.0, 0.2, 0.4, 0.6, 0.8, 1.0])
    axes.set_ylabel("accuracy on test rows")
    axes.set_xticks(range(len(groups)))
    axes.grid(axis="y", color="#dddddd")
    axes.set_axisbelow(True)


def _times(axes: Axes, results: Results, times: str, who: str) -> None:
    points = sorted(
        (results["sets"][name]["rows"], seconds) for name, seconds in results[times][who].items()
    )
    colour, marker, _ = style(who)
    axes.plot(
        [rows for rows, _ in points],
        [seconds for _, seconds in points],
        label=title_of(who),
        color=colour,
        marker=marker,
        markersize=8,
        markeredgecolor="#333333",
        markeredgewidth=0.5,
        linestyle="--" if who.endswith("threads") else "-",
        linewidth=1.8,
    )


def _rows_below(axes: Axes, results: Results) -> None:
    """Names and sizes of the data sets, and how much of each is one class."""
    majority = [results["sets"][name]["majority"] for name in names(results)]
    places = range(len(majority))
    axes.hlines(
        majority,
        [k - 0.45 for k in places],
        [k + 0.45 for k in places],
        colors="#111111",
        linestyles=(0, (2, 2)),
        label=LARGER,
    )
    labels = [f"{name}\n{results['sets'][name]['rows']:,} rows" for name in names(results)]
    axes.set_xticks(range(len(labels)), labels)


def _ticks_at_rows(axes: Axes, results: Results) -> None:
    from matplotlib.ticker import NullLocator

    rows = [results["sets"][name]["rows"] for name in names(results)]
    axes.set_xticks(rows, [f"{count:,}" for count in rows])
    axes.xaxis.set_minor_locator(NullLocator())


def _legend(figure: Figure, axes: Axes, accuracy: Axes, columns: int) -> None:
    """Above the panels: what `axes` shows, and the line of the larger class last."""
    entries = dict(zip(*reversed(accuracy.get_legend_handles_labels()), strict=True))
    shown = dict(zip(*reversed(axes.get_legend_handles_labels()), strict=True))
    line = entries[LARGER]
    shown.pop(LARGER, None)
    figure.legend(
        [*shown.values(), line],
        [*shown, LARGER],
        loc="outside upper center",
        ncols=columns,
        frameon=False,
    )
