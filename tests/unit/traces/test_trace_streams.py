"""Logs of DAGMan and event streams of Pegasus: retries, holds, lines that are broken or cut."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from lamina.errors import TraceError
from lamina.traces.readers.collecting import traces_in
from lamina.traces.trace import Trace
from lamina.workspace.traces import one_trace

TRACES = Path(__file__).resolve().parents[2] / "golden" / "traces"
LOG, STREAM = TRACES / "toy-0.dag.dagman.out", TRACES / "toy-0.bp"


def _changed(folder: Path, sample: Path, old: str, new: str) -> Path:
    text = sample.read_text()
    assert old in text
    copy = folder / sample.name
    copy.write_text(text.replace(old, new, 1))
    return copy


def _broken(path: Path) -> str:
    (error,) = traces_in(path)
    assert isinstance(error, TraceError)
    assert path.name in error.file
    return f"{error.line}: {error.reason}"


@pytest.mark.parametrize("sample", [LOG, STREAM])
def test_a_retry_is_an_attempt_of_its_own(sample: Path) -> None:
    tries = [one for one in one_trace(str(sample)).attempts if one.kind == "grind"]
    assert [(one.number, one.status, one.exit) for one in tries] == [
        (1, "failed", 2),
        (2, "succeeded", 0),
    ]


def test_times_of_dagman_are_those_of_the_events_not_of_its_looking() -> None:
    trace = one_trace(str(LOG))
    first = trace.last["create_dir_toy_0_local"]
    assert [(one.name, one.begin - trace.begin, one.end - trace.begin) for one in first.phases] == [
        ("pre_script", 1, 3), ("submit", 3, 3), ("queue", 3, 6), ("run", 6, 11),
        ("post_script", 15, 17),
    ]  # fmt: skip


def test_a_signal_is_a_negative_exit_code() -> None:
    assert one_trace(str(LOG)).last["brew_ID0000002"].exit == -9


def test_a_job_that_is_held_says_why(tmp_path: Path) -> None:
    text = LOG.read_text()
    cut = tmp_path / LOG.name
    cut.write_text(text[: text.index("01/02/26 03:04:34")])  # before it is released
    trace = one_trace(str(cut))
    assert trace.status == "running"
    assert trace.planned == 3


def test_a_hold_that_was_released_is_no_cause_of_what_failed_later() -> None:
    (first, _) = [one for one in one_trace(str(LOG)).attempts if one.kind == "grind"]
    assert first.error["cause"] == "job failed with exit code 2"


def test_a_job_removed_while_it_was_held_tells_the_hold(tmp_path: Path) -> None:
    path = _changed(tmp_path, LOG, "ULOG_JOB_RELEASED", "ULOG_JOB_ABORTED")
    path.write_text(path.read_text().partition("01/02/26 03:04:39")[0])
    (first,) = [one for one in one_trace(str(path)).attempts if one.kind == "grind"]
    assert (first.status, first.error["cause"]) == (
        "cancelled", "held: the disk of worker-1 is full",
    )  # fmt: skip


def test_a_run_that_somebody_removed_is_cancelled(tmp_path: Path) -> None:
    path = _changed(tmp_path, LOG, "**** condor", "Received SIGUSR1\n01/02/26 03:05:44 **** condor")
    assert one_trace(str(path)).status == "cancelled"


def test_a_dagman_that_started_again_runs(tmp_path: Path) -> None:
    path = tmp_path / LOG.name
    start = "01/02/26 03:09:05 ** condor_scheduniv_exec.70.0 (CONDOR_DAGMAN) STARTING UP\n"
    path.write_text(LOG.read_text() + start)
    assert one_trace(str(path)).status == "running"


def test_an_event_of_dagman_without_a_job_is_told_with_its_line(tmp_path: Path) -> None:
    path = _changed(tmp_path, LOG, "for HTCondor Node create_dir_toy_0_local (71.0.0)", "")
    assert _broken(path) == "14: 'Event: ULOG_SUBMIT  {01/02/26 03:04:08}' names no job"


def test_a_time_of_dagman_that_is_none_is_told_with_its_line(tmp_path: Path) -> None:
    path = _changed(tmp_path, LOG, "{01/02/26 03:04:08}", "{13/45/26 03:04:08}")
    assert _broken(path) == "14: '13/45/26 03:04:08' is no time"


def test_a_log_of_dagman_without_jobs_is_refused(tmp_path: Path) -> None:
    path = tmp_path / LOG.name
    path.write_text("\n".join(LOG.read_text().split("\n")[:9]) + "\n")
    assert _broken(path) == "0: it tells of no job that was submitted"


@pytest.mark.parametrize(
    ("old", "new", "reason"),
    [
        ("ts=2026-01-02T03:04:05", "ts=noon", "2: 'noon.000000Z' is no time"),
        ("exitcode=2", "exitcode=two", "25: exitcode is 'two', not a number"),
        ("job.id=grind_ID0000001 job_inst.id=2", "job_inst.id=2", "20: the event tells no job.id"),
        ("event=stampede.xwf.start", "xwf.start", "7: "),
        ("parent.job.id=create_dir_toy_0_local", "parent.job.id=grind_ID0000001", "5: a job waits"),
    ],
)
def test_what_is_wrong_with_an_event_is_told_with_its_line(
    old: str, new: str, reason: str, tmp_path: Path
) -> None:
    text = STREAM.read_text()
    if old.startswith("ts="):  # the first line tells the format
        head, _, rest = text.partition("\n")
        path = tmp_path / STREAM.name
        path.write_text(f"{head}\n{rest.replace(old, new, 1)}")
    else:
        path = _changed(tmp_path, STREAM, old, new)
    assert _broken(path).startswith(reason)


def test_a_last_event_that_ends_early_is_noticed_and_the_others_read(tmp_path: Path) -> None:
    path = tmp_path / STREAM.name
    path.write_text(STREAM.read_text().rpartition("ts=")[0] + "ts=2026-01-0")
    trace = one_trace(str(path))
    assert trace.status == "running"
    assert [one.text for one in trace.notices] == [f"{path}, line 44 ends early"]


def test_values_in_quotes_hold_no_fields(tmp_path: Path) -> None:
    """The sample's argv says exitcode=7."""
    assert {one.exit for one in one_trace(str(STREAM)).attempts} == {0, 2}


