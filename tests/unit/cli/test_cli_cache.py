"""`run -n`, `why`, `touch`, `clean`: what runs again, the reasons, and what can be deleted."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
from commandline import done, run

WORKFLOW = """\
lamina: workflow/1
name: chain
inputs:
  size: {type: int, default: 40000}
  text: {type: file, default: words.txt}
tasks:
  make:
    do: python
    function: tasks.py:make
    in: {size: size}
  double:
    do: python
    function: tasks.py:double
    in: {values: make}
  sizes:
    do: python
    function: tasks.py:parts
    in: {text: text}
  count:
    do: python
    function: tasks.py:count
    scatter: [word]
    in: {word: sizes}
  total:
    do: python
    function: tasks.py:total
    in: {values: double, counts: count}
outputs: {total: total}
"""

TASKS = """\
import numpy as np
from lib import scaled


def make(size: int) -> np.ndarray:
    log("make")
    return np.arange(size, dtype=np.float64)


def double(values: np.ndarray) -> np.ndarray:
    log("double")
    return scaled(values)


def parts(text: "Annotated[str, 'file']") -> list[str]:
    return open(text).read().split()


def count(word: str) -> int:
    return len(word)


def total(values: np.ndarray, counts: list[int]) -> float:
    log("total")
    return float(values.sum()) + sum(counts)


def log(name):
    with open(LOG, "a") as file:
        print(name, file=file)


LOG = "@LOG@"
"""

LIB = """\
def scaled(values):
    return values * 2.0
"""


@pytest.fixture
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A project; what ran is told by a file that tasks write to."""
    tasks = TASKS.replace("@LOG@", str(tmp_path / "log")).replace(
        "import numpy as np\n", "from typing import Annotated\nimport numpy as np\n"
    )
    (tmp_path / "chain.yaml").write_text(WORKFLOW, encoding="utf-8")
    (tmp_path / "tasks.py").write_text(tasks, encoding="utf-8")
    (tmp_path / "lib.py").write_text(LIB, encoding="utf-8")
    (tmp_path / "words.txt").write_text("one three", encoding="utf-8")
    monkeypatch.chdir(tmp_path)
    return tmp_path


def change(path: Path, old: str, new: str) -> None:
    """Edits a file."""
    text = path.read_text(encoding="utf-8")
    assert old in text
    path.write_text(text.replace(old, new), encoding="utf-8")


def steps(*options: str) -> dict[str, tuple[str, int, int]]:
    """Task -> reason, how many units would run, how many are reused."""
    found = done("run", "chain.yaml", "-n", "--json", *options).json
    return {step["task"]: (step["reason"], step["run"], step["reused"]) for step in found["tasks"]}


def ran(here: Path, *options: str) -> list[str]:
    """Runs the workflow; which of the heavy tasks ran."""
    (here / "log").write_text("", encoding="utf-8")
    done("run", "chain.yaml", "-q", *options)
    return (here / "log").read_text(encoding="utf-8").split()


def store_size(here: Path) -> int:
    """Bytes of the artifacts."""
    folder = here / ".lamina" / "artifacts"
    return sum(path.stat().st_size for path in folder.rglob("*") if path.is_file())


def test_a_first_dry_run_leaves_no_trace_and_runs_nothing(here: Path) -> None:
    found = steps()

    assert found["make"] == ("not run before", 1, 0)
    assert found["double"] == ("input values will be made", 1, 0)
    assert found["count"] == ("input word will be made", 1, 0)
    assert not (here / ".lamina").exists()
    assert not (here / "log").exists()


def test_a_dry_run_does_what_the_run_then_does(here: Path) -> None:
    assert ran(here) == ["make", "double", "total"]
    assert {reason for reason, _, _ in steps().values()} == {"reused"}
    assert steps()["count"] == ("reused", 0, 2)
    assert ran(here) == []

    change(here / "lib.py", "2.0", "3.0")
    found = steps()
    assert found["make"][0] == "reused"
    assert found["double"] == ("code changed: lib.py:1 (scaled)", 1, 0)
    assert found["total"] == ("input values will be made", 1, 0)
    assert ran(here) == ["double", "total"]


