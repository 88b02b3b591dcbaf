"""Tables and bars of `benchmark placement`."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from lamina.benchmark.bars import Bar
from lamina.benchmark.document import Results
from lamina.benchmark.placement.live_sheets import live_bars, live_sheet
from lamina.benchmark.placement.suite import DEFAULT, DUPLICATORS, PRINTED
from lamina.benchmark.results import look
from lamina.benchmark.sheets import Sheet, bars_sheet

KIND = "placement"
"""The value of `benchmark` in a results document of this kind."""
OWN_DUPLICATOR = DUPLICATORS[0]
LEVELS = (50, 80, 90)
YEAR = 9125
"""Batches of a year."""


def bars(results: Results) -> Iterator[Bar]:
    """The bars, from a results document."""
    yield from _divisible(results)
    yield from _indivisible(results)
    yield from _duplicators(results)
    yield from _predictions(results)
    yield from _running(results)
    yield from live_bars(results)


def _divisible(results: Results) -> Iterator[Bar]:
    def of(key: str, policy: str = DEFAULT) -> Any:
        return look(results, "all", "divisible", policy, key)

    title = "divisible: aggregate latency over the four-way oracle's"
    yield Bar(f"{title}, mean of cells", DEFAULT, of("ratio_oracle4"), 0.90, "", False)
    yield Bar(f"{title}, worst cell", DEFAULT, of("ratio_oracle4_most"), 0.93, "", False)
    title = "divisible: 95th percentile over the oracle's, mean of cells"
    yield Bar(title, DEFAULT, of("p95_ratio"), 0.90, "", False)
    ours, theirs = of("gpu_seconds"), of("gpu_seconds", PRINTED)
    value, note = None, ""
    if ours is not None and theirs:
        value = ours / theirs
        note = f"{ours:.0f} s against {theirs:.0f} s; {of('cancelled'):.0f} requests cancelled"
    yield Bar(f"divisible: GPU seconds over {PRINTED}'s", DEFAULT, value, 1.10, "", False, note)


def _indivisible(results: Results) -> Iterator[Bar]:
    found = look(results, "all", "indivisible", DEFAULT) or {}
    printed = look(results, "all", "indivisible", PRINTED, "ratio_oracle4")
    note = f"{PRINTED}: {printed:.3f}" if printed else ""
    title = "indivisible: aggregate latency over the four-way oracle's"
    value = found.get("ratio_oracle4")
    yield Bar(f"{title}, mean of cells", DEFAULT, value, 1.04, "", False, note)
    value = found.get("ratio_oracle4_most")
    yield Bar(f"{title}, worst cell", DEFAULT, value, 1.07, "", False)


def _duplicators(results: Results) -> Iterator[Bar]:
    ours = look(results, "all", "indivisible", OWN_DUPLICATOR) or {}
    paper = look(results, "paper_clock", OWN_DUPLICATOR) or {}
    for clock, found in (("our clock", ours), ("the paper's clock", paper)):
        yield from _duplicator(results, clock, found)


def _duplicator(results: Results, clock: str, found: Mapping[str, Any]) -> Iterator[Bar]:
    value, note = found.get("conditional_success"), ""
    if value is not None:
        choices, jobs = found["conditional_choices"], found["conditional_jobs"]
        own = found.get("conditional_success_choices")
        note = f"of {jobs:.0f} batches a world, {choices:.0f} of them with a choice"
        note += f"; of these {own:.1%}" if own is not None else ""
    title = f"duplicator, {clock}: conditional success"
    yield Bar(title, OWN_DUPLICATOR, value, 0.975, "", True, note)
    value = found.get("conditional_success_last")
    title += ", of the last choice"
    yield Bar(title, OWN_DUPLICATOR, value, 0.975, "", True)
    scale = 162 / results["batches"]
    note = "" if scale == 1 else f"scaled from {results['batches']} batches"
    for key, words in (
        ("gpu_seconds_wasted", "wasted on 162 batches, from being up"),
        ("gpu_seconds_lost", "wasted on 162 batches, from the start of work (the paper's)"),
    ):
        seconds = found.get(key)
        value = None if seconds is None else seconds * scale
        title = f"duplicator, {clock}: GPU seconds {words}"
        yield Bar(title, OWN_DUPLICATOR, value, 150.0, "s", False, note)
    title = f"duplicator, {clock}: aggregate latency over the two-way oracle's (edge, gpu1)"
    yield Bar(title, OWN_DUPLICATOR, found.get("ratio_oracle2_gpu1"), 1.005, "", False)


def _predictions(results: Results) -> Iterator[Bar]:
    gain = look(results, "fit", "log", "gain") or {}
    title = "processing prediction on the log: error below RANSAC-10's"
    yield Bar(title, "pooled", gain.get("pooled"), 0.12, "", True)
    yield Bar(title, "gpu1", gain.get("gpu1"), 0.25, "", True)
    for word, key, most in (("", "cells", 0.03), (", regime changes", "changing", 0.05)):
        held = look(results, "coverage", key) or {}
        yield _coverage_bar(f"intervals of the total are off by{word}", DEFAULT, held, most)
    held = look(results, "fit", "log", "coverage", "pooled") or {}
    yield _coverage_bar("intervals of the total are off by", "the log", held, 0.03)


def _coverage_bar(title: str, subject: str, held: Mapping[str, float], most: float) -> Bar:
    value, note = None, ""
    if held:
        value = max(abs(held[str(level)] - level / 100) for level in LEVELS)
        note = ", ".join(f"{level} %: {held[str(level)]:.1%}" for level in LEVELS)
    return Bar(title, subject, value, most, "", False, note)


def _running(results: Results) -> Iterator[Bar]:
    probing = look(results, "probing") or {}
    if probing:
        fewer = 1.0 - probing["passive"]["probes"] / probing["probing"]["probes"]
        note = f"{probing['passive']['probes']:.1f} against {probing['probing']['probes']:.0f}"
        yield Bar("probes fewer than one a minute", DEFAULT, fewer, 0.90, "", True, note)
        more = probing["difference"]["mean"]
        yield Bar("latency lost by not probing", DEFAULT, more, 0.01, "", False)
    for name, told in (look(results, "outage") or {}).items():
        title = f"failed attempts until an outage is noticed, deployments {name}"
        value = float(told["failed_attempts"]) if told["noticed"] else None
        note = f"noticed of: {', '.join(told['noticed']) or 'none'}; {told['lost']} jobs lost"
        yield Bar(title, told["policy"], value, 2.0, "", False, note)
    most = [look(results, "all", kind, DEFAULT, "decision_ms_p99_most") for kind in _KINDS]
    value = max((one for one in most if one is not None), default=None)
    title = "99th percentile of a decision, worst cell"
    yield Bar(title, DEFAULT, value, 5.0, "ms", False)
    year = look(results, "year") or {}
    part = year.get("batches")
    note = f"scaled from {part} batches" if part != YEAR else ""
    title = f"a year of {YEAR:,} batches on one core"
    yield Bar(title, DEFAULT, year.get("seconds"), 30.0, "s", False, note)


_KINDS = ("divisible", "indivisible")


def head(results: Results) -> list[str]:
    """What the page says first, besides command, date, machine and versions."""
    return [
        f"two workloads in three regimes of deployments, {results['seeds']} seeds of "
        f"{results['batches']} batches each; all policies meet the same draws",
        "ratios are aggregate latencies over the sum of each batch's least over all four runtimes "
        "(four-way oracle), or over edge and gpu1 (two-way); our clock, from ready to results back",
    ]


def sheets(results: Results) -> list[Sheet]:
    """All tables that the document has figures for, bars last."""
    made = [
        *(_summary(results, kind) for kind in _KINDS),
        _clocked(results),
        *(_by_cell(results, kind) for kind in _KINDS),
        _coverages(results),
        live_sheet(results),
        bars_sheet(results),
    ]
    return [sheet for sheet in made if sheet.rows]


_COLUMNS = (
    ("of the oracle", "ratio_oracle4", "{:.3f}"),
    ("worst cell", "ratio_oracle4_most", "{:.3f}"),
    ("of edge and gpu1", "ratio_oracle2_gpu1", "{:.3f}"),
    ("p95", "p95_ratio", "{:.3f}"),
    ("exact", "exact", "{:.1%}"),
    ("within 5 %", "within5", "{:.1%}"),
    ("GPU s", "gpu_seconds", "{:.0f}"),
    ("wasted", "gpu_seconds_wasted", "{:.0f}"),
    ("at work", "gpu_seconds_lost", "{:.0f}"),
    ("cancelled", "cancelled", "{:.1f}"),
    ("probes", "probes", "{:.0f}"),
    ("right choices", "conditional_success", "{:.1%}"),
    ("last ones", "conditional_success_last", "{:.1%}"),
    ("ms", "decision_ms_p99", "{:.2f}"),
)


def _summary(results: Results, kind: str) -> Sheet:
    rows = [
        (name, *(_told(told.get(key), form) for _, key, form in _COLUMNS))
        for name, told in (look(results, "all", kind) or {}).items()
    ]
    notes = (
        "Means of all cells; seconds, requests and probes of one world. Exact: batches mostly done "
        "by their fastest runtime. GPU s: device seconds from up to released. Wasted: those of "
        "attempts that did nothing that counted; at work: of them, from the start of their work. "
        "Right choices: of batches that the edge worked on, where a policy has it raced by one "
        "accelerator, which is taken when it begins to work; last ones: unless it is given back "
        "after that. ms: 99th percentile of a decision.",
    )
    title = f"{kind.capitalize()} batches"
    return Sheet(title, ("policy", *(head for head, _, _ in _COLUMNS)), tuple(rows), notes)


def _clocked(results: Results) -> Sheet:
    rows = [
        (name, *(_told(told.get(key), form) for _, key, form in _COLUMNS))
        for name, told in (look(results, "paper_clock") or {}).items()
    ]
    title = "Duplicators by the paper's clock: no warm-up, deployments after uploads"
    return Sheet(title, ("policy", *(head for head, _, _ in _COLUMNS)), tuple(rows))


def _by_cell(results: Results, kind: str) -> Sheet:
    cells = look(results, "cells", kind) or {}
    names = list(look(results, "all", kind) or {})
    rows = [
        (workload, regime, *(_with_interval(policies[name]) for name in names))
        for workload, regimes in cells.items()
        for regime, policies in regimes.items()
    ]
    title = f"{kind.capitalize()} batches: aggregate latency over the four-way oracle's"
    notes = ("95 % bootstrap intervals over the seeds.",)
    return Sheet(title, ("workload", "regime", *names), tuple(rows), notes, texts=(0, 1))


def _with_interval(told: Mapping[str, Any]) -> str:
    ends = told.get("interval")
    value = f"{told['ratio_oracle4']:.3f}"
    return f"{value} ({ends[0]:.3f}-{ends[1]:.3f})" if ends else value


def _coverages(results: Results) -> Sheet:
    found = look(results, "coverage") or {}
    words = {"cells": "three regimes", "changing": "regimes that change half-way"}
    rows = [
        (words[key], *(_told(held[str(level)], "{:.1%}") for level in LEVELS))
        for key, held in found.items()
    ]
    title = f"Totals inside the intervals that {DEFAULT} was shown"
    return Sheet(title, ("", *(f"{level} %" for level in LEVELS)), tuple(rows))


def _told(value: float | None, form: str) -> str:
    return "-" if value is None else form.format(value)
