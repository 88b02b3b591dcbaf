"""Tables of a campaign of faults, from a results document."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from lamina.benchmark.faults.judge import WORDS
from lamina.benchmark.sheets import Sheet, bars_sheet

Results = Mapping[str, Any]


def head(results: Results) -> list[str]:
    """What the page says first, besides command, date, machine and versions."""
    last = results["first_seed"] + results["cases"] - 1
    return [
        f"{results['cases']} cases, seeds {results['first_seed']} to {last}; in "
        f"{results['struck']} of them the fault came before the run was over",
        f"{results['repeated']} times a task worked to its end and nobody was there to keep it",
    ]


def sheets(results: Results) -> list[Sheet]:
    """Cases per kind, what went wrong, bars."""
    every = [_kinds(results), _wrong(results), bars_sheet(results)]
    return [sheet for sheet in every if sheet.rows]


def draw(results: Results, folder: Path) -> list[Path]:
    """No picture: there should be nothing to see."""
    del results, folder
    return []


def _kinds(results: Results) -> Sheet:
    rows = [
        (kind, *(str(found[key]) for key in ("cases", "struck", *WORDS)))
        for kind, found in sorted(results["kinds"].items())
    ]
    total = ("all", *(str(results[key]) for key in ("cases", "struck", *WORDS)))
    return Sheet("Cases by kind of fault", ("kind", "cases", "struck", *WORDS), (*rows, total))


def _wrong(results: Results) -> Sheet:
    rows = [
        (str(case["number"]), case["kind"], case["shape"], word, " ".join(sentence.split())[:160])
        for case in results["wrong"]
        for word in WORDS
        for sentence in case[word]
    ]
    columns = ("seed", "kind", "shape", "what", "how")
    return Sheet("What went wrong", columns, tuple(rows), texts=(1, 2, 3, 4))