def test_a_dry_run_tells_what_changed_and_how_long_it_takes(here: Path) -> None:
    ran(here)
    (here / "words.txt").write_text("one three four", encoding="utf-8")

    assert steps()["sizes"] == ("input text changed", 1, 0)
    assert steps("-p", "size=50000")["make"] == ("param size 40000 -> 50000", 1, 0)
    assert steps("--force", "double")["double"] == ("forced", 1, 0)
    assert steps("--no-cache")["make"] == ("the cache is off", 1, 0)
    assert set(steps("--until", "double")) == {"make", "double"}
    told = done("run", "chain.yaml", "-n").out.splitlines()
    assert told[-1].startswith("at least 3 tasks would run")
    assert told[-1].endswith("2 are reused")
    plan = done("run", "chain.yaml", "-n", "--json").json
    assert all(step["seconds"] > 0 for step in plan["tasks"])


def test_part_of_a_scatter_is_reused(here: Path) -> None:
    ran(here)
    (here / "words.txt").write_text("one three four", encoding="utf-8")
    done("run", "chain.yaml", "-q", "--until", "sizes")

    assert steps()["count"] == ("1 of 3 run: not run before", 1, 2)


def test_an_edit_of_comments_runs_nothing_and_a_touched_file_neither(here: Path) -> None:
    ran(here)
    change(
        here / "lib.py",
        "def scaled(values):\n",
        '# Scales.\ndef scaled(values):\n    """Text."""\n',
    )
    os.utime(here / "words.txt", (1, 1))
    os.utime(here / "tasks.py", (1, 1))

    assert ran(here) == []


def test_a_dry_run_with_wrong_inputs_is_told(here: Path) -> None:
    assert "no input 'sise'" in run("run", "chain.yaml", "-n", "-p", "sise=3").err
    assert (
        "input 'size': 'x' cannot be read as int"
        in run("run", "chain.yaml", "-n", "-p", "size=x").err
    )
    assert "unknown task 'doubel'" in run("run", "chain.yaml", "-n", "--force", "doubel").err


def test_a_dry_run_is_fast_and_loads_little(here: Path) -> None:
    ran(here)
    program = (
        "import sys; sys.argv = ['lamina', 'run', '-n', 'chain.yaml']\n"
        "from lamina.cli.main import main\n"
        "try: main()\n"
        "except SystemExit: pass\n"
        "print([m for m in ('numpy', 'pyarrow', 'sqlalchemy', 'tasks') if m in sys.modules])"
    )
    told = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, check=True, timeout=60
    )

    assert told.stdout.splitlines()[-1] == "[]"


def test_why_tells_all_that_changed(here: Path) -> None:
    ran(here)
    first = done("ls", "--json").json["runs"][0]["name"]
    change(here / "lib.py", "2.0", "3.0")
    change(here / "tasks.py", "return scaled(values)", "return +scaled(values)")
    ran(here, "-p", "size=30000")

    told = done("why", "double").out.splitlines()
    found = done("why", "last/double", "--json").json

    assert "code changed" in told[0]
    assert f"compared with {first}:" in told
    assert [line.partition(":")[0] for line in found["changes"]] == [
        "code changed", "code changed", "input values changed",
    ]  # fmt: skip
    assert any(line.startswith("python 3") for line in found["same"])
    assert "param size 40000 -> 30000" in done("why", "make").out
    counted = done("why", "count").out
    assert "did not run, reused: its result is from" in counted
    assert "2 x reused" in counted


def test_why_of_a_first_run_and_of_unknown_tasks(here: Path) -> None:
    ran(here)

    assert "double in " in done("why", "double").out
    assert "ran, not run before" in done("why", "count[1]").out
    assert "unknown task 'doble'" in run("why", "doble").err
    assert run("why", "nobody/double").code == 2


def test_touch_accepts_old_outputs_and_is_recorded(here: Path) -> None:
    ran(here)
    change(here / "lib.py", "values * 2.0", "2.0 * values")
    assert steps()["double"][1] == 1

    told = done("touch", "chain.yaml").out

    assert "double: accepted (code changed: lib.py:1 (scaled))" in told
    assert steps()["double"] == ("reused: touched", 0, 1)
    assert ran(here) == []
    assert "touched" in done("why", "double").out
    change(here / "lib.py", "2.0 * values", "2.5 * values")
    assert steps()["double"] == ("code changed: lib.py:1 (scaled)", 1, 0)


