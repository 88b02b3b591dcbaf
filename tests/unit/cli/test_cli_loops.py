"""Loops and conditions on the command line: limits, `why`, `logs`, `run --resume`."""

from __future__ import annotations

from pathlib import Path

import pytest
from commandline import done, run

CODE = """\
def halved(x: float) -> float:
    print("halving", x)
    return x / 2


def small(x: float) -> bool:
    return x < 1


def negative(x: float) -> bool:
    return x < 0


def flipped(x: float) -> float:
    return -x
"""
LOOP = """\
lamina: workflow/1
name: halves
inputs: {x: {type: float, default: 16.0}}
tasks:
  go:
    do: loop
    until: done
    most: MOST
    workflow:
      name: body
      inputs: {x: float}
      tasks:
        half: {do: python, function: "code.py:halved", in: {x: x}}
        small: {do: python, function: "code.py:small", in: {x: half}}
      outputs: {x: half, done: small}
    in: {x: x}
outputs: {x: go}
"""
CHOICE = """\
lamina: workflow/1
name: choice
inputs: {x: {type: float, default: 16.0}}
tasks:
  negative: {do: python, function: "code.py:negative", in: {x: x}}
  flip:
    do: choose
    then:
      name: flipped
      inputs: {x: float}
      tasks: {flipped: {do: python, function: "code.py:flipped", in: {x: x}}}
      outputs: {x: flipped}
    in: {when: negative, x: x}
outputs: {x: flip}
"""


@pytest.fixture
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    (tmp_path / "code.py").write_text(CODE)
    (tmp_path / "loop.yaml").write_text(LOOP.replace("MOST", "3"))
    (tmp_path / "choice.yaml").write_text(CHOICE)
    monkeypatch.chdir(tmp_path)
    return tmp_path


def test_a_loop_that_is_not_done_says_how_to_go_on_and_that_works(here: Path) -> None:
    failed = run("run", "loop.yaml", "-q")
    assert failed.code == 1
    assert "task 'go' failed: it is not done after 3 iterations" in failed.err
    assert "then run the workflow again: what is finished is reused\n" in failed.err
    assert "lamina resume" not in failed.err
    (here / "loop.yaml").write_text(LOOP.replace("MOST", "9"))
    again = done("run", "loop.yaml", "-q", "--json").json
    assert (again["outputs"], again["reused"]) == ({"x": 0.5}, 6)
    assert "attempt 2\n" in run("resume", last_failed()).err


def last_failed() -> str:
    runs = done("ls", "--json").json["runs"]
    name: str = next(one["name"] for one in runs if one["status"] == "failed")
    return name


def test_resuming_a_document_that_has_changed_is_refused(here: Path) -> None:
    run("run", "loop.yaml", "-q")
    other = run("run", "loop.yaml", "-q", "--resume", "-p", "x=4")
    assert (other.code, "was given another x" in other.err) == (2, True)
    same = run("run", "loop.yaml", "-q", "--resume", "-p", "x=16")
    assert (same.code, "not done after 3" in same.err) == (1, True)
    (here / "loop.yaml").write_text(LOOP.replace("MOST", "9"))
    changed = run("run", "loop.yaml", "-q", "--resume")
    assert changed.code == 2
    assert f"loop.yaml has changed since the run {last_failed()} began" in changed.err
    assert "run it without --resume: what is finished is reused" in changed.err


def test_why_of_a_loop_tells_what_is_inside_of_it(here: Path) -> None:
    run("run", "loop.yaml", "-q")
    (here / "loop.yaml").write_text(LOOP.replace("MOST", "9"))
    done("run", "loop.yaml", "-q")
    told = done("why", "go").out.splitlines()
    assert told[0].endswith(": of the tasks inside of it 4 ran and 6 were reused")
    assert told[1:] == [
        "  go/half: 3 x reused, 2 x not run before",
        "  go/small: 3 x reused, 2 x not run before",
    ]
    one = done("why", "go#4").out.splitlines()
    assert one[0].startswith("go#4 in ") and one[1] == "  go/half: 1 x not run before"
    failed = done("why", f"{last_failed()}/go").out
    assert "of the tasks inside of it 6 ran and 0 were reused" in failed
    assert "go/half, go/small" in run("why", "gone").err


def test_why_of_a_condition_tells_which_branch_ran(here: Path) -> None:
    done("run", "choice.yaml", "-q")
    assert "did not run, its condition took no branch that has tasks" in done("why", "flip").out
    done("run", "choice.yaml", "-q", "-p", "x=-1")
    assert done("why", "flip").out.splitlines()[1] == "  flip/flipped: 1 x not run before"


def test_a_task_alone_is_one_of_the_newest_run(here: Path) -> None:
    run("run", "loop.yaml", "-q")
    assert done("logs", "go#1/half").out.splitlines()[1:] == ["halving 8.0"]
    assert done("logs", "go").out.count("halving") == 3
    assert "3: 3 succeeded" in done("stats", "go/half").out
    assert "unknown run 'gone'" in run("logs", "gone").err
