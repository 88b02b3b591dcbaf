"""Tables of jobs that lack columns: they are known for what they are, and told what they lack."""

from __future__ import annotations

from pathlib import Path

import pytest

from lamina.errors import TraceError
from lamina.workspace.traces import read_traces

_NAMES = ["", "ready", "submit", "execute_start", "execute_end", "type", "stage_in_delay"]
_ROW = ["a_ID1", "100.0", "101.0", "102.0", "112.0", "compute", "1.0"]


def table(folder: Path, without: str) -> Path:
    place = _NAMES.index(without)
    file = folder / "run.csv"
    rows = [[*row[:place], *row[place + 1 :]] for row in (_NAMES, _ROW)]
    file.write_text("\n".join(",".join(row) for row in rows) + "\n")
    return file


@pytest.mark.parametrize("name", _NAMES[1:5])
def test_the_time_that_is_not_there_is_named(tmp_path: Path, name: str) -> None:
    with pytest.raises(TraceError, match=f"there is no column {name}"):
        list(read_traces([table(tmp_path, name)]))


def test_a_table_without_the_names_of_its_jobs_says_so(tmp_path: Path) -> None:
    with pytest.raises(TraceError, match="its first column is 'ready': the names of jobs"):
        list(read_traces([table(tmp_path, "")]))


def test_a_column_that_is_not_needed_may_be_left_out(tmp_path: Path) -> None:
    (trace,) = read_traces([table(tmp_path, "type")])
    assert list(trace.last) == ["a_ID1"]
