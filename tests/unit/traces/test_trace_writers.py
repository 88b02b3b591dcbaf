"""Traces written for other systems, and read again."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
import pytest

from lamina.errors import UsageError
from lamina.records.history import Session
from lamina.traces.trace import Phase, Trace
from lamina.traces.writers import WRITERS
from lamina.workspace.timelines import to_json
from lamina.workspace.traces import one_trace, read_traces

TRACES = Path(__file__).resolve().parents[2] / "golden" / "traces"
SAMPLES = [
    "labelled/toy/cpu_2/toy-20260103T030405Z-run0001.csv", "wfformat-1.5.json", "nextflow.txt",
    "parsl.db", "pegasus", "pegasus-database", "kickstart-two.out", "chrome-lamina.json",
]  # fmt: skip


def told(trace: Trace, *without: str) -> dict[str, Any]:
    found: dict[str, Any] = json.loads(json.dumps(to_json(trace)))
    for key in ("origin", "notices", "skipped", *without):
        del found[key]
    for one in found["attempts"]:
        for key in ("folder", "pid", "reason", "gpus", *without):
            one.pop(key, None)
    return found


@pytest.mark.parametrize("name", SAMPLES)
def test_a_trace_written_as_wfformat_is_read_back_whole(name: str, tmp_path: Path) -> None:
    trace = one_trace(str(TRACES / name))
    target = tmp_path / "run.json"
    WRITERS.get("wfformat")().write([trace], target)
    back = one_trace(str(target))
    assert told(back) == told(trace)
    assert {unit: sorted(back.parents.get(unit, ())) for unit in back.last} == {
        unit: sorted(one for one in trace.parents.get(unit, ()) if one in trace.last)
        for unit in trace.last
    }


@pytest.mark.parametrize("name", SAMPLES)
def test_a_trace_written_as_chrome_events_keeps_its_phases(name: str, tmp_path: Path) -> None:
    trace = one_trace(str(TRACES / name))
    target = tmp_path / "run.json"
    WRITERS.get("chrome")().write([trace], target)
    back = one_trace(str(target))
    ran = [one for one in trace.attempts if one.status != "reused"]
    phases = {(one.task, one.number): one.phases for one in back.attempts}
    assert len(back.attempts) == len(ran)
    for one in ran:
        kept = phases[one.task, one.number]
        assert [phase.name for phase in kept] == [phase.name for phase in one.phases]
        for here, there in zip(kept, one.phases, strict=True):
            assert here[1:] == pytest.approx(there[1:], abs=1e-5)


def test_phases_that_two_clocks_put_over_each_other_are_kept(tmp_path: Path) -> None:
    trace = one_trace(str(TRACES / "kickstart.yml"))
    one = trace.attempts[0]
    at = one.begin
    phases = (Phase("submit", at - 0.03, at), Phase("run", at - 0.01, one.end))
    early = replace(trace, attempts=(replace(one, ready=at - 0.03, phases=phases),))
    early = replace(early, sessions=(Session(at - 0.03, one.end),))
    WRITERS.get("wfformat")().write([early], tmp_path / "run.json")
    assert told(one_trace(str(tmp_path / "run.json"))) == told(early)


def test_a_made_up_schedule_stays_one(tmp_path: Path) -> None:
    trace = one_trace(str(TRACES / "wfformat-1.4.json"))
    assert trace.simulated
    for form in ("wfformat", "chrome"):
        WRITERS.get(form)().write([trace], tmp_path / f"{form}.json")
        assert one_trace(str(tmp_path / f"{form}.json")).simulated


def test_a_collection_becomes_one_table_of_phases(tmp_path: Path) -> None:
    traces = list(read_traces([TRACES / "labelled"]))
    target = tmp_path / "phases.parquet"
    WRITERS.get("parquet")().write(traces, target)
    rows = pq.read_table(target).to_pylist()
    assert len(rows) == sum(len(one.phases) for trace in traces for one in trace.attempts)
    assert {row["label"] for row in rows} == {"normal", "cpu_2"}
    grind = [row for row in rows if row["kind"] == "grind" and row["phase"] == "stage_in"]
    assert {row["seconds"] for row in grind} == {6.0, 7.0}
    assert [path.name for path in tmp_path.iterdir()] == ["phases.parquet"]


def test_a_format_for_one_run_refuses_several(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="several"):
        WRITERS.get("wfformat")().write(read_traces([TRACES / "labelled"]), tmp_path / "x.json")
