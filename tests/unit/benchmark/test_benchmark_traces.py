"""Large made-up traces, and how long readers take for them."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from lamina.benchmark import report, traces
from lamina.benchmark.made_traces import FORMS, made_trace
from lamina.testing.readers import check_trace
from lamina.traces.readers.collecting import traces_in
from lamina.traces.trace import Trace


@pytest.mark.parametrize("form", sorted(FORMS))
def test_a_made_trace_is_read_by_the_reader_it_is_made_for(form: str, tmp_path: Path) -> None:
    (found,) = traces_in(made_trace(form, tmp_path, 120))
    assert isinstance(found, Trace)
    assert found.origin == form.split()[0]
    assert len(found.last) in (120, 121)  # the program that ran them all is told as well
    check_trace(found)


def test_the_benchmark_tells_seconds_and_bars(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(traces.Options, "tasks", 200)
    said: list[str] = []
    options = traces.Options(quick=True, forms=("csv", "parsl"))
    found = json.loads(json.dumps(traces.benchmark_traces(options, "lamina", said.append)))
    assert set(found["seconds"]) == {"csv", "parsl"}
    assert set(found["then"]) == {"table", "statistics", "comparison"}
    assert set(found["writing"]) == {"chrome", "parquet", "wfformat"}
    assert [bar["target"] for bar in found["bars"][:2]] == [pytest.approx(0.004)] * 2
    assert found["bars"][-1]["reached"] is None
    assert "LAMINA_DATA" in next(iter(found["absent"].values()))
    assert any(line.startswith("parsl: ") for line in said)
    for page in (report.text(found), report.markdown(found)):
        assert "microseconds a task" in page and "written as parquet" in page and "at most" in page
