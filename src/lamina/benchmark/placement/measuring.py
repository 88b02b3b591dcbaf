"""The measurements: the suite, a year, outages, probes, and predictions on a log."""

from __future__ import annotations

import os
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from statistics import fmean
from typing import Any

from lamina.benchmark.document import Say, Tree, document_of
from lamina.benchmark.machine import Beginning
from lamina.benchmark.placement.sheets import KIND, YEAR, bars
from lamina.benchmark.placement.suite import (
    DEFAULT,
    DUPLICATORS,
    Cell,
    changing,
    clocked,
    trials,
)  # fmt: skip
from lamina.benchmark.placement_fit import placement_fit
from lamina.benchmark.placement_live import measure_live
from lamina.benchmark.results import put
from lamina.planning.placement.health import Health
from lamina.planning.policies import made
from lamina.planning.simulation.clock import Simulator
from lamina.planning.simulation.comparing import compared
from lamina.planning.simulation.scenarios import Faults, Outage, Scenario
from lamina.planning.simulation.scores import LEVELS, Score
from lamina.planning.simulation.trying import Trial, all_tried

_LOG = Path("stoic") / "logtime_rows_first_256.csv"
_YEAR_SECONDS = 365 * 86_400.0
_FIGURES = (
    "ratio_oracle4", "ratio_oracle2", "ratio_oracle2_gpu1", "ratio_worst", "exact", "within5",
    "p95_ratio", "regret", "gpu_seconds", "gpu_seconds_wasted", "requests", "cancelled", "probes",
    "decision_ms_p99", "conditional_success", "conditional_success_last",
    "conditional_success_choices", "conditional_jobs", "conditional_choices", "failed",
    "gpu_seconds_lost", "coverage_50", "coverage_80", "coverage_90",
)  # fmt: skip


@dataclass(frozen=True)
class Options:
    """What is asked for.

    Args:
        quick: two seeds, and fewer batches.
        seeds: worlds of each cell; 30 unless told, 2 in the quick form.
        data: folder with the STOIC authors' log; LAMINA_DATA when None.
        live: whether to place for real, too: a quarter of an hour, in the quick form half a minute.
    """

    quick: bool = False
    seeds: int | None = None
    data: Path | None = None
    live: bool = True

    @property
    def count(self) -> int:
        """Worlds of each cell."""
        return self.seeds or (2 if self.quick else 30)

    @property
    def batches(self) -> int:
        """Of each world."""
        return 60 if self.quick else 162

    @property
    def log(self) -> Path | None:
        """The log, where it is there."""
        told = self.data or (
            Path(os.environ["LAMINA_DATA"]) if "LAMINA_DATA" in os.environ else None
        )
        return told / _LOG if told is not None and (told / _LOG).is_file() else None


def benchmark_placement(options: Options, command: str, say: Say) -> Tree:
    """Measures everything and returns the results document.

    Stable keys: `cells.<divisible|indivisible>.<workload>.<regime>.<policy>.<figure>`, means over
    seeds, `interval` the ends of ratio_oracle4's bootstrap interval; `all.<kind>.<policy>.<figure>`
    means over the cells, `<figure>_most` the largest of them; `paper_clock.<policy>.<figure>` the
    same of duplicators by the paper's clock; `coverage.<cells|changing>.<level>`;
    `probing.<passive|probing>.{ratio_oracle4,probes}` and `probing.difference`;
    `year.{seconds,batches}`; `outage.<refused|hanging>.{failed_attempts,after,lost}`; `fit` as
    `placement_fit` gives it; `live` as `measure_live` does; `absent`, `bars`.

    Args:
        options: what is asked for.
        command: the command line, for the document.
        say: takes a line of progress.
    """
    began = Beginning()
    tree: Tree = {"absent": {}, "failed": {}}
    tree["year"] = _year(options.quick, say)
    seeds = range(options.count)
    groups = [part(options.batches) for part in (trials, clocked, changing, _probing)]
    found = iter(all_tried([one for group in groups for one in group], seeds, say))
    suite, clock, changed, probes = ([next(found) for _ in group] for group in groups)
    _cells(tree, groups[0], suite)
    tree["paper_clock"] = {
        name: _means([compared(scores)[name] for scores in clock]) for name in DUPLICATORS
    }
    put(tree, ("coverage", "changing"), _coverage([one[DEFAULT] for one in changed]))
    tree["probing"] = _probes(probes)
    tree["outage"] = {"refused": _outage(DEFAULT, False), "hanging": _outage("eft", True)}
    tree["fit"] = _fit(options, say)
    if options.live:
        tree["live"] = measure_live(options.quick, say)
    else:
        tree["absent"]["placing for real"] = "it was left out by --no-live"
    if tree["fit"]["log"] is None:
        tree["absent"]["the STOIC authors' log"] = f"LAMINA_DATA names no folder with {_LOG}"
    told = {
        "quick": options.quick, "seeds": options.count, "batches": options.batches, **tree,
    }  # fmt: skip
    return document_of(KIND, (began, command), told, bars)


