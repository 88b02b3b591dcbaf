"""`lamina traces` and `lamina timeline TRACE`."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest
from commandline import done, record, run

from lamina.testing.runs import RUNS

TRACES = Path(__file__).resolve().parents[2] / "golden" / "traces"


pytestmark = pytest.mark.usefixtures("elsewhere")


def test_few_runs_are_told_line_by_line_and_summed_up() -> None:
    told = done("traces", "read", TRACES / "labelled").out
    assert "toy-20260103T030405Z-run0002" in told
    assert "3 runs of toy: 15 jobs, 5 in a run" in told
    assert "cpu_2" in told


def test_json_tells_runs_labels_batches_and_makespans() -> None:
    told = done("traces", "read", "--json", TRACES / "labelled").json
    assert (told["runs"], told["jobs"]) == (3, 15)
    assert told["labels"]["cpu_2"]["runs"] == 2
    assert told["labels"]["cpu_2"]["makespan"]["median"] > 0
    assert set(told["batches"]) == {"toy-20260102T030405Z", "toy-20260103T030405Z"}
    assert told["broken"] == []
    assert {one["format"] for one in told["traces"]} == {"csv"}


def test_what_is_broken_is_named_and_the_exit_code_tells_it(tmp_path: Path) -> None:
    shutil.copytree(TRACES / "labelled" / "toy", tmp_path / "toy")
    place = tmp_path / "toy" / "normal" / "toy-20260102T030405Z-run0001.csv"
    place.write_text(place.read_text().replace("1767323064", "soon", 1))
    ran = run("traces", "read", "toy")
    assert ran.code == 1
    assert "2 runs of toy" in ran.out
    assert f"broken: {Path('toy/normal') / place.name}, line 3: column submit" in ran.err
    told = json.loads(run("traces", "read", "--json", "toy").out)
    assert told["broken"][0]["line"] == 3
    assert told["broken"][0]["file"] == f"toy/normal/{place.name}"


def test_a_made_up_schedule_is_said_to_be_one() -> None:
    assert "simulated" in done("traces", "read", TRACES / "wfformat-1.5.json").out
    assert "simulated" in done("timeline", TRACES / "wfformat-1.5.json").out


@pytest.mark.parametrize("suffix", ["txt", "svg", "html", "json"])
def test_a_trace_of_another_system_is_drawn(suffix: str, tmp_path: Path) -> None:
    target = tmp_path / f"chart.{suffix}"
    done("timeline", TRACES / "pegasus-database", "-o", target)
    assert "grind_ID0000001" in target.read_text()


def test_a_run_of_this_project_comes_before_a_folder_of_its_name(tmp_path: Path) -> None:
    record(tmp_path, RUNS["retried"]())
    (tmp_path / "brave-otter").mkdir()
    assert "word-count" in done("timeline", "brave-otter").out
    assert done("traces", "read", "--json", tmp_path / ".lamina").json["runs"] == 1
    assert done("traces", "read", "--json", "last").json["runs"] == 1


def test_a_trace_is_written_in_other_forms(tmp_path: Path) -> None:
    done("traces", "write", TRACES / "labelled", "-o", "phases.parquet")
    assert (tmp_path / "phases.parquet").stat().st_size > 1000
    done("traces", "write", TRACES / "pegasus", "-o", "run.json")
    assert json.loads((tmp_path / "run.json").read_text())["schemaVersion"] == "1.5"
    done("traces", "write", TRACES / "pegasus", "--as", "chrome", "-o", "events.json")
    assert json.loads((tmp_path / "events.json").read_text())["traceEvents"]


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["read", "gone.csv"], "there is no file 'gone.csv'"),
        (["write", "TRACES/nextflow.txt", "-o", "x.yaml"], "cannot be written as .yaml"),
        (["write", "TRACES/nextflow.txt", "-o", "x.json", "--as", "csv"], "unknown trace format"),
        (["write", "TRACES/labelled", "-o", "x.json"], "several"),
    ],
)
def test_mistakes_are_said_in_words(words: list[str], said: str) -> None:
    ran = run("traces", *(word.replace("TRACES", str(TRACES)) for word in words))
    assert ran.code == 2
    assert said in ran.err
    assert "way out" in ran.err


@pytest.mark.parametrize(
    "words",
    [
        ["timeline", "gone.csv"], ["stats", "gone.csv"], ["trace", "gone.csv"],
        ["diagnose", "./gone.csv"], ["diagnose", "TRACES/nextflow.txt", "--against", "./gone"],
        ["timeline", "runs/gone"], ["stats", "runs/gone"], ["diagnose", "runs/gone"],
    ],
)  # fmt: skip
def test_a_trace_that_is_not_there_is_said_to_be_a_file_that_is_not_there(
    words: list[str],
) -> None:
    ran = run(*(word.replace("TRACES", str(TRACES)) for word in words))
    assert ran.code == 2
    assert f"there is no file '{words[-1]}', and no run of that name" in ran.err


CSV = TRACES / "labelled" / "toy" / "cpu_2" / "toy-20260103T030405Z-run0002.csv"


def test_statistics_of_a_trace_tell_the_same_as_those_of_a_run() -> None:
    told = done("stats", CSV, "--json").json
    summary = told["summary"]
    assert (told["origin"], told["labels"]["label"]) == ("csv", "cpu_2")
    assert summary["tasks"] == summary["succeeded"] + summary["failed"] == 5
    assert summary["makespan"] == summary["wall"] > 0
    assert {one["name"] for one in summary["types"]} >= {"grind", "brew"}
    assert summary["critical_path"]["attempts"]
    shown = done("stats", CSV).out
    assert shown.startswith("toy  ·  toy-20260103T030405Z-run0002  ·  cpu_2")
    for word in ("makespan", "critical path", "PHASE", "TYPE", "at most"):
        assert word in shown


@pytest.mark.parametrize("form", ["tasks", "runtimes", "phases", "types", "hosts", "path"])
@pytest.mark.parametrize("name", ["pegasus", "wfformat-1.5.json", "parsl.db", "chrome.json"])
def test_every_form_of_statistics_takes_traces(form: str, name: str) -> None:
    assert done("stats", TRACES / name, "-s", form).out
    assert form in done("stats", TRACES / name, "-s", form, "--json").json


def test_statistics_say_that_a_schedule_was_made_up() -> None:
    assert "simulated" in done("stats", TRACES / "wfformat-1.5.json").out
    assert done("stats", TRACES / "wfformat-1.5.json", "--json").json["summary"]["simulated"]


def test_a_trace_does_not_tell_what_was_verified() -> None:
    refused = run("stats", CSV, "-s", "integrity")
    assert refused.code == 2
    assert "recorded run" in refused.err


def test_the_attempts_of_a_trace_are_filtered_like_those_of_a_run() -> None:
    rows = done("trace", CSV, "--fields", "unit,type,critical", "--json").json["attempts"]
    assert len(rows) == 5
    critical = done("trace", CSV, "--filter", "critical=yes", "--json").json["attempts"]
    assert 0 < len(critical) < 5
    assert "REASON" not in done("trace", CSV).out


def test_a_folder_of_many_runs_has_no_statistics_of_its_own() -> None:
    refused = run("stats", TRACES / "labelled")
    assert refused.code == 2
    assert "holds 3 runs" in refused.err


def test_two_traces_are_compared_and_the_verdict_comes_first() -> None:
    other = TRACES / "labelled" / "toy" / "normal" / "toy-20260102T030405Z-run0001.csv"
    lines = done("diff", other, CSV).out.splitlines()
    assert lines[0].startswith("A  toy-20260102T030405Z-run0001  normal")
    assert lines[2].startswith("B took ")
    told = done("diff", other, CSV, "--json").json["times"]
    assert told["verdict"] == lines[2]
    assert told["makespan_change"] == pytest.approx(
        told["runs"][1]["makespan"] - told["runs"][0]["makespan"]
    )


def test_a_recorded_run_is_compared_with_a_trace(
    tmp_path: Path,
) -> None:
    record(tmp_path, RUNS["retried"]())
    name = done("ls", "--json").json["runs"][0]["name"]
    told = done("diff", name, CSV, "--json").json
    assert set(told) == {"times"}
    assert "no type of job in common" in told["times"]["verdict"]
    assert "verdict" in done("diff", name, name, "--json").json["times"]


def test_a_run_that_an_archive_does_not_hold_is_told_with_one_that_it_does(tmp_path: Path) -> None:
    archive = Path(shutil.make_archive(str(tmp_path / "toy"), "zip", TRACES / "labelled", "toy"))
    refused = run("stats", f"{archive}:toy/cpu_2/toy-20260103T030405Z-run0009.csv")
    assert refused.code == 2
    assert "but 3 others" in refused.err
    assert "toy/cpu_2/toy-20260103T030405Z-run000" in refused.err.partition("way out")[2]
