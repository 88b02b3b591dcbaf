"""`lamina diagnose` without labels: learnt from good runs, measured, and asked."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from commandline import done, run

from lamina.testing.disturbed import made_run, made_runs, slower, write_csv

pytestmark = pytest.mark.usefixtures("elsewhere")


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["--device", "tpu"], "there is no device 'tpu'"),
        (["--detector", "slow-down", "--device", "tpu"], "there is no device 'tpu'"),
        (["--detector", "magic"], "unknown detector 'magic'"),
        (["--split", "halves"], "unknown split 'halves'"),
        (["--set", "size"], "--set 'size' is no NAME=VALUE"),
    ],
)
def test_what_there_is_not_is_told_before_runs_are_read(words: list[str], said: str) -> None:
    told = run("diagnose", "train", "--traces", "gone.csv", *words)
    assert (told.code, said in told.err, "gone.csv" in told.err) == (2, True, False)


@pytest.fixture
def learnt(good: Path, tmp_path: Path) -> Path:
    file = tmp_path / "small.novelty"
    done("diagnose", "train", "--traces", good, "--detector", "slow-down", "-o", file)
    return file


def test_good_runs_alone_are_learnt_from(good: Path) -> None:
    options = ("--detector", "slow-down", "--set", "false_alarms=0.1", "--json")
    told = json.loads(done("diagnose", "train", "--traces", good, *options).out)
    assert told["detector"] == "slow-down"
    assert told["runs"] == 12
    assert told["false_alarms"] == 0.1


def test_a_run_is_strange_to_what_was_learnt_and_says_why(learnt: Path, bad: Path) -> None:
    told = json.loads(done("diagnose", bad, "--detector", learnt, "--json").out)["novelty"]
    assert told["strange"]
    assert told["runs"] == 12
    assert {"stage_in", "queue"} & {one["phase"] for one in told["reasons"][:2]}
    lines = done("diagnose", bad, "--detector", learnt).out
    assert "the run is strange beside 12 good runs" in lines
    assert "of it: " in lines


def test_a_good_run_is_not_strange(learnt: Path, tmp_path: Path) -> None:
    fine = write_csv(made_runs(13)[12], tmp_path)
    told = json.loads(done("diagnose", fine, "--detector", learnt, "--json").out)["novelty"]
    assert not told["strange"]
    assert told["reasons"] == []


def test_enough_good_runs_beside_a_run_tell_unasked(good: Path, bad: Path) -> None:
    told = json.loads(done("diagnose", bad, "--against", good, "--json").out)
    assert told["novelty"]["strange"]
    few = sorted(good.rglob("*.csv"))[:6]
    against = [part for file in few for part in ("--against", file)]
    assert json.loads(done("diagnose", bad, *against, "--json").out)["novelty"] is None


def test_labelled_runs_measure_what_was_learnt(learnt: Path, tmp_path: Path) -> None:
    for number, one in enumerate(made_runs(6), 1):
        write_csv(one, tmp_path / "labelled", number)
        slow = made_run(slower(3.0, "stage_in"), 50 + number, "loss_3")
        write_csv(slow, tmp_path / "labelled", number)
    command = ("diagnose", "evaluate", learnt, "--traces", tmp_path / "labelled")
    told = json.loads(done(*command, "--json").out)
    assert told["by_class"]["loss"]["roc_auc"] == 1.0
    assert told["by_label"]["loss_3"]["n"] == 6
    assert told["normal"]["n"] == 6
    assert "loss_3" in done(*command).out


def test_too_few_good_runs_and_foreign_runs_are_refused(
    learnt: Path, bad: Path, good: Path, tmp_path: Path
) -> None:
    few = sorted(good.rglob("*.csv"))[0]
    told = run("diagnose", "train", "--traces", few, "--detector", "slow-down")
    assert told.code == 2
    assert "1 runs are too few to know what is normal" in told.err
    told = run("diagnose", "evaluate", learnt, "--traces", bad)
    assert told.code == 2
