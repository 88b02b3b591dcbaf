"""`lamina benchmark placement`: its worlds, its document, its bars, and what its tables say."""

from __future__ import annotations

import copy
import json
from functools import cache
from statistics import fmean
from typing import Any

import numpy as np
import pytest

from lamina.benchmark import report
from lamina.benchmark.placement import measuring
from lamina.benchmark.placement.measuring import Options, benchmark_placement
from lamina.benchmark.placement.sheets import bars
from lamina.benchmark.placement.suite import DIVISIBLE, INDIVISIBLE, cells, even_sizes, trials


class Small(Options):
    """A few batches of one seed."""

    @property
    def batches(self) -> int:
        return 6


@cache
def measured() -> str:
    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(measuring, "YEAR", 300)
        patched.setattr(measuring, "placement_fit", lambda *told, **more: {"log": None})
        patched.delenv("LAMINA_DATA", raising=False)
        return json.dumps(
            benchmark_placement(Small(True, 1, live=False), "lamina benchmark", lambda _: None)
        )


@pytest.fixture(name="document")
def fixture_document() -> Any:
    return json.loads(measured())


def bar(document: Any, name: str, of: str | None = None) -> Any:
    """The one bar whose name begins so."""
    (found,) = [b for b in bars(document) if b.name.startswith(name) and of in (None, b.subject)]
    return found


def test_the_even_workload_is_what_it_is_said_to_be() -> None:
    sizes = np.concatenate([even_sizes(seed, 162) for seed in range(30)])
    assert fmean(sizes.tolist()) == pytest.approx(49.5, abs=1.5)
    assert float(np.median(sizes)) == pytest.approx(45.0, abs=2.0)
    assert sizes.min() >= 1
    assert sizes.max() <= 198


def test_the_suite_has_two_workloads_three_regimes_divided_or_not() -> None:
    asked = trials(6)
    assert len(asked) == len(list(cells(6))) == 12
    assert {one.policies for one in asked} == {DIVISIBLE, INDIVISIBLE}


def test_all_policies_of_a_cell_meet_the_same_jobs_whatever_the_seed() -> None:
    for cell in cells(6):
        first, second = cell.world(1), cell.world(1)
        assert first.jobs == second.jobs
        assert first.truth(3) == second.truth(3)
        assert first.jobs != cell.world(2).jobs


def test_the_document_holds_every_cell_and_the_means_of_all(document: Any) -> None:
    for kind, policies in (("divisible", DIVISIBLE), ("indivisible", INDIVISIBLE)):
        for name in policies:
            ratios = [
                document["cells"][kind][workload][regime][name]["ratio_oracle4"]
                for workload in ("ecdf", "even")
                for regime in ("calm", "usual", "busy")
            ]
            told = document["all"][kind][name]
            assert told["ratio_oracle4"] == pytest.approx(fmean(ratios))
            assert told["ratio_oracle4_most"] == max(ratios)
    assert document["probing"]["passive"]["probes"] < document["probing"]["probing"]["probes"] / 10
    assert document["year"]["batches"] == 30


def test_what_is_not_measured_is_said_and_is_no_success(document: Any) -> None:
    missing = bar(document, "processing prediction", "pooled")
    assert (missing.value, missing.reached) == (None, None)
    assert "the STOIC authors' log" in document["absent"]
    text = report.text(document)
    assert "not measured" in text
    assert "quick form" in text


def test_a_bar_that_is_missed_says_so(document: Any) -> None:
    title = "divisible: aggregate latency over the four-way oracle's, mean of cells"
    for value, reached in ((0.90, True), (0.901, False)):
        changed = copy.deepcopy(document)
        changed["all"]["divisible"]["share"]["ratio_oracle4"] = value
        assert bar(changed, title).reached is reached
    changed["bars"] = [one.to_json() for one in bars(changed)]
    row = next(line for line in report.text(changed).splitlines() if title in line)
    assert "NO" in row


def test_every_bar_of_the_issue_is_there(document: Any) -> None:
    targets = [(one.target, one.at_least) for one in bars(document)]
    for wanted in (
        (0.90, False), (0.93, False), (1.10, False), (1.04, False), (1.07, False), (0.975, True),
        (150.0, False), (1.005, False), (0.12, True), (0.25, True), (0.03, False), (0.05, False),
        (0.01, False), (2.0, False), (5.0, False), (30.0, False),
    ):  # fmt: skip
        assert wanted in targets


@pytest.mark.parametrize("clock", ["our clock", "the paper's clock"])
def test_a_duplicator_is_held_to_the_strict_reading_and_to_the_other(
    document: Any, clock: str
) -> None:
    found = document["all"]["indivisible"] if clock == "our clock" else document["paper_clock"]
    told = found["duplicator:gpu1"]
    title = f"duplicator, {clock}:"
    for name, key, scale in (
        ("conditional success", "conditional_success", 1),
        ("conditional success, of the last choice", "conditional_success_last", 1),
        ("GPU seconds wasted on 162 batches, from being up", "gpu_seconds_wasted", 27),
        ("GPU seconds wasted on 162 batches, from the start", "gpu_seconds_lost", 27),
    ):
        (one, *_) = [one for one in bars(document) if one.name.startswith(f"{title} {name}")]
        assert one.value == pytest.approx(told[key] * scale)
        assert one.target == (0.975 if scale == 1 else 150.0)
    assert told["gpu_seconds_lost"] <= told["gpu_seconds_wasted"] + 1e-6
    assert told["conditional_success_choices"] <= told["conditional_success"]


def test_an_outage_is_noticed_after_two_failures(document: Any) -> None:
    for told in document["outage"].values():
        assert told["noticed"] == ["gpu1", "gpu2"]
        assert told["failed_attempts"] == 2
        assert told["lost"] == 0


def test_the_page_has_tables_and_where_figures_come_from(document: Any) -> None:
    page = report.markdown(document)
    assert page.startswith("# Benchmark: placement")
    for word in ("Divisible batches", "Indivisible batches", "stoic-duplicator:gpu1", "## Bars"):
        assert word in page
