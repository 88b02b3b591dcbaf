"""Tasks of workflows in the pods of a function service: `lamina serve-function`, from outside."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from urllib.request import urlopen

import pytest

CODE = '''\
"""Work for pods."""

import os
import time
from pathlib import Path

from lamina.workflow.telling import tell


class Odd:
    """Nothing that could be read without running code."""


def each(ns: list[int]) -> list[str]:
    found = []
    for n in ns:
        if n < 0:
            raise ValueError(f"{n} is below 0")
        time.sleep(float(os.environ.get("PAUSE", "0")))
        found.append(f"{n} {os.environ.get('PLACE', 'usual')}")
    return found


def lines(text: Path, times: int = 2) -> tuple[Path, int]:
    told = text.read_text().splitlines() * times
    tell(lines=len(told))
    Path("told.txt").write_text("\\n".join(told))
    return Path("told.txt"), len(told)


def odd(n: int) -> object:
    return Odd()
'''
EACH = """\
lamina: workflow/1
name: each
inputs: {ns: {type: "list[int]", default: [0, 1, 2, 3, 4, 5]}}
tasks:
  work: {do: python, function: "code.py:each", in: {ns: ns}, placement: {items: ns}}
outputs: {r: work}
"""
LINES = """\
lamina: workflow/1
name: lines
inputs: {text: {type: file, default: text.txt}}
tasks:
  work:
    do: python
    function: "code.py:lines"
    in: {text: text}
    gives: {told: file, count: int}
    placement: auto
outputs: {r: work.told, n: work.count}
"""
ODD = """\
lamina: workflow/1
name: odd
tasks:
  work: {do: python, function: "code.py:odd", with: {n: 1}, placement: auto}