def test_two_workflows_of_a_stream_are_two_runs(tmp_path: Path) -> None:
    path = tmp_path / STREAM.name
    text = STREAM.read_text()
    path.write_text(text + text.replace("xwf.id=6d0c", "xwf.id=77").replace("toy-0.dag", "two.dag"))
    found = [one for one in traces_in(path) if isinstance(one, Trace)]
    assert [one.run for one in found] == ["toy-0", "two"]


def test_a_submit_directory_without_jobstate_log_is_read_from_dagmans(tmp_path: Path) -> None:
    folder = Path(shutil.copytree(TRACES / "pegasus", tmp_path / "run0001"))
    (folder / "jobstate.log").unlink()
    shutil.copy(LOG, folder)
    (trace,) = (one for one in traces_in(folder) if isinstance(one, Trace))
    assert (trace.origin, trace.workflow, len(trace.attempts)) == ("pegasus", "toy", 4)
    assert "create_dir_toy_0_local" in trace.parents["grind_ID0000001"]
    assert [one.host for one in trace.attempts if one.kind == "grind"] == ["worker-1", "worker-2"]


def test_dagmans_log_beside_jobstate_log_is_no_run_more(tmp_path: Path) -> None:
    folder = Path(shutil.copytree(TRACES / "pegasus", tmp_path / "run0001"))
    alone = [one.attempts for one in traces_in(folder) if isinstance(one, Trace)]
    shutil.copy(LOG, folder)
    assert [one.attempts for one in traces_in(folder) if isinstance(one, Trace)] == alone
