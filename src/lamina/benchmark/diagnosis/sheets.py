"""Tables and bars of `benchmark diagnosis`."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from lamina.benchmark.bars import Bar
from lamina.benchmark.diagnosis.other_sheets import other_bars, other_sheets
from lamina.benchmark.diagnosis.paper_sheets import paper_bars, paper_sheets
from lamina.benchmark.results import look
from lamina.benchmark.sheets import Sheet, bars_sheet

Results = Mapping[str, Any]

KIND = "diagnosis"
"""The value of `benchmark` in a results document of this kind."""

_BARS = (
    ("random split: accuracy", ("random", "accuracy"), 0.99, True),
    ("random split: calibration error", ("random", "ece"), 0.05, False),
    ("whole batches held out: accuracy", ("batch", "accuracy"), 0.87, True),
    ("the same without loss of 1 % and less", ("batch", "without_small_loss"), 0.93, True),
    ("whole batches held out: calibration error", ("batch", "ece"), 0.10, False),
    ("five known-good runs of the period: accuracy", ("against", "accuracy"), 0.95, True),
)
"""Name, where the figure stands below a detector, what is wanted, whether more is better."""


def bars(results: Results) -> Iterator[Bar]:
    """The bars of the default detector and of the paper's network, from a results document."""
    for name, path, wanted, more in _BARS:
        value = look(results, "detectors", "default", *path)
        if value is not None:
            yield Bar(name, "default", value, wanted, "", more)
    yield from paper_bars(results)
    yield from other_bars(results)


def head(results: Results) -> list[str]:
    """What the page says first, besides command, date, machine and versions."""
    seeds = len(results["seeds"])
    return [f"protocol: {results['protocol']}; means of {seeds} seed{'s' * (seeds > 1)}"]


def sheets(results: Results) -> list[Sheet]:
    """All tables that the document has figures for, bars last."""
    made = [
        _detectors(results, "random", "A tenth of the runs held back at random"),
        _detectors(results, "batch", "Each whole batch held out in turn"),
        _detectors(results, "against", "The same, with five known-good runs of the period shown"),
        _labels(results),
        *paper_sheets(results),
        *other_sheets(results),
        bars_sheet(results),
    ]
    return [sheet for sheet in made if sheet.rows]


def _detectors(results: Results, protocol: str, title: str) -> Sheet:
    head = (
        "detector", "accuracy", "deviation", "without small loss", "small loss", "macro F1",
        "calibration error", "sure of", "right of those", "s per seed",
    )  # fmt: skip
    rows = []
    for name, told in (look(results, "detectors") or {}).items():
        if (one := told.get(protocol)) is None:
            continue
        names = (
            "accuracy", "deviation", "without_small_loss", "small_loss", "macro_f1", "ece",
            "answered", "accuracy_answered",
        )  # fmt: skip
        seconds = one["seconds"] / len(results["seeds"])
        rows.append((name, *(_told(one[key]) for key in names), f"{seconds:.1f}"))
    notes = ("Small loss: of 1 % and less, which hardly changes a run.",)
    return Sheet(title, head, tuple(rows), notes if rows else ())


def _labels(results: Results) -> Sheet:
    """Accuracy of each label, whole batches held out."""
    told = {
        name: found["batch"]["by_label"]
        for name, found in (look(results, "detectors") or {}).items()
        if "batch" in found
    }
    labels = sorted({label for one in told.values() for label in one}, key=_order)
    rows = tuple((label, *(_told(one.get(label)) for one in told.values())) for label in labels)
    return Sheet("Accuracy by label, whole batches held out", ("label", *told), rows)


def _order(label: str) -> tuple[str, float]:
    name, _, level = label.rpartition("_")
    try:
        return name, float(level)
    except ValueError:
        return label, 0.0


def _told(value: float | None) -> str:
    return "" if value is None else f"{value:.3f}"