outputs: {r: work}
"""
NEAR = "near: {kind: local, standby: true, capacity: 1, environment: {PLACE: near}}"


@pytest.fixture
def here(tmp_path: Path) -> Path:
    """A folder with workflows and their code."""
    (tmp_path / "code.py").write_text(CODE)
    (tmp_path / "text.txt").write_text("one\ntwo\n")
    for name, text in (("each", EACH), ("lines", LINES), ("odd", ODD)):
        (tmp_path / f"{name}.yaml").write_text(text)
    return tmp_path


@contextmanager
def serving(here: Path, name: str, **variables: str) -> Iterator[str]:
    """The entry of a runtime whose pod serves a function while the block lasts."""
    (here / "token").write_text("a-secret")
    command = [sys.executable, "-m", "lamina", "serve-function", f"code.py:{name}"]
    command += ["--port", "0", "--token-file", "token"]
    alone = {**os.environ, "OMP_NUM_THREADS": "1", "PLACE": "pod", **variables}
    process = subprocess.Popen(command, cwd=here, env=alone, stdout=subprocess.PIPE, text=True)
    try:
        assert process.stdout is not None
        address = json.loads(process.stdout.readline())["address"]
        yield (
            f'pod: {{kind: http, address: "{address}", token: {{file: token}}, '
            f'function: "code.py:{name}"}}'
        )
    finally:
        process.terminate()
        process.communicate(timeout=20)


def idle(address: str) -> bool:
    """Whether a pod says that it has nothing to do."""
    with urlopen(f"{address}/ready", timeout=5) as answer:
        return bool(json.load(answer)["idle"])


def profile(here: Path, *runtimes: str, more: str = "") -> None:
    text = "\n".join(["lamina: placing/1", more, "runtimes:", *(f"  {one}" for one in runtimes)])
    (here / "profile.yaml").write_text(text + "\n")


def lamina(here: Path, *words: str, code: int = 0) -> str:
    """What the command prints."""
    alone = {**os.environ, "OMP_NUM_THREADS": "1"}
    command = [sys.executable, "-m", "lamina", *words]
    done = subprocess.run(command, cwd=here, env=alone, capture_output=True, text=True)
    assert done.returncode == code, done.stdout + done.stderr
    return done.stdout + done.stderr


def run(here: Path, name: str, *words: str, code: int = 0) -> str:
    """What a run with the profile prints."""
    place = ("--profile", "profile.yaml", "--no-cache")
    return lamina(here, "run", f"{name}.yaml", *place, *words, code=code)


def outputs(here: Path, name: str) -> Any:
    told = run(here, name, "--json")
    return json.loads(told[told.index("{") :])["outputs"]


def test_items_are_done_by_a_pod_and_the_next_run_knows_how_long_it_took(here: Path) -> None:
    with serving(here, "each") as pod:
        profile(here, pod)
        assert outputs(here, "each")["r"] == [f"{n} pod" for n in range(6)]
        shown = run(here, "each", "-n", "--force-all")
    assert "on pod: done in" in shown
    assert "placed on pod" in lamina(here, "why", "work")
    trace = lamina(here, "trace", "--fields", "task,runtime,worker")
    assert "pod/" in trace


def test_a_pod_shares_the_items_with_this_machine(here: Path) -> None:
    with serving(here, "each", PAUSE="0.1") as pod:
        near = NEAR.replace("PLACE: near", 'PLACE: near, PAUSE: "0.3"')
        profile(here, near, pod)
        found = outputs(here, "each")["r"]
    assert [int(one.split()[0]) for one in found] == list(range(6))
    assert {one.split()[1] for one in found} == {"near", "pod"}


def test_files_go_to_a_pod_and_come_back(here: Path) -> None:
    with serving(here, "lines") as pod:
        profile(here, pod)
        run(here, "lines", "-o", "out")
    assert (here / "out/r.txt").read_text() == "one\ntwo\none\ntwo"
    assert "4" in lamina(here, "status", "last/work")


def test_a_function_that_fails_in_a_pod_fails_its_task_with_its_own_words(here: Path) -> None:
    with serving(here, "each") as pod:
        profile(here, pod)
        told = run(here, "each", "-p", "ns=[1,-3]", code=1)
    assert "ValueError: -3 is below 0" in told
    assert "code.py" in told and "lamina/execution" not in told


def test_a_pod_with_other_code_is_refused_by_its_name(here: Path) -> None:
    with serving(here, "each") as pod:
        (here / "code.py").write_text(CODE.replace("is below 0", "is negative"))
        profile(here, pod)
        (here / "code.py").rename(here / "new.py")
        (here / "code.py").write_text(CODE)
        assert outputs(here, "each")["r"][0] == "0 pod"
        elsewhere = here / "elsewhere"
        elsewhere.mkdir()
        (elsewhere / "code.py").write_text((here / "new.py").read_text())
        (elsewhere / "each.yaml").write_text(EACH)
        (elsewhere / "token").write_text("a-secret")
        profile(elsewhere, pod)
        told = run(elsewhere, "each", code=1)
    assert "code.py:each is other code than the task's" in told
    assert "bring the pod's files up to date and start it again" in told


def test_what_would_run_code_when_it_is_read_does_not_travel(here: Path) -> None:
    with serving(here, "odd") as pod:
        profile(here, pod)
        told = run(here, "odd", code=1)
    assert "port 'result' cannot go between here and a pod" in told
    assert "hand over plain values, arrays, tables or files" in told


def test_a_pod_that_is_not_there_is_told_and_others_do_its_work(here: Path) -> None:
    with serving(here, "each") as pod:
        pass
    profile(here, NEAR, pod)
    told = run(here, "each")
    assert "runtime failed: pod: pod http://127.0.0.1:" in told
    assert "see that `lamina serve-function code.py:each` runs there" in told
    assert "0 near" in told and "5 near" in told


def test_a_task_that_no_pod_is_left_for_fails_with_the_reason(here: Path) -> None:
    with serving(here, "each") as pod:
        pass
    profile(here, pod, more="rules: {tries: 2, pause: 0.05, look_again: 0.1}")
    began = time.monotonic()
    told = run(here, "each", "--retries", "0", code=1)
    assert "all runtimes failed: pod: pod http://127.0.0.1:" in told
    assert time.monotonic() - began < 20.0


def test_a_pod_that_dies_at_work_leaves_its_items_to_others(here: Path) -> None:
    with serving(here, "each", PAUSE="0.2") as pod:
        profile(here, NEAR.replace("PLACE: near", 'PLACE: near, PAUSE: "0.6"'), pod)
        alone = {**os.environ, "OMP_NUM_THREADS": "1"}
        command = [sys.executable, "-m", "lamina", "run", "each.yaml", "--profile", "profile.yaml"]
        command += ["--no-cache", "-p", f"ns={list(range(12))}", "--json"]
        process = subprocess.Popen(command, cwd=here, env=alone, stdout=subprocess.PIPE, text=True)
        time.sleep(2.0)
    told, _ = process.communicate(timeout=60)
    found = json.loads(told)["outputs"]["r"]
    assert [int(one.split()[0]) for one in found] == list(range(12))
    assert found[0] == "0 near"


def test_a_task_that_runs_out_of_time_is_wanted_no_more_in_its_pod(here: Path) -> None:
    slow = EACH.replace("placement: {", "needs: {time: 1 s}, placement: {")
    (here / "slow.yaml").write_text(slow.replace("[0, 1, 2, 3, 4, 5]", "[1]"))
    with serving(here, "each", PAUSE="30") as pod:
        profile(here, pod)
        began = time.monotonic()
        told = run(here, "slow", "--retries", "0", code=1)
        assert "time" in told and time.monotonic() - began < 15.0
        address = pod.split('"')[1]
        while not idle(address):
            assert time.monotonic() - began < 20.0
            time.sleep(0.2)


def test_a_service_without_a_function_is_left_out_and_that_is_told(here: Path) -> None:
    profile(here, NEAR, 'pod: {kind: http, address: "http://127.0.0.1:9"}')
    for words in ((), ("-n",)):
        told = run(here, "each", *words)
        assert "left out" in told and "add function: FILE.py:NAME" in told
    told = run(here, "each")
    assert "0 near" in told


def test_a_service_of_another_function_is_left_out_and_that_is_told(here: Path) -> None:
    other = 'pod: {kind: http, address: "http://127.0.0.1:9", function: "code.py:odd"}'
    profile(here, NEAR, other)
    told = run(here, "each")
    assert "runtime 'pod'" in told and "code.py:odd, and tasks that say placement do" in told
    profile(here, other)
    told = run(here, "each", code=2)
    assert "names no runtime that runs tasks of this workflow: pod: it serves" in told


def test_a_task_that_no_service_does_is_refused_before_anything_runs(here: Path) -> None:
    both = EACH.replace(
        "outputs:",
        '  more: {do: python, function: "code.py:odd", with: {n: 1}, placement: auto}\noutputs:',
    )
    (here / "both.yaml").write_text(both)
    profile(here, 'pod: {kind: http, address: "http://127.0.0.1:9", function: "code.py:each"}')
    told = run(here, "both", code=2)
    assert "task 'more' can run on no runtime of " in told and "profile.yaml: pod serves" in told
