"""What jobs used, as tables of jobs tell it."""

from __future__ import annotations

from pathlib import Path

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