def test_touch_of_one_task_and_of_a_run(here: Path) -> None:
    ran(here)
    change(here / "tasks.py", "np.arange(size, ", "np.arange(0, size, ")
    change(here / "lib.py", "values * 2.0", "2.0 * values")

    found = done("touch", "last", "make", "--json").json

    assert [one["task"] for one in found["accepted"]] == ["make"]
    assert [one["task"] for one in found["left"]] == ["double", "total"]
    assert ran(here) == ["double"]  # with the same output as before, so that total is reused


def test_touch_leaves_changed_inputs_alone(here: Path) -> None:
    ran(here)
    (here / "words.txt").write_text("four", encoding="utf-8")

    found = done("touch", "chain.yaml", "--json").json

    assert found["accepted"] == []
    assert found["left"][0]["reason"] == "input text changed"
    assert "unknown task" in run("touch", "chain.yaml", "nothing").err


def test_clean_deletes_what_lies_between(here: Path) -> None:
    ran(here)
    before = store_size(here)
    (here / "mine.txt").write_text("mine", encoding="utf-8")

    told = done("clean", "-n").out
    assert "would be freed" in told
    assert store_size(here) == before
    found = done("clean", "--json").json

    assert found["artifacts"] == 2
    assert found["bytes"] >= 2 * 40000 * 8
    assert store_size(here) <= before - found["bytes"]
    assert list((here / ".lamina" / "runs").iterdir()) == []
    assert (here / "words.txt").exists() and (here / "mine.txt").exists()
    # Without --keep-resume, what was deleted is no result any more.
    assert steps()["make"][1] == 1
    assert done("clean").out.splitlines()[-1] == "0 B freed"


def test_clean_that_keeps_results_runs_only_what_somebody_needs(here: Path) -> None:
    ran(here)
    done("clean", "--keep-resume")

    assert ran(here) == []
    assert steps()["make"] == ("reused, though its output was cleaned", 0, 1)
    change(here / "tasks.py", "+ sum(counts)", "- sum(counts)")
    found = steps()
    assert found["total"][1] == 1
    assert found["double"] == ("its output was cleaned, and total needs it", 1, 0)
    assert found["make"] == ("its output was cleaned, and double needs it", 1, 0)
    assert sorted(ran(here)) == ["double", "make", "total"]
    assert ran(here) == []


def test_an_interrupted_run_goes_on_after_a_clean(here: Path) -> None:
    change(here / "tasks.py", 'log("total")', 'log("total"); raise ValueError("not yet")')
    assert run("run", "chain.yaml", "-q").code == 1
    done("clean", "--keep-resume")
    (here / "log").write_text("", encoding="utf-8")
    change(here / "tasks.py", '; raise ValueError("not yet")', "")

    done("resume", "-q")

    assert (here / "log").read_text(encoding="utf-8").split() == ["total"]


def test_clean_of_some_runs_only(here: Path) -> None:
    ran(here)
    first = done("ls", "--json").json["runs"][0]["name"]
    ran(here, "-p", "size=20000")

    assert done("clean", "--older", "3", "--json").json["freed"] == 0
    found = done("clean", "--runs", first, "--json").json

    assert found["folders"] == 1
    assert found["artifacts"] == 2
    assert steps("-p", "size=20000")["make"] == ("reused", 0, 1)
    assert steps()["make"][1] == 1


def test_clean_leaves_a_running_run_alone(here: Path) -> None:
    from lamina.execution.lock import RunLock

    ran(here)
    record = done("ls", "--json").json["runs"][0]
    before = store_size(here)

    with RunLock(here / ".lamina" / "runs" / record["run"]):
        found = done("clean", "--json").json

    assert found["kept"] == [f"{record['name']} is running, and was left alone"]
    assert store_size(here) == before


def test_clean_of_outputs_too(here: Path) -> None:
    change(here / "chain.yaml", "outputs: {total: total}", "outputs: {total: total, values: make}")
    ran(here)
    assert done("clean", "--json").json["artifacts"] == 1
    assert done("clean", "--outputs", "--json").json["artifacts"] == 1
    assert json.dumps(steps()["make"][1]) == "1"


def test_where_nothing_was_run_there_is_nothing_to_clean(here: Path) -> None:
    assert done("clean").out == "0 B freed\n"
