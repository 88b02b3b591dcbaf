"""Every results document has one head, and its bars where its benchmark has some."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from lamina.benchmark import report
from lamina.benchmark.bars import Bar
from lamina.benchmark.document import document_of
from lamina.benchmark.machine import Beginning


def bars(results: Mapping[str, Any]) -> Iterator[Bar]:
    yield Bar("things a second", results["benchmark"], results["rate"], 5.0, "/s")


def test_a_document_tells_its_kind_its_run_what_was_measured_and_its_bars() -> None:
    made = document_of("gantt", (Beginning(), "lamina benchmark x"), {"rate": 7.0}, bars)
    assert list(made)[:3] == ["lamina", "benchmark", "command"]
    assert made["command"] == "lamina benchmark x"
    assert {"date", "wall_seconds", "machine", "versions"} <= set(made)
    assert [(bar["subject"], bar["value"]) for bar in made["bars"]] == [("gantt", 7.0)]


def test_networks_have_no_kind_and_planners_no_bars() -> None:
    made = document_of("", (Beginning(), "lamina benchmark networks"), {"rate": 7.0})
    assert "benchmark" not in made and "bars" not in made


def test_a_kind_without_pictures_is_written_without(tmp_path: Path) -> None:
    told = {
        "engine": "numpy", "charts": 50, "charts_per_second": {}, "absent": {}, "failed": {},
        "quick": True,
    }  # fmt: skip
    made = document_of("gantt", (Beginning(), "lamina benchmark gantt"), told, lambda _: ())
    assert [file.name for file in report.write(made, tmp_path)] == ["results.json", "results.md"]
