"""Runs that go on, tasks that run again alone, runs that another process ends."""

from __future__ import annotations

import json
import subprocess
import sys
import time
from pathlib import Path

import pytest

from lamina.errors import ArtifactError, RunBusyError, UnknownNameError, UsageError
from lamina.execution.engine import Control
from lamina.workflow import log
from lamina.workspace import resumes, runs
from lamina.workspace.project import project

TASKS = """
import time
from pathlib import Path

def step(x: int, broken: bool, nap: float) -> int:
    with open("ran.txt", "a") as file:
        file.write(f"step {x}\\n")
    if broken and x == 2 and not Path("mended").exists():
        raise ValueError("two is broken")
    time.sleep(nap)
    return x + 1

def total(xs: list[int]) -> int:
    with open("ran.txt", "a") as file:
        file.write("total\\n")
    return sum(xs)
"""

WORKFLOW = """\
lamina: workflow/1
name: steps
inputs:
  xs: {type: "list[int]", default: [1, 2, 3]}
  broken: {type: bool, default: false}
  nap: {type: float, default: 0}
tasks:
  step: {do: python, function: "tasks.py:step", in: {x: xs, broken: broken, nap: nap}, scatter: [x]}
  total: {do: python, function: "tasks.py:total", in: {xs: step}}
outputs: {total: total}
"""


@pytest.fixture
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    (tmp_path / "steps.yaml").write_text(WORKFLOW, encoding="utf-8")
    (tmp_path / "tasks.py").write_text(TASKS, encoding="utf-8")
    monkeypatch.chdir(tmp_path)
    return tmp_path


def ran(folder: Path) -> list[str]:
    path = folder / "ran.txt"
    return path.read_text(encoding="utf-8").splitlines() if path.exists() else []


def lamina(*words: str) -> list[str]:
    return [sys.executable, "-m", "lamina", *words]


def test_a_failed_run_goes_on_with_what_is_missing(here: Path) -> None:
    session = runs.session(Path("steps.yaml"), {"broken": True}, {"keep_going": True, "cpus": 1})
    assert session.go(Control()).status == "failed"
    assert sorted(ran(here)) == ["step 1", "step 2", "step 3"]
    (here / "mended").touch()
    found = runs.ended(resumes.resumed("last"), None)
    assert found.outputs == {"total": 9}
    assert ran(here)[3:] == ["step 2", "total"]
    assert found.finished.record.id == session.record.id


def test_resuming_from_a_task_runs_it_and_its_readers_again(here: Path) -> None:
    runs.run(Path("steps.yaml"), {}, None, {"cpus": 1})
    runs.ended(resumes.resumed("last", ["total"]), None)
    assert ran(here)[-2:] == ["total", "total"]
    with pytest.raises(UnknownNameError, match="unknown task 'totals'"):
        resumes.resumed("last", ["totals"])


def test_what_changed_since_tasks_ended_is_said_and_their_results_stay(here: Path) -> None:
    failed = runs.session(Path("steps.yaml"), {"broken": True}, {"cpus": 1, "keep_going": True})
    failed.go(Control())
    told: list[log.Event] = []
    same = resumes.resumed("last", listeners=[told.extend])
    assert not same.notices
    tasks = (here / "tasks.py").read_text(encoding="utf-8")
    (here / "tasks.py").write_text(tasks.replace("x + 1", "x + 100"), encoding="utf-8")
    (here / "mended").write_text("")
    ended = runs.ended(resumes.resumed("last", listeners=[told.extend]), None)
    # Two results of the old text, one of the new.
    assert dict(ended.outputs) == {"total": 2 + 102 + 4}
    (noticed,) = [event for event in told if isinstance(event, log.Noticed)]
    assert (noticed.what, noticed.task) == ("changed since it ended", "step")
    assert noticed.text.startswith("code changed: tasks.py:5 (step); its result stays: lamina ")
    assert f"resume {failed.record.name} --from step" in noticed.text
    assert "steps: nothing was left to do, run" in runs.ended(resumes.resumed("last"), None).text()


def test_one_task_runs_alone_on_its_recorded_inputs(here: Path) -> None:
    runs.run(Path("steps.yaml"), {"xs": [5, 6]}, None, {"cpus": 1})
    found = runs.ended(resumes.spun("step[1]", "last"), None)
    assert dict(found.outputs) == {"result": 7}
    assert ran(here)[-1] == "step 6"
    with pytest.raises(UnknownNameError, match=r"step\[7\]"):
        resumes.spun("step[7]", project().store.runs()[1].name)


GROWING = """
from lamina.workflow import expand, task, workflow

@task
def size(x: int) -> int:
    with open("ran.txt", "a") as file:
        file.write(f"size {x}\\n")
    return x * x

@task
def halves(n: int) -> int:
    if n < 2:
        return n
    with workflow("halves") as w:
        given = w.input("n", "int")
        sizes = size.map(w.input("xs", "list[int]"))
        low = halves.named("low")(given)
        w.output("sum", both(sizes, low))
    return expand(w, n=n // 2, xs=list(range(n)))

@task
def both(sizes: list[int], low: int) -> int:
    return sum(sizes) + low
"""

