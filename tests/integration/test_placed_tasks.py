"""placement: auto, from the command line: where tasks go, why, and what the next run knows."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from importlib import import_module
from pathlib import Path
from typing import Any

import pytest

from lamina.data.sources import load
from lamina.workflow.document import read_workflow
from lamina.workflow.lint import lint
from lamina.workspace.lanes import lanes, placed_tasks
from lamina.workspace.project import Project

CODE = '''\
"""Work that takes as long as its place makes it."""

import os
import time


def pause() -> float:
    return float(os.environ.get("PAUSE", "0"))


def one(n: int) -> str:
    time.sleep(pause())
    return os.environ.get("PLACE", "usual")


def each(ns: list[int]) -> list[str]:
    found = []
    for n in ns:
        if n < 0:
            raise ValueError(f"{n} is below 0")
        time.sleep(pause() / 5)
        found.append(f"{n} {os.environ.get('PLACE', 'usual')}")
    return found


def fewer(ns: list[int]) -> list[int]:
    return ns[1:]
'''
PROFILE = """\
lamina: placing/1
runtimes:
  slow: {kind: local, standby: true, labels: [near], environment: {PAUSE: "1.2", PLACE: slow}}
  fast: {kind: local, standby: true, environment: {PAUSE: "0.1", PLACE: fast}}
"""
ONE = """\
lamina: workflow/1
name: one
inputs: {n: {type: int, default: 3}}
tasks:
  work: {do: python, function: "code.py:one", in: {n: n}, placement: PLACEMENT}
outputs: {r: work}
"""
MANY = """\
lamina: workflow/1
name: many
inputs: {ns: {type: "list[int]", default: [0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11]}}
tasks:
  work: {do: python, function: "code.py:FUNCTION", in: {ns: ns}, placement: {items: ns}}
