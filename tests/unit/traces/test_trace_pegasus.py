"""Submit directories of Pegasus: retries, held jobs, sub-workflows, logs that end early."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest

from lamina.errors import TraceError
from lamina.workspace.traces import one_trace

TRACES = Path(__file__).resolve().parents[2] / "golden" / "traces"
BEGIN = 1_767_323_045


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return Path(shutil.copytree(TRACES / "pegasus", tmp_path / "run0001"))


def test_a_failure_a_retry_and_a_held_job_stand_there_as_they_were(folder: Path) -> None:
    first, second = [one for one in one_trace(str(folder)).attempts if one.kind == "grind"]
    assert (first.status, first.exit, first.host) == ("failed", 2, "worker-1")
    assert (second.status, second.exit, second.host) == ("succeeded", 0, "worker-2")
    assert [(one.name, one.begin - BEGIN, one.end - BEGIN) for one in second.phases] == [
        ("submit", 33, 35), ("queue", 35, 40), ("run", 40, 42), ("queue", 42, 62),
        ("run", 62, 80), ("post_script", 81, 83),
    ]  # fmt: skip


def test_jobs_of_a_sub_workflow_are_named_after_the_job_that_ran_it() -> None:
    trace = one_trace(str(TRACES / "pegasus-database"))
    inner = trace.last["plan_inner/brew_ID0000001"]
    assert (inner.kind, inner.host, inner.usage["cpu"]) == ("brew", "worker-2", 40.0)


def test_a_damaged_database_leaves_the_log(tmp_path: Path) -> None:
    folder = Path(shutil.copytree(TRACES / "pegasus-database", tmp_path / "run0001"))
    (folder / "toy-0.stampede.db").write_bytes(b"SQLite format 3\0" + b"x" * 5000)
    assert len(one_trace(str(folder)).last) == 3


def test_a_cut_log_is_a_run_without_an_end_unless_dagman_tells_it(folder: Path) -> None:
    log = folder / "jobstate.log"
    log.write_text(log.read_text().partition(f"{BEGIN + 90} ")[0] + "17673")
    trace = one_trace(str(folder))
    assert trace.status == "running"
    assert trace.notices[0].text.endswith("ends early")
    told = {"exitcode": 0, "start_time": BEGIN, "end_time": BEGIN + 95.5}
    (folder / "toy-0.dag.metrics").write_text(json.dumps(told))
    ended = one_trace(str(folder))
    assert (ended.status, ended.end) == ("succeeded", BEGIN + 95.5)
    assert "before the run did" in ended.notices[-1].text


@pytest.mark.parametrize(
    ("file", "line", "reason"),
    [
        ("jobstate.log", "soon grind SUBMIT 9.0 local - 2", "no time since 1970"),
        ("jobstate.log", "1767323060 grind SUBMIT", "has 3 words"),
        ("jobstate.log", "1767323060 grind SUBMIT 9.0 local - two", "the turn is 'two'"),
        ("toy-0.dag", "PARENT a b", "PARENT has no CHILD"),
    ],
)
def test_a_broken_line_is_named(file: str, line: str, reason: str, folder: Path) -> None:
    place = folder / file
    lines = place.read_text().splitlines()
    place.write_text("\n".join([*lines[:2], line, *lines[2:]]) + "\n")
    with pytest.raises(TraceError, match=reason) as caught:
        one_trace(str(folder))
    assert (caught.value.file, caught.value.line) == (f"{folder}/{file}", 3)
