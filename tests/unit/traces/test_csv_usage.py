"""What jobs used, as tables of jobs tell it."""

from __future__ import annotations

from math import isnan
from pathlib import Path

from lamina.traces.table import table_of
from lamina.workspace.traces import read_traces

_HEAD = ",ready,submit,execute_start,execute_end,post_script_end,kickstart_executables_cpu_time\n"


def test_processor_time_of_a_job_without_a_record_is_not_told(tmp_path: Path) -> None:
    """Tables of such jobs hold -1.0."""
    file = tmp_path / "run.csv"
    file.write_text(
        _HEAD
        + "a_ID1,100.0,101.0,102.0,112.0,113.0,-1.0\nb_ID2,100.0,101.0,102.0,112.0,113.0,7.5\n"
    )
    (trace,) = read_traces([file])
    used = {task: dict(one.usage) for task, one in trace.last.items()}
    assert "cpu" not in used["a_ID1"]
    assert used["b_ID2"]["cpu"] == 7.5


def test_programs_that_left_a_record_are_counted(tmp_path: Path) -> None:
    """A clustered job runs many; none came back where kickstart's own columns hold -1.0."""
    file = tmp_path / "run.csv"
    file.write_text(
        _HEAD.replace("cpu_time\n", "cpu_time,kickstart_transformations\n")
        + "a_ID1,100.0,101.0,102.0,112.0,113.0,7.5,grind;grind;sift\n"
        + "b_ID2,100.0,101.0,102.0,112.0,113.0,-1.0,pegasus::seqexec\n"
        + "c_ID3,100.0,101.0,102.0,112.0,113.0,7.5,\n"
    )
    (trace,) = read_traces([file])
    used = {task: one.usage.get("programs") for task, one in trace.last.items()}
    assert used == {"a_ID1": 3.0, "b_ID2": 0.0, "c_ID3": None}
    column = table_of(trace).used["programs"].tolist()
    assert sorted(value for value in column if not isnan(value)) == [0.0, 3.0]