GROWN = """\
lamina: workflow/1
name: grown
inputs: {ns: {type: "list[int]", default: [4, 5]}}
tasks:
  each: {do: python, function: "growing.py:halves", in: {n: ns}, scatter: [n]}
outputs: {sums: each}
"""


@pytest.fixture
def grown(here: Path) -> Path:
    (here / "growing.py").write_text(GROWING, encoding="utf-8")
    (here / "grown.yaml").write_text(GROWN, encoding="utf-8")
    runs.run(Path("grown.yaml"), {}, None, {"cpus": 1})
    return here


@pytest.mark.parametrize(
    ("unit", "result"),
    [
        ("each[0]/size[3]", 9),
        ("each[1]/low/size[1]", 1),  # reused from each[0]/low
        ("each[0]/low/both", 2),
        ("each[1]/low/low", 1),
        ("each[1]/low", 2),
    ],
)
def test_a_task_that_was_decided_on_during_the_run_runs_alone(
    grown: Path, unit: str, result: int
) -> None:
    run = project().store.runs()[0].name
    assert dict(runs.ended(resumes.spun(unit, run), None).outputs) == {"result": result}


def test_a_task_that_nobody_decided_on_is_named_beside_those_that_are_there(grown: Path) -> None:
    run = project().store.runs()[0].name
    with pytest.raises(UnknownNameError, match=r"each\[0\]/size\[9\]"):
        resumes.spun("each[0]/size[9]", run)
    with pytest.raises(UnknownNameError, match="unknown task 'each/sizes'"):
        resumes.resumed(run, ["each/sizes"])


def test_a_run_goes_on_from_a_task_that_was_decided_on(grown: Path) -> None:
    before = len(ran(grown))
    found = runs.ended(resumes.resumed("last", ["each/size"]), None)
    assert dict(found.outputs) == {"sums": [14 + 1 + 1, 30 + 1 + 1]}
    assert len(ran(grown)) - before == 4 + 5


def test_the_newest_run_that_did_not_end_well_is_found(here: Path) -> None:
    with pytest.raises(UsageError, match="no run of 'steps'"):
        resumes.continued(Path("steps.yaml"), {})
    failed = runs.session(Path("steps.yaml"), {"broken": True}, {"cpus": 1})
    failed.go(Control())
    runs.run(Path("steps.yaml"), {}, None, {"cpus": 1})
    session = resumes.continued(Path("steps.yaml"), {"broken": "true"})
    assert session.record.id == failed.record.id


def test_a_run_of_another_process_is_cancelled_and_cannot_be_driven_twice(here: Path) -> None:
    words = lamina("run", "steps.yaml", "-p", "nap=60", "--json")
    engine = subprocess.Popen(words, stderr=subprocess.PIPE, text=True)
    try:
        deadline = time.monotonic() + 30
        while len(ran(here)) < 1 and time.monotonic() < deadline:
            time.sleep(0.02)
        with pytest.raises(RunBusyError, match="another engine drives"):
            resumes.resumed("last").go(Control())
        found = resumes.cancel("last")
        assert found.ended
        _, told = engine.communicate(timeout=20)
    finally:
        engine.kill()
        engine.wait()
    assert engine.returncode == 130
    assert json.loads(told)["kind"] == "RunCancelledError"
    assert project().store.find("last").status == "cancelled"
    with pytest.raises(UsageError, match="is not running"):
        resumes.cancel("last")


TABLES = """\
lamina: workflow/1
name: rows
inputs: {data: {type: table, default: rows.csv}}
tasks:
  copy: {do: python, function: "rows.py:copy", in: {table: data}}
outputs: {rows: copy}
"""


def test_a_damaged_input_is_read_again_from_where_it_came(here: Path) -> None:
    (here / "rows.yaml").write_text(TABLES, encoding="utf-8")
    (here / "rows.py").write_text(
        "from lamina import Table\n\ndef copy(table: Table) -> int:\n    return table.rows\n",
        encoding="utf-8",
    )
    (here / "rows.csv").write_text("a,b\n" + "1,2\n" * 200, encoding="utf-8")
    runs.run(Path("rows.yaml"), {}, None, {"cpus": 1})
    ref = project().store.find("last").inputs["data"]
    kept = project().artifacts.objects.path(ref["digest"])
    for again, broken in ((True, b"PAR"), (False, b"x")):
        Path(kept).chmod(0o644)
        whole = Path(kept).read_bytes()
        Path(kept).write_bytes(broken + whole[len(broken) :])
        if again:
            found = runs.ended(resumes.resumed("last", ["copy"]), None)
            assert found.outputs == {"rows": 200}
            continue
        (here / "rows.csv").write_text("a,b\n1,2\n", encoding="utf-8")
        with pytest.raises(ArtifactError, match="input 'data'"):
            resumes.resumed("last", ["copy"])