outputs: {r: work}
"""


@pytest.fixture
def here(tmp_path: Path) -> Path:
    """A folder with workflows, their code and a profile."""
    (tmp_path / "code.py").write_text(CODE)
    (tmp_path / "profile.yaml").write_text(PROFILE)
    (tmp_path / "one.yaml").write_text(ONE.replace("PLACEMENT", "auto"))
    (tmp_path / "near.yaml").write_text(ONE.replace("PLACEMENT", "{labels: [near]}"))
    (tmp_path / "many.yaml").write_text(MANY.replace("FUNCTION", "each"))
    (tmp_path / "fewer.yaml").write_text(MANY.replace("FUNCTION", "fewer"))
    return tmp_path


def lamina(here: Path, *words: str, code: int = 0) -> str:
    """What the command prints."""
    alone = {**os.environ, "OMP_NUM_THREADS": "1"}
    command = [sys.executable, "-m", "lamina", *words]
    done = subprocess.run(command, cwd=here, env=alone, capture_output=True, text=True)
    assert done.returncode == code, done.stderr
    return done.stdout + done.stderr


def placed(here: Path, file: str, *words: str) -> Any:
    """The one output of a run with the profile."""
    told = lamina(here, "run", file, "--profile", "profile.yaml", "--no-cache", "--json", *words)
    return json.loads(told)["outputs"]["r"]


def test_a_task_goes_to_what_is_unknown_and_then_to_what_is_fast(here: Path) -> None:
    first = [placed(here, "one.yaml") for _ in range(2)]
    assert set(first) == {"slow", "fast"}
    assert [placed(here, "one.yaml") for _ in range(2)] == ["fast", "fast"]
    why = lamina(here, "why", "work")
    assert "placed on fast: expected" in why and "slow 1." in why
    assert "placed on" in lamina(here, "status", "last/work")
    trace = lamina(here, "trace", "--fields", "task,runtime,worker,placement")
    assert "fast" in trace and "fast/" in trace


def test_a_dry_run_says_where_a_task_would_go_and_why(here: Path) -> None:
    for _ in range(2):
        placed(here, "one.yaml")
    words = ("run", "one.yaml", "--profile", "profile.yaml", "--force-all", "-n")
    assert "on fast: expected" in lamina(here, *words)
    (task,) = json.loads(lamina(here, *words, "--json"))["tasks"]
    assert task["place"] == "fast"
    assert "slow 1." in task["reason"]


def test_a_dry_run_tells_the_seconds_of_the_place_and_those_of_every_runtime(here: Path) -> None:
    for _ in range(3):
        placed(here, "one.yaml")
    words = ("run", "one.yaml", "--profile", "profile.yaml", "--force-all", "-n", "--json")
    told = json.loads(lamina(here, *words))
    (task,) = told["tasks"]
    slow, fast = task["runtimes"]["slow"], task["runtimes"]["fast"]
    assert 0.1 < fast["low"] <= fast["seconds"] <= fast["high"]
    assert fast["seconds"] < 1.0 < slow["seconds"]
    assert task["place"] == "fast" and task["seconds"] == fast["seconds"]
    assert told["seconds"] == told["makespan"] == fast["seconds"]


def test_a_dry_run_says_so_where_seconds_are_those_of_runs_elsewhere(here: Path) -> None:
    lamina(here, "run", "one.yaml")
    words = ("run", "one.yaml", "--profile", "profile.yaml", "--force-all", "-n")
    assert "; its seconds are those of runs elsewhere" in lamina(here, *words)
    (task,) = json.loads(lamina(here, *words, "--json"))["tasks"]
    assert task["seconds"] is not None and set(task["runtimes"].values()) == {None}


def test_a_dry_run_of_shared_items_tells_what_each_runtime_would_take_alone(here: Path) -> None:
    for _ in range(2):
        placed(here, "many.yaml")
    words = ("run", "many.yaml", "--profile", "profile.yaml", "--force-all", "-n")
    shown = lamina(here, *words)
    (task,) = json.loads(lamina(here, *words, "--json"))["tasks"]
    alone = {name: one["seconds"] for name, one in task["runtimes"].items()}
    assert task["seconds"] <= min(alone.values())
    if " and " in task["place"]:
        assert "; alone " in shown and "slow" in shown.partition("; alone ")[2]


def test_rules_of_a_profile_hold_for_tasks_on_the_clock_of_runs(here: Path) -> None:
    profile = "runtimes: {slow: {}}\nscale: 10\nrules: {timeout: 50, tries: 3, pause: 0.2}\n"
    (here / "profile.yaml").write_text(profile)
    workflow = read_workflow(here / "one.yaml")
    home = Project(here / ".lamina")
    found = lanes(here / "profile.yaml", dict(placed_tasks(workflow)), home)
    rules = found.rules
    assert (rules.timeout, rules.tries, rules.pause, rules.look_again) == (5.0, 3, 0.02, 6.0)


def test_labels_keep_a_task_where_its_data_has_to_stay(here: Path) -> None:
    assert [placed(here, "near.yaml") for _ in range(2)] == ["slow", "slow"]


def test_the_project_may_have_a_profile(here: Path) -> None:
    lamina(here, "run", "one.yaml", "--no-cache")
    (here / "profile.yaml").rename(here / ".lamina/profile.yaml")
    told = json.loads(lamina(here, "run", "one.yaml", "--no-cache", "--json"))
    assert told["outputs"]["r"] in ("slow", "fast")


def test_without_a_profile_it_runs_like_all_others_and_that_is_told(here: Path) -> None:
    told = lamina(here, "run", "one.yaml")
    assert "usual" in told and "no profile names runtimes" in told
    assert "no profile: it runs here" in lamina(here, "run", "one.yaml", "-n", "--force-all")


def test_items_are_shared_and_each_comes_once_in_its_order(here: Path) -> None:
    for _ in range(2):
        found = placed(here, "many.yaml")
        assert [int(one.split()[0]) for one in found] == list(range(12))
    by = {place: sum(one.endswith(place) for one in found) for place in ("slow", "fast")}
    assert by["fast"] > by["slow"] > 0
    why = json.loads(lamina(here, "why", "work", "--json"))
    assert {name: did["items"] for name, did in why["did"].items()} == by


def test_an_item_that_fails_fails_its_task_with_its_own_words(here: Path) -> None:
    words = ("run", "many.yaml", "--profile", "profile.yaml", "-p", "ns=[1,2,-3,4]")
    assert "-3 is below 0" in lamina(here, *words, code=1)


def test_no_items_are_no_work(here: Path) -> None:
    assert placed(here, "many.yaml", "-p", "ns=[]") == []


def test_a_task_that_gives_fewer_values_than_items_is_told(here: Path) -> None:
    told = lamina(here, "run", "fewer.yaml", "--profile", "profile.yaml", code=1)
    assert "its output 'result' has 0 values for 1 items of 'ns'" in told
    assert "return one value for each item, or place the task as a whole" in told


def test_a_profile_that_cannot_be_met_is_refused_before_anything_runs(here: Path) -> None:
    (here / "far.yaml").write_text(ONE.replace("PLACEMENT", "{labels: [far]}"))
    told = lamina(here, "run", "far.yaml", "--profile", "profile.yaml", code=2)
    assert "needs a runtime with far" in told and "slow: near" in told
    told = lamina(here, "run", "one.yaml", "--profile", "none.yaml", code=2)
    assert "none.yaml" in told and "Traceback" not in told


def test_a_run_that_is_resumed_goes_on_with_its_profile(here: Path) -> None:
    broken = CODE.replace("def one(n: int) -> str:", "def one(n: int) -> str:\n    pause(1)")
    (here / "code.py").write_text(broken)
    lamina(here, "run", "one.yaml", "--profile", "profile.yaml", code=1)
    (here / "code.py").write_text(CODE)
    told = json.loads(lamina(here, "resume", "--json"))
    assert told["outputs"]["r"] in ("slow", "fast")


FOLDS = """\
lamina: workflow/1
name: shared-training
inputs:
  table: {type: table, default: iris}
  network: {type: network, default: 4-5-3}
  settings: {type: json, default: {epochs: 20, seed: 1, loss: cross-entropy}}
