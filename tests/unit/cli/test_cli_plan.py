"""`lamina plan`."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from commandline import done, run

from lamina.planning.planners import PLANNERS

EXAMPLES = Path(__file__).parents[3] / "examples"
TEN = EXAMPLES / "planning" / "ten-tasks.yaml"


def test_one_planner_prints_its_machines_and_its_chart() -> None:
    told = done("plan", TEN, "--planner", "lpod", "--deadline", "50")
    assert "ten-tasks: 10 tasks, 9 edges, none can end before 29.0 s (critical path)" in told.out
    assert "machine" in told.out
    assert "VM3-1" in told.out
    assert "10 tasks in 49.0 s" in told.out


def test_several_planners_are_compared() -> None:
    told = done("plan", TEN, "--planner", "heft, t-cluster").out.splitlines()
    assert told[2].split() == ["planner", "makespan", "over", "the", "bound", "cost", "machines",
                               "remark"]  # fmt: skip
    assert told[3].split() == ["heft", "29.0", "s", "1.000x", "50", "4"]
    assert told[4].split()[0] == "t-cluster"
    assert len(told) == 5


def test_all_planners_are_compared_as_json() -> None:
    told = done("plan", TEN, "--planner", "all", "--deadline", "1 min", "--json").json
    assert (told["tasks"], told["edges"], told["bound"], told["deadline"]) == (10, 9, 29.0, 60.0)
    assert [plan["planner"] for plan in told["plans"]] == list(PLANNERS.names())
    kept = {plan["planner"]: plan for plan in told["plans"]}
    assert kept["single-resource"]["least"] == 72
    assert {"makespan", "bound", "over_bound", "cost", "tasks", "machines"} < kept["lpod"].keys()
    assert sum(lease["cost"] for lease in kept["lpod"]["machines"]) == kept["lpod"]["cost"]


def test_a_deadline_that_cannot_be_kept_is_an_error_that_names_the_least() -> None:
    told = run("plan", TEN, "--planner", "lpod", "--deadline", "10")
    assert told.code == 1
    assert "finds no plan that ends by 10 s" in told.err
    assert "the least deadline that it reaches is 29 s" in told.err


def test_where_no_planner_keeps_the_goal_the_exit_code_says_so() -> None:
    told = run("plan", TEN, "--planner", "heft,cpop", "--budget", "7")
    assert told.code == 1
    assert "the least budget that it reaches is 50" in told.out


@pytest.mark.parametrize(
    ("arguments", "wrong"),
    [
        (("--planner", "hef"), "did you mean 'heft'?"),
        (("--deadline", "soon"), "--deadline is 'soon', not a time such as"),
        (("--budget", "-3"), "budget is -3"),
        (("--resources", "nothing.yaml"), "nothing.yaml"),
    ],
)
def test_what_cannot_be_understood_is_said(arguments: tuple[str, ...], wrong: str) -> None:
    told = run("plan", TEN, *arguments)
    assert told.code == 2
    assert wrong in told.err


def test_resources_of_a_file_take_the_place_of_the_problems_own(tmp_path: Path) -> None:
    profile = tmp_path / "machines.yaml"
    profile.write_text("resources: {VM2: {count: 2, price: 1}}")
    told = done("plan", TEN, "--resources", profile, "--json").json
    assert {slot["resource"] for slot in told["plans"][0]["tasks"]} == {"VM2"}


def test_an_instance_runs_on_the_cores_of_this_machine(tmp_path: Path) -> None:
    instance = tmp_path / "toy.json"
    tasks = [{"name": f"t{n}", "id": f"t{n}", "runtimeInSeconds": 30 * n} for n in range(1, 4)]
    body = {"name": "toy", "schemaVersion": "1.4", "workflow": {"tasks": tasks}}
    instance.write_text(json.dumps(body))
    told = done("plan", instance, "--json").json
    assert (told["problem"], told["tasks"], told["bound"]) == ("toy", 3, 90.0)
    assert {slot["resource"] for slot in told["plans"][0]["tasks"]} == {"core"}


def test_cores_that_are_not_planned_with_are_told(tmp_path: Path) -> None:
    instance = tmp_path / "wide.json"
    tasks = [
        {"name": f"t{n}", "id": f"t{n}", "runtimeInSeconds": 9, "coreCount": n} for n in (1, 2, 8)
    ]
    body = {"name": "wide", "schemaVersion": "1.4", "workflow": {"tasks": tasks}}
    instance.write_text(json.dumps(body))
    told = done("plan", instance)
    assert "2 tasks want more than one core (at most 8, t8); a machine runs one task" in told.out
    assert done("plan", instance, "--json").json["cores_not_planned"] == {"t8": 8.0, "t2": 2.0}
    assert "more than one core" not in done("plan", TEN).out


def test_a_workflow_without_runs_says_how_to_get_times(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    told = run("plan", EXAMPLES / "word-count.yaml")
    assert told.code == 2
    assert "no run time is known of 'read_lines', 'split'" in told.err
    assert "run it once" in told.err


def test_a_workflow_is_as_large_as_in_its_newest_run(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("word-count.yaml", "word_count.py", "words.txt"):
        (tmp_path / name).write_bytes((EXAMPLES / name).read_bytes())
    monkeypatch.chdir(tmp_path)
    done("run", "word-count.yaml", "-q", "-p", "parts=2")
    told = done("plan", "word-count.yaml", "--planner", "single-resource", "--json").json
    names = {slot["task"] for slot in told["plans"][0]["tasks"]}
    assert {"count[0]", "count[1]", "total[0]", "total[1]", "rank"} <= names
    assert "count[2]" not in names
    assert 0 < told["plans"][0]["makespan"] < 10


def test_a_workflow_takes_as_long_as_all_its_runs_let_expect(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "naps.py").write_text(
        "import time\n\ndef nap(seconds):\n    time.sleep(seconds)\n    return seconds\n"
    )
    (tmp_path / "flow.yaml").write_text(
        "lamina: workflow/1\nname: flow\ninputs: {seconds: json}\n"
        "tasks:\n  nap:\n    do: python\n    function: naps.py:nap\n"
        "    takes: {seconds: json}\n    gives: {seconds: json}\n    in: {seconds: seconds}\n"
    )
    monkeypatch.chdir(tmp_path)
    for seconds in ("0.4", "0.41", "0.42", "0.01"):
        done("run", "flow.yaml", "-q", "-p", f"seconds={seconds}")
    told = done("plan", "flow.yaml", "--json").json
    assert told["bound"] > 0.3
