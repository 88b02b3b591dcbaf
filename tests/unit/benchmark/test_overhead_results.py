"""Figures of the overhead: medians, slopes, bars, tables, the page and its picture."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from lamina.benchmark import report
from lamina.benchmark.machine import machine
from lamina.benchmark.overhead.asking import Measured
from lamina.benchmark.overhead.bars import bars
from lamina.benchmark.overhead.figures import draw
from lamina.benchmark.overhead.measuring import KIND, Options, _derive, _own, _take
from lamina.benchmark.results import FORMAT


@pytest.fixture
def tree() -> dict[str, Any]:
    """Ours, one peer that is up before, and one that starts with every run."""
    found: dict[str, Any] = {"absent": {"ray": "not installed"}, "failed": {}, "ms_per_task": {}}
    tasks = {"independent": 100, "chain": 10, "fan": 100}
    seconds = {"independent": [0.08, 0.05, 0.06], "chain": [0.02], "fan": [0.07]}
    _take(found, Measured("warm", "", 0.5, 0.01, seconds, tasks))
    _take(found, Measured("dask", "2026.8.0", 1.5, 0.02, {"independent": [0.2]}, tasks))
    late = Measured("snakemake", "9.27", 0.6, 1.0, {"independent": [2.98]}, tasks, "it stopped")
    _take(found, late)
    for count, spent in ((1000, 0.9), (10_000, 6.3), (100_000, 60.3)):
        found.setdefault("scale", {})[str(count)] = {
            "tasks": count, "seconds": spent, "mb": 90.0, "journal_bytes": 700 * count,
        }  # fmt: skip
    found["plan_100k"] = {"seconds": 8.0, "mb": 600.0, "built_and_checked": 5.0, "planned": 3.0}
    found["dry_run"] = {"seconds": 0.4}
    found["nothing_to_do_10k"] = {"seconds": 1.0, "shell": 2.5, "first_run": 7.0}
    found["array_100mb"] = {"seconds": 0.1, "pipe_bytes": 31}
    _derive(found)
    return found


@pytest.fixture
def document(tree: dict[str, Any]) -> dict[str, Any]:
    """A whole results document."""
    made: dict[str, Any] = {
        "lamina": FORMAT, "benchmark": KIND, "command": "lamina benchmark overhead",
        "date": "2026-01-02T03:04:05+00:00", "wall_seconds": 12.0, "load_before": 0.1,
        "quick": False, "workers": 2, "machine": machine(), "versions": {"python": "3.11"}, **tree,
    }  # fmt: skip
    made["bars"] = [bar.to_json() for bar in bars(made)]
    return made


def test_milliseconds_are_medians_and_ours_are_whole(tree: dict[str, Any]) -> None:
    assert tree["ms_per_task"]["warm"] == pytest.approx(0.6)
    assert tree["ms_per_task"]["dask"] == pytest.approx(2.0)


def test_the_start_is_taken_off_for_peers_that_start_with_every_run(tree: dict[str, Any]) -> None:
    assert tree["ms_per_task"]["snakemake"] == pytest.approx(20.0)
    assert tree["failed"]["snakemake"] == "it stopped"


def test_a_further_task_costs_the_slope_between_two_sizes(tree: dict[str, Any]) -> None:
    slopes = tree["growth"]["ms_per_further_task"]
    assert slopes["10000"] == pytest.approx(0.6) and slopes["100000"] == pytest.approx(0.6)
    assert tree["growth"]["ratio"] == pytest.approx(1.0)
    assert tree["journal"] == {"bytes_per_task": 700.0, "tasks": 100_000}


def test_bars_say_what_is_reached_missed_and_not_measured(document: dict[str, Any]) -> None:
    verdicts = {(bar["name"], bar["subject"]): bar["reached"] for bar in document["bars"]}
    assert verdicts["a no-op task, all records written", "warm"] is True
    assert verdicts["a no-op task, all records written", "process"] is None
    assert verdicts["100,000 tasks built, checked and planned", "memory"] is False
    assert verdicts["10,000 tasks with nothing to do", "from the shell"] is False
    assert verdicts["times slower than our warm workers", "dask"] is True


def test_the_page_shows_every_engine_and_the_picture_is_drawn(
    document: dict[str, Any], tmp_path: Path
) -> None:
    pytest.importorskip("matplotlib", reason="no matplotlib: pip install 'lamina[pictures]'")
    files = report.write(document, tmp_path)
    page = (tmp_path / "results.md").read_text(encoding="utf-8")
    assert "Snakemake" in page and "Dask distributed" in page and "absent: ray" in page
    assert {"overhead-per-task.svg", "overhead-per-task.png"} <= {file.name for file in files}
    assert "What a task costs" in report.text(document)


def test_several_results_become_one_page(
    document: dict[str, Any], results: dict[str, Any], tmp_path: Path
) -> None:
    for name, one in (("a", results), ("b", document)):
        (tmp_path / f"{name}.json").write_text(json.dumps(one), encoding="utf-8")
    page = report.page(tmp_path / "a.json", tmp_path / "b.json")
    assert page.index("# Benchmark: networks") < page.index("# Benchmark: overhead")


def test_the_quick_form_measures_the_same_but_for_the_largest_run() -> None:
    quick = {name for name, _, key in _own(Options(quick=True)) if key != ("scale", "100000")}
    assert quick == {name for name, _, _ in _own(Options())}


def test_a_picture_shows_what_there_is_and_none_is_drawn_of_nothing(
    document: dict[str, Any], tmp_path: Path
) -> None:
    pytest.importorskip("matplotlib", reason="no matplotlib: pip install 'lamina[pictures]'")
    assert len(draw({**document, "scale": {}}, tmp_path)) == 2
    assert draw({**document, "scale": {}, "ms_per_task": {}}, tmp_path) == []