def _cells(tree: Tree, asked: Sequence[Trial], found: Sequence[Mapping[str, list[Score]]]) -> None:
    for trial, scores in zip(asked, found, strict=True):
        cell = trial.worlds
        assert isinstance(cell, Cell)
        for name, told in compared(scores).items():
            figures = {key: told.get(key) for key in _FIGURES}
            figures["interval"] = told["interval"].get("ratio_oracle4")
            put(tree, ("cells", cell.kind, cell.workload, cell.regime, name), figures)
    for kind, workloads in tree["cells"].items():
        every = [policies for regimes in workloads.values() for policies in regimes.values()]
        for name in every[0]:
            put(tree, ("all", kind, name), _means([one[name] for one in every]))
    put(tree, ("coverage", "cells"), _coverage([one[DEFAULT] for one in found]))


def _means(figures: Sequence[Mapping[str, Any]]) -> Tree:
    found: Tree = {}
    for key in _FIGURES:
        values = [one[key] for one in figures if one[key] is not None]
        found[key] = fmean(values) if values else None
    for key in ("ratio_oracle4", "decision_ms_p99"):
        found[f"{key}_most"] = max(one[key] for one in figures)
    return found


def _coverage(found: Sequence[Sequence[Score]]) -> Tree:
    """Level -> part of all promises of all these worlds that held."""
    held = [score.held for scores in found for score in scores]
    count = sum(len(one) for one in held)
    return {
        str(round(100 * level)): sum(float(one[:, place].sum()) for one in held) / max(count, 1)
        for place, level in enumerate(LEVELS)
    }


def _probing(batches: int) -> list[Trial]:
    """The default policy with nothing but what happens to its jobs, and with a probe a minute."""
    cell = Cell("ecdf", "usual", True, batches)
    return [
        Trial(cell, (DEFAULT,), name=name, inquires=inquires)
        for name, inquires in (("passive", False), ("probing", True))
    ]


def _probes(found: Sequence[Mapping[str, list[Score]]]) -> Tree:
    passive, probing = (one[DEFAULT] for one in found)
    told = compared({"passive": passive, "probing": probing})
    return {
        name: {key: told[name][key] for key in ("ratio_oracle4", "probes")} for name in told
    } | {"difference": told["passive"]["beside"]["probing"]["ratio_oracle4"]}


def _year(quick: bool, say: Say) -> Tree:
    """Seconds of the processor for a year of batches, the world's making in them."""
    part = 10 if quick else 1
    begun = time.process_time()
    world = Scenario(batches=YEAR // part, period=_YEAR_SECONDS / YEAR).world(0)
    ledger = Simulator(world, made(DEFAULT)).run()
    spent = (time.process_time() - begun) * YEAR / len(ledger.outcomes)
    say(f"a year of {YEAR:,} batches: {spent:.1f} s")
    return {"seconds": spent, "batches": len(ledger.outcomes)}


def _watched(health: Health) -> dict[str, int]:
    """Runtime -> failures after which it was first known to be down; filled as that happens."""
    noticed: dict[str, int] = {}
    ask = health.failed

    def failed(runtime: str) -> bool:
        down = ask(runtime)
        if down:
            noticed.setdefault(runtime, health.failures[runtime])
        return down

    vars(health)["failed"] = failed
    return noticed


def _outage(policy: str, hangs: bool) -> Tree:
    """All accelerators cannot be had for the second quarter of a day of batches.

    `failed_attempts`: of one of them until nobody asked for it any more, the most of all;
    `noticed`: accelerators that were known to be down; `lost`: jobs given up.
    """
    whole = Scenario(batches=80)
    end = whole.batches * whole.period
    names = [name for name, one in whole.runtimes.items() if one.devices]
    outages = tuple(Outage(name, end / 4, end / 2, hangs) for name in names)
    world = Scenario(batches=whole.batches, faults=Faults(outages=outages)).world(0)
    simulator = Simulator(world, made(policy))
    noticed = _watched(simulator.dispatcher.health)
    ledger = simulator.run()
    needed = {}
    for name, count in noticed.items():
        failed = [
            one.at for one in ledger.decisions if one.event == "failed" and one.runtime == name
        ]
        known = failed[count - 1]
        later = [u for u in ledger.usages if u.runtime == name and known < u.asked < end / 2]
        needed[name] = count + len(later)
    score = Score.of(world, ledger)
    return {
        "policy": policy,
        "failed_attempts": max(needed.values(), default=0),
        "noticed": sorted(needed),
        "lost": score.failed,
        "ratio_oracle4": score.figures()["ratio_oracle4"],
    }


def _fit(options: Options, say: Say) -> Tree:
    return placement_fit(options.log, seeds=1 if options.quick else 3, say=say)
