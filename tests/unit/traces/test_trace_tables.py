"""The table of jobs of FlowGAD and Flow-Bench: phases, labels, graphs, what is wrong in it."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from lamina.errors import TraceError
from lamina.traces.readers.csv import CsvReader, held, kind_of
from lamina.traces.readers.sources import LocalFile
from lamina.traces.table import table_of
from lamina.traces.trace import Trace
from lamina.workflow.log import PHASES
from lamina.workspace.traces import one_trace, read_traces

LABELLED = Path(__file__).resolve().parents[2] / "golden" / "traces" / "labelled"
MIDDLE = LABELLED / "toy/normal/toy-20260102T030405Z-run0001.csv"
LONG = LABELLED / "toy/cpu_2/toy-20260103T030405Z-run0001.csv"
SHORT = LABELLED / "toy/cpu_2/toy-20260103T030405Z-run0002.csv"


def seconds(trace: Trace, task: str) -> dict[str, float]:
    one = trace.last[task]
    return {name: one.spent(name) for name in PHASES if one.spent(name)}


@pytest.mark.parametrize(("path", "runtime"), [(MIDDLE, 40), (LONG, 60), (SHORT, 64)])
def test_run_is_the_runtime_without_the_stages(path: Path, runtime: float) -> None:
    told = seconds(one_trace(str(path)), "grind_ID0000001")
    assert told == {
        "submit": 5, "queue": 11, "stage_in": 6, "run": runtime - 10, "stage_out": 4,
        "post_script": 5,
    }  # fmt: skip


def test_stages_without_a_time_of_their_own_stand_at_both_ends_of_the_runtime() -> None:
    one = one_trace(str(MIDDLE)).last["grind_ID0000002"]
    assert [phase.name for phase in one.phases] == [
        "submit", "queue", "stage_in", "run", "stage_out", "post_script",
    ]  # fmt: skip


def test_stages_by_a_clock_that_goes_wrong_are_moved_into_the_runtime() -> None:
    one = one_trace(str(LONG)).last["grind_ID0000001"]
    names = [phase.name for phase in one.phases]
    assert names == ["submit", "queue", "run", "stage_in", "run", "stage_out", "post_script"]
    begins = {phase.name: phase.begin - one.begin for phase in one.phases}
    assert begins["stage_out"] == 16 + 60 - 4
    assert all(a.end == b.begin for a, b in zip(one.phases[:-1], one.phases[1:], strict=True))


@pytest.mark.parametrize(
    ("times", "expected"),
    [
        ("2 3 - - - -", "stage_in 0 2, run 2 7, stage_out 7 10"),
        ("2 3 90 92 95 98", "run 0 2, stage_in 2 4, run 4 7, stage_out 7 10"),
        ("2 3 -70 -68 -65 -62", "stage_in 0 2, run 2 5, stage_out 5 8, run 8 10"),
        ("2 - 3 5 - -", "run 0 3, stage_in 3 5, run 5 10"),
        ("- - - - - -", "run 0 10"),
        ("8 8 - - - -", "stage_in 0 8, stage_out 8 10"),
    ],
)  # fmt: skip
def test_stages_and_run_fill_the_runtime(times: str, expected: str) -> None:
    told = [None if word == "-" else float(word) for word in times.split()]
    found = held(0, 10, told)
    assert ", ".join(f"{name} {begin:g} {end:g}" for name, begin, end in found) == expected


def test_labels_batch_and_workflow_are_those_of_the_path() -> None:
    traces = list(read_traces([LABELLED]))
    assert [(one.workflow, dict(one.labels)) for one in traces] == [
        ("toy", {"label": "cpu_2", "batch": "toy-20260103T030405Z"}),
        ("toy", {"label": "cpu_2", "batch": "toy-20260103T030405Z"}),
        ("toy", {"label": "normal", "batch": "toy-20260102T030405Z"}),
    ]


def test_a_folder_that_the_run_is_named_after_is_no_label(tmp_path: Path) -> None:
    place = tmp_path / "eht_difmap" / "eht-difmap-run0001.csv"
    place.parent.mkdir()
    place.write_bytes(MIDDLE.read_bytes())
    trace = next(read_traces([place.parent]))
    assert (trace.workflow, dict(trace.labels)) == ("eht_difmap", {"batch": "eht-difmap"})


def test_an_index_beside_the_runs_tells_their_labels(tmp_path: Path) -> None:
    place = tmp_path / "toy" / "normal" / "toy-run0001.csv"
    place.parent.mkdir(parents=True)
    place.write_bytes(MIDDLE.read_bytes())
    (place.parent / "toy-run0002.csv").write_bytes(MIDDLE.read_bytes())
    (tmp_path / "runs_index.csv").write_text(
        "workflow,file,experiment_type\ntoy,toy-run0001.csv,hdd_5\ntoy,toy-run0002.csv,\n"
    )
    first, second = read_traces([tmp_path / "toy"])
    assert first.labels == {"label": "hdd_5", "batch": "toy"}
    assert second.labels == {"batch": "toy"}, "an empty label is none"


def test_the_graph_beside_the_runs_fits_names_with_another_stamp() -> None:
    trace = next(one for one in read_traces([LABELLED]) if one.labels["label"] == "normal")
    assert trace.parents["brew_ID0000003"] == ["grind_ID0000001", "grind_ID0000002"]
    first = "create_dir_toy-20260102T030405Z_0_condorpool"
    assert trace.parents["grind_ID0000001"] == [first]
    assert [one.kind for one in trace.critical_path] == ["create_dir", "grind", "brew", "cleanup"]


@pytest.mark.parametrize(
    ("job", "kind"),
    [
        ("individuals_ID0000047", "individuals"),
        ("individuals_merge_ID0000011", "individuals_merge"),
        ("merge_gunzip_PID1_ID1", "gunzip"),
        ("create_dir_1000genome-20200518T045356Z_0_condorpool", "create_dir"),
        ("stage_out_local_condorpool_2_0", "stage_out"),
        ("merge_casa_job", "merge_casa_job"),
        ("_ID3", "_ID3"),
    ],
)
def test_the_type_of_a_job_is_in_its_name(job: str, kind: str) -> None:
    assert kind_of(job) == kind


@pytest.mark.parametrize(
    ("old", "new", "line", "reason"),
    [
        (",1767323064,", ",noon,", 3, "column submit is 'noon', not a number"),
        (",1767323064,", ",1767323058,", 3, "times go back"),
        (",1767323064,", ",inf,", 3, "times go back"),
        (",1767323059,", ",nan,", 3, "column ready is nan"),
        (",1767323059,", ",,", 3, "column ready is empty"),
        ("60000000", "1e999", 3, "column stage_in_bytes is '1e999', not a number"),
        ("grind_ID0000001", "", 3, "no name"),
        ("worker-1", "work,er", 3, "it has 30 fields, the header has 29"),
        ("/usr/bin/mill", '"/usr', 3, "no row of a CSV file"),
        ("execute_start", "executed", 1, "no column execute_start"),
    ],
)
def test_what_is_wrong_is_told_with_its_line(
    old: str, new: str, line: int, reason: str, tmp_path: Path
) -> None:
    lines = MIDDLE.read_text().splitlines()
    assert old in lines[line - 1]
    lines[line - 1] = lines[line - 1].replace(old, new, 1)
    place = tmp_path / "runs" / "toy-run0001.csv"
    place.parent.mkdir()
    place.write_text("\n".join(lines) + "\n")
    with pytest.raises(TraceError, match=re.escape(reason)) as caught:
        list(CsvReader().read(LocalFile(place, "x.csv")))
    assert caught.value.file == "x.csv"
    assert caught.value.line >= line


def test_a_job_that_failed_says_so_and_so_does_the_run(tmp_path: Path) -> None:
    lines = MIDDLE.read_text().splitlines()
    lines[2] = lines[2][: -len("0,0")] + "256,1"
    place = tmp_path / "toy-run0001.csv"
    place.write_text("\n".join(lines) + "\n")
    trace = one_trace(str(place))
    assert trace.status == "failed"
    assert trace.last["grind_ID0000001"].error == {"cause": "exit code 1"}
    assert trace.last["grind_ID0000001"].exit == 1


def test_the_table_of_phases_adds_up_to_the_runtime() -> None:
    trace = one_trace(str(LONG))
    table = table_of(trace)
    row = table.tasks.index("grind_ID0000002")
    spent = dict(zip(PHASES, table.spent[row], strict=True))
    assert spent["stage_in"] + spent["run"] + spent["stage_out"] == 66
