"""Tables and bars of the Gantt paper's protocol: what was measured beside what the paper tells."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from lamina.benchmark.bars import Bar
from lamina.benchmark.diagnosis.paper import ENTRIES, MEASURES
from lamina.benchmark.results import look
from lamina.benchmark.sheets import Sheet

Results = Mapping[str, Any]

KEY = "paper"
"""Where the figures of `paper_tables` stand in a results document."""

BAR_ACCURACY, BAR_SECONDS = 0.90, 1200.0
"""Accuracy of the paper's own network on its protocol; seconds in which it is trained."""

_TITLES = {
    2: "Table 2 of the Gantt paper: its own network",
    3: "Table 3 of the Gantt paper: larger networks",
}
_HEAD = (
    "network", "charts", "accuracy", "deviation", "recall", "precision", "F-score", "s", "epochs",
    "the paper: accuracy", "s",
)  # fmt: skip


def paper_bars(results: Results) -> Iterator[Bar]:
    """The bars of the paper's own network, from a results document."""
    lines = look(results, KEY, "entries") or ()
    for line in lines:
        if line["name"] != ENTRIES[0].name:
            continue
        note = f"charts of {line['options']['size']}, {_seeds(results)}"
        yield Bar(
            "the paper's own network: accuracy", line["detector"], line["accuracy"]["mean"],
            BAR_ACCURACY, "", note=note,
        )  # fmt: skip
        yield Bar(
            "the paper's own network: training", line["detector"], max(line["seconds"]["values"]),
            BAR_SECONDS, "s", at_least=False, note=note,
        )  # fmt: skip


def paper_sheets(results: Results) -> list[Sheet]:
    """The paper's tables and what they hold apart, as far as they were measured."""
    lines = look(results, KEY, "entries") or ()
    notes = tuple(look(results, KEY, "reduced") or ())
    found = []
    for table, title in _TITLES.items():
        rows = tuple(_row(line) for line in lines if line["table"] == table)
        if rows:
            found.append(Sheet(title, _HEAD, rows, (*notes, _how(results))))
    return found + [_confusion(results, line) for line in lines if line["table"] == 2]


def _row(line: Mapping[str, Any]) -> tuple[str, ...]:
    size = line["options"]["size"]
    figures = [line[name]["mean"] for name in MEASURES]
    return (
        line["name"],
        f"{size} x {size}",
        f"{figures[0]:.3f}",
        f"{line['accuracy']['std']:.3f}",
        *(f"{value:.3f}" for value in figures[1:]),
        f"{line['seconds']['mean']:.1f}",
        f"{line['epochs']['mean']:.0f}",
        f"{line['paper']['accuracy']:.3f}",
        f"{line['paper']['seconds']:.1f}",
    )


def _confusion(results: Results, line: Mapping[str, Any]) -> Sheet:
    classes = look(results, KEY, "classes")
    rows = tuple(
        (name, *map(str, counts))
        for name, counts in zip(classes, line["confusion"], strict=True)
    )  # fmt: skip
    title = f"{line['name']}: a row for each class as it is, summed over {_seeds(results)}"
    return Sheet(title, ("is \\ said", *classes), rows)


def _how(results: Results) -> str:
    device = look(results, KEY, "device")
    return f"80/10/10 at random, {_seeds(results)}, on {device}; the paper on a GeForce RTX 3090"


def _seeds(results: Results) -> str:
    count = len(look(results, KEY, "seeds"))
    return f"{count} seed{'s' * (count > 1)}"