tasks:
  folds:
    do: train-folds
    in: {network: network, table: table, settings: settings}
    with: {target: species, folds: [1, 2, 3, 4, 5], plan: "kfold:5", options: {engine: fused}}
    placement: {items: folds}
  model:
    do: join-folds
    in: {network: network, table: table, settings: settings, folds: folds}
    with: {target: species, options: {engine: fused}}
outputs: {model: model, folds: folds}
"""


def test_a_training_is_shared_by_its_folds(here: Path) -> None:
    (here / "network.yaml").write_text(
        "lamina: network/1\nname: small\ninputs: {x: [4]}\nlayers:\n"
        "  - a: {layer: Linear, out_features: 5}\n  - b: {layer: ReLU}\n"
        "  - c: {layer: Linear, out_features: 3}\noutputs: [c]\n"
    )
    target = load("iris").names[-1]
    text = FOLDS.replace("4-5-3", "network.yaml").replace("species", target)
    (here / "folds.yaml").write_text(text)
    words = ("run", "folds.yaml", "--profile", "profile.yaml", "--no-cache", "--json", "-o", "out")
    lamina(here, *words)
    told = json.loads(lamina(here, *words))
    assert told["status"] == "succeeded"
    found = json.loads((here / "out/folds.json").read_text())
    assert [one["fold"] for one in found] == [1, 2, 3, 4, 5]
    did = json.loads(lamina(here, "why", "folds", "--json"))["did"]
    assert sum(one["items"] for one in did.values()) == 5
    shown = lamina(here, "models", "show", "out/model.lamina")
    mean = sum(one["metrics"]["accuracy"] for one in found) / 5
    assert f"{mean:.4f}" in shown


EXAMPLE = Path(__file__).parents[2] / "examples/placement"


def test_the_example_is_right_the_same_in_python_and_gives_the_same_wherever_it_runs(
    here: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.syspath_prepend(str(EXAMPLE))
    document = EXAMPLE / "primes.yaml"
    assert lint(document) == ()
    read, built = read_workflow(document), import_module("primes").primes()
    assert (built.name, built.inputs, built.edges) == (read.name, read.inputs, read.edges)
    assert [one.care for one in built.tasks] == [one.care for one in read.tasks]
    given = ("-p", "limits=[100, 1000, 2000]", "--json")
    profile = ("--profile", str(EXAMPLE / "profile.yaml"), "--no-cache")
    for more in ((), profile):
        told = json.loads(lamina(here, "run", str(document), *given, *more))
        assert told["outputs"]["density"] == [0.25, 0.168, 0.1515]


def test_a_task_that_needs_a_device_gets_a_runtime_with_one(here: Path) -> None:
    text = ONE.replace("PLACEMENT}", "auto, needs: {gpus: 1}}")
    (here / "device.yaml").write_text(text)
    told = lamina(here, "run", "device.yaml", "--profile", "profile.yaml", code=2)
    assert "needs a runtime with gpu" in told
    far = PROFILE.replace("fast: {kind: local,", 'fast: {kind: local, gpus: ["7"], devices: 1,')
    (here / "profile.yaml").write_text(far)
    assert [placed(here, "device.yaml") for _ in range(2)] == ["fast", "fast"]
