"""`lamina run`, `lint`, `graph`: workflows from documents, their inputs, outputs and failures."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from commandline import done, run, train_small, write_rows

from lamina.nets.bundle import Bundle

WORKFLOW = """\
lamina: workflow/1
name: sums
inputs:
  numbers: {type: "list[float]", default: [1, 2, 3]}
  scale: {type: int, default: 2}
  word: {type: str, default: hello}
tasks:
  total:
    do: python
    function: tasks.py:total
    in: {numbers: numbers, scale: scale}
  shout:
    do: python
    function: tasks.py:shout
    in: {word: word}
outputs: {total: total, shout: shout}
"""

TASKS = """\
def total(numbers: list[float], scale: int) -> float:
    return scale * sum(numbers)

def shout(word: str) -> str:
    return loud(word)

def loud(word: str) -> str:
    if word == "bad":
        raise ValueError("no such word: bad")
    return word.upper()
"""

LOUD = """\
lamina: workflow/1
name: loud
tasks:
  loud:
    do: command
    argv: [sh, -c, "for i in 1 2 3; do echo line $i >&2; done; exit 7"]
    stdout: out
outputs: {out: loud}
"""


@pytest.fixture
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    (tmp_path / "sums.yaml").write_text(WORKFLOW, encoding="utf-8")
    (tmp_path / "tasks.py").write_text(TASKS, encoding="utf-8")
    (tmp_path / "loud.yaml").write_text(LOUD, encoding="utf-8")
    monkeypatch.chdir(tmp_path)
    return tmp_path


def test_a_workflow_runs_with_its_defaults(here: Path) -> None:
    ran = done("run", "sums.yaml")
    assert ran.out.splitlines()[:2] == ["total  12", "shout  HELLO"]
    assert "done    total" in ran.err


def test_parameters_are_read_by_the_types_of_the_inputs(here: Path) -> None:
    for numbers in ("1,2.5", "[1, 2.5]"):
        given = ("-p", f"numbers={numbers}", "-p", "scale=4", "-p", "word=a=b", "--json")
        found = done("run", "sums.yaml", *given).json
        assert found["outputs"] == {"total": 14.0, "shout": "A=B"}


def test_parameters_come_from_a_file_and_options_win(here: Path) -> None:
    (here / "p.yaml").write_text("scale: 10\nword: quiet\n", encoding="utf-8")
    found = done("run", "sums.yaml", "--params-file", "p.yaml", "-p", "word=loud", "--json").json
    assert found["outputs"] == {"total": 60.0, "shout": "LOUD"}


def test_json_has_these_keys(here: Path) -> None:
    ran = done("run", "sums.yaml", "--json")
    assert ran.err == ""
    assert list(ran.json) == [
        *("run", "id", "workflow", "status", "seconds", "done", "reused", "tasks", "outputs")
    ]
    assert list(ran.json["tasks"][0]) == ["task", "status", "start", "end"]


def test_outputs_are_written_into_a_folder(here: Path) -> None:
    ran = done("run", "sums.yaml", "-o", "made/here", "-q")
    assert "-> made/here/total.json" in ran.out
    assert ran.err == ""
    assert json.loads((here / "made/here/total.json").read_text(encoding="utf-8")) == 12.0


@pytest.mark.parametrize("place", [("-o", "taken"), ("--report", "taken/page.html")])
def test_results_without_a_place_are_refused_before_anything_is_recorded(
    place: tuple[str, str], here: Path
) -> None:
    (here / "taken").write_text("mine", encoding="utf-8")
    refused = run("run", "sums.yaml", *place)
    assert (refused.code, "taken" in refused.err) == (2, True)
    done("run", "sums.yaml", "-q")
    assert run("spin", "total", *place).code == 2
    assert run("resume", *place).code == 2
    assert len(done("ls", "--json").json) == 1


def test_a_dry_run_tells_and_runs_nothing(here: Path) -> None:
    ran = done("run", "sums.yaml", "-n", "-p", "word=bad")
    assert ran.out.splitlines()[-1] == "2 tasks would run, 0 are reused"
    found = done("run", "sums.yaml", "-n", "--json").json
    assert [task["task"] for task in found["tasks"]] == ["total", "shout"]
    assert (found["run"], found["reused"]) == (2, 0)


def test_a_failing_function_is_told_with_the_users_lines_only(here: Path) -> None:
    ran = run("run", "sums.yaml", "-p", "word=bad")
    assert ran.code == 1
    assert "task 'shout' failed: ValueError: no such word: bad" in ran.err
    assert 'tasks.py", line 9, in loud' in ran.err
    assert "site-packages" not in ran.err
    assert "lamina/execution" not in ran.err
    assert "way out: look at tasks.py:9 in loud" in ran.err


def test_a_failing_command_is_told_with_its_last_lines(here: Path) -> None:
    ran = run("run", "loud.yaml")
    assert ran.code == 1
    assert "task 'loud' failed: sh ended with exit code 7: line 3" in ran.err
    assert "  | line 1\n  | line 2\n  | line 3\n" in ran.err
    assert "attempts/loud~1/run.sh" in ran.err
    assert "lamina resume" in ran.err


def test_a_failure_as_json_names_task_and_details(here: Path) -> None:
    ran = run("run", "loud.yaml", "--json")
    found = json.loads(ran.err)
    assert list(found) == ["kind", "message", "way_out", "mistakes", "task", "details"]
    assert (ran.code, ran.out, found["task"]) == (1, "", "loud")
    assert found["details"].splitlines() == ["line 1", "line 2", "line 3"]


@pytest.mark.parametrize("form", ["text", "mermaid", "svg"])
def test_a_workflow_is_drawn(form: str, here: Path) -> None:
    drawn = done("graph", "sums.yaml", "--format", form).out
    assert "total" in drawn
    assert drawn.endswith("\n")
    assert not drawn.endswith("\n\n")


def test_the_form_of_a_drawing_follows_from_its_file(here: Path) -> None:
    assert done("graph", "sums.yaml", "-o", "pictures/sums.svg").out == "pictures/sums.svg\n"
    assert "<svg" in (here / "pictures/sums.svg").read_text(encoding="utf-8")
    done("graph", "papers-1", "-o", "net.mmd")
    assert "flowchart" in (here / "net.mmd").read_text(encoding="utf-8")


def test_lint_finds_nothing_in_sound_documents(here: Path) -> None:
    assert done("lint", "sums.yaml", "loud.yaml").out == "2 file(s), 0 finding(s)\n"


def test_lint_says_every_mistake_with_its_line_and_ends_with_2(here: Path) -> None:
    broken = WORKFLOW.replace("tasks.py:total", "tasks.py:nothing").replace("word: word", "w: word")
    (here / "broken.yaml").write_text(broken, encoding="utf-8")
    ran = run("lint", "sums.yaml", "broken.yaml")
    assert ran.code == 2
    assert "broken.yaml:8: error: " in ran.out
    assert "broken.yaml:12: error: " in ran.out
    found = json.loads(run("lint", "broken.yaml", "--json").out)["findings"]
    assert list(found[0]) == ["file", "line", "severity", "message"]


def test_a_table_and_models_are_inputs_by_file_or_name(
    here: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    train_small(here, "m")
    write_rows(here / "rows.csv", 9)
    (here / "predict.yaml").write_text(
        "lamina: workflow/1\nname: p\ninputs:\n  data: {type: table}\n  model: {type: model}\n"
        "tasks:\n  predict: {do: predict, in: {model: model, table: data}}\n"
        "outputs: {predictions: predict, same: model}\n",
        encoding="utf-8",
    )
    given = ("-p", "data=rows.csv", "-p", "model=m.lamina", "-o", "out")
    assert "table of 9 rows: row, prediction" in done("run", "predict.yaml", *given).out
    assert Bundle.load("out/same.lamina").digest == Bundle.load("m.lamina").digest


@pytest.mark.parametrize(
    ("option", "said"),
    [
        (("-m", "much"), "memory is 'much'; give a size such as 4 GB"),
        (("--gpus", "some"), "gpus is 'some'; give 2 for two of them, 0,3 for these"),
        (("-c", "0"), "-c 0 is no number of cores"),
    ],
)
def test_amounts_that_make_no_sense_are_refused_in_words(
    here: Path, option: tuple[str, str], said: str
) -> None:
    ran = run("run", here / "sums.yaml", "-n", *option)
    assert ran.code == 2
    assert said in ran.err
    assert "Traceback" not in ran.err


def test_a_run_that_keeps_going_gives_what_is_there_and_fails(here: Path) -> None:
    ran = run("run", here / "sums.yaml", "-p", "word=bad", "-k", "-o", "out", "--json")
    assert ran.code == 1
    assert ran.json["status"] == "failed"
    assert list(ran.json["outputs"]) == ["total"]
    assert json.loads(ran.err.splitlines()[-1])["task"] == "shout"
    assert [path.name for path in Path("out").iterdir()] == ["total.json"]
    told = run("run", here / "sums.yaml", "-p", "word=bad", "-k", "-q")
    assert told.out.splitlines()[0] == "total  12"
    assert "1 tasks done (1 reused), 1 failed in " in told.out
    assert "no such word: bad" in told.err
