"""Runs that are interrupted: Ctrl-C once and twice, kill -9 of the engine, and what is left."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

TASKS = """
import os, signal, time

def stubborn(x: int) -> int:
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    if os.fork() == 0:
        os.setsid()
    with open("pids.txt", "a") as file:
        file.write(f"{os.getpid()}\\n")
    time.sleep(600)
    return x

def quick(x: int) -> int:
    with open("ran.txt", "a") as file:
        file.write(f"{x}\\n")
    time.sleep(0.1)
    return x * x

def total(xs: list[int]) -> int:
    return sum(xs)
"""

STUBBORN = """\
lamina: workflow/1
name: stubborn
inputs: {xs: {type: "list[int]", default: [1, 2]}}
tasks:
  stubborn: {do: python, function: "tasks.py:stubborn", in: {x: xs}, scatter: [x]}
outputs: {xs: stubborn}
"""

QUICK = """\
lamina: workflow/1
name: quick
inputs: {xs: {type: "list[int]", default: [0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11]}}
tasks:
  quick: {do: python, function: "tasks.py:quick", in: {x: xs}, scatter: [x]}
  total: {do: python, function: "tasks.py:total", in: {xs: quick}}
outputs: {total: total}
"""

pytestmark = pytest.mark.skipif(os.name != "posix", reason="signals need POSIX")


@pytest.fixture
def here(tmp_path: Path) -> Path:
    for name, text in (("tasks.py", TASKS), ("stubborn.yaml", STUBBORN), ("quick.yaml", QUICK)):
        (tmp_path / name).write_text(text, encoding="utf-8")
    return tmp_path


def lamina(here: Path, *words: str) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, "-m", "lamina", *words],
        cwd=here,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def lines(path: Path, least: int) -> list[str]:
    """The lines of a file once there are that many."""
    deadline = time.monotonic() + 60
    while time.monotonic() < deadline:
        found = path.read_text(encoding="utf-8").splitlines() if path.exists() else []
        if len(found) >= least:
            return found
        time.sleep(0.01)
    raise AssertionError(f"{path.name} did not get {least} lines")


def alive(pid: str) -> bool:
    """Whether a process runs; one that is dead and not yet waited for does not."""
    try:
        state = Path(f"/proc/{pid}/stat").read_text(encoding="utf-8").rpartition(")")[2].split()[0]
    except OSError:
        return False
    return state not in ("Z", "X")


def gone_within(pids: list[str], seconds: float) -> bool:
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        if not any(map(alive, pids)):
            return True
        time.sleep(0.005)
    return False


def test_ctrl_c_ends_the_run_and_all_that_its_tasks_started(here: Path) -> None:
    engine = lamina(here, "run", "stubborn.yaml", "-c", "2")
    pids = lines(here / "pids.txt", 4)
    engine.send_signal(signal.SIGINT)
    _, told = engine.communicate(timeout=20)
    assert engine.returncode == 130
    assert "cancelling" in told
    assert "lamina resume" in told
    assert gone_within(pids, 0.5), "processes of a cancelled run live on"


@pytest.mark.skipif(not Path("/proc").is_dir(), reason="looks at /proc")
def test_everything_dies_with_a_killed_engine(here: Path) -> None:
    engine = lamina(here, "run", "stubborn.yaml", "-c", "2")
    pids = lines(here / "pids.txt", 4)
    engine.kill()
    engine.communicate(timeout=20)
    assert gone_within(pids, 2.0), "processes outlive their engine"


def test_a_killed_run_goes_on_where_it_was(here: Path) -> None:
    engine = lamina(here, "run", "quick.yaml", "-c", "2")
    lines(here / "ran.txt", 5)
    engine.kill()
    engine.communicate(timeout=20)
    again = lamina(here, "resume", "-q")
    out, told = again.communicate(timeout=60)
    assert again.returncode == 0, told
    assert out.splitlines()[0] == "total  506"
    ran = lines(here / "ran.txt", 12)
    # What was under way at the kill, two tasks at most, may have run twice.
    assert len(ran) <= 14
    assert set(ran) == {str(x) for x in range(12)}
