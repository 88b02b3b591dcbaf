"""`lamina place simulate|explain|replay`: what they print, what programs read, what is refused."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from statistics import fmean

import pytest
from commandline import done, run
from placing_runs import write_log

from lamina.cli.scenario_options import listed
from lamina.estimates.placement_log import COLUMNS
from lamina.planning.policies import made
from lamina.planning.simulation.clock import Simulator
from lamina.planning.simulation.scenarios import Scenario

KEYS = (
    "ratio_oracle4", "ratio_oracle2", "exact", "within5", "p95_ratio", "gpu_seconds",
    "gpu_seconds_wasted", "probes", "decision_ms_p99",
)  # fmt: skip
SMALL = ("--batches", "12", "--seeds", "2")


def write(path: Path, *lines: str) -> Path:
    path.write_text("\n".join([*lines, ""]), encoding="utf-8")
    return path


def test_programs_read_these_keys_of_each_policy() -> None:
    found = done("place", "simulate", "--policy", "share,oracle", *SMALL, "--json").json
    assert set(found["policies"]) == {"share", "oracle"}
    for told in found["policies"].values():
        assert all(isinstance(told[key], float) for key in KEYS)
    assert found["policies"]["oracle"]["ratio_oracle4"] == pytest.approx(1.0, abs=0.02)
    assert (found["batches"], found["seeds"]) == (12, 2)


def test_equal_commands_give_equal_figures() -> None:
    words = ("place", "simulate", "--policy", "share,eft", *SMALL, "--json")
    first, second = (done(*words).json["policies"] for _ in range(2))
    for name in first:
        for told in (first[name], second[name]):
            del told["decision_ms_p99"], told["interval"]["decision_ms_p99"]
    assert first == second


def test_people_see_a_row_for_each_policy_and_what_its_columns_are() -> None:
    lines = done("place", "simulate", "--policy", "share,fixed:cpu", *SMALL).out.splitlines()
    assert lines[0].startswith("12 divisible batches of ")
    assert [line.split()[0] for line in lines[2:5]] == ["POLICY", "share", "fixed:cpu"]
    assert any(line.startswith("OF ORACLE2: ") and "gpu" in line for line in lines)


def test_a_workload_and_deployments_of_files_are_played(tmp_path: Path) -> None:
    sizes = write(tmp_path / "sizes.csv", "images", "3", "70")
    slow = write(tmp_path / "d.csv", "epoch,deploy_s", *(f"{60 * n},{500 + n}" for n in range(30)))
    words = ("place", "simulate", "--policy", "fixed:gpu1", *SMALL, "--json", "--workload", sizes)
    usual = done(*words).json
    told = done(*words, "--deployments", f"gpu1={slow}", f"gpu2={slow}").json
    assert usual["items"] == pytest.approx(36.5)
    assert usual["policies"]["fixed:gpu1"]["mean"] < 300.0
    assert told["policies"]["fixed:gpu1"]["mean"] > 500.0


def test_runtimes_of_a_profile_are_tried(tmp_path: Path) -> None:
    profile = write(
        tmp_path / "p.yaml",
        "lamina: placing/1",
        "runtimes:",
        "  barn: {kind: emulated, standby: true, capacity: 1, item: 1.0}",
        "  hall: {kind: emulated, devices: 1, deployment: [5, 9], item: 0.1}",
    )
    words = ("place", "simulate", *SMALL, "--profile", profile, "--json", "--policy")
    found = done(*words, "share,fixed:hall").json
    assert found["runtimes"] == ["barn", "hall"]
    assert "ratio_oracle2_hall" in found["policies"]["share"]
    refused = run(*words, "fixed:gpu1")
    assert "there is no runtime 'gpu1'" in refused.err


def test_options_for_files_take_one_value_or_several() -> None:
    words = ["--deployments", "a=1", "b=2", "--json", "--bandwidth", "x", "--bandwidth", "y", "z"]
    assert listed(words) == [
        "--deployments", "a=1", "--deployments", "b=2", "--json",
        "--bandwidth", "x", "--bandwidth", "y", "--bandwidth", "z",
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("--policy", "shar"), "unknown policy 'shar'"),
        (("--policy", ","), "--policy names no policy"),
        (("--policy", "share,share"), "names 'share' twice"),
        (("--policy", "fixed"), "without a runtime"),
        (("--policy", "fixed:moon"), "there is no runtime 'moon'"),
        (("--policy", "eft:3"), "has no setting"),
        (("--seeds", "0"), "--seeds is 0"),
        (("--batches", "0"), "0 batches"),
        (("--period", "-3"), "one every -3.0 s"),
        (("--clock", "mine"), "clock 'mine'"),
        (("--regime", "wild"), "unknown regime 'wild'"),
        (("--deployments", "gpu1.csv"), "is not RUNTIME=FILE"),
        (("--deployments", "gpu1=a", "gpu1=b"), "names 'gpu1' twice"),
        (("--deployments", "gpu1=/nowhere.csv"), "nowhere.csv"),
        (("--bandwidth", "/nowhere.json"), "nowhere.json"),
        (("--workload", "/nowhere.csv"), "nowhere.csv"),
        (("--profile", "/nowhere.yaml"), "nowhere.yaml"),
        (("--faults", "failures"), "--faults 'failures' is not NAME=PART"),
        (("--faults", "failures=often"), "say --faults failures=0.02"),
        (("--faults", "failure=0.1"), "did you mean 'failures'?"),
        (("--faults", "failures=1.5"), "failures is 1.5"),
        (("--faults", "hangs=-0.1"), "give a part of at least 0, below 1"),
        (("--faults", "breaks=0.1,breaks=0.2"), "names 'breaks' twice"),
        (("--outage", "gpu1"), "--outage 'gpu1' is not RUNTIME:FROM-TO"),
        (("--outage", "gpu1:9-2"), "it ends after it begins"),
        (("--outage", "moon:1-2"), "unknown runtime 'moon'"),
        (("--outage", "edge:1-2"), "an outage of 'edge', which stands ready"),
    ],
)
def test_what_cannot_be_tried_is_refused_in_words(words: Sequence[str], said: str) -> None:
    ran = run("place", "simulate", *SMALL, *words)
    assert ran.code == 2
    assert said in ran.err
    assert "Traceback" not in ran.err


def test_a_file_that_is_not_there_is_told_in_words_without_error_numbers() -> None:
    ran = run("place", "simulate", *SMALL, "--workload", "/nowhere.csv")
    assert "'/nowhere.csv' cannot be read: No such file or directory" in ran.err
    assert "Errno" not in ran.err and "way out: give" in ran.err


def test_faults_of_the_command_line_befall_all_policies() -> None:
    words = ("place", "simulate", "--policy", "fixed:gpu1,share", *SMALL, "--json")
    plain, ill = (done(*words, *more).json for more in ((), ("--faults", "failures=0.5")))
    slower = [found["policies"]["fixed:gpu1"]["mean"] for found in (plain, ill)]
    assert slower[1] > slower[0]
    assert (plain["faults"], ill["faults"]) == ([], ["failures=0.5"])


def test_an_outage_of_the_command_line_keeps_a_runtime_away() -> None:
    words = ("place", "simulate", "--policy", "fixed:gpu1", "--batches", "6", "--seeds", "1")
    out = ("--outage", "gpu1:0-2000:hangs", "gpu2:5-6")
    plain, away = (done(*words, *more, "--json").json for more in ((), out))
    means = [found["policies"]["fixed:gpu1"]["mean"] for found in (plain, away)]
    assert means[1] > means[0] + 500.0
    assert "faults outage gpu1:0-2000:hangs outage gpu2:5-6; one seed" in done(*words, *out).out


@pytest.mark.parametrize(
    "lines", [("pictures", "3"), ("images", "three"), ("images", "-3"), ("images",), ()]
)
def test_a_workload_that_is_none_names_the_file(tmp_path: Path, lines: Sequence[str]) -> None:
    ran = run("place", "simulate", *SMALL, "--workload", write(tmp_path / "w.csv", *lines))
    assert ran.code == 2
    assert "w.csv" in ran.err


def test_an_explanation_has_stages_totals_chances_and_the_reason() -> None:
    found = done("place", "explain", "--items", "60", "--policy", "eft", "--json").json
    gpu = found["runtimes"]["gpu1"]
    assert set(gpu["stages"]) >= {"upload", "deployment", "processing"}
    assert gpu["total"]["p10"] < gpu["total"]["p50"] < gpu["total"]["p90"]
    assert sum(one["best"] for one in found["runtimes"].values()) == pytest.approx(1.0)
    assert found["choice"]["actions"][0].startswith("request ")
    assert found["choice"]["why"]
    assert "made-up runs" in found["learnt_from"]


def test_more_items_are_slower_where_each_takes_long() -> None:
    few, many = (
        done("place", "explain", "--items", count, "--json").json["runtimes"]
        for count in ("5", "500")
    )
    assert many["edge"]["total"]["p50"] > 10 * few["edge"]["total"]["p50"]
    assert many["edge"]["best"] < few["edge"]["best"]


def test_an_explanation_learns_from_a_log_and_from_a_run(tmp_path: Path) -> None:
    rows = [
        f"{1000 + 60 * n},{10 + n},{name},{t},1.0,{0 if name == 'base' else 9},{t},False"
        for n in range(8)
        for name, t in (("base", 30 + n), ("faraway", 20 + n))
    ]
    log = write(tmp_path / "log.csv", ",".join(COLUMNS), *rows)
    told = done("place", "explain", "--items", "12", "--log", log)
    assert told.out.splitlines()[0].endswith(f"learnt from 16 rows of {log}")
    assert [line.split()[0] for line in told.out.splitlines()[3:5]] == ["base", "faraway"]
    write_log(tmp_path / "placing.jsonl", batches=6)
    for where in (tmp_path / "placing.jsonl", tmp_path):
        told = done("place", "explain", "--items", "12", "--run", where)
        assert "learnt from 6 jobs of placing run" in told.out


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("--items", "0"), "has 0 items"),
        (("--items", "5", "--bytes", "-1"), "bytes"),
        (("--items", "5", "--policy", "oracle"), "outside of a simulation"),
        (("--items", "5", "--log", "a.csv", "--run", "b"), "both given"),
        (("--items", "5", "--run", "none"), "there is no placing run 'none'"),
        (("--items", "5", "--log", "none.csv"), "none.csv"),
        ((), "--items"),
    ],
)
def test_what_cannot_be_explained_is_refused(words: Sequence[str], said: str) -> None:
    ran = run("place", "explain", *words)
    assert ran.code == 2
    assert said in ran.err


def test_the_policy_of_a_run_does_again_what_it_did(tmp_path: Path) -> None:
    log = tmp_path / "placing.jsonl"
    write_log(log, "eft", batches=15, divisible=False)
    found = done("place", "replay", log, "--policy", "eft,share", "--seeds", "1", "--json").json
    assert found["policies"]["eft"]["mean"] == pytest.approx(found["logged"]["mean"], rel=1e-6)
    assert found["logged"]["policy"] == "eft"
    assert (found["known"], found["pairs"]) == (15, 60)
    assert found["unweighed"] == "eft left nothing to chance"


def test_shared_work_is_played_again_within_a_few_hundredths(tmp_path: Path) -> None:
    log = tmp_path / "placing.jsonl"
    write_log(log, "share", batches=15)
    found = done("place", "replay", log, "--policy", "share", "--seeds", "2", "--json").json
    assert found["policies"]["share"]["mean"] == pytest.approx(found["logged"]["mean"], rel=0.05)


def test_logged_chances_judge_a_policy_without_any_drawing(tmp_path: Path) -> None:
    log = tmp_path / "placing.jsonl"
    world = Scenario(batches=200, divisible=False, period=4000.0).world(3)
    write_log(log, "random", world=world)
    ledger = Simulator(world, made("fixed:gpu1")).run()
    truth = fmean(one.latency for one in ledger.outcomes.values())
    words = ("place", "replay", log, "--policy", "fixed:gpu1", "--seeds", "1")
    told = done(*words, "--json").json["weighed"]["fixed:gpu1"]
    assert 30 < told["same"] < 70
    assert told["effective"] == pytest.approx(told["same"])
    assert told["interval"][0] < truth < told["interval"][1]
    assert told["doubly_robust"] == pytest.approx(truth, rel=0.1)
    assert "BY CHANCES" in done(*words).out


def test_a_table_of_all_outcomes_makes_nothing_up(tmp_path: Path) -> None:
    rows = [
        f"{batch},{10 + batch},{name},{seconds + batch}"
        for batch in range(8)
        for name, seconds in (("edge", 40), ("cpu", 50), ("gpu1", 30))
    ]
    table = write(tmp_path / "t.csv", "batch,image_num,runtime,act_total", *rows)
    words = ("place", "replay", table, "--policy", "fixed:gpu1,fixed:edge,oracle", "--json")
    found = done(*words).json
    means = {name: told["mean"] for name, told in found["policies"].items()}
    # The first two batches are known before the others.
    assert means == pytest.approx({"fixed:gpu1": 34.5, "fixed:edge": 44.5, "oracle": 34.5})
    assert found["known"] == found["pairs"] == 18
    assert "nothing is made up" in done(*words[:-1]).out


@pytest.mark.parametrize(
    ("name", "lines", "said"),
    [
        ("a.csv", ("a,b", "1,2"), "no column epoch"),
        ("a.csv", ("batch,image_num,runtime,act_total", "0,x,edge,3"), "line 2"),
        ("a.csv", ("batch,image_num,runtime,act_total", "0,5,edge,3"), "it needs over 2"),
        ("a.csv", (), "a.csv"),
        ("a.jsonl", ("{}",), "line 1"),
        ("a.jsonl", ("",), "does not say how its run began"),
    ],
)
def test_a_record_that_is_none_is_refused(
    tmp_path: Path, name: str, lines: Sequence[str], said: str
) -> None:
    ran = run("place", "replay", write(tmp_path / name, *lines))
    assert ran.code == 2
    assert said in ran.err


def test_a_log_whose_lines_were_lost_is_refused(tmp_path: Path) -> None:
    log = tmp_path / "placing.jsonl"
    write_log(log, batches=6)
    lines = log.read_text().splitlines()
    first = next(at for at, line in enumerate(lines) if '"kind":"decision"' in line)
    write(log, *lines[:first], *lines[first + 1 :])
    ran = run("place", "replay", log, "--policy", "eft", "--seeds", "1")
    assert ran.code == 2
    assert "does not fit itself" in ran.err
