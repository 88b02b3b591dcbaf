"""Tables of the overhead, from a results document."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from lamina.benchmark.overhead.figures import draw
from lamina.benchmark.overhead.peers import CARDS, SHAPES, title_of
from lamina.benchmark.results import look
from lamina.benchmark.sheets import Sheet, bars_sheet, number

Results = Mapping[str, Any]

__all__ = ["draw", "head", "sheets"]


def sheets(results: Results) -> list[Sheet]:
    """All tables that the document has figures for, bars last."""
    every = [_engines(results), _own(results), _scale(results), bars_sheet(results)]
    return [sheet for sheet in every if sheet.rows]


def head(results: Results) -> list[str]:
    """What the page says first, besides command, date, machine and versions."""
    engines = ", ".join(
        f"{name} {version}" for name, version in (look(results, "engine_versions") or {}).items()
    )
    lines = [f"every engine: {results['workers']} workers"]
    return [f"peers: {engines}", *lines] if engines else lines


def _engines(results: Results) -> Sheet:
    shapes = look(results, "shapes") or {}
    found = [who for who in CARDS if any(who in shapes.get(shape, {}) for shape in SHAPES)]
    rows = [
        (
            title_of(who),
            *(number(look(shapes, shape, who)) for shape in SHAPES),
            number(look(results, "first_result", who)),
        )
        for who in found
    ]
    counts = {look(results, "repeats", shape, who) for shape in SHAPES for who in found} - {None}
    notes = [
        f"Milliseconds per task; medians of {min(counts, default=1)} runs or more. Ours are whole "
        "runs: building, starting and ending workers and all records included. The others are up "
        "before the clock starts; of those that start with every run (Prefect, Snakemake) the "
        "time of a run of one task is taken off.",
        "First result: seconds from the start of the process.",
    ]
    head = ("engine", *(_HEADS[shape] for shape in SHAPES), "first result")
    return Sheet("What a task costs", head, tuple(rows), tuple(notes))


_HEADS = {"independent": "independent", "chain": "chain", "fan": "fan-in"}


def _own(results: Results) -> Sheet:
    rows = [
        (what, number(look(results, *path)), unit)
        for what, unit, path in (
            ("100,000 tasks built and checked", "s", ("plan_100k", "built_and_checked")),
            ("100,000 tasks planned", "s", ("plan_100k", "planned")),
            ("most memory of that process", "MB", ("plan_100k", "mb")),
            ("dry run of 10 tasks from the shell", "s", ("dry_run", "seconds")),
            ("10,000 tasks, first run", "s", ("nothing_to_do_10k", "first_run")),
            ("10,000 tasks, nothing to do", "s", ("nothing_to_do_10k", "seconds")),
            ("the same from the shell", "s", ("nothing_to_do_10k", "shell")),
            ("journal growth per task", "bytes", ("journal", "bytes_per_task")),
            ("100 MB array to the next task", "s", ("array_100mb", "seconds")),
            ("bytes of it through pipes", "bytes", ("array_100mb", "pipe_bytes")),
        )
        if look(results, *path) is not None
    ]
    return Sheet("Graphs, starts and data", ("what", "measured", "unit"), tuple(rows), (), (0, 2))


def _scale(results: Results) -> Sheet:
    rows = [
        (
            f"{values['tasks']:,}",
            number(values["seconds"]),
            f"{values['ms_per_task']:.3f}",
            number(values["journal_bytes_per_task"]),
            number(values["mb"]),
        )
        for values in (look(results, "scale") or {}).values()
    ]
    head = ("tasks", "seconds", "ms per task", "journal bytes per task", "engine's MB")
    return Sheet("Cost per task in ever larger runs", head, tuple(rows), texts=())
