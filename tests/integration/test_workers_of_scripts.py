"""Scripts whose tasks run in workers: killed in the middle, and never run again by a worker."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

_BY_HAND = Path(__file__).parents[1] / "unit" / "execution"

_START = f"""
import os, sys, time
from pathlib import Path
sys.path.insert(0, {str(_BY_HAND)!r})
from attempts_by_hand import Hands
folder = Path(sys.argv[1])
hands = Hands(folder)
"""

_HANGS = (
    _START
    + """
from lamina.workflow import command
def hangs(note: str) -> None:
    if os.fork() == 0:
        os.setsid()
        if os.fork():
            os._exit(0)
    with open(note, "a") as file:
        file.write(f"{os.getpid()} ")
    time.sleep(600)
note = str(folder / "pids")
script = f"echo $$ >> {note}; setsid sleep 600 & echo $! >> {note}; wait"
hands.began(hands.start(hangs, note=note))
hands.began(hands.start(command(["sh", "-c", script])))
with open(note, "a") as file:
    file.write(" ".join(map(str, hands.runtime.zygotes())) + " ")
while True:
    hands.runtime.poll(1.0)
"""
)

_UNGUARDED = (
    _START
    + """
with (folder / "runs").open("a") as file:
    file.write("x")
FACTOR = 3
def times(x: int) -> int:
    return FACTOR * x
class Pair:
    def __init__(self, a):
        self.a = a
def pairs(x: int) -> int:
    return Pair(x).a
print(hands.result(times, x=5), hands.result(pairs, x=6))
hands.runtime.close()
"""
)


def _there(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] not in "ZX"
    except OSError:
        return False


def _noted(path: Path, count: int) -> list[int]:
    deadline = time.monotonic() + 30
    while time.monotonic() < deadline:
        found = path.read_text().split() if path.exists() else []
        if len(found) >= count:
            return [int(word) for word in found]
        time.sleep(0.02)
    raise AssertionError(f"{path} never held {count} numbers")


@pytest.mark.parametrize("ending", [signal.SIGKILL, signal.SIGTERM])
def test_the_end_of_the_engine_is_the_end_of_all_it_started(
    tmp_path: Path, ending: signal.Signals
) -> None:
    (tmp_path / "script.py").write_text(_HANGS)
    engine = subprocess.Popen([sys.executable, tmp_path / "script.py", tmp_path])
    found = _noted(tmp_path / "pids", 5)
    assert all(map(_there, found))
    os.kill(engine.pid, ending)
    began = time.monotonic()
    engine.wait(5)
    while any(map(_there, found)) and time.monotonic() - began < 5:
        time.sleep(0.005)
    assert not any(map(_there, found))
    assert time.monotonic() - began < 1.0


def test_the_functions_of_a_script_run_without_running_the_script_again(tmp_path: Path) -> None:
    (tmp_path / "script.py").write_text(_UNGUARDED)
    told = subprocess.run(
        [sys.executable, tmp_path / "script.py", tmp_path],
        capture_output=True,
        text=True,
        timeout=60,
    )
    assert told.stdout == "15 6\n", told.stderr
    assert (tmp_path / "runs").read_text() == "x"
